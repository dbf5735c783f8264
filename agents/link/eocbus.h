/* eocbus - the client library of the emergency bus, for gateways of other makers.
 *
 *   cc gateway.c $(pkg-config --cflags --libs eocbus)
 *
 * A handle owns an outbox on disk and a session with each broker in its settings, which come back
 * by themselves; one of them does the work, and alarms go to all. A message that eocbus_flush
 * answered EOCBUS_OK for survives a power cut and is stored by the bus exactly once, however often
 * the link breaks. Messages are proto3 JSON as in PROTOCOL.md, or bytes of a body from your own
 * protobuf code.
 *
 * One process sends from an outbox: give each gateway program its own. Not thread-safe: one thread,
 * or a lock of yours, per handle. Nothing here blocks but eocbus_run, and eocbus_flush for one
 * write to disk. Callbacks come from inside eocbus_run and eocbus_step; they may put, but not
 * close. */
#ifndef EOCBUS_H
#define EOCBUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct eocbus;

enum eocbus_result {
    EOCBUS_OK = 0,
    EOCBUS_REFUSED = 1, /* the message breaks a rule; eocbus_error says which */
    EOCBUS_USAGE = 2,   /* a wrong argument or setting */
    EOCBUS_FULL = 3,    /* disk or budget is full: nothing was taken, try again later */
    EOCBUS_MACHINE = 4  /* file, disk, memory */
};

/* What EOCBUS_LANE_* and the JSON names LANE_* mean stands in common.proto. */
enum eocbus_lane {
    EOCBUS_LANE_FLASH = 1,
    EOCBUS_LANE_IMMEDIATE = 2,
    EOCBUS_LANE_PRIORITY = 3,
    EOCBUS_LANE_ROUTINE = 4,
    EOCBUS_LANE_BULK = 5
};

/* settings: a file with `name = value` lines: name, key.file, broker.endpoint, broker.key,
 * outbox.path, link.profile. NULL on failure; `err` (may be NULL) then holds one sentence that says
 * what to do. */
struct eocbus *eocbus_open(const char *settings, const char *program, char *err, size_t err_size);
void eocbus_close(
    struct eocbus *b); /* what was put and not flushed is written first; NULL is allowed */

/* A whole message as proto3 JSON: lane, status, kind, label, event_time_us, area and one body. What
 * the outbox knows better (message_id, sender, epoch, lane_seq, sent_time_us, schema) is filled in.
 * *tag (may be NULL) names it in eocbus_settled_fn. */
enum eocbus_result eocbus_put_json(struct eocbus *b, const char *json, uint64_t *tag);

/* The same from packed bytes of a body, with an envelope made here. */
struct eocbus_body {
    const char *type;  /* "observation_batch": the body's name in envelope.proto */
    const void *bytes; /* the body, serialised */
    size_t len;
    enum eocbus_lane lane;
    const char *const *pcodes; /* where; may be NULL */
    unsigned pcode_count;      /* at most 8 */
    int64_t event_time_us;     /* UTC since 1970; 0 = now */
    int64_t not_after_us;      /* 0 = never */
    int is_exercise;           /* else it is meant */
};
enum eocbus_result eocbus_put_body(struct eocbus *b, const struct eocbus_body *body, uint64_t *tag);

/* Makes everything put so far durable. Acknowledge to your device after this, not before. */
enum eocbus_result eocbus_flush(struct eocbus *b);

/* Works for `ms` milliseconds: sends, receives, reconnects. */
void eocbus_run(struct eocbus *b, unsigned ms);
/* Or in a loop of your own: when eocbus_fd is readable, and at the latest eocbus_wait_ms after the
 * last time, call eocbus_step. It does not wait. */
int eocbus_fd(struct eocbus *b);
int eocbus_wait_ms(struct eocbus *b);
void eocbus_step(struct eocbus *b);

struct eocbus_state {
    int linked;              /* a session with a broker stands */
    uint64_t waiting;        /* messages not yet stored by the bus */
    uint64_t refused;        /* messages the bus refused and no person has seen */
    int64_t clock_offset_ms; /* our clock minus the broker's */
    unsigned round_trip_ms;
};
void eocbus_get_state(struct eocbus *b, struct eocbus_state *out);
/* The last thing that went wrong, one sentence; "" if nothing did. Borrowed until the next call. */
const char *eocbus_error(const struct eocbus *b);

struct eocbus_receipt {
    uint64_t tag;
    int stored;                     /* else refused for good */
    uint64_t number;                /* in the log, if stored */
    const char *code, *path, *text; /* of a refusal */
};
typedef void (*eocbus_settled_fn)(void *arg, const struct eocbus_receipt *r);
void eocbus_on_settled(struct eocbus *b, eocbus_settled_fn settled, void *arg);

struct eocbus_withdrawal {  /* borrowed for the call */
    const char *message_id; /* as in the JSON of the message */
    const char *code, *text;
    const char *sender; /* whose message: the id alone may be another's */
};
/* What was handed over with number 0 was refused and will not be stored: undo what was done for it.
 * Once for each message, and only for those that were handed over. */
typedef void (*eocbus_withdrawn_fn)(void *arg, const struct eocbus_withdrawal *w);
void eocbus_on_withdrawn(struct eocbus *b, eocbus_withdrawn_fn withdrawn, void *arg);

struct eocbus_message { /* borrowed for the call */
    uint32_t log_epoch;
    uint64_t number; /* 0: provisional, an alarm that is being stored (eocbus_on_withdrawn) */
    int64_t received_time_us;
    int from_history;    /* page nobody for it: it was read from the log, or its time is over */
    const char *type;    /* "flash_report"; "" if this version cannot read it */
    const char *json;    /* the envelope; "" likewise */
    const void *content; /* as the sender made it */
    size_t content_len;
    /* Sent more than five minutes before it came: page nobody, unless not_after_us still lies ahead. */
    int late;
    int clock_suspect; /* the sender's clock is wrong, and so may be the times in the message */
    /* "good", "unsigned" or "unknown" (no record of its sender); "" where no officers are pinned
     * (trust.officers). What is forged, and orders to machines that are not good, are not handed over. */
    const char *proof;
};
/* Answer 0 when you cannot take it now: it comes again. */
typedef int (*eocbus_message_fn)(void *arg, const struct eocbus_message *m);
/* patterns: PROTOCOL.md "Topics", NULL-terminated. inbox: a file that keeps how far you read; NULL:
 * from now on, at each start anew. */
enum eocbus_result eocbus_listen(struct eocbus *b, const char *const *patterns, const char *inbox,
                                 eocbus_message_fn message, void *arg);

#ifdef __cplusplus
}
#endif

#endif
