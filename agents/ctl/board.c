/* board - the dispatchers' room in a terminal, also over a thin link: the queue of the page, what
 * somebody has in hand, and what is wanted and on its way. The page's own SQL is asked. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/room.h"
#include "agents/ctl/room_words.h"
#include "agents/ctl/wrap.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

/* As many as the page draws at first: 10 KB, which takes 4 s on a line of 20 kbit/s. */
enum { MOST = 50, MOST_SECONDS = 86400, USUAL = 300 /* rows that page_queue.sql gives unasked */ };

struct board {
    struct ctl *ctl;
    struct db *db; /* NULL: it is away */
    struct room_eye eye;
    struct json_t *names; /* as they were when the database was reached */
    bool json, past;
    uint64_t every, most;
    char why[600]; /* it cannot be read */
};

/* --- what is shown ---------------------------------------------------------------------------- */

static void put_sentence(struct buf *out, struct buf *line)
{
    buf_put(line, "", 1);
    if (!line->failed)
        wrap_put(out, 0, 2, (const char *)line->data);
    out->failed |= line->failed;
    buf_free(line);
}

static void put_key(struct buf *out, const struct board *b, const char *key)
{
    struct buf line = {0};

    room_say(&line, b->eye.lang, key, NULL, 0);
    put_sentence(out, &line);
}

/* total: how many there are, also what was not asked for. */
static void put_rows(struct buf *out, const struct board *b, const struct json_t *rows,
                     size_t total, room_put_fn put)
{
    size_t n = room_count_of(rows);
    struct buf line = {0};
    char more[32];

    room_put_rows(out, &b->eye, rows, b->most, put);
    n = n < b->most ? n : (size_t)b->most;
    if (total <= n)
        return;
    snprintf(more, sizeof(more), "%zu", total - n);
    room_say_of(&line, b->eye.lang, "board.more", "n", more);
    put_sentence(out, &line);
}

/* What exercises of other days have left: a line, and behind --past all of it. */
static void put_past(struct buf *out, const struct board *b, const struct room_list *l,
                     room_put_fn put)
{
    struct buf line = {0};

    if (!l->past_total)
        return;
    room_count(&line, b->eye.lang, "queue.past", l->past_total);
    if (!b->past) {
        buf_puts(&line, " · ");
        room_say(&line, b->eye.lang, "board.past_how", NULL, 0);
    }
    buf_puts(out, "\n");
    put_sentence(out, &line);
    if (b->past)
        put_rows(out, b, l->past, l->past_total, put);
}

static void put_queue(struct buf *out, const struct board *b, const struct room_list *l)
{
    struct buf line = {0};

    if (l->total)
        room_count(&line, b->eye.lang, "queue.count", l->total);
    else
        room_say(&line, b->eye.lang, "queue.empty", NULL, 0);
    put_sentence(out, &line);
    put_rows(out, b, l->now, l->total, room_put_item);
    if (room_count_of(l->taken)) {
        buf_puts(out, "\n");
        put_key(out, b, "queue.in_hand");
        put_rows(out, b, l->taken, room_count_of(l->taken), room_put_taken);
    }
    put_past(out, b, l, room_put_item);
}

static void put_supplies(struct buf *out, const struct board *b, const struct room_list *l)
{
    buf_puts(out, "\n");
    put_key(out, b, room_count_of(l->now) ? "page.resources" : "board.nothing");
    put_rows(out, b, l->now, room_count_of(l->now), room_put_supply);
    put_past(out, b, l, room_put_supply);
}

static void put_json(struct buf *out, const struct room_list *l, const char *list)
{
    char past[32];

    room_put_json(out, l->now, list);
    room_put_json(out, l->taken, "in_hand");
    snprintf(past, sizeof(past), "%s_past", list);
    room_put_json(out, l->past, past);
}

/* --- where it comes from ---------------------------------------------------------------------- */

/* Language, how many rows, who looks: as far as the query takes them. */
static enum status ask(struct board *b, struct db_rows **r, const char *sql, const char *rows,
                       unsigned n)
{
    const char *params[] = {(const char *[]){"tg", "ru", "en"}[b->eye.lang], rows,
                            *b->eye.me ? b->eye.me : NULL};
    enum status st = db_query(b->db, r, sql_find("queries/", sql)->text, params, n);

    if (st != ST_OK)
        snprintf(b->why, sizeof(b->why), "%s", db_error(b->db));
    return st;
}

static const char *answer_of(const struct db_rows *r)
{
    const char *answer = db_cell(r, 0, db_heading(r, 0));

    return answer ? answer : "";
}

static enum status read_names(struct board *b)
{
    struct db_rows *r;
    enum status st = ask(b, &r, "page_names", NULL, 1);

