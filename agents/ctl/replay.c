/* replay - an incident of the log, played as an exercise to those who are to learn from it.
 *
 * Each message is said anew by the configured principal: marked EXERCISE, under ids of this run,
 * and with what it plays beside it, so that nothing real is touched and nobody takes it for real.
 * They come in the order of the log and as far apart, but `speed` times faster. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/replay_again.h"
#include "agents/link/print.h"
#include "agents/link/speak.h"
#include "agents/link/summary.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

enum { SECOND_US = 1000000, SAY_PAUSE_S = 10, LEFT_OUT_MAX = 8 };

#define LIST_SQL                                                                                   \
    "SELECT seq, (extract(epoch FROM received_at) * 1000000)::int8 AS received_us, type "          \
    "FROM eoc.incident_messages($1::uuid) ORDER BY seq"
#define ONE_SQL "SELECT content FROM bus.message WHERE seq = $1::int8"

struct replay {
    struct ctl *c;
    const char *incident, *speed;
    struct option_words to;
    uint64_t wait_s;
    bool only_list;

    struct exercise exercise;
    struct db *db;
    struct db_rows *rows;
    unsigned played, count; /* said so far; to be said */
    struct speak *speak;
    struct arena *arena; /* of one message */
    struct loop_timer *pause;
    unsigned refused;
};

static int fail_db(struct replay *r, enum status st, const char *what)
{
    return program_fail(&r->c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED, "%s: %s",
                        what, db_error(r->db));
}

/* --- what there is to play -------------------------------------------------------------------- */

/* Sites that take families may stand there for years: the play begins with the rest. */
static unsigned first_row(const struct replay *r)
{
    unsigned row = 0;

    while (row + 1 < db_count(r->rows) &&
           db_number(r->rows, row, "type") == EOCBUS__V1__ENVELOPE__BODY_PLOT_SITE)
        row++;
    return row;
}

static int64_t at_us(const struct replay *r, unsigned row)
{
    int64_t began_us = (int64_t)db_number(r->rows, first_row(r), "received_us");
    int64_t us = (int64_t)db_number(r->rows, row, "received_us") - began_us;

    return us > 0 ? us : 0;
}

static const char *left_out(const struct replay *r, unsigned row)
{
    return replay_leaves_out((unsigned)db_number(r->rows, row, "type"));
}

