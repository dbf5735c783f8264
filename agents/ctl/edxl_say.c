/* edxl_say - EDXL-RM documents into the outbox, like `eocctl publish`. */
#include "agents/ctl/edxl_say.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/edxl_forms.h"
#include "agents/ctl/edxl_xml.h"
#include "agents/link/json_input.h"
#include "agents/link/options.h"
#include "agents/link/outbox.h"
#include "agents/link/print.h"
#include "agents/link/speak.h"
#include "proto/base/digest.h"
#include "proto/wire/edxl.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

struct edxl_in {
    struct ctl *c;
    const char *status, *lane, *label;
    struct option_words to, places;
    uint64_t wait_s;
    bool print;

    int status_value, lane_value, label_value;
    Eocbus__V1__Area area;
    struct speak *speak;
    struct arena *arena;
};

/* --- what EDXL-RM does not say ---------------------------------------------------------------- */

static int word_value(const ProtobufCEnumDescriptor *d, const char *prefix, const char *word)
{
    char name[80];
    const ProtobufCEnumValue *v;
    size_t len = (size_t)snprintf(name, sizeof(name), "%s%s", prefix, word);

    for (size_t i = 0; i < len && i < sizeof(name) - 1; i++)
        name[i] = (char)toupper((unsigned char)name[i]);
    v = protobuf_c_enum_descriptor_get_value_by_name(d, name);
    return v ? v->value : 0;
}

static enum status read_words(struct edxl_in *e, char *err, size_t err_size)
{
    e->status_value = word_value(&eocbus__v1__status__descriptor, "STATUS_", e->status);
    e->lane_value = word_value(&eocbus__v1__lane__descriptor, "LANE_", e->lane);
    e->label_value = word_value(&eocbus__v1__label__descriptor, "LABEL_", e->label);
    if (e->status_value && e->lane_value && e->label_value)
        return ST_OK;
    snprintf(err, err_size, "'%s' is no %s",
             !e->status_value ? e->status
             : !e->lane_value ? e->lane
                              : e->label,
             !e->status_value ? "status: ACTUAL, EXERCISE, SYSTEM or TEST"
             : !e->lane_value ? "precedence: IMMEDIATE, PRIORITY, ROUTINE or BULK"
                              : "label: PUBLIC, INTERNAL or RESTRICTED");
    return ST_INVALID;
}

static Eocbus__V1__Kind kind_of(const Eocbus__V1__Envelope *m)
{
    const char *name = edxl_name((unsigned)m->body_case);
    Eocbus__V1__RequestResource b;

    edxl_body(&b, m);
    if (b.recall)
        return b.recall->type == EOCBUS__V1__RECALL_TYPE__RECALL_TYPE_CANCEL
                   ? EOCBUS__V1__KIND__KIND_CANCEL
                   : EOCBUS__V1__KIND__KIND_UPDATE;
    if (strncmp(name, "Req", 3) == 0)
        return EOCBUS__V1__KIND__KIND_REQUEST;
    if (strncmp(name, "Resp", 4) == 0 || strncmp(name, "Commit", 6) == 0)
        return EOCBUS__V1__KIND__KIND_RESPONSE;
    return strncmp(name, "Offer", 5) == 0 ? EOCBUS__V1__KIND__KIND_REPORT
                                          : EOCBUS__V1__KIND__KIND_UPDATE;
}

static void add_address(struct edxl_in *e, Eocbus__V1__Envelope *m)
{
    m->status = (Eocbus__V1__Status)e->status_value;
    m->lane = (Eocbus__V1__Lane)e->lane_value;
    m->label = (Eocbus__V1__Label)e->label_value;
    m->kind = kind_of(m);
    m->to = (char **)(uintptr_t)e->to.items;
    m->n_to = e->to.count;
    if (!e->places.count)
        return;
    eocbus__v1__area__init(&e->area);
    e->area.pcodes = (char **)(uintptr_t)e->places.items;
    e->area.n_pcodes = e->places.count;
    m->area = &e->area;
}