    if (st != ST_OK)
        return st;
    room_free_names(b->names);
    b->eye.names = b->names = room_read_names(answer_of(r));
    db_rows_free(r);
    return ST_OK;
}

static enum status read_list(struct board *b, struct room_list *l, const char *sql,
                             const char *rows, unsigned n)
{
    struct db_rows *r;
    enum status st = ask(b, &r, sql, rows, n);

    if (st != ST_OK)
        return st;
    b->eye.now_s = time(NULL);
    st = room_read(l, answer_of(r), &b->eye);
    if (st != ST_OK)
        snprintf(b->why, sizeof(b->why), "%s answers what nobody understands", sql);
    db_rows_free(r);
    return st;
}

static enum status read_all(struct board *b, struct buf *out)
{
    struct room_list queue, supplies;
    /* One place's things, and what is past, may stand far behind: as many as the query gives. */
    bool is_far = *b->eye.place || b->past || b->most > USUAL;
    enum status st = read_list(b, &queue, "page_queue", is_far ? "2000" : NULL, 3);

    if (st != ST_OK)
        return st;
    st = read_list(b, &supplies, "page_board", NULL, 2);
    if (st == ST_OK && b->json) {
        put_json(out, &queue, "queue");
        put_json(out, &supplies, "resources");
    } else if (st == ST_OK) {
        put_queue(out, b, &queue);
        put_supplies(out, b, &supplies);
    }
    room_free(&queue);
    if (st == ST_OK)
        room_free(&supplies);
    return st;
}

/* A database that is away is said, and asked again. */
static enum status look(struct board *b, struct buf *out)
{
    enum status st = ST_OK;

    buf_clear(out);
    if (!b->db) {
        st = db_open(&b->db, b->ctl->set.database, b->why, sizeof(b->why));
        if (st == ST_OK && !b->json)
            st = read_names(b);
    }
    if (st == ST_OK)
        st = read_all(b, out);
    if (st != ST_CLOSED || !b->every)
        return st;
    db_close(b->db);
    b->db = NULL;
    buf_clear(out);
    if (b->json)
        fprintf(stderr, "%s\n", b->why);
    else
        put_key(out, b, "trouble.store_away");
    return ST_OK;
}

/* Every `every` seconds again, when something is different; 0: once. ST_IO: nobody can read it. */
static enum status show(struct board *b)
{
    struct buf out = {0}, before = {0};
    enum status st;

    while ((st = look(b, &out)) == ST_OK) {
        bool is_same =
            before.len == out.len && out.len && memcmp(before.data, out.data, out.len) == 0;

        if (!is_same) {
            bool is_first = !before.len;

            buf_clear(&before);
            buf_put(&before, out.data, out.len);
            if (!is_first && !b->json)
                fputs("\n", stdout);
            if (!print_flush(&out)) {
                st = ST_IO;
                break;
            }
        }
        if (!b->every)
            break;
        (void)poll(NULL, 0, (int)(b->every * 1000));
    }
    buf_free(&out);
    buf_free(&before);
    return st;
}

static int take_options(struct board *b)
{
    const char *lang = NULL;
    const struct option_row options[] = {
        {"--json", OPTION_FLAG, &b->json},      {"--past", OPTION_FLAG, &b->past},
        {"--every", OPTION_NUMBER, &b->every},  {"--most", OPTION_NUMBER, &b->most},
        {"--lang", OPTION_TEXT, (void *)&lang},
    };
    struct ctl *c = b->ctl;
    char err[600];

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc > 2)
        return program_fail(&c->program, EXIT_USAGE, "say at most one place; see --help");
    if (b->every > MOST_SECONDS)
        return program_fail(&c->program, EXIT_USAGE, "--every takes 1 to 86400 seconds");
    if (lang && lang_parse(lang, &b->eye.lang) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "--lang takes tg, ru or en");
    return -1;
}

static int end_with(struct board *b, enum status st)
{
    struct program *program = &b->ctl->program;

    switch (st) {
    case ST_OK:
        return EXIT_DONE;
    case ST_IO:
        return program_fail(program, EXIT_MACHINE, "the board cannot be written");
    case ST_CLOSED:
        return program_fail(program, EXIT_UNREACHABLE, "the board cannot be read: %s", b->why);
    default:
        return program_fail(program, EXIT_REFUSED, "the board cannot be read: %s", b->why);
    }
}

int ctl_board(struct ctl *c)
{
    struct board b = {.ctl = c,
                      .most = MOST,
                      .eye = {.lang = lang_of_environment(LANG_ENGLISH),
                              .me = c->set.agent.name ? c->set.agent.name : "",
                              .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")}};
    int code = take_options(&b);

    if (code >= 0)
        return code;
    b.eye.place = c->argc == 2 ? c->argv[1] : "";
    code = end_with(&b, show(&b));
    db_close(b.db);
    room_free_names(b.names);
    return code;
}
