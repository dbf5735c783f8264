/* Frames to one connection. One that is gone ends its session. */
#include "broker/ingress/room.h"

#include "proto/base/banned.h"

void close_session(struct ingress *in, struct session *s)
{
    uint64_t number = s->number;

    sessions_close(in->sessions, s);
    in->exits.session_gone(in->exits.arg, number);
}

void end_session(struct ingress *in, struct session *s)
{
    struct parting_line line = {s->address, s->fd, s->connection, loop_now_us(in->set.loop)};

    close_session(in, s);
    part_from(in, &in->ended, &line);
}

void lose_session(struct ingress *in, struct session *s)
{
    missing_note(&in->missing, s->principal, s->principal_id, s->link, s->since_us, s->heard_us);
    close_session(in, s);
}

/* --- connections without a session ------------------------------------------------------------ */

void hang_up(struct ingress *in, const struct parting_line *l, bool only_unread)
{
    if (!sessions_at(in->sessions, &l->address) &&
        in->exits.hang_up(in->exits.arg, l->fd, l->connection, only_unread))
        in->n.hung_up++;
}

void part_from(struct ingress *in, struct parting *from, const struct parting_line *l)
{
    struct parting_line oldest;

    if (parting_add(from, l, &oldest))
        hang_up(in, &oldest, false);
}

void refuse_stranger(struct ingress *in, const struct zport_message *m, const char *code,
                     const char *text, unsigned retry_ms)
{
    const struct parting_line line = {m->from, m->fd, m->connection, loop_now_us(in->set.loop)};

    send_fault(in, &m->from, code, text, retry_ms);
    part_from(in, &in->strangers, &line);
}

/* Who has read all it was sent holds nothing of ours. */
void part_from_due(struct ingress *in)
{
    struct parting_line l;

    while (parting_take_due(&in->ended, loop_now_us(in->set.loop), &l))
        hang_up(in, &l, true);
}

enum status answer_bytes(struct ingress *in, struct session *s, const void *data, size_t len)
{
    enum status st = in->exits.send(in->exits.arg, &s->address, data, len);

    if (st == ST_NOTFOUND)
        lose_session(in, s);
    return st;
}

static enum status pack_frame(struct ingress *in, const Eocbus__V1__Frame *f)
{
    size_t len = eocbus__v1__frame__get_packed_size(f);

    if (in->out.cap < len) {
        void *grown = mem_realloc(in->out.data, len);

        if (!grown)
            return ST_NOMEM;
        in->out.data = grown;
        in->out.cap = len;
    }
    in->out.len = eocbus__v1__frame__pack(f, in->out.data);
    return ST_OK;
}

enum status answer_frame(struct ingress *in, struct session *s, const Eocbus__V1__Frame *f)
{
    enum status st = pack_frame(in, f);

    return st == ST_OK ? answer_bytes(in, s, in->out.data, in->out.len) : st;
}

enum status send_fault(struct ingress *in, const struct zport_id *to, const char *code,
                       const char *text, unsigned retry_ms)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;

    fault.code = (char *)code;
    fault.text = (char *)text;
    fault.retry_ms = retry_ms;
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    in->n.faults++;
    if (pack_frame(in, &f) != ST_OK)
        return ST_NOMEM;
    return in->exits.send(in->exits.arg, to, in->out.data, in->out.len);
}

void dismiss(struct ingress *in, struct session *s, const char *code, const char *text,
             unsigned retry_ms)
{
    send_fault(in, &s->address, code, text, retry_ms);
    end_session(in, s);
}
