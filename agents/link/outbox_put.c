/* outbox_put - a message gets its place and its bytes. */
#include "agents/link/outbox_file.h"

#include "proto/wire/limits.h"
#include "proto/wire/order.h"
#include "proto/base/banned.h"

/* A damaged file is exchanged for a sound one. What was put already belongs to the damaged one and
 * goes there first, or is given up with its commit. */
static enum status keep_sound(struct outbox *o)
{
    enum status st = o->broken && !o->damaged ? ST_IO : ST_OK;

    if (st == ST_OK && o->damaged && pending_put_count(&o->pending))
        st = outbox_commit(o);
    if (st == ST_OK && o->damaged)
        st = ob_mend(o);
    return st;
}

static enum status begin_on_sound(struct outbox *o)
{
    enum status st = ob_begin(o);

    if (!o->damaged)
        return st;
    if (pending_put_count(&o->pending))
        return ST_IO;
    if (o->writing)
        ob_roll_back(o);
    st = ob_mend(o);
    return st == ST_OK ? ob_begin(o) : st;
}

/* Brings the outbox to where the next row's place can be given away; `tag` and ST_EXISTS as in
 * outbox_once. */
static enum status get_ready(struct outbox *o, size_t len, uint64_t *tag, struct refusal *why)
{
    enum status st = ST_OK;

    st = keep_sound(o);
    if (st != ST_OK)
        return st;
    /* Out of room or too much for one transaction: what came first goes first. */
    if (pending_put_count(&o->pending) &&
        (!o->writing || o->pending.bytes.len + len > PENDING_BYTES ||
         o->room_bytes < ob_room_of(len)))
        st = outbox_commit(o);
    if (st == ST_OK)
        st = begin_on_sound(o);
    if (st == ST_OK)
        st = ob_once_find(o, tag);
    if (st == ST_OK)
        st = ob_room_make(o, len, why);
    if (st != ST_OK && o->writing && !pending_put_count(&o->pending))
        ob_roll_back(o);
    return st;
}

static enum status take_row(struct outbox *o, const struct pending_put *row, const void *content,
                            const void *signature, uint64_t *tag)
{
    size_t room = ob_room_of(row->len + row->signature_len + o->beside_len);
    struct pending_put put = *row;
    enum status st;

    put.keys_len = o->beside_len;
    put.once = ob_once_counts(o) ? o->once_count + 1 : 0;
    st = pending_put(&o->pending, &put, content, signature, o->beside);
    if (st != ST_OK)
        return st;
    if (put.once)
        o->once_count = put.once;
    o->room_bytes -= o->room_bytes < room ? o->room_bytes : room;
    if (tag)
        *tag = put.tag;
    return ST_OK;
}

static void lend(ProtobufCBinaryData *field, uint8_t id[ID_BYTES])
{
    field->data = id;
    field->len = ID_BYTES;
}

/* Before the numbers are known, any that may come. */
static uint64_t next_seq(const struct outbox *o, unsigned lane)
{
    return o->next[2 * lane] > o->start ? o->next[2 * lane] - o->start + 1 : 1;
}

/* Others approved it as it was drawn up, with that time. */
static bool is_approved(const Eocbus__V1__Envelope *m)
{
    Eocbus__V1__Approval **rows;

    return m->sent_time_us && order_approvals(m, &rows);
}

static void fill_in(struct outbox *o, Eocbus__V1__Envelope *m, uint64_t lane_seq)
{
    m->schema = SCHEMA_VERSION;
    m->sender = o->sender;
    m->epoch = o->epoch;
    m->lane_seq = lane_seq;
    if (!is_approved(m))
        m->sent_time_us = o->utc_us(o->arg);
    if (o->is_system_clock)
        timekeeper_fill_in(&o->timekeeper, m, m->sent_time_us);
    if (!m->message_id.len) {
        uint8_t random[10];

        o->random(o->arg, random, sizeof(random));
        id_make(o->message_id, m->sent_time_us, random);
        lend(&m->message_id, o->message_id);
    }
    if (!m->originating_id.len)
        m->originating_id = m->message_id;
}