/* --- one file after the other ----------------------------------------------------------------- */

typedef enum status (*each_fn)(struct edxl_in *e, Eocbus__V1__Envelope *m, const char *file,
                               const struct buf *kept, struct refusal *why);

static enum status check_one(struct edxl_in *e, Eocbus__V1__Envelope *m, const char *file,
                             const struct buf *kept, struct refusal *why)
{
    edxl_complain(file, "kept as it came, beside our fields:", kept);
    return speak_check(e->speak, m, why);
}

static enum status put_one(struct edxl_in *e, Eocbus__V1__Envelope *m, const char *file,
                           const struct buf *kept, struct refusal *why)
{
    (void)file;
    (void)kept;
    return speak_put(e->speak, m, why);
}

static enum status print_one(struct edxl_in *e, Eocbus__V1__Envelope *m, const char *file,
                             const struct buf *kept, struct refusal *why)
{
    struct buf raw = {0}, out = {0};

    (void)e;
    edxl_complain(file, "kept as it came, beside our fields:", kept);
    if (edxl_check(m, why) != ST_OK)
        return ST_INVALID;
    json_print(&raw, &m->base);
    print_escaped_json(&out, (const char *)raw.data, raw.len);
    buf_puts(&out, "\n");
    print_flush(&out);
    buf_free(&raw);
    buf_free(&out);
    return ST_OK;
}

static enum status each_file(struct edxl_in *e, each_fn each, char *err, size_t err_size)
{
    enum status st = ST_OK;

    for (int i = 2; i < e->c->argc && st == ST_OK; i++) {
        const char *file = e->c->argv[i];
        struct buf input = {0}, kept = {0};
        struct refusal why = {.code = ""};
        char reason[400] = "";
        Eocbus__V1__Envelope *m;
        struct xml x;

        arena_reset(e->arena);
        xml_begin(&x, e->arena);
        st = input_read(&input, file, err, err_size);
        if (st == ST_OK) {
            st = form_import(&m, &kept, input.data, input.len, &x, reason, sizeof(reason));
            if (st == ST_OK) {
                add_address(e, m);
                st = each(e, m, file, &kept, &why);
            }
            if (st != ST_OK)
                snprintf(err, err_size, "%s: %s%s%s%s%s", file, reason, why.code,
                         *why.code ? " " : "", why.path, "");
            if (st != ST_OK && *why.text)
                snprintf(err + strlen(err), err_size - strlen(err), "%s%s", *why.code ? ": " : "",
                         why.text);
        }
        buf_free(&input);
        buf_free(&kept);
    }
    return st;
}

/* The same files again put nothing again. */
static enum status once(struct edxl_in *e, char *err, size_t err_size)
{
    struct sha256 s;
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX], key[DIGEST_HEX + 8];

    sha256_begin(&s);
    sha256_add(&s, e->status, strlen(e->status));
    for (int i = 2; i < e->c->argc; i++) {
        struct buf input = {0};
        enum status st = input_read(&input, e->c->argv[i], err, err_size);

        if (st != ST_OK)
            return st;
        sha256_add(&s, input.data, input.len);
        buf_free(&input);
    }
    sha256_end(&s, digest);
    digest_hex(hex, digest);
    snprintf(key, sizeof(key), "edxl %.48s", hex);
    return outbox_once(speak_outbox(e->speak), key);
}

/* First all are looked at, so that a fault in the third leaves the first two unsaid. */
static enum status put_all(struct edxl_in *e, char *err, size_t err_size)
{
    enum status st = each_file(e, check_one, err, err_size);

