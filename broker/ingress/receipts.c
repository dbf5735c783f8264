/* Receipts wait packed: each Settled is turned into bytes when its fate is known, and Receipts
 * frames are cut from these bytes. So a waiting receipt costs its own length (20 bytes for a stored
 * message) and the frame is put together by copying. A message counts against its session's window
 * until the receipt has left, which is also what bounds the receipts that wait for a peer that does
 * not read. What the store settled is accounted for here as well. */
#include "broker/ingress/room.h"

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Cut frames here: small enough that a thin link shows progress, large enough to hold a whole
 * window of stored messages. */
enum { RECEIPTS_FRAME_BYTES = 16384, SETTLED_MAX = 768 };

static size_t put_varint(uint8_t *out, uint64_t v)
{
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    return n;
}

static size_t get_varint(const uint8_t *in, uint64_t *v)
{
    size_t n = 0;

    *v = 0;
    do
        *v |= (uint64_t)(in[n] & 0x7f) << (7 * n);
    while (in[n++] & 0x80);
    return n;
}

static void fill_settled(Eocbus__V1__Settled *m, const struct parcel *p)
{
    m->tag = p->tag;
    if (p->refused) {
        m->outcome = EOCBUS__V1__OUTCOME__OUTCOME_REFUSED;
        /* protobuf-c does not write through these */
        m->code = (char *)p->refused->code;
        m->path = p->refused->path;
        m->text = p->refused->text;
        return;
    }
    m->outcome = EOCBUS__V1__OUTCOME__OUTCOME_STORED;
    m->log_epoch = p->log_epoch;
    m->seq = p->seq;
    m->repeated = p->repeated;
    m->verdict = (Eocbus__V1__Verdict)p->verdict;
    m->expired = p->expired;
}

bool receipts_add(struct session *s, const struct parcel *p)
{
    Eocbus__V1__Settled m = EOCBUS__V1__SETTLED__INIT;
    uint8_t packed[SETTLED_MAX], head[12] = {0x0a}; /* field 1 of Receipts */
    size_t len, before = s->receipts.len;

    fill_settled(&m, p);
    len = eocbus__v1__settled__get_packed_size(&m);
    if (len > sizeof(packed))
        return false;
    eocbus__v1__settled__pack(&m, packed);
    buf_put(&s->receipts, head, 1 + put_varint(head + 1, len));
    buf_put(&s->receipts, packed, len);
    if (!s->receipts.failed)
        return true;
    s->receipts.failed = 0;
    s->receipts.len = before;
    return false;
}

/* How many bytes of the next records make one frame; *items says how many records that is. */
static size_t measure_frame(const struct session *s, unsigned *items)
{
    const uint8_t *from = s->receipts.data + s->receipts_sent;
    size_t left = s->receipts.len - s->receipts_sent, taken = 0;

    *items = 0;
    while (taken < left && *items < LIMIT_ITEMS) {
        uint64_t len;
        size_t record = 1 + get_varint(from + taken + 1, &len);

        record += (size_t)len;
        if (taken && taken + record > RECEIPTS_FRAME_BYTES)
            break;
        taken += record;
        ++*items;
    }
    return taken;
}

static enum status send_frame(struct ingress *in, struct session *s, size_t len)
{
    uint8_t head[12] = {0x22}; /* field 4 of Frame */

    buf_clear(&in->out);
    buf_put(&in->out, head, 1 + put_varint(head + 1, len));
    buf_put(&in->out, s->receipts.data + s->receipts_sent, len);
    if (in->out.failed) {
        in->out.failed = 0;
        return ST_NOMEM;
    }
    return answer_bytes(in, s, in->out.data, in->out.len);
}

static void release_memory(struct session *s)
{
    s->receipts_sent = 0;
    if (s->receipts.cap > RECEIPTS_FRAME_BYTES)
        buf_free(&s->receipts); /* thousands of quiet sessions shall not keep their worst moment */
    else
        buf_clear(&s->receipts);
}

