/* cap_command - eocbus-console cap: alerts of others in, ours out, by hand. */
#include <stdio.h>
#include <string.h>

#include "agents/console/cap/cap.h"
#include "agents/console/console.h"
#include "proto/base/file.h"
#include "proto/wire/json.h"

#include "proto/base/banned.h"

static bool read_all(struct buf *out, const char *path)
{
    char part[8192];
    size_t n;

    if (path)
        return file_read(path, out, CAP_BYTES_MAX + 1) == ST_OK && !out->failed;
    while ((n = fread(part, 1, sizeof(part), stdin)) > 0 && out->len <= CAP_BYTES_MAX)
        buf_put(out, part, n);
    return !ferror(stdin) && !out->failed;
}

static int print(struct console *c, const struct buf *out)
{
    if (!out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0)
        return EXIT_DONE;
    return program_fail(c->program, EXIT_MACHINE, "it cannot be written");
}

static void complain(const char *words, struct buf *lines)
{
    buf_put(lines, "", 1);
    if (lines->len > 1)
        fprintf(stderr, "%s:\n%s", words, lines->data);
}

/* CAP as the JSON of an envelope; what has no field, and whose places nobody compares, goes to
 * standard error. */
static int read_cap(struct console *c, const struct buf *in, struct arena *arena)
{
    struct buf out = {0}, dropped = {0}, where = {0};
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    char err[400] = "";
    int code;

    if (cap_read(&m.public_alert, &dropped, in->data, in->len, arena, err, sizeof(err)) != ST_OK) {
        code = program_fail(c->program, EXIT_USAGE, "%s", err);
    } else {
        m.body_case = EOCBUS__V1__ENVELOPE__BODY_PUBLIC_ALERT;
        json_print_pretty(&out, &m.base);
        buf_puts(&out, "\n");
        complain("left out, because there is no field for it", &dropped);
        cap_where(&where, m.public_alert);
        complain("nothing compares these with area.pcodes; say there where it is", &where);
        code = print(c, &out);
    }
    buf_free(&out);
    buf_free(&dropped);
    buf_free(&where);
    return code;
}

static int write_cap(struct console *c, struct buf *in, struct arena *arena)
{
    struct buf out = {0};
    ProtobufCMessage *parsed = NULL;
    const Eocbus__V1__Envelope *m;
    char err[400] = "";
    int code;

    if (json_parse(&parsed, &eocbus__v1__envelope__descriptor, (char *)in->data, in->len, arena,
                   err, sizeof(err)) != ST_OK)
        return program_fail(c->program, EXIT_USAGE, "%s", err);
    m = (const Eocbus__V1__Envelope *)parsed;
    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_PUBLIC_ALERT)
        return program_fail(c->program, EXIT_USAGE, "public_alert: this message is none");
    cap_write(&out, m->public_alert);
    code = print(c, &out);
    buf_free(&out);
    return code;
}

int console_cap(struct console *c)
{
    const char *what = c->argc > 1 ? c->argv[1] : "";
    struct arena *arena = NULL;
    struct buf in = {0};
    int code;

    if (c->argc > 3 || (strcmp(what, "read") != 0 && strcmp(what, "write") != 0))
        return program_fail(c->program, EXIT_USAGE, "legal are: cap read [FILE], cap write [FILE]");
    if (arena_create(&arena, CAP_ARENA_BYTES) != ST_OK)
        return program_fail(c->program, EXIT_MACHINE, "out of memory");
    if (!read_all(&in, c->argc > 2 ? c->argv[2] : NULL))
        code = program_fail(c->program, EXIT_MACHINE, "it cannot be read, or has more than 1 MiB");
    else
        code = strcmp(what, "read") == 0 ? read_cap(c, &in, arena) : write_cap(c, &in, arena);
    buf_free(&in);
    arena_destroy(arena);
    return code;
}
