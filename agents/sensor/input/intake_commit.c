/* intake_commit - what was taken becomes durable, or is given up and told so; see intake.h. */
#include <stdio.h>
#include <string.h>

#include "agents/sensor/input/intake_parts.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

#define FORGET_EVERY 1000

bool intake_is_due(const struct intake *i)
{
    return i->due;
}

size_t intake_pending(const struct intake *i)
{
    return i->pending;
}

void intake_wait(struct intake *i, struct intake_waiter *w)
{
    list_add_tail(&i->waiters, &w->link);
}

void intake_unwait(struct intake_waiter *w)
{
    list_remove(&w->link);
}

static void tell_waiters(struct intake *i, const char *why)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &i->waiters) {
        struct intake_waiter *w = container_of(pos, struct intake_waiter, link);

        w->settled(w->arg, why);
    }
}

static void add_letters(struct intake *i)
{
    struct list *pos;

    list_each(pos, &i->letters.list) {
        const struct letter *one = container_of(pos, struct letter, link);

        if (one->is_kept)
            continue;
        journal_add(i->set.journal, &(struct journal_entry){.kind = JOURNAL_MESSAGE,
                                                            .number = one->number,
                                                            .bytes = one->bytes,
                                                            .len = one->len});
        if (one->level)
            journal_add(i->set.journal,
                        &(struct journal_entry){.kind = JOURNAL_LEVEL, .number = one->level});
    }
}

/* How many samples of each channel are in no message, and from where on the journal is needed. */
static void add_held(struct intake *i)
{
    uint64_t floor = journal_last(i->set.journal) + 1;
    struct list *first = list_first(&i->letters.list);

    if (first)
        floor = container_of(first, struct letter, link)->after;
    for (unsigned k = 0; k < i->set.station->stream_count; k++) {
        size_t held = reporter_held(i->reporter, k);
        uint64_t oldest = tally_oldest(&i->tally[k], held, floor);

        floor = oldest < floor ? oldest : floor;
        if (i->moved)
            journal_add(i->set.journal,
                        &(struct journal_entry){.kind = JOURNAL_HELD,
                                                .datastream = i->set.station->streams[k].id,
                                                .number = held});
    }
    journal_floor(i->set.journal, floor);
}

/* What the journal knows to be in the outbox is never put again: its counts need no room there. */
static void forget_done(struct intake *i)
{
    if (!i->set.forget || i->done < i->forgotten + FORGET_EVERY)
        return;
    if (i->set.forget(i->set.arg, i->key, i->done) == ST_OK)
        i->forgotten = i->done;
}

static enum status sync_journal(struct intake *i)
{
    enum status st = i->failed;
    struct list *pos;

    add_letters(i);
    add_held(i);
    if (i->done)
        journal_add(i->set.journal,
                    &(struct journal_entry){.kind = JOURNAL_DONE, .number = i->done});
    if (st == ST_OK)
        st = journal_sync(i->set.journal, i->speaker.now_us);
    if (st != ST_OK)
        return st;
    forget_done(i);
    i->done = 0;
    i->moved = false;
    list_each(pos, &i->letters.list) {
        container_of(pos, struct letter, link)->is_kept = true;
    }
    return ST_OK;
}

/* Letters into the outbox. What it does not take waits; nobody has to send anything again for it.
 */
static void put_letters(struct intake *i)
{
    const struct letters_door door = {i->set.put, i->set.once, i->set.commit,
                                      i->set.arg, i->key,      i->letter};
    uint64_t done;
    enum status st = letters_put(&i->letters, &door, &done);

    /* Once: a line for each sample would fill a disk that is full. */
    if (st != ST_OK && !i->letters_wait)
        log_warn("sensor.letters.wait",
                 "bytes=%zu status=%s next=\"put again with the next sample\"", i->letters.bytes,
                 status_name(st));
    i->letters_wait = st != ST_OK;
    if (st == ST_OK && done)
        i->done = done;
}

/* The batch holds what is not kept: what is, comes back from the journal. A conclusion stays. */
static void rebuild(struct intake *i)
{
    struct list *pos, *next;

    journal_forget(i->set.journal);
    list_each_safe(pos, next, &i->letters.list) {
        struct letter *one = container_of(pos, struct letter, link);

        if (!one->is_kept && !one->level)
            letters_drop(&i->letters, one);
    }
    reporter_reset(i->reporter);
    memset(&i->recent, 0, sizeof(i->recent));
    memset(i->tally, 0, sizeof(i->tally));
    i->seen_count = 0;
    i->moved = false;
    i->failed = ST_OK;
    if (intake_restore(i, false) != ST_OK)
        log_error("sensor.journal.unread", "next=\"samples not yet in a message go out after the "
                                           "next start\"");
}

/* Nobody was told yet that any of it is safe. */
static void give_up(struct intake *i, enum status st, char why[INTAKE_ANSWER_BYTES])
{
    snprintf(why, INTAKE_ANSWER_BYTES, "not kept (%s), send it again later: %.120s",
             status_name(st), st == ST_INVALID || st == ST_FULL ? i->speaker.why.text : "");
    log_error("sensor.lines.lost", "samples=%zu status=%s why=%s", i->pending, status_name(st),
              why);
    i->counts.lost += i->pending;
    if (i->set.journal) {
        rebuild(i);
        return;
    }
    reporter_reset(i->reporter);
    i->detect.said = i->durable_level;
}

static enum status commit_batch(struct intake *i)
{
    enum status st = i->failed;

    if (st == ST_OK)
        st = reporter_flush(i->reporter, &i->speaker);
    if (st == ST_OK)
        st = i->set.commit(i->set.arg);
    if (st == ST_OK)
        i->durable_level = i->detect.said;
    return st;
}

enum status intake_commit(struct intake *i, char why[INTAKE_ANSWER_BYTES])
{
    enum status st = i->set.journal ? sync_journal(i) : commit_batch(i);

    why[0] = '\0';
    if (st != ST_OK)
        give_up(i, st, why);
    if (i->set.journal)
        put_letters(i);
    i->pending = 0;
    i->due = false;
    i->failed = ST_OK;
    tell_waiters(i, st == ST_OK ? NULL : why);
    return st;
}