/* The message as it will travel, in o->packed, and past the gate. */
static enum status pack(struct outbox *o, const Eocbus__V1__Envelope *m, struct refusal *why)
{
    size_t len = eocbus__v1__envelope__get_packed_size(m);
    Eocbus__V1__Envelope *again;
    enum status st;

    if (o->packed.cap < len) {
        buf_clear(&o->packed);
        unsigned char *data = mem_realloc(o->packed.data, len + 512);

        if (!data)
            return ST_NOMEM;
        o->packed.data = data;
        o->packed.cap = len + 512;
    }
    o->packed.len = eocbus__v1__envelope__pack(m, o->packed.data);
    arena_reset(o->arena);
    st = gate_content(&again, o->packed.data, o->packed.len, o->arena, why);
    return st;
}

/* The message in o->packed becomes a row, with our word for it if we have one. */
static enum status take_own(struct outbox *o, unsigned lane, uint64_t lane_seq, uint64_t *tag)
{
    const struct pending_put row = {.tag = tag_of(2 * lane, o->start + lane_seq),
                                    .len = o->packed.len,
                                    .signature_len = o->signer ? SIGN_BYTES : 0};
    uint8_t signature[SIGN_BYTES];
    enum status st;

    if (o->signer)
        signer_sign(o->signer, signature, "", o->packed.data, o->packed.len);
    st = take_row(o, &row, o->packed.data, signature, tag);
    if (st == ST_OK)
        o->next[2 * lane]++;
    return st;
}

enum status outbox_put(struct outbox *o, Eocbus__V1__Envelope *m, uint64_t *tag,
                       struct refusal *why)
{
    unsigned lane = lane_exists((unsigned)m->lane) ? (unsigned)m->lane : 1;
    enum status st;

    /* A first look without a place: a refused message takes no lock and leaves no hole. The place
     * may make it a few bytes longer, never shorter. */
    fill_in(o, m, next_seq(o, lane));
    st = pack(o, m, why);
    if (st != ST_OK)
        return st;
    o->puts_flash = lane == EOCBUS__V1__LANE__LANE_FLASH;
    st = get_ready(o, o->packed.len + 10 + (o->signer ? SIGN_BYTES : 0) + o->beside_len, tag, why);
    o->puts_flash = false;
    if (st != ST_OK)
        return st;
    if (m->lane_seq != next_seq(o, lane) || m->epoch != o->epoch) {
        m->lane_seq = next_seq(o, lane);
        m->epoch = o->epoch;
        st = pack(o, m, why);
        if (st != ST_OK)
            return st;
    }
    return take_own(o, lane, m->lane_seq, tag);
}

enum status outbox_put_sealed(struct outbox *o, Eocbus__V1__Envelope *m, const uint8_t *keys,
                              size_t keys_len, uint64_t *tag, struct refusal *why)
{
    enum status st;

    o->beside = keys;
    o->beside_len = keys_len;
    st = outbox_put(o, m, tag, why);
    o->beside = NULL;
    o->beside_len = 0;
    return st;
}

enum status outbox_put_carried(struct outbox *o, unsigned lane, const void *content, size_t len,
                               const void *signature, size_t signature_len, uint64_t *tag)
{
    struct pending_put row = {.len = len, .signature_len = signature_len};
    uint64_t number;
    enum status st;

    if (!lane_exists(lane) || !len || len > LIMIT_CONTENT_BYTES ||
        (signature_len && signature_len != SIGN_BYTES))
        return ST_INVALID;
    st = get_ready(o, len + signature_len + o->beside_len, tag, NULL);
    if (st != ST_OK)
        return st;
    number = o->next[2 * lane + 1] + 1;
    row.tag = tag_of(2 * lane + 1, number);
    st = take_row(o, &row, content, signature, tag);
    if (st == ST_OK)
        o->next[2 * lane + 1] = number;
    return st;
}

enum status outbox_put_raw(struct outbox *o, unsigned lane, const void *content, size_t len,
                           uint64_t *tag)
{
    return outbox_put_carried(o, lane, content, len, NULL, 0, tag);
}
