/* office - see office.h. What stays up (run) is in office_run.c. */
#include "agents/link/office.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/json_input.h"
#include "agents/link/print.h"
#include "agents/link/speak.h"
#include "agents/link/summary.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* A table of a thousand households with room to spare. */
#define ARENA_BYTES (64u << 20)

int office_fail(struct office *o, int code, const char *fmt, ...)
{
    struct buf safe = {0};
    char text[2000];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    print_escaped(&safe, text, strlen(text));
    buf_put(&safe, "", 1);
    program_fail(&o->program, code, "%s", safe.failed ? text : (const char *)safe.data);
    buf_free(&safe);
    return code;
}

const char *office_file(struct office *o, const char *suffix)
{
    return arena_printf(o->arena, "%s%s", o->set.agent.outbox_path, suffix);
}

/* --- messages -----------------------------------------------------------------------------------
 */

static Eocbus__V1__Lang text_lang(enum lang lang)
{
    static const Eocbus__V1__Lang langs[LANG_COUNT] = {
        EOCBUS__V1__LANG__LANG_TG, EOCBUS__V1__LANG__LANG_RU, EOCBUS__V1__LANG__LANG_EN};

    return langs[lang];
}

Eocbus__V1__Envelope *office_message(struct office *o, Eocbus__V1__Kind kind, Eocbus__V1__Lane lane)
{
    Eocbus__V1__Envelope *m = form_new(&eocbus__v1__envelope__descriptor, o->arena);
    char err[200];

    if (!m)
        return NULL;
    m->status = o->status;
    m->kind = kind;
    m->lane = lane;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->lang = text_lang(o->lang);
    if (*o->set.place &&
        form_set(&m->base, "area.pcodes[0]", o->set.place, o->arena, err, sizeof(err)) != ST_OK)
        return NULL;
    return m;
}

void office_own(struct office *o, struct option_row rows[OFFICE_OWN_OPTIONS])
{
    rows[0] = (struct option_row){"--wait", OPTION_NUMBER, &o->wait_s};
    rows[1] = (struct option_row){"--once-key", OPTION_TEXT, &o->once_key};
    rows[2] = (struct option_row){"--field", OPTION_WORDS, &o->field_words};
    rows[3] = (struct option_row){"--file", OPTION_TEXT, &o->file};
}

int office_fill(struct office *o, Eocbus__V1__Envelope *m, const struct form_row *rows, size_t n)
{
    struct option_row own[OFFICE_OWN_OPTIONS];
    char err[1400] = "";

    office_own(o, own);
    if (form_take(&m->base, rows, n, own, OFFICE_OWN_OPTIONS, &o->argc, o->argv, o->arena, err,
                  sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_USAGE, "%s", err);
    for (unsigned i = 0; i < o->field_words.count; i++)
        if (form_assign(&m->base, o->field_words.items[i], o->arena, err, sizeof(err)) != ST_OK)
            return office_fail(o, EXIT_USAGE, "--field %s", err);
    return -1;
}

/* --- saying -------------------------------------------------------------------------------------
 */

static void print_line(const char *before, const char *what)
{
    struct buf b = {0};

    print_escaped(&b, before, strlen(before));
    if (*what) {
        buf_puts(&b, *before ? ": " : "");
        print_escaped(&b, what, strlen(what));
    }
    buf_puts(&b, "\n");
    print_flush(&b);
    buf_free(&b);
}

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    struct office *o = arg;
    char text[700];

    (void)number;
    if (oc->stored) {
        snprintf(text, sizeof(text), "%s %" PRIu64, lang_say(o->lang, SAY_STORED), oc->seq);
        print_line(text, "");
        return;
    }
    snprintf(text, sizeof(text), "%s %s %s", oc->code ? oc->code : "",
             oc->path && *oc->path ? oc->path : "-", oc->text ? oc->text : "");
    print_line(lang_say(o->lang, SAY_REFUSED), text);
}

static int fail_check(struct office *o, const struct refusal *why, size_t i, size_t n)
{
    if (n > 1)
        return office_fail(o, EXIT_REFUSED, "%s (%zu/%zu): %s %s: %s",
                           lang_say(o->lang, SAY_NOT_TAKEN), i + 1, n, why->code, why->path,
                           why->text);
    return office_fail(o, EXIT_REFUSED, "%s: %s %s: %s", lang_say(o->lang, SAY_NOT_TAKEN),
                       why->code, why->path, why->text);
}

