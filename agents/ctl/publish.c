/* publish - from JSON into the outbox, and what became of it. The receipts are printed in the order
 * of the input. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/link/json_input.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "agents/link/speak.h"
#include "proto/base/ids.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

struct publish {
    struct ctl *c;
    const char *file, *once_key;
    uint64_t wait_s;
    bool unchecked, drain;

    struct speak *speak;
    struct arena *arena;
};

static enum status put_unchecked(struct publish *p, Eocbus__V1__Envelope *m)
{
    unsigned lane = m->lane >= 1 && m->lane <= 5 ? (unsigned)m->lane : 4;
    uint8_t id[ID_BYTES], *bytes;
    uint64_t tag = 0;
    enum status st;

    speak_fill(p->speak, m, id);
    bytes = mem_alloc(eocbus__v1__envelope__get_packed_size(m) + 1);
    if (!bytes)
        return ST_NOMEM;
    st = outbox_put_raw(speak_outbox(p->speak), lane, bytes, eocbus__v1__envelope__pack(m, bytes),
                        &tag);
    mem_free(bytes);
    return st == ST_OK || st == ST_EXISTS ? speak_note(p->speak, tag) : st;
}

static enum status check_one(struct publish *p, Eocbus__V1__Envelope *m, char *err, size_t err_size)
{
    struct refusal why;
    enum status st = speak_check(p->speak, m, &why);

    if (st != ST_OK)
        snprintf(err, err_size, "%s%s%s: %s", why.code, *why.path ? " " : "", why.path, why.text);
    return st;
}

static enum status put_one(struct publish *p, Eocbus__V1__Envelope *m, char *err, size_t err_size)
{
    struct refusal why = {.code = ""};
    enum status st = p->unchecked ? put_unchecked(p, m) : speak_put(p->speak, m, &why);

    if (st != ST_OK)
        snprintf(err, err_size, "%s",
                 why.text[0] ? why.text : outbox_trouble(speak_outbox(p->speak)));
    return st;
}

typedef enum status (*each_fn)(struct publish *p, Eocbus__V1__Envelope *m, char *err,
                               size_t err_size);

static enum status each_message(struct publish *p, const struct buf *input, each_fn each, char *err,
                                size_t err_size)
{
    const char *at = (const char *)input->data, *end = at + input->len;
    bool lines = input_is_lines(at, input->len, p->arena);
    unsigned number = 0;
    char why[600] = "";
    enum status st;

    do {
        Eocbus__V1__Envelope *m;

        arena_reset(p->arena);
        st = input_next(&m, &at, end, lines, &number, p->arena, err, err_size);
        if (st == ST_OK) {
            st = each(p, m, why, sizeof(why));
            if (st != ST_OK && lines)
                snprintf(err, err_size, "line %u: %s", number, why);
            else if (st != ST_OK)
                snprintf(err, err_size, "%s", why);
        }
    } while (st == ST_OK);
    return st == ST_NOTFOUND ? ST_OK : st;
}

/* First everything is looked at, so that a fault in line 7 leaves lines 1 to 6 unsaid. */
static enum status put_all(struct publish *p, const struct buf *input, char *err, size_t err_size)
{
    enum status st = ST_OK;

    if (!p->unchecked)
        st = each_message(p, input, check_one, err, err_size);
    if (st != ST_OK)
        return st;
    if (p->once_key)
        st = outbox_once(speak_outbox(p->speak), p->once_key);
    if (st == ST_OK)
        st = each_message(p, input, put_one, err, err_size);
    if (st == ST_OK)
        st = speak_commit(p->speak);
    if (st != ST_OK && !*err)
        snprintf(err, err_size, "%s", outbox_trouble(speak_outbox(p->speak)));
    return st;
}

