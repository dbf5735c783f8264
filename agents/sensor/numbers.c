/* numbers - see numbers.h. The file: eight letters, then of each order the lengths of content and
 * signature, four bytes each as this machine writes numbers, and both; last a digest of all that.
 */
#include "agents/sensor/numbers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/digest.h"
#include "proto/base/file.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

static const char magic[8] = "EOCNUM1\n";
enum { SIGNATURE = 64, FILE_MOST = 4 << 20, REASON = 400 };

struct kept {
    struct buf content;
    uint8_t signature[SIGNATURE];
    uint32_t signature_len;
    bool in_force;
    bool is_actual; /* not of an exercise */
    bool waits;     /* its time has come, and an exercise has newer ones */
    int64_t effective_us;
    uint32_t version;
    char profile[65];
};

struct numbers {
    struct numbers_settings set;
    struct speaker speaker;
    struct arena *arena;
    char *path;
    struct kept kept[NUMBERS_MOST];
    size_t count;
    bool has_begun; /* what comes into force at the start did so before */
};

/* --- orders that are kept --------------------------------------------------------------------- */

/* Lives in the arena until the next call. */
static Eocbus__V1__Envelope *open_order(struct numbers *n, const struct kept *k)
{
    Eocbus__V1__Envelope *m = NULL;
    struct refusal why;

    arena_reset(n->arena);
    if (gate_content(&m, k->content.data, k->content.len, n->arena, &why) != ST_OK)
        return NULL;
    return m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION ? m : NULL;
}

static void drop(struct numbers *n, size_t at)
{
    buf_free(&n->kept[at].content);
    memmove(&n->kept[at], &n->kept[at + 1], (--n->count - at) * sizeof(n->kept[0]));
}

/* ST_INVALID: it is no such order. */
static enum status add(struct numbers *n, const void *content, size_t len, const void *signature,
                       size_t signature_len)
{
    struct kept *k = &n->kept[n->count];
    const Eocbus__V1__Envelope *m;

    if (n->count == NUMBERS_MOST)
        return ST_FULL;
    memset(k, 0, sizeof(*k));
    buf_put(&k->content, content, len);
    k->signature_len = signature_len <= SIGNATURE ? (uint32_t)signature_len : 0;
    if (k->signature_len)
        memcpy(k->signature, signature, k->signature_len);
    m = k->content.failed ? NULL : open_order(n, k);
    if (!m) {
        buf_free(&k->content);
        return k->content.failed ? ST_NOMEM : ST_INVALID;
    }
    k->effective_us = m->sensor_configuration->effective_us;
    k->version = m->sensor_configuration->profile_version;
    k->is_actual = m->status == EOCBUS__V1__STATUS__STATUS_ACTUAL;
    snprintf(k->profile, sizeof(k->profile), "%s", m->sensor_configuration->profile);
    n->count++;
    return ST_OK;
}

/* --- the file --------------------------------------------------------------------------------- */

static enum status write_file(struct numbers *n)
{
    struct buf file = {0};
    uint8_t digest[DIGEST_BYTES];
    enum status st;

    buf_put(&file, magic, sizeof(magic));
    for (size_t i = 0; i < n->count; i++) {
        const struct kept *k = &n->kept[i];
        const uint32_t len[2] = {(uint32_t)k->content.len, k->signature_len};

        buf_put(&file, len, sizeof(len));
        buf_put(&file, k->content.data, k->content.len);
        buf_put(&file, k->signature, k->signature_len);
    }
    if (!file.failed)
        digest_of(digest, file.data, file.len);
    buf_put(&file, digest, sizeof(digest));
    st = file.failed ? ST_NOMEM : file_replace(n->path, file.data, file.len);
    buf_free(&file);
    return st;
}

static enum status read_orders(struct numbers *n, const uint8_t *at, const uint8_t *end)
{
    enum status st = ST_OK;

    while (st == ST_OK && at < end) {
        uint32_t len[2];

        if ((size_t)(end - at) < sizeof(len))
            return ST_INVALID;
        memcpy(len, at, sizeof(len));
        at += sizeof(len);
        if (len[1] > SIGNATURE || (size_t)(end - at) < (size_t)len[0] + len[1])
            return ST_INVALID;
        st = add(n, at, len[0], at + len[0], len[1]);
        at += len[0] + len[1];
    }
    return st;
}

static enum status read_file(struct numbers *n)
{
    struct buf file = {0};
    uint8_t digest[DIGEST_BYTES];
    enum status st = file_read(n->path, &file, FILE_MOST);
    size_t len = file.len - sizeof(digest);

    if (st == ST_NOTFOUND)
        return ST_OK;
    if (st == ST_OK &&
        (file.len < sizeof(magic) + sizeof(digest) || memcmp(file.data, magic, sizeof(magic)) != 0))
        st = ST_INVALID;
    if (st == ST_OK) {
        digest_of(digest, file.data, len);
        st = memcmp(digest, file.data + len, sizeof(digest)) == 0 ? ST_OK : ST_INVALID;
    }
    if (st == ST_OK)
        st = read_orders(n, file.data + sizeof(magic), file.data + len);
    buf_free(&file);
    return st;
}