/* First everything is looked at, so that a fault in the seventh leaves the first six unsaid. */
int office_speak_put(struct office *o, struct speak *s, Eocbus__V1__Envelope *const *messages,
                     size_t n, char id[ID_TEXT])
{
    struct refusal why = {.code = ""};
    enum status st = ST_OK;

    for (size_t i = 0; i < n; i++)
        if (speak_check(s, messages[i], &why) != ST_OK)
            return fail_check(o, &why, i, n);
    if (o->once_key)
        st = outbox_once(speak_outbox(s), o->once_key);
    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = speak_put(s, messages[i], &why);
    /* Borrowed from the outbox until the next put. */
    if (st == ST_OK && n == 1 && messages[0]->message_id.len == ID_BYTES)
        id_format(id, messages[0]->message_id.data);
    if (st == ST_OK)
        st = speak_commit(s);
    if (st != ST_OK)
        return office_fail(o, st == ST_AGAIN ? EXIT_UNREACHABLE : EXIT_MACHINE, "%s",
                           *why.text ? why.text : outbox_trouble(speak_outbox(s)));
    return -1;
}

int office_speak_report(struct office *o, struct speak *s, const char *id)
{
    enum status st = o->wait_s ? speak_wait(s, false) : ST_OK;
    struct speak_result r;

    if (st != ST_OK && st != ST_AGAIN)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    speak_result(s, &r);
    if (!o->wait_s) {
        bool before = r.before == r.said;

        print_line(before ? "" : id, lang_say(o->lang, before          ? SAY_KEPT_BEFORE
                                                       : r.sender_runs ? SAY_KEPT_ON_ITS_WAY
                                                                       : SAY_KEPT_NO_LINK));
        return EXIT_DONE;
    }
    if (st == ST_AGAIN)
        return office_fail(o, EXIT_UNREACHABLE, "%s%s%s", lang_say(o->lang, SAY_NOT_IN_TIME),
                           *r.trouble ? ": " : "", r.trouble);
    return r.refused ? EXIT_REFUSED : EXIT_DONE;
}

