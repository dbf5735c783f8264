/* office_run - the office that stays up: empties the outbox, and hears what concerns its place.
 *
 * What was heard is acknowledged only after it was printed, and the place in the log is on disk, so
 * that a restart goes on where it stopped. Without a terminal nothing is printed: then a screen
 * elsewhere does it, and a log file is no place for what people say. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/link/head_book.h"
#include "agents/link/office.h"
#include "agents/link/places.h"
#include "agents/link/print.h"
#include "agents/link/profile.h"
#include "agents/link/receipt_book.h"
#include "agents/link/summary.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/wire/topic.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

enum { PATTERNS_MAX = 16 };

struct running {
    struct office *o;
    struct loop *loop;
    struct agent *agent;
    struct loop_signal *term, *intr, *hangup;
    const char *patterns[PATTERNS_MAX];
    unsigned pattern_count;
    bool terminal;
    const char *book;      /* see receipt_book.h */
    struct arena *scratch; /* of one answer */
    struct head_book heads;
};

/* Every family of the district, and what is said to the whole region or to everybody. */
static bool make_patterns(struct running *r)
{
    struct office *o = r->o;
    char region[16] = "*", district[16] = "*";

    if (*o->set.place) {
        pcode_region(region, o->set.place);
        pcode_district(district, o->set.place);
    }
    for (const char *const *f = o->families; *f && r->pattern_count + 3 < PATTERNS_MAX; f++) {
        r->patterns[r->pattern_count++] =
            arena_printf(o->arena, "*.%s.*.%s.%s", *f, region, district);
        if (strcmp(*f, "alert") == 0 && strcmp(district, "-") != 0 && *district != '*') {
            r->patterns[r->pattern_count++] = arena_printf(o->arena, "*.alert.*.%s.-", region);
            /* By type: receipts name no place, and those of everybody would fill a thin link. */
            r->patterns[r->pattern_count++] = "*.alert.public_alert.-.-";
        }
    }
    for (unsigned i = 0; i < r->pattern_count; i++)
        if (!r->patterns[i])
            return false;
    return true;
}

static bool names_us(const struct office *o, const Eocbus__V1__Envelope *m)
{
    for (size_t i = 0; i < m->n_to; i++)
        if (strcmp(m->to[i], o->set.agent.name) == 0)
            return true;
    return false;
}

static bool is_to_us(const struct office *o, const Eocbus__V1__Envelope *m)
{
    for (size_t i = 0; i < m->n_to; i++) {
        const char *to = m->to[i], *at = strchr(to, '@');
        size_t len = strlen(to);

        if (strcmp(to, o->set.agent.name) == 0 || (at && strcmp(at + 1, o->set.place) == 0))
            return true;
        /* An agency: "coes" for coes.ayni.office. */
        if (!at && strncmp(to, o->set.agent.name, len) == 0 && o->set.agent.name[len] == '.')
            return true;
    }
    return false;
}

/* What is not proved is said to be so; the bus's own notes are never signed. */
static void put_doubt(const struct running *r, struct buf *line, const Eocbus__V1__Envelope *m)
{
    enum proof proof = agent_proof(r->agent);

    if (proof == PROOF_UNKNOWN)
        buf_printf(line, " [%s]", lang_say(r->o->lang, SAY_UNCHECKED));
    else if (proof == PROOF_UNSIGNED && m && strcmp(m->sender, "bus") != 0)
        buf_printf(line, " [%s]", lang_say(r->o->lang, SAY_UNSIGNED));
}

/* The sentence has it in English. */
static void put_place(const struct running *r, struct buf *line, const Eocbus__V1__Envelope *m)
{
    if (r->o->lang == LANG_ENGLISH || !m || !m->area || !m->area->n_pcodes)
        return;
    buf_puts(line, " (");
    place_put(line, r->o->lang, m->area->pcodes[0]);
    buf_puts(line, ")");
}

static void put_sentence(const struct running *r, struct buf *line, const struct buf *english)
{
    struct buf own = {0};

    translate_summary(&own, r->o->lang, (const char *)english->data, english->len);
    print_escaped(line, (const char *)own.data, own.len);
    line->failed |= own.failed;
    buf_free(&own);
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct running *r = arg;
    const struct type_info *type = m ? type_by_number((unsigned)m->body_case) : NULL;
    struct buf line = {0}, text = {0};
    char time[TIME_TEXT];
    bool done = true;

    if (!r->terminal || (m && names_us(r->o, m)))
        return true; /* what names us comes to on_mine */
    time_format(time, d->stamp->received_time_us);
    summary_put(&text, m);
    buf_printf(&line, "%.8s  ", time + 11);
    if (m && is_to_us(r->o, m))
        buf_printf(&line, "[%s] ", lang_say(r->o->lang, SAY_TO_US));
    buf_printf(&line, "%s  ", type ? translate_type(r->o->lang, type->name) : "?");
    if (m)
        print_escaped(&line, m->sender, strlen(m->sender));
    buf_puts(&line, "  ");
    put_sentence(r, &line, &text);
    put_place(r, &line, m);
    put_doubt(r, &line, m);
    buf_puts(&line, "\n");
    done = !line.failed && !text.failed && print_flush(&line);
    buf_free(&line);
    buf_free(&text);
    return done;
}

