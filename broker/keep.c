/* keep - who may come in, while the database cannot be asked: the one file a broker keeps, and how
 * old what it knows may be.
 *
 * Each list of principals that was read is written down, beside the loop, signed by the broker's
 * own key. A broker that starts and hears nothing from its database for a moment takes the list
 * from its file: sessions as usual, alarms are heard as provisional, outboxes keep the rest. A key
 * that is not on it may be new, so it waits (zap.h); one that was revoked before is not on it.
 *
 * Rights that nobody confirmed for longer than access.cache_age are too old: then, and with an
 * older file, nobody is sent anything but alarms, and sirens their commands. A file that is damaged
 * or of another broker is as none.
 *
 * What is confirmed is read again every minute: that finds keys whose time has begun. */
#include "broker/hall.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "broker/access/cache.h"
#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum {
    TICK_MS = 1000,
    /* A database that is there answers long before; one second of stale rights is worth less than
     * the moment that agents wait. */
    BELIEVE_MS = 2000,
    REREAD_TICKS = 60,
    FILE_BYTES_MOST = 256 * 1024 * 1024,
};
/* What stays the same is written once an hour, so that its date stays young and a card of flash
 * memory alive. */
#define REWRITE_US UINT64_C(3600000000)
/* A clock that was set back since makes a file seem to come from the future. */
#define FUTURE_US INT64_C(86400000000)

struct keep {
    struct broker *b; /* borrowed, outlives us */
    struct loop_work *writer;
    struct loop_timer *tick, *believe;
    struct buf file; /* the writer's while it is under way */
    enum status written;
    int error;                 /* errno of the writer */
    bool is_writing, is_stale; /* stale: the list changed since it was packed */
    bool is_rereading, has_failed, is_closed;
    unsigned ticks;
    uint64_t written_us, confirmed_us; /* by the loop's clock; 0 = never */
    int64_t as_of_us;                  /* UTC, of the file that was taken; 0 = none was */
    struct keep_counters n;
};