static void rewrite_file(struct numbers *n)
{
    if (write_file(n) != ST_OK)
        log_warn("numbers.unkept", "path=%s why=%s next=\"old ones stay beside it\"", n->path,
                 strerror(errno));
}

static void drop_exercise(struct numbers *n)
{
    bool changed = false;

    if (n->speaker.status == EOCBUS__V1__STATUS__STATUS_EXERCISE)
        return;
    for (size_t i = n->count; i-- > 0;) {
        const struct kept *k = &n->kept[i];

        if (k->is_actual)
            continue;
        log_warn("numbers.exercise",
                 "profile=%s version=%" PRIu32 " next=\"dropped, the exercise is over\"",
                 k->profile, k->version);
        drop(n, i);
        changed = true;
    }
    if (changed)
        rewrite_file(n);
}

enum status numbers_create(struct numbers **out, const struct numbers_settings *set)
{
    struct numbers *n = mem_zalloc(sizeof(*n));
    enum status st;

    if (!n)
        return ST_NOMEM;
    n->set = *set;
    n->speaker = *set->speaker;
    n->path = mem_strdup(set->path);
    st = n->path ? arena_create(&n->arena, LIMIT_ARENA_BYTES) : ST_NOMEM;
    if (st != ST_OK) {
        numbers_destroy(n);
        return st;
    }
    st = read_file(n);
    if (st != ST_OK) {
        log_error("numbers.unread", "path=%s status=%s next=\"numbers of the settings\"", n->path,
                  status_name(st));
        while (n->count)
            drop(n, n->count - 1);
    }
    drop_exercise(n);
    *out = n;
    return ST_OK;
}

void numbers_destroy(struct numbers *n)
{
    if (!n)
        return;
    while (n->count)
        drop(n, n->count - 1);
    arena_destroy(n->arena);
    mem_free(n->path);
    mem_free(n);
}

/* --- coming into force ------------------------------------------------------------------------ */

/* What it replaces is not needed any more; an exercise replaces nothing real. */
static void drop_older(struct numbers *n, const struct kept *than)
{
    char profile[sizeof(than->profile)];
    uint32_t version = than->version;
    bool is_actual = than->is_actual;

    memcpy(profile, than->profile, sizeof(profile)); /* it moves up when others go */
    for (size_t i = n->count; i-- > 0;)
        if (strcmp(n->kept[i].profile, profile) == 0 && n->kept[i].version < version &&
            (is_actual || !n->kept[i].is_actual))
            drop(n, i);
}

static enum status put_in_force(struct numbers *n, struct kept *k, char *why, size_t size)
{
    const Eocbus__V1__Envelope *m = open_order(n, k);
    enum status st;

    if (!m) {
        snprintf(why, size, "it cannot be read any more");
        return ST_INVALID;
    }
    st = detect_configure(n->set.detect, m->sensor_configuration, why, size);
    k->in_force = st == ST_OK;
    return st;
}

enum status numbers_take(struct numbers *n, const Eocbus__V1__Delivery *d, int64_t now_us,
                         char why[NUMBERS_WHY])
{
    enum status st = add(n, d->content.data, d->content.len, d->signature.data, d->signature.len);
    struct kept *k = &n->kept[n->count ? n->count - 1 : 0];

    snprintf(why, NUMBERS_WHY, "there is no room for it among %d that wait", NUMBERS_MOST);
    if (st != ST_OK)
        return st;
    /* On disk first: what came into force is in force after a power cut. */
    st = write_file(n);
    if (st != ST_OK)
        snprintf(why, NUMBERS_WHY, "it could not be kept: %s", strerror(errno));
    else if (k->effective_us > now_us)
        return ST_AGAIN;
    else
        st = put_in_force(n, k, why, NUMBERS_WHY);
    if (st == ST_OK)
        drop_older(n, k);
    else
        drop(n, n->count - 1);
    rewrite_file(n);
    return st;
}

/* The lowest version of those that are due: as they came. */
static struct kept *next_due(struct numbers *n, int64_t now_us)
{
    struct kept *best = NULL;

    for (size_t i = 0; i < n->count; i++) {
        struct kept *k = &n->kept[i];

        if (!k->in_force && !k->waits && k->effective_us <= now_us &&
            (!best || k->version < best->version))
            best = k;
    }
    return best;
}

static void settle(struct numbers *n, const struct kept *k, const char *why)
{
    const Eocbus__V1__Envelope *m = open_order(n, k);

    if (m && n->set.settled)
        n->set.settled(n->set.arg, m, why);
}

/* Real ones that only an exercise stands before: they come into force after it. */
static bool waits_for_reality(const struct numbers *n, const struct kept *k)
{
    for (size_t i = 0; k->is_actual && i < n->count; i++)
        if (!n->kept[i].is_actual && n->kept[i].in_force && n->kept[i].version >= k->version &&
            strcmp(n->kept[i].profile, k->profile) == 0)
            return true;
    return false;
}