    if (st == ST_OK)
        st = once(e, err, err_size);
    if (st == ST_OK)
        st = each_file(e, put_one, err, err_size);
    if (st == ST_OK)
        st = speak_commit(e->speak);
    if (st != ST_OK && !*err)
        snprintf(err, err_size, "%s", outbox_trouble(speak_outbox(e->speak)));
    return st;
}

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    struct edxl_in *e = arg;
    struct buf raw = {0}, line = {0};

    buf_printf(&raw, "%s: ", e->c->argv[2 + number]);
    if (oc->stored)
        buf_printf(&raw, "stored %" PRIu64, oc->seq);
    else
        buf_printf(&raw, "refused %s %s %s", oc->code ? oc->code : "",
                   oc->path && *oc->path ? oc->path : "-", oc->text ? oc->text : "");
    print_escaped(&line, (const char *)raw.data, raw.len);
    buf_puts(&line, "\n");
    print_flush(&line);
    buf_free(&raw);
    buf_free(&line);
}

static int judge(struct edxl_in *e, enum status st)
{
    struct speak_result r;

    speak_result(e->speak, &r);
    if (st != ST_OK)
        return program_fail(
            &e->c->program, EXIT_UNREACHABLE,
            "%zu of %zu messages have no receipt yet%s%s%s; they are safe in %s, and the "
            "next run sends them first",
            r.waiting, r.said, *r.trouble ? " (" : "", r.trouble, *r.trouble ? ")" : "",
            e->c->set.agent.outbox_path);
    return r.refused ? EXIT_REFUSED : EXIT_DONE;
}

static int fail(struct edxl_in *e, enum status st, const char *err)
{
    return program_fail(&e->c->program,
                        st == ST_INVALID ? EXIT_REFUSED
                        : st == ST_AGAIN ? EXIT_UNREACHABLE
                                         : EXIT_MACHINE,
                        "%s", err);
}

static int say(struct edxl_in *e)
{
    const struct speak_settings set = {.agent = &e->c->set.agent,
                                       .program = "eocctl " EOCBUS_VERSION,
                                       .wait_s = (unsigned)(e->wait_s > 86400 ? 86400 : e->wait_s),
                                       .arg = e,
                                       .settled = on_settled};
    char err[1200] = "";
    enum status st;
    int code;

    if (!e->c->set.agent.outbox_path || !*e->c->set.agent.outbox_path)
        return program_fail(
            &e->c->program, EXIT_USAGE,
            "import needs the settings of a principal with an outbox (outbox.path), or "
            "--print");
    if (speak_create(&e->speak, &set, err, sizeof(err)) != ST_OK)
        return program_fail(&e->c->program, EXIT_MACHINE, "%s", err);
    st = put_all(e, err, sizeof(err));
    if (st != ST_OK)
        code = fail(e, st, err);
    else
        code = e->wait_s ? judge(e, speak_wait(e->speak, false)) : EXIT_DONE;
    speak_destroy(e->speak);
    return code;
}

static int run(struct edxl_in *e)
{
    char err[1200] = "";
    enum status st;

    if (!e->print)
        return say(e);
    st = each_file(e, print_one, err, sizeof(err));
    return st == ST_OK ? EXIT_DONE : fail(e, st, err);
}

int edxl_import(struct ctl *c)
{
    struct edxl_in e = {
        .c = c, .status = "ACTUAL", .lane = "ROUTINE", .label = "INTERNAL", .wait_s = 30};
    const struct option_row options[] = {
        {"--status", OPTION_TEXT, &e.status}, {"--lane", OPTION_TEXT, &e.lane},
        {"--label", OPTION_TEXT, &e.label},   {"--to", OPTION_WORDS, &e.to},
        {"--place", OPTION_WORDS, &e.places}, {"--wait", OPTION_NUMBER, &e.wait_s},
        {"--print", OPTION_FLAG, &e.print},
    };
    char err[600];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK ||
        read_words(&e, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc < 3)
        return program_fail(&c->program, EXIT_USAGE, "import wants one file or more; see --help");
    if (arena_create(&e.arena, FORM_ARENA_BYTES) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "out of memory");
    code = run(&e);
    arena_destroy(e.arena);
    return code;
}
