/* order - an order to a machine on paper: drawn up by one, approved by others, then said.
 *
 * The paper is the message itself as JSON, so that each sees what he approves; it goes from hand to
 * hand as a file, by mail or on a stick. What is changed on the way has to be approved anew. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/letter.h"
#include "agents/link/form.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "proto/base/ids.h"
#include "proto/base/sign.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

#define SECOND_US INT64_C(1000000)

struct paper {
    struct ctl *c;
    const char *path, *out;
    struct arena *arena;
    Eocbus__V1__Envelope *m;
    struct option_words places;
    uint64_t seconds, minutes;
    const char *file, *wait, *reason;
    bool yes, exercise;
};

/* --- files ------------------------------------------------------------------------------------ */

static int fail(struct paper *p, int code, const char *text)
{
    return program_fail(&p->c->program, code, "%s", text);
}

static int read_paper(struct paper *p, const char *path)
{
    int code = letter_read(p->c, &p->m, path, p->arena);

    if (code < 0 && (!order_is_for_a_machine(p->m) || !order_target(p->m)[0]))
        code = fail(p, EXIT_USAGE,
                    "this is no order to a machine: a siren_command, sensor_control or "
                    "sensor_configuration with its site or target");
    return code;
}

/* The page refuses it with the same words: what an exercise does not do is not on paper either. */
static int refuse_misfit(struct paper *p)
{
    const char *misfit = order_misfit(p->m, p->m->status);

    return misfit ? fail(p, EXIT_REFUSED, misfit) : -1;
}

/* --- for people ------------------------------------------------------------------------------- */

static void put_siren(struct buf *out, const Eocbus__V1__SirenCommand *s)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
        &eocbus__v1__siren_pattern__descriptor, (int)s->pattern);

    if (s->action == EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND)
        buf_printf(out, "  %-12s%s, %u s\n", "sound", v ? v->name + strlen("SIREN_PATTERN_") : "?",
                   s->duration_s);
    if (s->reason[0])
        letter_put(out, "reason", s->reason);
}

static void put_status(struct buf *out, const Eocbus__V1__Envelope *m)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&eocbus__v1__status__descriptor, (int)m->status);

    letter_put(out, "status", v ? v->name + strlen("STATUS_") : "none");
}

static void put_order(struct buf *out, const Eocbus__V1__Envelope *m)
{
    Eocbus__V1__Approval **rows = NULL;
    size_t count = order_approvals(m, &rows);
    char words[80], id[ID_TEXT] = "none yet";

    if (m->message_id.len == ID_BYTES)
        id_format(id, m->message_id.data);
    order_words(words, sizeof(words), m);
    letter_put(out, "order", words);
    letter_put(out, "machine", order_target(m));
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND)
        put_siren(out, m->siren_command);
    put_status(out, m);
    letter_put(out, "ordered by", m->sender);
    letter_put_time(out, "drawn up", m->sent_time_us);
    letter_put_time(out, "not after", m->not_after_us);
    letter_put(out, "id", id);
    for (size_t i = 0; i < count; i++)
        letter_put(out, "approved by", rows[i]->principal);
    if (!count)
        letter_put(out, "approved by", "nobody");
}

/* What no summary tells: numbers of a detector are read one by one. */
static void put_numbers(struct buf *out, const Eocbus__V1__Envelope *m)
{
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION)
        json_print_pretty(out, &m->sensor_configuration->base);
    else if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL)
        json_print_pretty(out, &m->sensor_control->base);
    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND)
        buf_puts(out, "\n");
}

static int show(struct paper *p)
{
    struct buf out = {0};
    int code = read_paper(p, p->path);

    if (code >= 0)
        return code;
    put_order(&out, p->m);
    put_numbers(&out, p->m);
    (void)print_flush(&out);
    buf_free(&out);
    return EXIT_DONE;
}

/* --- drawing up ------------------------------------------------------------------------------- */