int office_speak_open(struct office *o, struct speak **out)
{
    const struct speak_settings set = {
        .agent = &o->set.agent,
        .program = arena_printf(o->arena, "%s " EOCBUS_VERSION, o->program.name),
        .wait_s = o->wait_s > 86400 ? 86400 : (unsigned)o->wait_s,
        .arg = o,
        .settled = on_settled,
    };
    char err[600];

    if (speak_create(out, &set, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    return -1;
}

int office_say(struct office *o, Eocbus__V1__Envelope *const *messages, size_t n)
{
    char id[ID_TEXT] = "";
    struct speak *s;
    int code;

    if (n == 0)
        return EXIT_DONE;
    code = office_speak_open(o, &s);
    if (code >= 0)
        return code;
    code = office_speak_put(o, s, messages, n, id);
    if (code < 0)
        code = office_speak_report(o, s, id);
    speak_destroy(s);
    return code;
}

/* What the file leaves open, the settings know. */
static void complete(struct office *o, Eocbus__V1__Envelope *m)
{
    if (m->status == 0)
        m->status = o->status;
    if (m->lang == 0)
        m->lang = text_lang(o->lang);
    if (m->label == 0)
        m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
}

static int read_messages(struct office *o, const struct buf *input, Eocbus__V1__Envelope ***out,
                         size_t *count)
{
    const char *at = (const char *)input->data, *end = at + input->len;
    bool lines = input_is_lines(at, input->len, o->arena);
    size_t cap = 0;
    unsigned number = 0;
    char err[600];

    for (;;) {
        Eocbus__V1__Envelope *m;
        enum status st = input_next(&m, &at, end, lines, &number, o->arena, err, sizeof(err));

        if (st == ST_NOTFOUND)
            return -1;
        if (st != ST_OK)
            return office_fail(o, EXIT_REFUSED, "%s: %s", lang_say(o->lang, SAY_NOT_TAKEN), err);
        if (*count == cap) {
            Eocbus__V1__Envelope **more;

            cap = cap ? cap * 2 : 64;
            more = mem_realloc(*out, cap * sizeof(**out));
            if (!more)
                return office_fail(o, EXIT_MACHINE, "out of memory");
            *out = more;
        }
        complete(o, m);
        (*out)[(*count)++] = m;
    }
}

int office_say_file(struct office *o, const char *path)
{
    Eocbus__V1__Envelope **messages = NULL;
    struct buf input = {0};
    size_t count = 0;
    char err[600];
    int code;

    if (input_read(&input, path, err, sizeof(err)) != ST_OK) {
        buf_free(&input);
        return office_fail(o, EXIT_MACHINE, "%s", err);
    }
    code = read_messages(o, &input, &messages, &count);
    if (code < 0)
        code = office_say(o, messages, count);
    mem_free(messages);
    buf_free(&input);
    return code;
}

/* --- the outbox ---------------------------------------------------------------------------------
 */

struct listing {
    struct office *o;
    struct buf b;
    size_t rows;
};

static void put_row(struct listing *l, const struct outbox_row *row)
{
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);
    struct buf text = {0};
    char time[TIME_TEXT] = "";

    if (m)
        time_format(time, m->event_time_us);
    buf_printf(&l->b, "%" PRIu64 "  %.16s  ", row->tag, time);
    summary_put(&text, m);
    print_escaped(&l->b, (const char *)text.data, text.len);
    l->b.failed |= text.failed;
    buf_free(&text);
    if (m)
        eocbus__v1__envelope__free_unpacked(m, NULL);
    l->rows++;
}

static bool each_row(void *arg, const struct outbox_row *row, int state,
                     const struct outbox_outcome *oc)
{
    struct listing *l = arg;
    struct buf why = {0};

    if (state != OUTBOX_WAITING && state != OUTBOX_REFUSED)
        return true;
    buf_printf(&l->b, "%s  ",
               lang_say(l->o->lang, state == OUTBOX_WAITING ? SAY_WAITING : SAY_REFUSED));
    put_row(l, row);
    if (state == OUTBOX_REFUSED) {
        buf_printf(&why, "%s %s %s", oc->code ? oc->code : "", oc->path ? oc->path : "",
                   oc->text ? oc->text : "");
        buf_puts(&l->b, "\n    ");
        print_escaped(&l->b, (const char *)why.data, why.len);
    }
    buf_free(&why);
    buf_puts(&l->b, "\n");
    return !l->b.failed;
}

static int list_outbox(struct office *o, struct outbox *box)
{
    struct listing l = {.o = o};

    if (outbox_each(box, each_row, &l) != ST_OK) {
        buf_free(&l.b);
        return office_fail(o, EXIT_MACHINE, "%s", outbox_trouble(box));
    }
    if (!l.rows)
        buf_printf(&l.b, "%s\n", lang_say(o->lang, SAY_NOTHING_WAITS));
    print_flush(&l.b);
    buf_free(&l.b);
    return EXIT_DONE;
}

static int mark_seen(struct office *o, struct outbox *box, const char *word)
{
    char *end;
    uint64_t tag = strtoull(word, &end, 10);
    enum status st = *end || end == word ? ST_NOTFOUND : outbox_seen(box, tag);

    if (st == ST_OK)
        st = outbox_commit(box);
    if (st == ST_NOTFOUND || st == ST_INVALID || st == ST_EXISTS)
        return office_fail(o, EXIT_USAGE, "%s: %s", lang_say(o->lang, SAY_NO_SUCH_ROW), word);
    if (st != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", outbox_trouble(box));
    print_line(word, lang_say(o->lang, SAY_SEEN));
    return EXIT_DONE;
}

int office_outbox(struct office *o)
{
    const struct agent_settings *a = &o->set.agent;
    const struct outbox_settings set = {
        .path = a->outbox_path, .sender = a->name, .budget_bytes = a->outbox_budget};
    struct outbox *box;
    char err[600];
    int code;

    if (o->argc != 1 && !(o->argc == 3 && strcmp(o->argv[1], "seen") == 0))
        return office_fail(o, EXIT_USAGE, "outbox [seen NUMBER]");
    if (outbox_open(&box, &set, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    code = o->argc == 1 ? list_outbox(o, box) : mark_seen(o, box, o->argv[2]);
    outbox_close(box);
    return code;
}

/* --- main ---------------------------------------------------------------------------------------
 */

static const struct office_command *find_command(const struct office *o, const char *name)
{
    for (size_t i = 0; i < o->command_count; i++)
        if (strcmp(o->commands[i].name, name) == 0)
            return &o->commands[i];
    return NULL;
}

/* The first word that is no option of the program nor the value of one, and the word behind it. */
static const struct office_command *command_meant(const struct office *o, int argc, char **argv,
                                                  const char **word)
{
    *word = NULL;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (i + 1 < argc && argv[i + 1][0] != '-')
                *word = argv[i + 1];
            return find_command(o, argv[i]);
        }
        if (!strcmp(argv[i], "-c") || !strcmp(argv[i], "-o") || !strcmp(argv[i], "--config") ||
            !strcmp(argv[i], "--set"))
            i++;
    }
    return NULL;
}

static void put_usage(struct office *o, struct buf *b, const char *head,
                      const struct office_command *command, const char *word)
{
    buf_printf(b, "%s\n", head);
    if (command && command->help) {
        command->help(b, command->name, word);
    } else {
        for (size_t i = 0; i < o->command_count; i++)
            buf_printf(b, "  %-12s %s\n", o->commands[i].name, o->commands[i].summary);
        buf_printf(b, "\n`%s COMMAND --help` tells more.\n", o->program.name);
    }
    buf_puts(b, "\nOf every command that says something:\n"
                "  --wait SECONDS     for the receipts (default 0: into the outbox, and back)\n"
                "  --once-key KEY     repeatable: what an earlier run with this key put is not put "
                "again\n"
                "  --field PATH=VALUE any other field, by its name in the .proto\n"
                "\nOf every command:\n"
                "  -c FILE, -o NAME=VALUE, --check-config, --print-config, --help, --version\n");
    buf_put(b, "", 1);
}

static int fail_unknown(struct office *o, const char *word)
{
    const char *names[32], *near;
    size_t n = 0;

    for (; n < o->command_count && n < ARRAY_LEN(names); n++)
        names[n] = o->commands[n].name;
    near = options_nearest(word, names, n);
    if (near)
        return office_fail(o, EXIT_USAGE, "%s: %s; %s: %s?", lang_say(o->lang, SAY_NO_SUCH_COMMAND),
                           word, lang_say(o->lang, SAY_DID_YOU_MEAN), near);
    return office_fail(o, EXIT_USAGE, "%s: %s", lang_say(o->lang, SAY_NO_SUCH_COMMAND), word);
}

/* The words that the rows of settings cannot check. */
static int check_words(struct office *o)
{
    enum log_level level;
    char err[300];
    int status;

    if (lang_parse(o->set.lang, &o->lang) != ST_OK)
        return office_fail(o, EXIT_USAGE, "lang = %s: legal are tg, ru and en", o->set.lang);
    if (form_word(&eocbus__v1__status__descriptor, o->set.status, &status, err, sizeof(err)) !=
        ST_OK)
        return office_fail(o, EXIT_USAGE, "status: %s", err);
    o->status = (Eocbus__V1__Status)status;
    if (*o->set.place && !gate_pcode_is_valid(o->set.place))
        return office_fail(o, EXIT_USAGE, "place = %s is no P-code, such as 3505203", o->set.place);
    if (!*o->set.agent.outbox_path)
        return office_fail(o, EXIT_USAGE,
                           "outbox.path is empty; an office has to keep what it says");
    if (log_level_parse(o->set.agent.log_level, &level) != ST_OK)
        return office_fail(o, EXIT_USAGE, "log.level: legal are debug, info, warn and error");
    log_set_level(level);
    return -1;
}

static int run_command(struct office *o, int argc, char **argv)
{
    const struct office_command *command;
    int code = check_words(o);

    if (code >= 0)
        return code;
    if (argc < 2)
        return office_fail(o, EXIT_USAGE, "%s", lang_say(o->lang, SAY_WHAT_SHALL_I_DO));
    command = find_command(o, argv[1]);
    if (!command)
        return fail_unknown(o, argv[1]);
    if (arena_create(&o->arena, ARENA_BYTES) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    o->argc = argc - 1;
    o->argv = argv + 1;
    code = command->run(o);
    arena_destroy(o->arena);
    return code;
}

/* --check-config is answered by the program, which cannot know the words of an office. */
static int check_only(struct office *o, int argc, char **argv)
{
    char *kept[128];
    int n = 0, code;
    bool asked = false;

    for (int i = 0; i < argc && i < (int)ARRAY_LEN(kept) - 1; i++) {
        if (strcmp(argv[i], "--check-config") == 0)
            asked = true;
        else
            kept[n++] = argv[i];
    }
    kept[n] = NULL;
    if (!asked)
        return -1;
    code = program_start(&o->program, &n, kept, &o->set);
    if (code >= 0)
        return code;
    code = check_words(o);
    conf_free(o->program.rows, o->program.row_count, &o->set);
    return code;
}

int office_main(struct office *o, const char *usage_head, int argc, char **argv)
{
    const struct office_command *meant;
    const char *word;
    struct buf usage = {0};
    int code;

    o->lang = LANG_ENGLISH;
    meant = command_meant(o, argc, argv, &word);
    put_usage(o, &usage, usage_head, meant, word);
    o->program.usage = usage.failed ? "" : (const char *)usage.data;
    code = check_only(o, argc, argv);
    if (code < 0)
        code = program_start(&o->program, &argc, argv, &o->set);
    if (code < 0) {
        code = run_command(o, argc, argv);
        conf_free(o->program.rows, o->program.row_count, &o->set);
    }
    buf_free(&usage);
    return code;
}
