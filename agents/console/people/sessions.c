/* sessions - see sessions.h. */
#include "agents/console/people/sessions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/digest.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { EACH_MOST = 8, ALL_MOST = 1000, FILE_BYTES = ALL_MOST * 400 };
/* The file says when a session was last seen to within so long. */
#define SEEN_STEP_US INT64_C(600000000)

struct sessions {
    struct loop *loop;
    char path[1024];
    int64_t idle_us, life_us;
    struct list all; /* oldest sign-in first */
    size_t count;
};

/* --- secrets ---------------------------------------------------------------------------------- */

static void make_secret(struct loop *loop, char out[SESSION_SECRET])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t raw[33] = {0};

    loop_random(loop, raw, 32);
    for (unsigned i = 0, o = 0; i < 33; i += 3, o += 4) {
        uint32_t three = (uint32_t)raw[i] << 16 | (uint32_t)raw[i + 1] << 8 | raw[i + 2];

        for (unsigned k = 0; k < 4; k++)
            out[o + k] = digits[three >> (18 - 6 * k) & 63];
    }
    out[SESSION_SECRET - 1] = '\0';
}

static void sha_of(uint8_t out[SESSION_SHA], const char *secret)
{
    struct sha256 s;

    sha256_begin(&s);
    sha256_add(&s, secret, strlen(secret));
    sha256_end(&s, out);
}

/* --- the file: SHA256 TOKEN PERSON LANG BEGAN SEEN PASSWORD ----------------------------------- */

static int64_t now_of(const struct sessions *s)
{
    return (int64_t)loop_now_us(s->loop);
}

static void save(struct sessions *s)
{
    const int64_t to_utc = loop_utc_us(s->loop) - now_of(s);
    struct buf text = {0};
    struct list *pos;

    list_each(pos, &s->all) {
        const struct session *one = container_of(pos, struct session, link);
        char hex[DIGEST_HEX];

        digest_hex(hex, one->sha);
        buf_printf(&text, "%s %s %s %s %" PRId64 " %" PRId64 " %" PRIx64 "\n", hex, one->token,
                   one->person, one->lang, one->began_us + to_utc, one->seen_us + to_utc,
                   one->password);
    }
    if (text.failed || file_replace(s->path, text.data ? text.data : (void *)"", text.len) != ST_OK)
        log_warn("console.sessions.unsaved",
                 "path=%s next=\"a start of the program signs people out; look at the disk\"",
                 s->path);
    buf_free(&text);
}

