/* show - one message, whole: what the log knows of it, then what it says. */
#include "agents/ctl/show.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "agents/link/summary.h"
#include "proto/base/ids.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

bool show_content(struct buf *out, const void *content, size_t len, bool pretty)
{
    struct arena *arena;
    Eocbus__V1__Envelope *m = NULL;
    struct refusal why;
    struct buf raw = {0};

    if (arena_create(&arena, LIMIT_ARENA_BYTES) != ST_OK)
        return false;
    /* The gate also hands out what it refused, if it could be unpacked: that is what we are here to
     * see. */
    (void)!gate_content(&m, content, len, arena, &why);
    if (m && pretty)
        json_print_pretty(&raw, &m->base);
    else if (m)
        json_print(&raw, &m->base);
    print_escaped_json(out, (const char *)raw.data, raw.len);
    out->failed |= raw.failed;
    buf_free(&raw);
    arena_destroy(arena);
    return m != NULL;
}

void show_hex(struct buf *out, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    for (size_t at = 0; at < len; at += 16) {
        size_t n = len - at < 16 ? len - at : 16;

        buf_printf(out, "%06zx ", at);
        for (size_t i = 0; i < 16; i++) {
            if (i < n)
                buf_printf(out, " %02x", p[at + i]);
            else
                buf_puts(out, "   ");
        }
        buf_puts(out, "  ");
        for (size_t i = 0; i < n; i++)
            buf_printf(out, "%c", isprint(p[at + i]) ? p[at + i] : '.');
        buf_puts(out, "\n");
    }
}

#define TIME_SQL(column)                                                                           \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* The condition on seq goes to the partition and its BRIN index. */
#define SHOW_SQL                                                                                   \
    "SELECT m.seq, m.log_epoch, " TIME_SQL(                                                        \
        "m.received_at") " AS received, p.name AS sender,"                                         \
                         " m.epoch, m.lane, m.lane_seq, m.type, m.places, m.verdict, "             \
                         "coalesce(m.expired, false) AS"                                           \
                         " expired, m.clock_offset_ms, octet_length(m.content) AS bytes,"          \
                         " m.signature IS NOT NULL AS signed, m.content"                           \
                         " FROM bus.message m LEFT JOIN bus.principal p ON p.principal_id = "      \
                         "m.sender_id"                                                             \
                         " WHERE m.seq = $1::int8"

static void print_stamp(struct buf *out, const struct db_rows *r)
{
    static const struct {
        const char *column, *label;
    } lines[] = {
        {"received", "received"},
        {"sender", "sender"},
        {"places", "places"},
        {"bytes", "bytes"},
        {"clock_offset_ms", "sender's clock minus ours, ms"},
    };
    const struct type_info *type = type_by_number((unsigned)db_number(r, 0, "type"));

    buf_printf(out, "number    %s of log epoch %s\n", db_cell(r, 0, "seq"),
               db_cell(r, 0, "log_epoch"));
    buf_printf(out, "type      %s\n", type ? type->name : db_cell(r, 0, "type"));
    buf_printf(out, "lane      %s, number %s there, of epoch %s\n", db_cell(r, 0, "lane"),
               db_cell(r, 0, "lane_seq"), db_cell(r, 0, "epoch"));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        const char *cell = db_cell(r, 0, lines[i].column);

        if (cell && *cell)
            buf_printf(out, "%-9s %s\n", lines[i].label, cell);
    }
    if (strcmp(db_cell(r, 0, "expired"), "t") == 0)
        buf_puts(out, "expired   its time was over when it was stored; nobody got it as live\n");
    if (db_cell(r, 0, "verdict"))
        buf_printf(out, "verdict   %s\n", db_cell(r, 0, "verdict"));
    buf_printf(out, "signed    %s\n\n", strcmp(db_cell(r, 0, "signed"), "t") == 0 ? "yes" : "no");
}

static void print_stamp_json(struct buf *out, const struct db_rows *r)
{
    buf_printf(out, "{\"seq\":%s,\"log_epoch\":%s,\"received\":", db_cell(r, 0, "seq"),
               db_cell(r, 0, "log_epoch"));
    print_json_text(out, db_cell(r, 0, "received"));
    buf_puts(out, ",\"sender\":");
    print_json_text(out, db_cell(r, 0, "sender"));
    buf_puts(out, ",\"message\":");
}

/* What a person reads first, before what machines read. */
static void print_sentence(struct buf *out, const struct buf *content)
{
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, content->len, content->data);
    struct buf text = {0};
    char time[TIME_TEXT];

    if (!m)
        return;
    summary_put(&text, m);
    buf_puts(out, "says      ");
    print_escaped(out, (const char *)text.data, text.len);
    out->failed |= text.failed;
    time_format(time, m->event_time_us);
    buf_printf(out, "\nhappened  %s\n", time);
    buf_free(&text);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void print_message(struct buf *out, const struct db_rows *r, bool json)
{
    struct buf content = {0};
    bool readable;

    if (!db_bytes(r, 0, "content", &content))
        content.len = 0;
    if (json) {
        print_stamp_json(out, r);
    } else {
        print_sentence(out, &content);
        print_stamp(out, r);
    }
    readable = show_content(out, content.data, content.len, !json);
    if (!readable && json)
        buf_puts(out, "null");
    else if (!readable)
        show_hex(out, content.data, content.len);
    buf_puts(out, json ? "}\n" : readable ? "\n" : "");
    buf_free(&content);
}

static int show(struct ctl *c, struct db *d, bool json)
{
    const char *params[] = {c->argv[1]};
    struct buf out = {0};
    struct db_rows *r;
    enum status st = db_query(d, &r, SHOW_SQL, params, 1);

    if (st != ST_OK)
        return program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED,
                            "the log cannot be read: %s", db_error(d));
    if (db_count(r) == 0) {
        db_rows_free(r);
        return program_fail(&c->program, EXIT_REFUSED, "the log has no number %s", c->argv[1]);
    }
    print_message(&out, r, json);
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

int ctl_show(struct ctl *c)
{
    bool json = false;
    const struct option_row options[] = {{"--json", OPTION_FLAG, &json}};
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 2 || !*c->argv[1] || strlen(c->argv[1]) > 18 ||
        c->argv[1][strspn(c->argv[1], "0123456789")] != '\0')
        return program_fail(&c->program, EXIT_USAGE,
                            "show wants one number of the log: `eocctl show 42`");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = show(c, d, json);
    db_close(d);
    return code;
}
