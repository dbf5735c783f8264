/* office - what the programs of an office share: settings, saying a few messages, looking at what
 * waits, and staying up.
 *
 * Commands of a program stand in a table. A command gets the office with its settings, an arena and
 * its own words (argv[0] is the command's name) and answers with an exit code. */
#ifndef EOCBUS_LINK_OFFICE_H
#define EOCBUS_LINK_OFFICE_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/link/agent.h"
#include "agents/link/form.h"
#include "agents/link/lang.h"
#include "agents/link/speak.h"
#include "agents/link/translate.h"
#include "proto/base/ids.h"
#include "proto/base/program.h"

struct office_settings {
    struct agent_settings agent;
    char *place;      /* P-code of the office */
    char *status;     /* actual, exercise, system, test */
    char *lang;       /* tg, ru, en; "" = of the environment */
    char *inbox_path; /* "" = beside the outbox */
    /* Of a registry only, "" = none: its seal key, who else opens what it seals, and the key of
     * its marks. */
    char *seal_key, *readers, *blind_key;
};

struct office;

struct office_command {
    const char *name;
    const char *summary; /* one line for --help */
    int (*run)(struct office *o);
    /* What stands behind it; `word` is the one that followed the name, or NULL. NULL = nothing. */
    void (*help)(struct buf *out, enum lang lang, const char *name, const char *word);
};

struct office {
    struct program program;
    struct office_settings set;
    const struct office_command *commands;
    size_t command_count;
    const char *const *families; /* heard by `run`: "report"; NULL-terminated */
    /* NULL = none. What `run` hears of these types at its place, from the first message there is,
     * its own included, and what its signature is worth; false: it is handed over again later. */
    const char *const *kept_types; /* "relocation.household_event"; NULL-terminated */
    bool (*keep)(struct office *o, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m,
                 enum proof proof, struct outbox *box);
    enum lang lang;
    Eocbus__V1__Status status;
    struct arena *arena; /* of one command */
    int argc;
    char **argv;

    /* Options that every command of saying has. */
    const char *once_key;
    uint64_t wait_s;
    struct option_words field_words; /* --field PATH=VALUE */
    const char *file;
    const uint8_t *keys; /* of office_say_sealed; borrowed */
    size_t keys_len;
    char said[ID_TEXT]; /* the one message that is said, for whoever asks for its receipts; or "" */
};

/* Whole main: settings, the command, the exit code. `usage_head` stands above the list of commands.
 */
int office_main(struct office *o, const char *usage_head, int argc, char **argv);

/* An Envelope with what the settings know: status, language, label INTERNAL, kind, lane, and the
 * office's place. In the office's arena; NULL past its cap. */
Eocbus__V1__Envelope *office_message(struct office *o, Eocbus__V1__Kind kind,
                                     Eocbus__V1__Lane lane);
/* The options --wait, --once-key, --field and --file, as rows for form_take: office_own_count of
 * them. */
enum { OFFICE_OWN_OPTIONS = 4 };
void office_own(struct office *o, struct option_row rows[OFFICE_OWN_OPTIONS]);
/* Fills m from the command line: `rows`, then --field. -1 to go on, else an exit code. */
int office_fill(struct office *o, Eocbus__V1__Envelope *m, const struct form_row *rows, size_t n);

/* Checks all, then puts all in one commit, under the once-key if there is one; says what became of
 * them and, with --wait, waits. Exit code. */
int office_say(struct office *o, Eocbus__V1__Envelope *const *messages, size_t n);
/* The same of one sealed box, with its wrapped keys beside it. */
int office_say_sealed(struct office *o, Eocbus__V1__Envelope *m, const uint8_t *keys,
                      size_t keys_len);
/* Messages as JSON, one or one a line. Exit code. */
int office_say_file(struct office *o, const char *path);

/* office_say in its parts, for imports that have to do something in between: -1 to go on, else an
 * exit code. `id`: of a single message, for people. */
int office_speak_open(struct office *o, struct speak **out);
int office_speak_put(struct office *o, struct speak *s, Eocbus__V1__Envelope *const *messages,
                     size_t n, char id[ID_TEXT]);
int office_speak_report(struct office *o, struct speak *s, const char *id);