static int draw_up(struct paper *p, const char *out)
{
    Eocbus__V1__Envelope *m = p->m;
    int64_t now_us = letter_now_us();
    uint8_t random[10], id[ID_BYTES];

    if (!letter_own_name(p->c))
        return fail(p, EXIT_USAGE, "the setting `name` says who orders it");
    if (refuse_misfit(p) >= 0)
        return EXIT_REFUSED;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return fail(p, EXIT_MACHINE, "this machine gives no random numbers");
    id_make(id, now_us, random);
    m->sender = p->c->set.agent.name;
    m->message_id = (ProtobufCBinaryData){ID_BYTES, id};
    m->originating_id = m->message_id;
    m->sent_time_us = m->event_time_us = now_us;
    if (p->minutes || m->body_case != EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION)
        m->not_after_us = now_us + (int64_t)(p->minutes ? p->minutes : 10) * 60 * SECOND_US;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND)
        m->siren_command->remaining_ms = (uint32_t)((m->not_after_us - now_us) / 1000);
    (void)!order_set_approvals(m, NULL, 0);
    int code = letter_write(p->c, p->m, out);
    if (code < 0 && strcmp(out, "-") != 0)
        fprintf(stderr,
                "%s is drawn up, and does nothing yet. Give it to those who approve it, before it "
                "is over:\n  eocctl order approve %s\nthen say it:  eocctl order say %s\n",
                out, out, out);
    return code < 0 ? EXIT_DONE : code;
}

/* "evacuate" and the other patterns sound it; or the name of another action. */
static int take_what(struct paper *p, Eocbus__V1__SirenCommand *s, const char *word)
{
    char err[300];
    int value;

    s->action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND;
    if (form_word(&eocbus__v1__siren_pattern__descriptor, word, &value, err, sizeof(err)) ==
        ST_OK) {
        s->pattern = (Eocbus__V1__SirenPattern)value;
        s->duration_s = (uint32_t)(p->seconds ? p->seconds : 180);
        return -1;
    }
    if (form_word(&eocbus__v1__siren_action__descriptor, word, &value, err, sizeof(err)) == ST_OK &&
        value != EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND) {
        s->action = (Eocbus__V1__SirenAction)value;
        return -1;
    }
    return program_fail(&p->c->program, EXIT_USAGE,
                        "a siren can be told evacuate, attention, all_clear, voice, silence or "
                        "self_test, not \"%s\"",
                        word);
}

static int siren(struct paper *p)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SirenCommand s = EOCBUS__V1__SIREN_COMMAND__INIT;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    int code;

    if (p->c->argc != 4 || p->minutes > 15 || p->seconds > 1800)
        return fail(p, EXIT_USAGE,
                    "say `order siren SITE evacuate|attention|all_clear|silence|self_test --place "
                    "PCODE`, for at most 1800 --seconds, to be begun within 15 --minutes");
    s.site = p->c->argv[2];
    if (p->reason)
        s.reason = (char *)(uintptr_t)p->reason;
    code = take_what(p, &s, p->c->argv[3]);
    if (code >= 0)
        return code;
    area.pcodes = (char **)(uintptr_t)p->places.items;
    area.n_pcodes = p->places.count;
    m.lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    m.status =
        p->exercise ? EOCBUS__V1__STATUS__STATUS_EXERCISE : EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REQUEST;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.area = p->places.count ? &area : NULL;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    m.siren_command = &s;
    p->m = &m; /* cppcheck-suppress autoVariables ; for this call */
    code = draw_up(p, p->out ? p->out : "-");
    p->m = NULL;
    return code;
}

static int draft(struct paper *p)
{
    int code = read_paper(p, p->file ? p->file : "-");

    return code < 0 ? draw_up(p, p->out ? p->out : "-") : code;
}

/* --- approving -------------------------------------------------------------------------------- */

static int confirm(struct paper *p)
{
    const char *target = order_target(p->m);
    struct buf text = {0};
    char answer[80] = "";

    put_order(&text, p->m);
    put_numbers(&text, p->m);
    fprintf(stderr, "%s approves:\n%.*s", letter_own_name(p->c), (int)text.len,
            (const char *)text.data);
    buf_free(&text);
    if (p->yes)
        return -1;
    fprintf(stderr, "Approve? Type the name of the machine (%s), or nothing to stop: ", target);
    if (!fgets(answer, sizeof(answer), stdin))
        fprintf(stderr, "\n");
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, target) == 0 ? -1 : fail(p, EXIT_REFUSED, "not approved");
}

static int check_person(struct paper *p)
{
    Eocbus__V1__Approval **rows = NULL;
    size_t count = order_approvals(p->m, &rows);
    int64_t now_us = letter_now_us();

    if (!letter_own_name(p->c) || !p->c->set.agent.key_file || !*p->c->set.agent.key_file)
        return fail(p, EXIT_USAGE, "the settings `name` and `key.file` say who approves it");
    if (!p->m->sent_time_us || p->m->message_id.len != ID_BYTES)
        return fail(p, EXIT_USAGE, "it is not drawn up yet: eocctl order draft");
    if (strcmp(p->m->sender, letter_own_name(p->c)) == 0)
        return fail(p, EXIT_REFUSED, "you ordered it; it takes other persons to approve it");
    if (p->m->not_after_us && now_us >= p->m->not_after_us)
        return fail(p, EXIT_REFUSED, "its time is over; draw up a new one");
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i]->principal, letter_own_name(p->c)) == 0)
            return fail(p, EXIT_REFUSED, "you approved it already; it takes another person");
    if (count >= APPROVALS_MOST)
        return fail(p, EXIT_REFUSED, "four approved it already, and no order has more");
    return refuse_misfit(p);
}

