/* edxl - EDXL-RM documents of other systems in and out. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/edxl_forms.h"
#include "agents/ctl/edxl_say.h"
#include "agents/link/json_input.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "proto/base/ids.h"
#include "proto/wire/edxl.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

struct edxl_out {
    struct ctl *c;
    const char *message, *thread, *file, *dir;
    bool anyway;
    struct arena *arena;
    unsigned written;
};

/* Each line of `lines` to standard error, after what it is about. */
void edxl_complain(const char *about, const char *what, const struct buf *lines)
{
    const char *at = (const char *)lines->data;
    size_t left = lines->len;
    struct buf out = {0};

    while (left) {
        const char *end = memchr(at, '\n', left);
        size_t len = end ? (size_t)(end - at) : left;

        print_escaped(&out, about, strlen(about));
        buf_printf(&out, ": %s ", what);
        print_escaped(&out, at, len);
        buf_puts(&out, "\n");
        left -= end ? len + 1 : len;
        at += end ? len + 1 : len;
    }
    if (out.len && !out.failed)
        fwrite(out.data, 1, out.len, stderr);
    buf_free(&out);
}

/* --- export ----------------------------------------------------------------------------------- */

static enum status write_file(const struct edxl_out *e, const char *name, const struct buf *text,
                              char *err, size_t err_size)
{
    char path[600];
    int fd;
    bool ok;

    (void)mkdir(e->dir, 0750); /* what is wrong with it, open says */
    snprintf(path, sizeof(path), "%s/%s.xml", e->dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        snprintf(err, err_size, "%.400s: %s", path, strerror(errno));
        return ST_IO;
    }
    ok = write(fd, text->data, text->len) == (ssize_t)text->len && fsync(fd) == 0;
    if (close(fd) != 0 || !ok) {
        snprintf(err, err_size, "%.400s: %s", path, strerror(errno));
        (void)unlink(path);
        return ST_IO;
    }
    return ST_OK;
}

static enum status put_out(const struct edxl_out *e, const char *name, struct buf *text, char *err,
                           size_t err_size)
{
    if (e->dir)
        return write_file(e, name, text, err, err_size);
    if (e->written) {
        snprintf(err, err_size, "more than one document; say --out DIR");
        return ST_INVALID;
    }
    return print_flush(text) ? ST_OK : ST_IO;
}

/* EDXL-RM has no word for an exercise: whoever reads the document would send real lorries. */
static bool may_leave(const struct edxl_out *e, const Eocbus__V1__Envelope *m, char *err,
                      size_t err_size)
{
    if (m->status == EOCBUS__V1__STATUS__STATUS_ACTUAL || e->anyway)
        return true;
    snprintf(err, err_size,
             "its status is not ACTUAL, and EDXL-RM alone cannot say so; --anyway writes it");
    return false;
}

static enum status export_one(struct edxl_out *e, const Eocbus__V1__Envelope *m, char *err,
                              size_t err_size)
{
    char name[ID_TEXT] = "message";
    struct buf text = {0}, lost = {0};
    struct refusal why = {.code = ""};
    struct xml x;
    enum status st = ST_INVALID;

    if (m->message_id.len == ID_BYTES)
        id_format(name, m->message_id.data);
    xml_begin(&x, e->arena);
    if (edxl_check(m, &why) != ST_OK)
        snprintf(err, err_size, "%s %s: %s", why.code, why.path, why.text);
    else if (may_leave(e, m, err, err_size))
        st = form_export(&text, &lost, m, &x, err, err_size);
    if (st == ST_OK)
        edxl_complain(name, "has no place in EDXL-RM:", &lost);
    if (st == ST_OK)
        st = put_out(e, name, &text, err, err_size);
    e->written += st == ST_OK;
    buf_free(&text);
    buf_free(&lost);
    return st;
}

static enum status export_file(struct edxl_out *e, char *err, size_t err_size)
{
    struct buf input = {0};
    enum status st = input_read(&input, e->file, err, err_size);
    const char *at = (const char *)input.data, *end = at + input.len;
    bool lines = st == ST_OK && input_is_lines(at, input.len, e->arena);
    unsigned number = 0;

    while (st == ST_OK) {
        Eocbus__V1__Envelope *m;

        arena_reset(e->arena);
        st = input_next(&m, &at, end, lines, &number, e->arena, err, err_size);
        if (st == ST_OK)
            st = export_one(e, m, err, err_size);
    }
    buf_free(&input);
    return st == ST_NOTFOUND ? ST_OK : st;
}