static bool read_hex(uint8_t out[SESSION_SHA], const char *hex)
{
    for (unsigned i = 0; i < SESSION_SHA; i++) {
        unsigned byte;

        if (sscanf(hex + (size_t)2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

static struct session *add(struct sessions *s)
{
    struct session *one = s->count < ALL_MOST ? mem_zalloc(sizeof(*one)) : NULL;

    if (!one)
        return NULL;
    list_add_tail(&s->all, &one->link);
    s->count++;
    return one;
}

static void drop(struct sessions *s, struct session *one)
{
    list_remove(&one->link);
    s->count--;
    mem_free(one);
}

/* The clock was set back while nobody looked, and how old the session is cannot be known. */
static bool is_of_the_future(const struct sessions *s, const struct session *one)
{
    return one->began_us > now_of(s) + SEEN_STEP_US || one->seen_us > now_of(s) + SEEN_STEP_US;
}

static bool read_one(struct sessions *s, const char *line)
{
    const int64_t to_utc = loop_utc_us(s->loop) - now_of(s);
    struct session *one = add(s);
    char hex[65];

    if (!one)
        return false;
    if (sscanf(line, "%64s %43s %127s %2s %" SCNd64 " %" SCNd64 " %" SCNx64, hex, one->token,
               one->person, one->lang, &one->began_us, &one->seen_us, &one->password) == 7 &&
        strlen(hex) == 64 && read_hex(one->sha, hex)) {
        one->began_us -= to_utc;
        one->seen_us -= to_utc;
        if (is_of_the_future(s, one))
            drop(s, one);
        return true;
    }
    drop(s, one);
    return false;
}

static void load(struct sessions *s)
{
    struct buf text = {0};
    char *line, *rest;

    if (file_read(s->path, &text, FILE_BYTES) != ST_OK)
        return;
    buf_put(&text, "", 1);
    for (line = (char *)text.data; !text.failed && *line; line = rest) {
        rest = line + strcspn(line, "\n");
        if (*rest)
            *rest++ = '\0';
        if (!read_one(s, line)) {
            log_warn("console.sessions.damaged", "path=%s next=\"people sign in again\"", s->path);
            break;
        }
    }
    buf_free(&text);
}

/* --- sessions --------------------------------------------------------------------------------- */

enum status sessions_create(struct sessions **out, struct loop *loop, const char *path,
                            int64_t idle_us, int64_t life_us)
{
    struct sessions *s = mem_zalloc(sizeof(*s));

    if (!s)
        return ST_NOMEM;
    s->loop = loop;
    s->idle_us = idle_us;
    s->life_us = life_us;
    snprintf(s->path, sizeof(s->path), "%s", path);
    list_init(&s->all);
    load(s);
    *out = s;
    return ST_OK;
}

void sessions_destroy(struct sessions *s)
{
    if (!s)
        return;
    while (!list_empty(&s->all))
        drop(s, container_of(list_first(&s->all), struct session, link));
    mem_free(s);
}

static bool is_over(const struct sessions *s, const struct session *one, int64_t now_us)
{
    return now_us - one->seen_us > s->idle_us || now_us - one->began_us > s->life_us;
}

/* What is over goes, and of this person the oldest when there are too many. */
static void make_room(struct sessions *s, const char *person, int64_t now_us)
{
    struct list *pos, *next;
    struct session *oldest = NULL;
    unsigned has = 0;

    list_each_safe(pos, next, &s->all) {
        struct session *one = container_of(pos, struct session, link);

        if (is_over(s, one, now_us)) {
            drop(s, one);
        } else if (strcmp(one->person, person) == 0) {
            oldest = oldest ? oldest : one;
            has++;
        }
    }
    if (has >= EACH_MOST)
        drop(s, oldest);
}

uint64_t sessions_password(const struct person *p)
{
    uint8_t digest[DIGEST_BYTES];
    uint64_t first;

    digest_of(digest, p->hash, strlen(p->hash));
    memcpy(&first, digest, sizeof(first));
    return first;
}

struct session *sessions_begin(struct sessions *s, const struct person *p,
                               char secret[SESSION_SECRET])
{
    int64_t now = now_of(s);
    struct session *one;

    make_room(s, p->name, now);
    one = add(s);
    if (!one)
        return NULL;
    make_secret(s->loop, secret);
    make_secret(s->loop, one->token);
    sha_of(one->sha, secret);
    snprintf(one->person, sizeof(one->person), "%s", p->name);
    one->password = sessions_password(p);
    memcpy(one->lang, p->lang, sizeof(one->lang));
    one->began_us = one->seen_us = now;
    save(s);
    return one;
}

struct session *sessions_find(struct sessions *s, const char *secret)
{
    int64_t now = now_of(s);
    uint8_t sha[SESSION_SHA];
    struct list *pos;

    if (!secret || strlen(secret) != SESSION_SECRET - 1)
        return NULL;
    sha_of(sha, secret);
    list_each(pos, &s->all) {
        struct session *one = container_of(pos, struct session, link);

        if (memcmp(one->sha, sha, sizeof(sha)) != 0)
            continue;
        if (is_over(s, one, now)) {
            sessions_end(s, one);
            return NULL;
        }
        if (now - one->seen_us > SEEN_STEP_US) {
            one->seen_us = now;
            save(s);
        }
        return one;
    }
    return NULL;
}

const struct session *sessions_of(const struct sessions *s, const uint8_t sha[SESSION_SHA])
{
    struct list *pos;

    list_each(pos, &s->all) {
        const struct session *one = container_of(pos, struct session, link);

        if (memcmp(one->sha, sha, SESSION_SHA) == 0)
            return is_over(s, one, now_of(s)) ? NULL : one;
    }
    return NULL;
}

void sessions_end(struct sessions *s, struct session *one)
{
    drop(s, one);
    save(s);
}

void sessions_end_person(struct sessions *s, const char *person)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &s->all) {
        struct session *one = container_of(pos, struct session, link);

        if (!person || strcmp(one->person, person) == 0)
            drop(s, one);
    }
    save(s);
}

size_t sessions_persons(const struct sessions *s, size_t from, char *out, size_t size)
{
    size_t at = 0, put = 0, len = 0;
    struct list *pos;

    out[0] = '\0';
    list_each(pos, &s->all) {
        const char *person = container_of(pos, struct session, link)->person;

        if (at++ < from)
            continue;
        if (len + strlen(person) + 2 > size)
            break;
        len += (size_t)snprintf(out + len, size - len, "%s%s", put++ ? " " : "", person);
    }
    return put;
}

size_t sessions_count(const struct sessions *s)
{
    return s->count;
}