static int sign(struct paper *p, Eocbus__V1__Approval *a, uint8_t signature[SIGN_BYTES])
{
    struct signer *signer = NULL;
    struct buf bytes = {0};
    enum status st;
    int code = letter_signer(p->c, &signer);

    if (code >= 0)
        return code;
    a->principal = p->c->set.agent.name;
    a->approved_us = letter_now_us();
    a->version = APPROVAL_VERSION;
    a->signature = (ProtobufCBinaryData){SIGN_BYTES, signature};
    st = order_put_approved(&bytes, p->m, a->principal, a->approved_us);
    if (st == ST_OK)
        signer_sign(signer, signature, DOMAIN_APPROVAL, bytes.data, bytes.len);
    signer_destroy(signer);
    buf_free(&bytes);
    return st == ST_OK ? -1 : fail(p, EXIT_MACHINE, "out of memory");
}

static int approve(struct paper *p)
{
    Eocbus__V1__Approval mine = EOCBUS__V1__APPROVAL__INIT, **rows = NULL;
    Eocbus__V1__Approval *all[APPROVALS_MOST];
    uint8_t signature[SIGN_BYTES];
    size_t count;
    int code = read_paper(p, p->path);

    if (code < 0)
        code = check_person(p);
    if (code < 0)
        code = confirm(p);
    if (code < 0)
        code = sign(p, &mine, signature);
    if (code >= 0)
        return code;
    count = order_approvals(p->m, &rows);
    for (size_t i = 0; i < count; i++)
        all[i] = rows[i];
    all[count] = &mine;
    (void)!order_set_approvals(p->m, all, count + 1);
    code = letter_write(p->c, p->m, p->out ? p->out : p->path);
    if (code < 0)
        fprintf(stderr, "approved; it has %zu approval%s now\n", count + 1, count ? "s" : "");
    return code < 0 ? EXIT_DONE : code;
}

/* --- the command ------------------------------------------------------------------------------ */

/* What is in the paper is a message as any other. */
static int say(struct paper *p)
{
    int code = read_paper(p, p->path);

    if (code >= 0)
        return code;
    if (!letter_own_name(p->c))
        return fail(p, EXIT_USAGE, "the setting `name` says who orders it");
    if (strcmp(p->m->sender, letter_own_name(p->c)) != 0)
        return program_fail(&p->c->program, EXIT_REFUSED,
                            "%s drew it up and has to say it; this is %s", p->m->sender,
                            letter_own_name(p->c));
    code = refuse_misfit(p);
    if (code >= 0)
        return code;
    return letter_say(p->c, p->path, p->wait);
}

static int run(struct paper *p, const char *verb)
{
    static const struct {
        const char *name;
        int (*run)(struct paper *p);
        bool takes_file;
    } verbs[] = {{"siren", siren, false},
                 {"draft", draft, false},
                 {"show", show, true},
                 {"approve", approve, true},
                 {"say", say, true}};

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].name, verb) != 0)
            continue;
        if (verbs[i].takes_file && p->c->argc != 3)
            return program_fail(&p->c->program, EXIT_USAGE, "say `order %s FILE`", verb);
        p->path = verbs[i].takes_file ? p->c->argv[2] : NULL;
        return verbs[i].run(p);
    }
    return fail(p, EXIT_USAGE, "say `order siren|draft|show|approve|say`; see --help");
}

int ctl_order(struct ctl *c)
{
    struct paper p = {.c = c, .wait = "30"};
    const struct option_row options[] = {
        {"--place", OPTION_WORDS, &p.places},     {"--seconds", OPTION_NUMBER, &p.seconds},
        {"--minutes", OPTION_NUMBER, &p.minutes}, {"--exercise", OPTION_FLAG, &p.exercise},
        {"--file", OPTION_TEXT, &p.file},         {"--out", OPTION_TEXT, &p.out},
        {"--wait", OPTION_TEXT, &p.wait},         {"--yes", OPTION_FLAG, &p.yes},
        {"--reason", OPTION_TEXT, &p.reason},
    };
    char err[600];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (arena_create(&p.arena, LIMIT_ARENA_BYTES) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "out of memory");
    code = run(&p, c->argc > 1 ? c->argv[1] : "");
    arena_destroy(p.arena);
    return code;
}