/* A message by number or id, a thread by the id of its first message. */
#define BY_NUMBER "SELECT content FROM bus.message WHERE seq = $1::int8"
#define BY_ID                                                                                      \
    "SELECT m.content FROM bus.document d JOIN bus.message m ON m.seq = d.seq"                     \
    " WHERE d.message_id = $1::uuid AND d.type BETWEEN 160 AND 175"
#define BY_THREAD                                                                                  \
    "SELECT m.content FROM bus.document d JOIN bus.message m ON m.seq = d.seq"                     \
    " WHERE d.type BETWEEN 160 AND 175"                                                            \
    " AND coalesce((d.doc ->> 'originating_id')::uuid, d.message_id) = $1::uuid ORDER BY d.seq"

static enum status export_content(struct edxl_out *e, const struct buf *content, char *err,
                                  size_t err_size)
{
    Eocbus__V1__Envelope *m;
    struct refusal why = {.code = ""};

    arena_reset(e->arena);
    if (gate_content(&m, content->data, content->len, e->arena, &why) == ST_OK)
        return export_one(e, m, err, err_size);
    snprintf(err, err_size, "the log holds bytes that the gate does not take: %s %s", why.code,
             why.text);
    return ST_INVALID;
}

static enum status export_log(struct edxl_out *e, struct db *d, char *err, size_t err_size)
{
    const char *id = e->thread ? e->thread : e->message;
    const char *sql = e->thread                                ? BY_THREAD
                      : strspn(id, "0123456789") == strlen(id) ? BY_NUMBER
                                                               : BY_ID;
    struct db_rows *r;
    enum status st = db_query(d, &r, sql, &id, 1);

    if (st != ST_OK) {
        snprintf(err, err_size, "the log cannot be read: %s", db_error(d));
        return st == ST_CLOSED ? ST_CLOSED : ST_INVALID;
    }
    if (db_count(r) == 0) {
        snprintf(err, err_size, "the log has no EDXL-RM message of this %s",
                 e->thread ? "thread" : "id");
        st = ST_NOTFOUND;
    }
    for (unsigned i = 0; i < db_count(r) && st == ST_OK; i++) {
        struct buf content = {0};

        if (db_bytes(r, i, "content", &content))
            st = export_content(e, &content, err, err_size);
        buf_free(&content);
    }
    db_rows_free(r);
    return st;
}

static int judge(const struct edxl_out *e, enum status st, const char *err)
{
    if (st == ST_OK)
        return EXIT_DONE;
    return program_fail(&e->c->program,
                        st == ST_CLOSED                 ? EXIT_UNREACHABLE
                        : st == ST_IO || st == ST_NOMEM ? EXIT_MACHINE
                                                        : EXIT_REFUSED,
                        "%s", err);
}

static int export_all(struct edxl_out *e)
{
    char err[600] = "";
    struct db *d;
    enum status st;

    if (e->file)
        return judge(e, export_file(e, err, sizeof(err)), err);
    if (!e->c->set.database || !*e->c->set.database)
        return program_fail(&e->c->program, EXIT_USAGE,
                            "to read the log, `database` has to be set");
    st = db_open(&d, e->c->set.database, err, sizeof(err));
    if (st != ST_OK)
        return program_fail(&e->c->program, EXIT_UNREACHABLE, "%s", err);
    st = export_log(e, d, err, sizeof(err));
    db_close(d);
    return judge(e, st, err);
}

static int edxl_export(struct ctl *c)
{
    struct edxl_out e = {.c = c};
    const struct option_row options[] = {
        {"--message", OPTION_TEXT, &e.message}, {"--thread", OPTION_TEXT, &e.thread},
        {"--file", OPTION_TEXT, &e.file},       {"--out", OPTION_TEXT, &e.dir},
        {"--anyway", OPTION_FLAG, &e.anyway},
    };
    char err[600];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 2 || !!e.message + !!e.thread + !!e.file != 1)
        return program_fail(&c->program, EXIT_USAGE,
                            "export wants one of --message ID, --thread ID, --file JSON");
    if (arena_create(&e.arena, FORM_ARENA_BYTES) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "out of memory");
    code = export_all(&e);
    arena_destroy(e.arena);
    return code;
}

int ctl_edxl(struct ctl *c)
{
    if (c->argc >= 2 && strcmp(c->argv[1], "import") == 0)
        return edxl_import(c);
    if (c->argc >= 2 && strcmp(c->argv[1], "export") == 0)
        return edxl_export(c);
    return program_fail(&c->program, EXIT_USAGE, "edxl wants `import` or `export`; see --help");
}