void numbers_tick(struct numbers *n, int64_t now_us)
{
    struct kept *k;
    char why[NUMBERS_WHY];
    bool changed = false;

    while ((k = next_due(n, now_us))) {
        enum status st;

        k->waits = waits_for_reality(n, k);
        if (k->waits) {
            log_warn("numbers.waits",
                     "profile=%s version=%" PRIu32 " next=\"in force after the exercise\"",
                     k->profile, k->version);
            continue;
        }
        st = put_in_force(n, k, why, sizeof(why));
        if (st == ST_OK)
            log_info("numbers.in_force", "profile=%s version=%" PRIu32, k->profile, k->version);
        else
            log_warn("numbers.superseded", "profile=%s version=%" PRIu32 " next=\"given up\"",
                     k->profile, k->version);
        if (n->has_begun)
            settle(n, k, st == ST_OK ? NULL : why);
        changed |= st != ST_OK || k->effective_us;
        if (st != ST_OK)
            drop(n, (size_t)(k - n->kept));
        else
            drop_older(n, k);
    }
    n->has_begun = true;
    if (changed)
        rewrite_file(n);
}

int64_t numbers_due_us(const struct numbers *n)
{
    int64_t due_us = INT64_MAX;

    for (size_t i = 0; i < n->count; i++)
        if (!n->kept[i].in_force && !n->kept[i].waits && n->kept[i].effective_us < due_us)
            due_us = n->kept[i].effective_us;
    return due_us;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* At most so many bytes, and no half letter. */
static int whole_letters(const char *text)
{
    size_t len = strlen(text);

    if (len <= REASON)
        return (int)len;
    for (len = REASON; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
        len--;
    return (int)len;
}

/* "order 0190... of coes.asma, approved by coes.karim, eoc.rahima: the gauge was moved" */
static void say_why(struct numbers *n, const Eocbus__V1__SensorConfiguration *c, char *out,
                    size_t size)
{
    const struct kept *k = NULL;
    const Eocbus__V1__Envelope *m;
    char id[ID_TEXT];
    size_t len;

    snprintf(out, size, "as its settings have it");
    for (size_t i = 0; i < n->count; i++)
        if (n->kept[i].in_force && n->kept[i].version == c->profile_version &&
            strncmp(n->kept[i].profile, c->profile, strcspn(c->profile, "@")) == 0)
            k = &n->kept[i];
    m = k ? open_order(n, k) : NULL;
    if (!m)
        return;
    id_format(id, m->message_id.data);
    len = (size_t)snprintf(out, size, "order %s of %.64s, approved by", id, m->sender);
    for (size_t i = 0; i < m->sensor_configuration->n_approvals; i++)
        len += (size_t)snprintf(out + len, size - len, "%s %.64s", i ? "," : "",
                                m->sensor_configuration->approvals[i]->principal);
    (void)snprintf(out + len, size - len, ": %.*s", whole_letters(m->sensor_configuration->reason),
                   m->sensor_configuration->reason);
}

/* Once for each version, and again if a person changed the numbers and not the version. What was
 * told in an exercise was not told in reality. */
static enum status name_key(char *key, size_t size, Eocbus__V1__Status status,
                            const Eocbus__V1__SensorConfiguration *c)
{
    const uint64_t world = status == EOCBUS__V1__STATUS__STATUS_ACTUAL ? 0 : (uint64_t)status;
    uint8_t bytes[4096];
    size_t len = eocbus__v1__sensor_configuration__get_packed_size(c);

    if (len > sizeof(bytes))
        return ST_FULL;
    eocbus__v1__sensor_configuration__pack(c, bytes);
    snprintf(key, size, "numbers-%.64s-%" PRIu32 "-%016" PRIx64, c->profile, c->profile_version,
             text_hash(world, bytes, len));
    return ST_OK;
}

static enum status tell_one(struct numbers *n, unsigned at, int64_t now_us)
{
    Eocbus__V1__SensorConfiguration *c = NULL;
    char key[160], reason[1000] = "";
    enum status st, ended;

    arena_reset(n->speaker.arena);
    st = detect_parameters(n->set.detect, at, n->speaker.arena, &c);
    if (st == ST_OK) {
        c->target = (char *)(uintptr_t)n->speaker.gateway;
        c->reason = reason;
        st = name_key(key, sizeof(key), n->speaker.status, c);
    }
    if (st != ST_OK)
        return st;
    say_why(n, c, reason, sizeof(reason));
    st = n->set.once(n->set.once_arg, key, 0);
    if (st == ST_OK)
        st = say_numbers(&n->speaker, c, now_us);
    ended = n->set.once(n->set.once_arg, NULL, 0);
    return st == ST_OK ? ended : st;
}

enum status numbers_tell(struct numbers *n, int64_t now_us)
{
    enum status st = ST_OK;

    for (unsigned i = 0; st == ST_OK && i <= n->set.detect->count; i++)
        st = tell_one(n, i, now_us);
    return st;
}