/* --- receipts -----------------------------------------------------------------------------------
 */

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    struct buf b = {0}, raw = {0};

    (void)arg;
    (void)number;
    if (oc->stored) {
        buf_printf(&b, "stored %" PRIu64 "\n", oc->seq);
    } else {
        buf_printf(&raw, "%s %s %s", oc->code ? oc->code : "",
                   oc->path && *oc->path ? oc->path : "-", oc->text ? oc->text : "");
        buf_puts(&b, "refused ");
        print_escaped(&b, (const char *)raw.data, raw.len);
        buf_puts(&b, "\n");
    }
    print_flush(&b);
    buf_free(&raw);
    buf_free(&b);
}

static int code_of(enum status st)
{
    switch (st) {
    case ST_INVALID:
        return EXIT_REFUSED;
    case ST_AGAIN:
        return EXIT_UNREACHABLE;
    default:
        return EXIT_MACHINE;
    }
}

static int wait_for_receipts(struct publish *p)
{
    const char *path = p->c->set.agent.outbox_path;
    enum status st = speak_wait(p->speak, p->drain);
    struct speak_result r;

    speak_result(p->speak, &r);
    if (st == ST_AGAIN && p->drain)
        return program_fail(&p->c->program, EXIT_UNREACHABLE,
                            "%s still holds messages without a receipt", path);
    if (st == ST_AGAIN)
        return program_fail(
            &p->c->program, EXIT_UNREACHABLE,
            "%zu of %zu messages have no receipt yet; they are safe in %s, and the next "
            "run sends them first",
            r.waiting, r.said, path);
    if (st != ST_OK)
        return program_fail(&p->c->program, EXIT_MACHINE, "out of memory");
    return r.refused ? EXIT_REFUSED : EXIT_DONE;
}

static int put_and_wait(struct publish *p, const struct buf *input)
{
    char err[1000] = "";
    enum status st = p->drain ? ST_OK : put_all(p, input, err, sizeof(err));

    if (st != ST_OK)
        return program_fail(&p->c->program, code_of(st), "%s", err);
    return p->wait_s || p->drain ? wait_for_receipts(p) : EXIT_DONE;
}

static int speak_up(struct publish *p, const struct buf *input)
{
    const struct speak_settings set = {
        .agent = &p->c->set.agent,
        .program = "eocctl " EOCBUS_VERSION,
        .wait_s = p->wait_s > 86400 ? 86400 : (unsigned)p->wait_s,
        .arg = p,
        .settled = on_settled,
    };
    char err[600];
    enum status st = speak_create(&p->speak, &set, err, sizeof(err));
    int code;

    if (st != ST_OK)
        return program_fail(&p->c->program, st == ST_EXISTS ? EXIT_UNREACHABLE : EXIT_MACHINE, "%s",
                            err);
    code = put_and_wait(p, input);
    speak_destroy(p->speak);
    return code;
}

static int run(struct publish *p)
{
    struct buf input = {0};
    char err[600];
    int code;

    if (!p->drain && input_read(&input, p->file, err, sizeof(err)) != ST_OK) {
        buf_free(&input);
        return program_fail(&p->c->program, EXIT_MACHINE, "%s", err);
    }
    if (arena_create(&p->arena, LIMIT_ARENA_BYTES) == ST_OK)
        code = speak_up(p, &input);
    else
        code = program_fail(&p->c->program, EXIT_MACHINE, "out of memory");
    buf_free(&input);
    arena_destroy(p->arena);
    return code;
}

int ctl_publish(struct ctl *c)
{
    struct publish p = {.c = c, .file = "-", .wait_s = 30};
    const struct option_row options[] = {
        {"--file", OPTION_TEXT, &p.file},           {"--drain", OPTION_FLAG, &p.drain},
        {"--unchecked", OPTION_FLAG, &p.unchecked}, {"--wait", OPTION_NUMBER, &p.wait_s},
        {"--once-key", OPTION_TEXT, &p.once_key},
    };
    char err[400];

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 1)
        return program_fail(&c->program, EXIT_USAGE,
                            "publish takes its input by --file F; see --help");
    return run(&p);
}