static void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    const struct running *r = arg;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    struct buf text = {0}, line = {0};

    if (!r->terminal)
        return;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_WITHDRAWN;
    m.withdrawn = (Eocbus__V1__Withdrawn *)w; /* only read */
    summary_put(&text, &m);
    print_escaped(&line, (const char *)text.data, text.len);
    buf_puts(&line, "\n");
    (void)!print_flush(&line);
    buf_free(&line);
    buf_free(&text);
}

/* What is for this office, and what became of what it sent: both into the book, before it is
 * acknowledged. On a terminal somebody sees it, and its sender is told so. */
static void say_displayed(struct running *r, const Eocbus__V1__Envelope *m)
{
    Eocbus__V1__Envelope *answer;
    struct refusal why;
    uint64_t tag;

    arena_reset(r->scratch);
    answer = office_receipt(
        &(struct office){
            .set = r->o->set, .status = r->o->status, .lang = r->o->lang, .arena = r->scratch},
        m->message_id.data, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_DISPLAYED);
    if (!answer)
        return;
    answer->event_time_us = answer->receipt->time_us = loop_utc_us(r->loop);
    if (agent_put(r->agent, answer, &tag, &why) != ST_OK)
        log_warn("office.displayed", "code=%s path=%s", why.code, why.path);
}

static bool show_mine(struct running *r, const Eocbus__V1__Envelope *m, const struct buf *line)
{
    struct buf out = {0};
    bool done;

    if (!r->terminal)
        return true;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_RECEIPT)
        buf_printf(&out, "%.*s\n", (int)line->len, (const char *)line->data);
    else
        buf_printf(&out, "[%s] %.*s\n", lang_say(r->o->lang, SAY_TO_US), (int)line->len,
                   (const char *)line->data);
    done = !out.failed && print_flush(&out);
    buf_free(&out);
    return done;
}

static bool on_mine(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct running *r = arg;
    struct buf line = {0};
    bool done;

    if (!m || strcmp(m->sender, r->o->set.agent.name) == 0)
        return true;
    receipt_book_line(&line, m, d->stamp->received_time_us);
    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_RECEIPT) /* whose line is for programs */
        put_doubt(r, &line, m);
    done = !line.failed && receipt_book_add(r->book, &line) == ST_OK && show_mine(r, m, &line);
    if (done && r->terminal && m->body_case != EOCBUS__V1__ENVELOPE__BODY_RECEIPT)
        say_displayed(r, m);
    buf_free(&line);
    if (done && receipt_book_trim(r->book) != ST_OK)
        log_warn("office.book", "path=%s why=\"%s\"", r->book, strerror(errno));
    return done;
}

static void on_linked(void *arg, bool up, const char *why)
{
    const struct running *r = arg;
    struct buf text = {0};

    if (!r->terminal)
        return;
    if (why && !translate_sentence(&text, r->o->lang, why))
        buf_puts(&text, why);
    buf_put(&text, "", 1);
    office_print(lang_say(r->o->lang, up ? SAY_LINK_UP : SAY_LINK_DOWN),
                 text.failed ? "" : (const char *)text.data);
    buf_free(&text);
}

/* The person who typed it has gone home: it stays in `outbox` until somebody has seen it. */
static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    if (!oc->stored)
        log_warn("office.refused", "tag=%llu code=%s path=%s; see the command outbox",
                 (unsigned long long)tag, oc->code ? oc->code : "", oc->path ? oc->path : "");
}

static void on_signal(void *arg, int signum)
{
    struct running *r = arg;

    log_info("office.ending", "signal=%d", signum);
    loop_stop(r->loop);
}

