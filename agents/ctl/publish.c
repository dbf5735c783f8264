/* publish - from JSON into the outbox, and what became of it.
 *
 * Everything is in the outbox before the first byte is sent: from then on a broken link, a kill or
 * a power cut only delays it. The receipts are printed in the order of the input. */
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
    struct arena *arena; /* of one message of the input */
};

/* Packs it as it is, past the gate of this side, to see what the broker says. */
static enum status put_unchecked(struct publish *p, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct outbox *o = speak_outbox(p->speak);
    unsigned lane = m->lane >= 1 && m->lane <= 5 ? (unsigned)m->lane : 4;
    uint8_t id[ID_BYTES], *bytes;
    uint64_t tag;
    size_t len;
    enum status st;

    speak_fill(p->speak, m, id);
    len = eocbus__v1__envelope__get_packed_size(m);
    bytes = mem_alloc(len + 1);
    if (!bytes)
        return ST_NOMEM;
    eocbus__v1__envelope__pack(m, bytes);
    st = outbox_put_raw(o, lane, bytes, len, &tag);
    mem_free(bytes);
    if (st != ST_OK && st != ST_EXISTS) {
        snprintf(why->text, sizeof(why->text), "%s", outbox_trouble(o));
        return st;
    }
    return speak_note(p->speak, tag);
}

static enum status put_one(struct publish *p, Eocbus__V1__Envelope *m, struct refusal *why)
{
    return p->unchecked ? put_unchecked(p, m, why) : speak_put(p->speak, m, why);
}

static enum status check_one(struct publish *p, Eocbus__V1__Envelope *m, struct refusal *why)
{
    return speak_check(p->speak, m, why);
}

typedef enum status (*each_fn)(struct publish *p, Eocbus__V1__Envelope *m, struct refusal *why);

static enum status each_message(struct publish *p, const struct buf *input, each_fn each, char *err,
                                size_t err_size)
{
    const char *at = (const char *)input->data, *end = at + input->len;
    bool lines = input_is_lines(at, input->len, p->arena);
    unsigned number = 0;
    enum status st;

    do {
        struct refusal why = {.code = ""};
        Eocbus__V1__Envelope *m;
        char line[32] = "";

        arena_reset(p->arena);
        st = input_next(&m, &at, end, lines, &number, p->arena, err, err_size);
        if (st != ST_OK)
            break;
        st = each(p, m, &why);
        if (lines)
            snprintf(line, sizeof(line), "line %u: ", number);
        if (st != ST_OK)
            snprintf(err, err_size, "%s%s%s%s%s%s", line, why.code, *why.path ? " " : "", why.path,
                     *why.code ? ": " : "", why.text);
    } while (st == ST_OK);
    return st == ST_NOTFOUND ? ST_OK : st;
}

/* First everything is looked at, so that a fault in line 7 leaves lines 1 to 6 unsaid. */
static enum status put_all(struct publish *p, const struct buf *input, char *err, size_t err_size)
{
    enum status st = ST_OK;

    if (!p->unchecked)
        st = each_message(p, input, check_one, err, err_size);
    if (st == ST_OK && p->once_key)
        st = outbox_once(speak_outbox(p->speak), p->once_key);
    if (st == ST_OK)
        st = each_message(p, input, put_one, err, err_size);
    if (st == ST_OK)
        st = speak_commit(p->speak);
    if (st != ST_OK && !*err)
        snprintf(err, err_size, "%s", outbox_trouble(speak_outbox(p->speak)));
    return st;
}

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    const char *path = oc->path && *oc->path ? oc->path : "-";
    struct buf raw = {0}, line = {0};

    (void)arg;
    (void)number;
    if (oc->stored) {
        buf_printf(&line, "stored %" PRIu64 "\n", oc->seq);
    } else {
        buf_printf(&raw, "refused %s %s %s", oc->code ? oc->code : "", path,
                   oc->text ? oc->text : "");
        print_escaped(&line, (const char *)raw.data, raw.len);
        buf_puts(&line, "\n");
    }
    print_flush(&line);
    buf_free(&raw);
    buf_free(&line);
}

static int judge(struct publish *p, enum status st)
{
    struct speak_result r;

    speak_result(p->speak, &r);
    if (st != ST_OK && p->drain)
        return program_fail(&p->c->program, EXIT_UNREACHABLE,
                            "%s still holds messages without a receipt%s%s",
                            p->c->set.agent.outbox_path, *r.trouble ? ": " : "", r.trouble);
    if (st != ST_OK)
        return program_fail(
            &p->c->program, EXIT_UNREACHABLE,
            "%zu of %zu messages have no receipt yet%s%s%s; they are safe in %s, and the next "
            "run sends them first",
            r.waiting, r.said, *r.trouble ? " (" : "", r.trouble, *r.trouble ? ")" : "",
            p->c->set.agent.outbox_path);
    return r.refused ? EXIT_REFUSED : EXIT_DONE;
}

static int code_of_put(enum status st)
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

static int say(struct publish *p, const struct buf *input)
{
    char err[1000] = "";
    enum status st = p->drain ? ST_OK : put_all(p, input, err, sizeof(err));

    if (st != ST_OK)
        return program_fail(&p->c->program, code_of_put(st), "%s", err);
    return p->wait_s ? judge(p, speak_wait(p->speak, p->drain)) : EXIT_DONE;
}

static int run(struct publish *p, const struct buf *input)
{
    const struct speak_settings set = {.agent = &p->c->set.agent,
                                       .program = "eocctl " EOCBUS_VERSION,
                                       .wait_s = (unsigned)(p->wait_s > 86400 ? 86400 : p->wait_s),
                                       .arg = p,
                                       .settled = on_settled};
    char err[600];
    int code;

    if (arena_create(&p->arena, LIMIT_ARENA_BYTES) != ST_OK)
        return program_fail(&p->c->program, EXIT_MACHINE, "out of memory");
    if (speak_create(&p->speak, &set, err, sizeof(err)) != ST_OK) {
        arena_destroy(p->arena);
        return program_fail(&p->c->program, EXIT_MACHINE, "%s", err);
    }
    code = say(p, input);
    speak_destroy(p->speak);
    arena_destroy(p->arena);
    return code;
}

int ctl_publish(struct ctl *c)
{
    struct publish p = {.c = c, .file = "-", .wait_s = 30};
    const struct option_row options[] = {
        {"--file", OPTION_TEXT, &p.file},         {"--wait", OPTION_NUMBER, &p.wait_s},
        {"--drain", OPTION_FLAG, &p.drain},       {"--unchecked", OPTION_FLAG, &p.unchecked},
        {"--once-key", OPTION_TEXT, &p.once_key},
    };
    struct buf input = {0};
    char err[600];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 1)
        return program_fail(&c->program, EXIT_USAGE,
                            "publish takes its input by --file F; see --help");
    if (!p.drain && input_read(&input, p.file, err, sizeof(err)) != ST_OK)
        code = program_fail(&c->program, EXIT_MACHINE, "%s", err);
    else
        code = run(&p, &input);
    buf_free(&input);
    return code;
}
