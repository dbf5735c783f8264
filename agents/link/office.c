/* office - see office.h. Messages, and saying them; the program around it is in
 * office_main.c, each command in a file of its own. */
#include "agents/link/office.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/json_input.h"
#include "agents/link/print.h"
#include "agents/link/speak.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

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

int office_fail_filled(struct office *o, int code, enum say what,
                       const struct translate_value *values, size_t n)
{
    struct buf text = {0};

    translate_fill(&text, lang_say(o->lang, what), values, n);
    buf_put(&text, "", 1);
    (void)office_fail(o, code, "%s", text.failed ? "out of memory" : (const char *)text.data);
    buf_free(&text);
    return code;
}

const char *office_file(struct office *o, const char *suffix)
{
    return arena_printf(o->arena, "%s%s", o->set.agent.outbox_path, suffix);
}

/* --- messages --------------------------------------------------------------------------------- */

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

/* --- saying ----------------------------------------------------------------------------------- */

void office_print(const char *before, const char *what)
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

void office_tell_refused(struct office *o, const struct outbox_outcome *oc)
{
    struct buf why = {0};

    translate_refusal(&why, o->lang, oc->code, oc->path, oc->text);
    buf_put(&why, "", 1);
    office_print(lang_say(o->lang, SAY_REFUSED), why.failed ? "" : (const char *)why.data);
    buf_free(&why);
}

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    struct office *o = arg;
    char text[200];

    (void)number;
    if (oc->stored) {
        snprintf(text, sizeof(text), "%s %" PRIu64 "%s%s", lang_say(o->lang, SAY_STORED), oc->seq,
                 *o->said ? "  " : "", o->said);
        office_print(text, translate_verdict(o->lang, oc->verdict));
        return;
    }
    office_tell_refused(o, oc);
}

int office_fail_refused(struct office *o, const char *place, const struct refusal *why)
{
    struct buf text = {0};

    translate_refusal(&text, o->lang, why->code, why->path, why->text);
    buf_put(&text, "", 1);
    (void)office_fail(o, EXIT_REFUSED, "%s%s: %s", lang_say(o->lang, SAY_NOT_TAKEN), place,
                      text.failed ? why->text : (const char *)text.data);
    buf_free(&text);
    return EXIT_REFUSED;
}

static int fail_check(struct office *o, const struct refusal *why, size_t i, size_t n)
{
    char place[50] = "";

    if (n > 1)
        snprintf(place, sizeof(place), " (%zu/%zu)", i + 1, n);
    return office_fail_refused(o, place, why);
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
        st = speak_put_sealed(s, messages[i], o->keys, o->keys_len, &why);
    /* Borrowed from the outbox until the next put. */
    if (st == ST_OK && n == 1 && messages[0]->message_id.len == ID_BYTES)
        id_format(id, messages[0]->message_id.data);
    memcpy(o->said, id, ID_TEXT);
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

        office_print(before ? "" : id, lang_say(o->lang, before          ? SAY_KEPT_BEFORE
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

int office_say_sealed(struct office *o, Eocbus__V1__Envelope *m, const uint8_t *keys,
                      size_t keys_len)
{
    int code;

    o->keys = keys;
    o->keys_len = keys_len;
    code = office_say(o, &m, 1);
    o->keys = NULL;
    o->keys_len = 0;
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