static bool has_file(const struct keep *k)
{
    const char *path = k->b->config->cache_file;

    return path && path[0] && k->b->signer;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* On its thread. The signer and the path change for nobody. */
static void write_file(void *arg)
{
    struct keep *k = arg;

    cache_seal(&k->file, k->b->signer);
    k->written = file_replace(k->b->config->cache_file, k->file.data, k->file.len);
    k->error = errno;
}

static void fail(struct keep *k, const char *why)
{
    k->n.failed++;
    k->is_stale = true;
    if (!k->has_failed)
        log_error("broker.cache.unwritten", "file=%s why=\"%s\" next=\"tried again each minute\"",
                  k->b->config->cache_file, why);
    k->has_failed = true;
}

static void start_writing(struct keep *k)
{
    if (k->is_writing || !has_file(k))
        return;
    k->is_stale = false;
    if (cache_pack(&k->file, k->b->access, k->b->config->name, loop_utc_us(k->b->loop)) != ST_OK ||
        loop_work_start(k->writer) != ST_OK) {
        fail(k, "no memory");
        return;
    }
    k->is_writing = true;
}

static void on_written(void *arg)
{
    struct keep *k = arg;

    k->is_writing = false;
    if (k->written != ST_OK) {
        fail(k, strerror(k->error));
        return;
    }
    k->n.written++;
    k->written_us = loop_now_us(k->b->loop);
    if (k->has_failed)
        log_info("broker.cache.written", "file=%s", k->b->config->cache_file);
    k->has_failed = false;
    if (k->is_stale)
        start_writing(k);
}

/* --- the start without a database ------------------------------------------------------------- */

static void take_file(struct keep *k)
{
    const char *path = k->b->config->cache_file, *why = "";
    enum status st = file_read(path, &k->file, FILE_BYTES_MOST);

    if (st == ST_OK)
        st = cache_take(k->b->access, &k->file, signer_public(k->b->signer), &k->as_of_us, &why);
    else if (st != ST_NOTFOUND)
        why = strerror(errno);
    buf_free(&k->file);
    if (st == ST_OK)
        log_warn("broker.cache.taken",
                 "keys=%zu age_s=%" PRIu64 " next=\"in force until the database answers\"",
                 access_open(k->b->access), keep_age_s(k));
    else if (st != ST_NOTFOUND)
        log_error("broker.cache.refused",
                  "file=%s why=\"%s\" next=\"nobody comes in until the database answers\"", path,
                  why);
    else
        log_warn("broker.cache.none", "file=%s next=\"nobody comes in until the database answers\"",
                 path);
}

/* Whoever may write into the database may take a revocation out of it while the broker is down.
 * What is wrong with the file is said when the list in it is wanted. */
static void remember_revocations(struct keep *k)
{
    const char *why = "";
    struct access_counters n;

    if (!has_file(k))
        return;
    if (file_read(k->b->config->cache_file, &k->file, FILE_BYTES_MOST) == ST_OK &&
        cache_remember(k->b->access, &k->file, signer_public(k->b->signer), &why) != ST_OK)
        log_warn("broker.cache.forgotten",
                 "file=%s why=\"%s\" next=\"revocations are known from the database alone\"",
                 k->b->config->cache_file, why);
    buf_free(&k->file);
    access_counters(k->b->access, &n);
    if (n.remembered)
        log_info("broker.cache.revocations", "remembered=%" PRIu64, n.remembered);
}

static void on_believe(void *arg)
{
    struct keep *k = arg;

    if (!k->confirmed_us && has_file(k))
        take_file(k);
}

/* --- age -------------------------------------------------------------------------------------- */

uint64_t keep_age_s(const struct keep *k)
{
    int64_t age_us;

    if (k->confirmed_us)
        return (loop_now_us(k->b->loop) - k->confirmed_us) / 1000000;
    if (!k->as_of_us)
        return 0; /* nobody is in */
    age_us = loop_utc_us(k->b->loop) - k->as_of_us;
    if (age_us < -FUTURE_US)
        return UINT32_MAX; /* nobody can say how old it is */
    return age_us > 0 ? (uint64_t)age_us / 1000000 : 0;
}

static void judge_age(struct keep *k)
{
    uint64_t age_s = keep_age_s(k), limit_ms = k->b->config->cache_age_ms;
    bool is_old = limit_ms && age_s > limit_ms / 1000;

    if (is_old == k->is_closed)
        return;
    k->is_closed = is_old;
    egress_close(k->b->egress, is_old);
    if (is_old)
        log_error("broker.rights.old",
                  "age_s=%" PRIu64 " limit_s=%" PRIu64
                  " next=\"listeners get nothing but alarms until the database answers\"",
                  age_s, limit_ms / 1000);
    else
        log_info("broker.rights.confirmed", "next=\"listeners go on\"");
}

static void on_tick(void *arg)
{
    struct keep *k = arg;

    judge_age(k);
    if (++k->ticks % REREAD_TICKS)
        return;
    if (k->is_stale)
        start_writing(k);
    k->is_rereading = store_is_here(k->b->store);
    if (k->is_rereading)
        hall_ask_principals(k->b);
}

bool keep_principals_read(struct keep *k)
{
    bool is_news = !k->is_rereading || !k->confirmed_us;
    uint64_t now_us = loop_now_us(k->b->loop);

    k->is_rereading = false;
    k->confirmed_us = now_us;
    judge_age(k);
    if (is_news || now_us - k->written_us >= REWRITE_US) {
        k->is_stale = true;
        start_writing(k);
    }
    return is_news;
}

/* --- life ------------------------------------------------------------------------------------- */

static void explain_none(const struct broker *b)
{
    if (b->config->cache_file && b->config->cache_file[0])
        log_warn("broker.cache.unsigned",
                 "key=%s next=\"make a key with a signing pair: eocctl keygen\"",
                 b->config->key_file);
}

enum status keep_create(struct keep **out, struct broker *b)
{
    struct keep *k = mem_zalloc(sizeof(*k));
    enum status st;

    if (!k)
        return ST_NOMEM;
    k->b = b;
    st = loop_work_create(&k->writer, b->loop, write_file, on_written, k);
    if (st == ST_OK)
        st = loop_timer_create(&k->tick, b->loop, on_tick, k);
    if (st == ST_OK)
        st = loop_timer_create(&k->believe, b->loop, on_believe, k);
    if (st != ST_OK) {
        keep_destroy(k);
        return st;
    }
    if (!b->signer)
        explain_none(b);
    remember_revocations(k);
    loop_timer_start(k->tick, TICK_MS, TICK_MS);
    loop_timer_start(k->believe, BELIEVE_MS, 0);
    *out = k;
    return ST_OK;
}

void keep_destroy(struct keep *k)
{
    if (!k)
        return;
    loop_work_destroy(k->writer);
    loop_timer_destroy(k->believe);
    loop_timer_destroy(k->tick);
    buf_free(&k->file);
    mem_free(k);
}

void keep_counters(const struct keep *k, struct keep_counters *out)
{
    *out = k->n;
    out->age_s = keep_age_s(k);
    out->is_closed = k->is_closed;
    out->is_kept = access_is_kept(k->b->access);
}