/* "3 h 05 min", "12 s" */
static void put_span(struct buf *out, int64_t us)
{
    int64_t s = us / SECOND_US;

    if (s >= 86400)
        buf_printf(out, "%" PRId64 " d %" PRId64 " h", s / 86400, s % 86400 / 3600);
    else if (s >= 3600)
        buf_printf(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
    else if (s >= 60)
        buf_printf(out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        buf_printf(out, "%" PRId64 " s", s);
}

static void put_left_out(struct buf *out, const struct replay *r)
{
    const char *told[LEFT_OUT_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < db_count(r->rows); i++) {
        const char *why = left_out(r, i);
        unsigned seen = 0;

        while (seen < n && told[seen] != why)
            seen++;
        if (!why || seen < n || n == LEFT_OUT_MAX)
            continue;
        told[n++] = why;
        buf_printf(out, "%s%s", n == 1 ? "left out: " : ", ", why);
    }
    buf_puts(out, n ? "\n" : "");
}

static void announce(const struct replay *r)
{
    int64_t span_us = at_us(r, db_count(r->rows) - 1);
    uint8_t id[ID_BYTES];
    char text[ID_TEXT] = "";
    struct buf out = {0};

    if (id_parse(id, r->incident)) {
        replay_id(&r->exercise, id);
        id_format(text, id);
    }
    buf_printf(&out, "%u messages over ", r->count);
    put_span(&out, span_us);
    buf_puts(&out, "; played in ");
    put_span(&out, (int64_t)((double)span_us / r->exercise.speed));
    buf_printf(&out, "\nincident of the exercise: %s\n", text);
    put_left_out(&out, r);
    (void)print_flush(&out);
    buf_free(&out);
}

static int find(struct replay *r)
{
    const char *params[] = {r->incident};
    enum status st = db_query(r->db, &r->rows, LIST_SQL, params, 1);

    if (st != ST_OK)
        return fail_db(r, st, "the incident cannot be read");
    for (unsigned i = 0; i < db_count(r->rows); i++)
        r->count += !left_out(r, i);
    if (!r->count)
        return program_fail(&r->c->program, EXIT_REFUSED,
                            "nothing that can be played belongs to an incident %s; those there are "
                            "stand in eoc.incident_now",
                            r->incident);
    return -1;
}

/* --- one message ------------------------------------------------------------------------------ */

static int read_one(struct replay *r, Eocbus__V1__Envelope **m, const char *seq)
{
    const char *params[] = {seq};
    struct buf content = {0};
    struct refusal why;
    struct db_rows *row;
    enum status st = db_query(r->db, &row, ONE_SQL, params, 1);

    if (st != ST_OK)
        return fail_db(r, st, "a message cannot be read");
    arena_reset(r->arena);
    if (!db_count(row) || !db_bytes(row, 0, "content", &content))
        st = ST_NOTFOUND;
    else
        st = gate_content(m, content.data, content.len, r->arena, &why);
    buf_free(&content);
    db_rows_free(row);
    if (st != ST_OK)
        return program_fail(&r->c->program, EXIT_REFUSED, "message %s cannot be read any more",
                            seq);
    return -1;
}

static void tell(const Eocbus__V1__Envelope *m, unsigned number, unsigned count)
{
    struct buf text = {0}, out = {0};
    char time[TIME_TEXT];

    time_format(time, m->event_time_us);
    summary_put(&text, m);
    buf_printf(&out, "%u/%u %s %s ", number, count, time, m->played->sender);
    print_escaped(&out, (const char *)text.data, text.len);
    buf_puts(&out, "\n");
    (void)print_flush(&out);
    buf_free(&text);
    buf_free(&out);
}

static int say_one(struct replay *r, const char *seq)
{
    struct refusal why = {.code = ""};
    Eocbus__V1__Played played;
    Eocbus__V1__Envelope *m = NULL;
    int code = read_one(r, &m, seq);
    enum status st;

    if (code >= 0 || !m)
        return code;
    if (replay_as_exercise(m, &r->exercise, strtoull(seq, NULL, 10),
                           loop_utc_us(speak_loop(r->speak)), &played, r->arena) != ST_OK)
        return program_fail(&r->c->program, EXIT_MACHINE, "out of memory");
    m->sender = NULL;
    tell(m, ++r->played, r->count);
    st = speak_put(r->speak, m, &why);
    if (st == ST_OK)
        st = speak_commit(r->speak);
    if (st != ST_OK)
        return program_fail(&r->c->program, st == ST_INVALID ? EXIT_REFUSED : EXIT_MACHINE,
                            "message %s: %s", seq,
                            *why.text ? why.text : outbox_trouble(speak_outbox(r->speak)));
    if (speak_wait(r->speak, false) == ST_OK)
        return -1;
    return program_fail(
        &r->c->program, EXIT_UNREACHABLE,
        "no receipt came for message %s; it is safe in %s, and the rest was not said", seq,
        r->c->set.agent.outbox_path);
}

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    struct replay *r = arg;
    struct buf raw = {0}, out = {0};

    (void)number;
    if (oc->stored)
        return;
    r->refused++;
    buf_printf(&raw, "refused: %s %s", oc->code ? oc->code : "", oc->text ? oc->text : "");
    print_escaped(&out, (const char *)raw.data, raw.len);
    buf_puts(&out, "\n");
    (void)print_flush(&out);
    buf_free(&raw);
    buf_free(&out);
}

/* --- the play --------------------------------------------------------------------------------- */

static void on_pause_over(void *arg)
{
    loop_stop(arg);
}

/* The link stays alive meanwhile. */
static void wait_until(struct replay *r, int64_t due_us, int64_t began_us)
{
    struct loop *l = speak_loop(r->speak);
    int64_t left_us = began_us + due_us - (int64_t)loop_exact_us(l);
    struct buf out = {0};

    if (left_us > (int64_t)SAY_PAUSE_S * SECOND_US) {
        buf_puts(&out, "the next comes in ");
        put_span(&out, left_us);
        buf_puts(&out, "\n");
        (void)print_flush(&out);
        buf_free(&out);
    }
    while (left_us > 0) {
        int64_t ms = left_us / 1000 + 1;

        loop_timer_start(r->pause, (unsigned)(ms > 3600000 ? 3600000 : ms), 0);
        loop_run(l);
        left_us = began_us + due_us - (int64_t)loop_exact_us(l);
    }
    loop_timer_stop(r->pause);
}

static int play(struct replay *r)
{
    int64_t began_us = (int64_t)loop_exact_us(speak_loop(r->speak));
    struct buf out = {0};
    int code = -1;

    for (unsigned i = 0; i < db_count(r->rows) && code < 0; i++) {
        if (left_out(r, i))
            continue;
        wait_until(r, (int64_t)((double)at_us(r, i) / r->exercise.speed), began_us);
        code = say_one(r, db_cell(r->rows, i, "seq"));
    }
    if (code >= 0)
        return code;
    buf_printf(&out, "played %u, refused %u\n", r->played, r->refused);
    (void)print_flush(&out);
    buf_free(&out);
    return r->refused ? EXIT_REFUSED : EXIT_DONE;
}

static int open_and_play(struct replay *r)
{
    const struct speak_settings set = {.agent = &r->c->set.agent,
                                       .program = "eocctl " EOCBUS_VERSION,
                                       .wait_s = (unsigned)r->wait_s,
                                       .arg = r,
                                       .settled = on_settled};
    char err[600];
    int code;

    announce(r);
    if (r->only_list)
        return EXIT_DONE;
    if (speak_create(&r->speak, &set, err, sizeof(err)) != ST_OK)
        return program_fail(&r->c->program, EXIT_MACHINE, "%s", err);
    if (arena_create(&r->arena, LIMIT_ARENA_BYTES) != ST_OK ||
        loop_timer_create(&r->pause, speak_loop(r->speak), on_pause_over, speak_loop(r->speak)) !=
            ST_OK)
        code = program_fail(&r->c->program, EXIT_MACHINE, "out of memory");
    else
        code = play(r);
    loop_timer_destroy(r->pause);
    arena_destroy(r->arena);
    speak_destroy(r->speak);
    return code;
}

/* --- the words of the command ----------------------------------------------------------------- */

static int read_words(struct replay *r)
{
    char *end = NULL;
    uint8_t id[ID_BYTES];

    if (r->c->argc != 1 || !r->incident || !id_parse(id, r->incident))
        return program_fail(&r->c->program, EXIT_USAGE,
                            "replay wants --incident with the id of one; see --help");
    if (!r->to.count && !r->only_list)
        return program_fail(&r->c->program, EXIT_USAGE,
                            "say with --to who is to hear it: a principal, an agency or "
                            "role@place");
    r->exercise.speed = strtod(r->speed, &end);
    if (*end || !(r->exercise.speed >= 0.01 && r->exercise.speed <= 1e9))
        return program_fail(&r->c->program, EXIT_USAGE,
                            "--speed takes how many times faster, 0.01 to 1000000000");
    if (r->wait_s < 1 || r->wait_s > 86400)
        return program_fail(&r->c->program, EXIT_USAGE, "--wait takes 1 to 86400 seconds");
    r->exercise.to = &r->to;
    if (getrandom(r->exercise.run, ID_BYTES, 0) != ID_BYTES)
        return program_fail(&r->c->program, EXIT_MACHINE, "this machine gives no random numbers");
    return -1;
}

int ctl_replay(struct ctl *c)
{
    struct replay r = {.c = c, .speed = "10", .wait_s = 30};
    const struct option_row options[] = {{"--incident", OPTION_TEXT, &r.incident},
                                         {"--speed", OPTION_TEXT, &r.speed},
                                         {"--to", OPTION_WORDS, &r.to},
                                         {"--wait", OPTION_NUMBER, &r.wait_s},
                                         {"--dry-run", OPTION_FLAG, &r.only_list}};
    char err[600];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    code = read_words(&r);
    if (code >= 0)
        return code;
    if (db_open(&r.db, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = find(&r);
    if (code < 0)
        code = open_and_play(&r);
    db_rows_free(r.rows);
    db_close(r.db);
    return code;
}
