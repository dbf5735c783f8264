/* batch_encode - a batch as the parameters of bus.append. See batch.h. */
#include <endian.h>

#include "broker/store/batch_parts.h"

#include "proto/base/banned.h"

static const enum array_of kinds[COLUMNS] = {
    [M_SENDER] = ARRAY_INT4,     [M_EPOCH] = ARRAY_INT8,     [M_LANE] = ARRAY_INT2,
    [M_LANE_SEQ] = ARRAY_INT8,   [M_ID] = ARRAY_UUID,        [M_TYPE] = ARRAY_INT2,
    [M_STATUS] = ARRAY_INT2,     [M_PLACES] = ARRAY_TEXT,    [M_EVENT] = ARRAY_TIME,
    [M_RECEIVED] = ARRAY_TIME,   [M_NOT_AFTER] = ARRAY_TIME, [M_OFFSET] = ARRAY_INT4,
    [M_MARKS] = ARRAY_INT2,      [M_CONTENT] = ARRAY_BYTEA,  [M_SIGNATURE] = ARRAY_BYTEA,
    [M_TO] = ARRAY_TEXT,         [M_KEYS] = ARRAY_BYTEA,     [R_SENDER] = ARRAY_INT4,
    [R_EPOCH] = ARRAY_INT8,      [R_LANE] = ARRAY_INT2,      [R_FIRST] = ARRAY_INT8,
    [R_LAST] = ARRAY_INT8,       [R_LOW] = ARRAY_INT4,       [R_HIGH] = ARRAY_INT4,
    [D_ORDINAL] = ARRAY_INT4,    [D_DOC] = ARRAY_JSONB,      [Q_ID] = ARRAY_UUID,
    [Q_RECEIVED] = ARRAY_TIME,   [Q_SENDER] = ARRAY_INT4,    [Q_CODE] = ARRAY_TEXT,
    [Q_PATH] = ARRAY_TEXT,       [Q_TEXT] = ARRAY_TEXT,      [Q_CONTENT] = ARRAY_BYTEA,
    [Q_SIGNATURE] = ARRAY_BYTEA,
};

/* What is not there is null. */
static void encode_time(struct array *a, int64_t utc_us)
{
    if (utc_us)
        array_time(a, utc_us);
    else
        array_null(a);
}

static void encode_bytes(struct array *a, const void *data, size_t len)
{
    if (len)
        array_bytes(a, data, len);
    else
        array_null(a);
}

static void encode_message(struct array *c, const struct parcel *p, int ordinal)
{
    array_int4(&c[M_SENDER], p->principal_id);
    array_int8(&c[M_EPOCH], (int64_t)p->id.epoch);
    array_int2(&c[M_LANE], (int)p->id.lane);
    array_int8(&c[M_LANE_SEQ], (int64_t)p->id.lane_seq);
    array_bytes(&c[M_ID], p->message_id, ID_BYTES);
    array_int2(&c[M_TYPE], p->type);
    array_int2(&c[M_STATUS], p->status);
    array_text(&c[M_PLACES], p->places);
    array_time(&c[M_EVENT], p->event_time_us);
    array_time(&c[M_RECEIVED], p->received_time_us);
    encode_time(&c[M_NOT_AFTER], p->not_after_us);
    if (p->clock_offset_ms)
        array_int4(&c[M_OFFSET], p->clock_offset_ms);
    else
        array_null(&c[M_OFFSET]);
    if (p->marks || p->label)
        array_int2(&c[M_MARKS], p->marks | p->label << PARCEL_LABEL_SHIFT);
    else
        array_null(&c[M_MARKS]);
    array_bytes(&c[M_CONTENT], p->content, p->content_len);
    encode_bytes(&c[M_SIGNATURE], p->signature, p->signature_len);
    if (p->to)
        array_text(&c[M_TO], p->to);
    else
        array_null(&c[M_TO]);
    encode_bytes(&c[M_KEYS], p->keys, p->keys_len);
    if (p->doc) {
        array_int4(&c[D_ORDINAL], ordinal);
        array_jsonb(&c[D_DOC], p->doc);
    }
}

static void encode_refused(struct array *c, const struct parcel *p)
{
    array_bytes(&c[Q_ID], p->quarantine_id, ID_BYTES);
    array_time(&c[Q_RECEIVED], p->received_time_us);
    array_int4(&c[Q_SENDER], p->principal_id);
    array_text(&c[Q_CODE], p->refused->code);
    array_text(&c[Q_PATH], p->refused->path);
    array_text(&c[Q_TEXT], p->refused->text);
    array_bytes(&c[Q_CONTENT], p->content, p->content_len);
    encode_bytes(&c[Q_SIGNATURE], p->signature, p->signature_len);
}

static void encode_run(struct array *c, const struct run *r)
{
    array_int4(&c[R_SENDER], r->sender_id);
    array_int8(&c[R_EPOCH], (int64_t)r->epoch);
    array_int2(&c[R_LANE], (int)r->lane);
    array_int8(&c[R_FIRST], (int64_t)r->first);
    array_int8(&c[R_LAST], (int64_t)r->last);
    array_int4(&c[R_LOW], (int32_t)r->low);
    array_int4(&c[R_HIGH], (int32_t)r->high);
}

static void encode_known(struct batch *b, const struct place *known,
                         struct pg_param params[BATCH_PARAMS])
{
    b->known_epoch = htobe32(known->log_epoch);
    b->known_seq = htobe64(known->seq);
    params[K_EPOCH] = (struct pg_param){&b->known_epoch, sizeof(b->known_epoch)};
    params[K_SEQ] = (struct pg_param){&b->known_seq, sizeof(b->known_seq)};
}

enum status batch_encode(struct batch *b, const struct place *known,
                         struct pg_param params[BATCH_PARAMS])
{
    bool failed = false;
    int ordinal = 0;

    for (unsigned i = 0; i < COLUMNS; i++)
        array_begin(&b->column[i], kinds[i]);
    for (unsigned i = 0; i < b->rows; i++) {
        if (b->row[i]->refused)
            encode_refused(b->column, b->row[i]);
        else
            encode_message(b->column, b->row[i], ++ordinal);
    }
    for (unsigned i = 0; i < b->runs; i++)
        encode_run(b->column, &b->run[i]);
    encode_known(b, known, params);
    for (unsigned i = 0; i < COLUMNS; i++) {
        params[i] = array_param(&b->column[i]);
        failed = failed || array_failed(&b->column[i]);
    }
    return failed ? ST_NOMEM : ST_OK;
}

/* An array of one element in binary is 24 bytes of head, then the element as it would stand alone.
 */
static struct pg_param element_of(const struct pg_param *array)
{
    enum { HEAD = 24 };

    if (!array->data)
        return (struct pg_param){NULL, 0};
    return (struct pg_param){(const char *)array->data + HEAD, array->len - HEAD};
}

bool batch_encode_one(const struct batch *b, struct pg_param params[BATCH_PARAMS])
{
    if (b->rows != 1 || b->messages != 1)
        return false;
    for (unsigned i = M_SENDER; i <= M_KEYS; i++)
        params[i] = element_of(&params[i]);
    params[M_KEYS + 1] = element_of(&params[D_DOC]);
    params[M_KEYS + 2] = params[K_EPOCH];
    params[M_KEYS + 3] = params[K_SEQ];
    return true;
}