/* The commands that every office has. */
int office_outbox(struct office *o);    /* outbox [seen TAG] */
int office_run(struct office *o);       /* run */
int office_send_file(struct office *o); /* send-file FILE */
int office_inbox(struct office *o);     /* inbox: what run heard that was for us */
int office_receipts(struct office *o);  /* receipts: what run heard of what we sent */
int office_heads(struct office *o);     /* heads: of the record, as run heard them */
int office_accept(struct office *o);    /* accept ID */
int office_reject(struct office *o);    /* reject ID --because CODE */
void office_answer_help(struct buf *out, enum lang lang, const char *name, const char *word);
/* A receipt of ours without its time, in the office's arena; NULL past its cap. */
Eocbus__V1__Envelope *office_receipt(struct office *o, const uint8_t *id, int level);
/* The word of a level ("ACCEPTED") in the office's language. */
const char *office_level_word(const struct office *o, const char *level);
void office_send_file_help(struct buf *out, enum lang lang, const char *name, const char *word);
/* Of commands whose help is in the catalogue and has no options: run, inbox, receipts, outbox. */
/* What the catalogue says under "help.NAME", in English if need be; "" if it has nothing. */
const char *office_help_text(enum lang lang, const char *name);
void office_help(struct buf *out, enum lang lang, const char *name, const char *word);

/* A sentence on standard error; answers `code`. */
int office_fail(struct office *o, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with a sentence of the catalogue and its {names}. */
int office_fail_filled(struct office *o, int code, enum say what,
                       const struct translate_value *values, size_t n);
/* What the gate would not take, in the office's language; `place` is "" or says which of many. */
void office_tell_refused(struct office *o, const struct outbox_outcome *oc); /* by the bus */
int office_fail_refused(struct office *o, const char *place, const struct refusal *why);
/* A line on standard output: "before: what", made safe for a terminal. */
void office_print(const char *before, const char *what);
/* Beside the outbox: "outbox.path" and a suffix; NULL past the arena's cap. */
const char *office_file(struct office *o, const char *suffix);

/* Options common to every message, for forms: place, time, thread, recipients, precedence. */
#define OFFICE_COMMON_ROWS                                                                         \
    {"--place", "area.pcodes[0]", "P-code of the place (default: setting place)"},                 \
        {"--where", "area.place_name", "the place in words, below the code"},                      \
        {"--point", "area.centre", "the point: LAT,LON"},                                          \
        {"--at", "event_time_us", "when it happened: 2010-08-08T02:10+05:00 (default: now)"},      \
        {"--to", "to", "whom: a principal, an agency, role@place; several with commas"},           \
        {"--incident", "incident_ids", "incident it belongs to, UUID"},                            \
        {"--answers", "preceding_id", "message it answers, UUID"},                                 \
        {"--thread", "originating_id", "first message of the thread, UUID"},                       \
        {"--id", "message_id", "own UUID, if it was agreed before"},                               \
        {"--until", "not_after_us", "expires then"}, {"--lane", "lane", "precedence"},             \
        {"--kind-of-message", "kind", "EDXL-DE kind"}, {"--status", "status", "of the message"},   \
    {                                                                                              \
        "--label", "label", "who may see it at most"                                               \
    }

#define OFFICE_CONF_ROWS                                                                           \
    AGENT_CONF_ROWS(struct office_settings, agent),                                                \
        {"place", CONF_TEXT, offsetof(struct office_settings, place),                              \
         "",      0,         "P-code of the office's district: 3505203",                           \
         0,       0},                                                                              \
        {"status",                                                                                 \
         CONF_TEXT,                                                                                \
         offsetof(struct office_settings, status),                                                 \
         "actual",                                                                                 \
         0,                                                                                        \
         "actual, exercise, system or test: what messages are unless they say otherwise",          \
         0,                                                                                        \
         0},                                                                                       \
        {"lang",                                                                                   \
         CONF_TEXT,                                                                                \
         offsetof(struct office_settings, lang),                                                   \
         "",                                                                                       \
         0,                                                                                        \
         "tg, ru or en: language of what this program says and of texts typed here; empty = as "   \
         "LANG says, or ru",                                                                       \
         0,                                                                                        \
         0},                                                                                       \
    {                                                                                              \
        "inbox.path", CONF_PATH, offsetof(struct office_settings, inbox_path), "", 0,              \
            "how far run has read; empty = outbox.path with .inbox", 0, 0                          \
    }

#endif