void receipts_flush(struct ingress *in, struct session *s)
{
    enum status late = send_late_busy(in, s);

    if (late == ST_NOTFOUND)
        return; /* s is gone */
    list_remove(&s->owing);
    if (late != ST_OK) {
        list_add_tail(&in->owing, &s->owing);
        return;
    }
    while (s->receipts_sent < s->receipts.len) {
        unsigned items;
        size_t len = measure_frame(s, &items);
        enum status st = send_frame(in, s, len);

        if (st == ST_NOTFOUND)
            return; /* s is gone */
        if (st != ST_OK) {
            in->n.receipts_delayed++;
            list_add_tail(&in->owing, &s->owing);
            return;
        }
        s->receipts_sent += len;
        s->unsettled_items -= items < s->unsettled_items ? items : s->unsettled_items;
    }
    release_memory(s);
}

/* --- the hatch -------------------------------------------------------------------------------- */

void settle_warning(struct ingress *in, const struct parcel *p)
{
    struct buf to = {0};
    struct parcel gone;

    if (!warned_settle(&in->warned, p, &gone))
        return;
    peek_to(&to, gone.content, gone.content_len);
    buf_put(&to, "", 1);
    gone.to = to.failed ? NULL : (char *)to.data;
    log_warn("ingress.withdrawn", "principal_id=%d code=%s path=%s", p->principal_id,
             gone.refused->code, gone.refused->path);
    in->exits.withdraw(in->exits.arg, &gone);
    buf_free(&to);
}

void ingress_logged(struct ingress *in, const struct parcel *p)
{
    struct parcel gone;

    (void)warned_settle(&in->warned, p, &gone); /* it is not refused: nothing is withdrawn */
}

void ingress_warnings(const struct ingress *in, uint64_t after,
                      bool (*each)(void *arg, const struct parcel *p), void *arg)
{
    warned_each(&in->warned, after, loop_utc_us(in->set.loop), each, arg);
}

/* Also when the session that brought it is gone. */
static void count_fate(struct ingress *in, const struct parcel *p)
{
    int32_t came_by = p->carrier_id ? p->carrier_id : p->principal_id;
    struct sender *sender = p->session ? sessions_sender(in->sessions, came_by) : NULL;

    if (!sender)
        return;
    sender_gave(sender, p->content_len);
    sender_release(sender);
}

void ingress_settled(struct ingress *in, const struct parcel *p)
{
    struct session *s = p->session ? sessions_number(in->sessions, p->session) : NULL;

    settle_warning(in, p);
    count_fate(in, p);
    if (!s)
        return;
    s->unsettled_bytes -= p->content_len < s->unsettled_bytes ? p->content_len : s->unsettled_bytes;
    if (!receipts_add(s, p)) {
        end_session(in, s);
        return;
    }
    if (list_empty(&s->owing))
        list_add_tail(&in->owing, &s->owing);
}

/* No Busy: its session is about to be asked for a new hello, after which everything is offered from
 * the lowest number on. A lane that waited behind it would wait in vain. */
void ingress_again(struct ingress *in, const struct parcel *p)
{
    struct session *s = p->session ? sessions_number(in->sessions, p->session) : NULL;

    count_fate(in, p);
    if (p->refused)
        quota_book_give(in->quarantine, p->principal_id, 1);
    if (!s)
        return;
    s->unsettled_bytes -= p->content_len < s->unsettled_bytes ? p->content_len : s->unsettled_bytes;
    s->unsettled_items -= s->unsettled_items > 0;
}

void ingress_settled_all(struct ingress *in)
{
    struct list mine;
    struct list *link;

    list_init(&mine);
    list_move(&mine, &in->owing);
    while ((link = list_first(&mine)))
        receipts_flush(in, container_of(link, struct session, owing));
}

void ingress_writable(struct ingress *in)
{
    ingress_settled_all(in);
}