static int listen_to_place(struct running *r, char *err, size_t err_size)
{
    struct office *o = r->o;
    const struct agent_subscription sub = {
        .patterns = r->patterns,
        .pattern_count = r->pattern_count,
        .from_now = true,
        .inbox_path = *o->set.inbox_path ? o->set.inbox_path : office_file(o, ".inbox"),
        .name = "office",
        .durable_name = "office",
        .urgent_first = true,
        .arg = r,
        .message = on_message,
        .withdrawn = on_withdrawn,
    };

    if (agent_subscribe(r->agent, &sub, err, err_size) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    return -1;
}

static int listen_to_mine(struct running *r, char *err, size_t err_size)
{
    static const char *const everything[] = {"**"};
    struct office *o = r->o;
    const struct agent_subscription sub = {
        .patterns = everything,
        .pattern_count = 1,
        .from_now = true,
        .to_me = true,
        .inbox_path = *o->set.inbox_path ? o->set.inbox_path : office_file(o, ".inbox"),
        .name = "mine",
        .durable_name = "mine", /* so that its sender hears DELIVERED */
        .arg = r,
        .message = on_mine,
        .withdrawn = on_withdrawn,
    };

    r->book = office_file(o, ".book");
    if (!r->book || arena_create(&r->scratch, 65536) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    if (agent_subscribe(r->agent, &sub, err, err_size) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    return -1;
}

/* Not worth a delivery that comes again: the next one proves as much. */
static bool on_head(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct running *r = arg;

    if (m && m->body_case == EOCBUS__V1__ENVELOPE__BODY_LOG_HEAD &&
        head_book_add(&r->heads, d, m) != ST_OK)
        log_warn("office.heads", "path=%s why=\"%s\"", r->heads.path, strerror(errno));
    return true;
}

/* Where the record stands, as brokers sign it: what is kept here nobody at the centre can change.
 * Only what is said from now on, and not over a thin link: one office that has a good one is
 * enough to notice a record that was made anew. */
static int listen_to_heads(struct running *r, char *err, size_t err_size)
{
    static const char *const heads[] = {"*.trust.log_head.*.*"};
    const struct link_profile *link = link_profile_by_name(r->o->set.agent.link_profile);
    const struct agent_subscription sub = {
        .patterns = heads,
        .pattern_count = 1,
        .from_now = true,
        .arg = r,
        .message = on_head,
    };

    if (!link || link->two_lines)
        return -1;
    r->heads.path = office_file(r->o, ".heads");
    if (!r->heads.path)
        return office_fail(r->o, EXIT_MACHINE, "out of memory");
    if (agent_subscribe(r->agent, &sub, err, err_size) != ST_OK)
        return office_fail(r->o, EXIT_MACHINE, "%s", err);
    return -1;
}

static bool on_kept(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct running *r = arg;
    struct office mine = *r->o;

    arena_reset(r->scratch); /* it may go on for years */
    mine.arena = r->scratch;
    return !m || r->o->keep(&mine, d, m, agent_proof(r->agent), agent_outbox(r->agent));
}

/* What a registry keeps for itself, as far back as there is any. */
static int listen_to_kept(struct running *r, char *err, size_t err_size)
{
    struct office *o = r->o;
    const char *patterns[PATTERNS_MAX];
    char region[16] = "*", district[16] = "*";
    struct agent_subscription sub = {
        .patterns = patterns,
        .inbox_path = *o->set.inbox_path ? o->set.inbox_path : office_file(o, ".inbox"),
        .name = "kept",
        .arg = r,
        .message = on_kept,
    };

    if (*o->set.place) {
        pcode_region(region, o->set.place);
        pcode_district(district, o->set.place);
    }
    for (const char *const *t = o->kept_types; *t && sub.pattern_count < PATTERNS_MAX; t++) {
        patterns[sub.pattern_count] = arena_printf(o->arena, "*.%s.%s.%s", *t, region, district);
        if (!patterns[sub.pattern_count++])
            return office_fail(o, EXIT_MACHINE, "out of memory");
    }
    if (agent_subscribe(r->agent, &sub, err, err_size) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    return -1;
}

/* The key may be another one now; all other settings are of the start. */
static void on_hangup(void *arg, int signum)
{
    struct running *r = arg;
    char err[600];

    (void)signum;
    if (r->agent && agent_rekey(r->agent, r->o->set.agent.key_file, err, sizeof(err)) != ST_OK)
        log_error("agent.rekey.failed", "why=\"%s\" next=\"the old key stays\"", err);
}

static int stay_up(struct running *r)
{
    struct office *o = r->o;
    const struct agent_events events = {.arg = r, .linked = on_linked, .settled = on_settled};
    struct agent_settings set = o->set.agent; /* borrowed texts */
    char err[600];
    int code;

    set.stays = true;
    if (loop_signal_create(&r->term, r->loop, SIGTERM, on_signal, r) != ST_OK ||
        loop_signal_create(&r->intr, r->loop, SIGINT, on_signal, r) != ST_OK ||
        loop_signal_create(&r->hangup, r->loop, SIGHUP, on_hangup, r) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    if (agent_create(&r->agent, r->loop, &set,
                     arena_printf(o->arena, "%s " EOCBUS_VERSION, o->program.name), &events, err,
                     sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    code = listen_to_place(r, err, sizeof(err));
    if (code < 0)
        code = listen_to_mine(r, err, sizeof(err));
    if (code < 0)
        code = listen_to_heads(r, err, sizeof(err));
    if (code < 0 && o->keep)
        code = listen_to_kept(r, err, sizeof(err));
    if (code < 0) {
        loop_run(r->loop);
        code = EXIT_DONE;
    }
    agent_destroy(r->agent);
    if (r->scratch)
        arena_destroy(r->scratch);
    return code;
}

int office_run(struct office *o)
{
    struct running r = {.o = o, .terminal = isatty(STDOUT_FILENO)};
    int code;

    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "run takes no words behind it");
    if (!make_patterns(&r) || loop_create(&r.loop) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    code = stay_up(&r);
    loop_signal_destroy(r.term);
    loop_signal_destroy(r.intr);
    loop_signal_destroy(r.hangup);
    loop_destroy(r.loop);
    return code;
}
