/* outbox_thin - the oldest rows of a lane are given up, so that what is more urgent finds room.
 *
 * What goes and the word about it stand in one transaction: a hole in the numbers never stands
 * unexplained, and nothing is called lost that is still there. Rows in flight stay, since their
 * receipt may be on its way. */
#include "agents/link/outbox_file.h"

#include <string.h>

#include "proto/base/banned.h"

struct thinning {
    Eocbus__V1__ThinnedRun run;
    Eocbus__V1__Period period;
    size_t freed;
    const char *type; /* of the first; "" when they are of several */
};

/* Name of the body as in topics: "observation_batch". */
static const char *body_name(const Eocbus__V1__Envelope *m)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field(m->base.descriptor, (unsigned)m->body_case);

    return f ? f->name : "";
}

static void note_times(struct outbox *o, struct thinning *t, sqlite3_stmt *q)
{
    Eocbus__V1__Envelope *m = NULL;
    struct refusal why;

    arena_reset(o->arena);
    if (gate_content(&m, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0), o->arena,
                     &why) != ST_OK)
        return; /* it goes all the same */
    if (!t->period.from_us || m->event_time_us < t->period.from_us)
        t->period.from_us = m->event_time_us;
    if (m->event_time_us > t->period.to_us)
        t->period.to_us = m->event_time_us;
    if (!t->type)
        t->type = body_name(m);
    else if (strcmp(t->type, body_name(m)) != 0)
        t->type = "";
}

static void plan(struct outbox *o, struct thinning *t, sqlite3_stmt *q)
{
    uint64_t tag = (uint64_t)sqlite3_column_int64(q, 2), seq = number_of(tag) - o->start;

    if (!o->thin_count)
        t->run.from_seq = seq;
    t->run.to_seq = seq;
    t->run.dropped++;
    t->freed += (size_t)sqlite3_column_bytes(q, 0) + (size_t)sqlite3_column_bytes(q, 1);
    note_times(o, t, q);
    o->thin[o->thin_count++] = tag;
}

static enum status choose(struct outbox *o, unsigned lane, unsigned rows, struct thinning *t)
{
    sqlite3_stmt *q = use(o, Q_WAITING);
    unsigned track = 2 * lane;
    int rc = SQLITE_DONE;

    bind_u64(q, 1, tag_of(track, o->track[track].first));
    bind_u64(q, 2, tag_of(track + 1, 0));
    while (o->thin_count < rows && (rc = sqlite3_step(q)) == SQLITE_ROW)
        if (!tagset_has(&o->flight, (uint64_t)sqlite3_column_int64(q, 2)))
            plan(o, t, q);
    sqlite3_reset(q);
    if (o->thin_count)
        return ST_OK;
    return rc == SQLITE_DONE ? ST_NOTFOUND : ob_translate(o, rc);
}

/* It is no work of a command that counts its puts. */
static enum status say_so(struct outbox *o, struct thinning *t, Eocbus__V1__Envelope *m,
                          struct refusal *why)
{
    Eocbus__V1__ThinnedRun *runs[] = {&t->run};
    Eocbus__V1__Thinned body = EOCBUS__V1__THINNED__INIT;
    char *key = o->once_key;
    uint64_t tag;
    enum status st;

    t->run.type = (char *)(t->type ? t->type : "");
    if (t->period.from_us && t->period.to_us > t->period.from_us)
        t->run.period = &t->period;
    body.n_runs = 1;
    body.runs = runs;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_THINNED;
    m->thinned = &body;
    o->once_key = NULL;
    st = outbox_put(o, m, &tag, why);
    o->once_key = key;
    m->thinned = NULL; /* it ends with this call */
    return st;
}

enum status ob_thin_apply(struct outbox *o)
{
    enum status st = ST_OK;

    for (unsigned i = 0; st == ST_OK && i < o->thin_count; i++) {
        st = ob_step_tag(o, Q_MESSAGE_DROP, o->thin[i]);
        ob_track_touch(o, o->thin[i])->settled++;
    }
    return st;
}

enum status outbox_thin(struct outbox *o, unsigned lane, unsigned rows, Eocbus__V1__Envelope *m,
                        struct refusal *why)
{
    struct thinning t = {EOCBUS__V1__THINNED_RUN__INIT, EOCBUS__V1__PERIOD__INIT, 0, NULL};
    enum status st = outbox_commit(o);

    if (!lane_exists(lane) || !rows || rows > OUTBOX_THIN_ROWS)
        return ST_INVALID;
    if (st == ST_OK)
        st = ob_begin(o);
    if (st != ST_OK)
        return st;
    st = choose(o, lane, rows, &t);
    t.run.epoch = o->epoch;
    t.run.lane = (Eocbus__V1__Lane)lane;
    o->room_bytes += t.freed;
    if (st == ST_OK)
        st = say_so(o, &t, m, why);
    if (st == ST_OK)
        return outbox_commit(o);
    o->thin_count = 0;
    if (o->writing && !pending_put_count(&o->pending))
        ob_roll_back(o);
    return st;
}
