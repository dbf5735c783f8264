/* trust_keys - see trust_keys.h. On disk the book is a Known, as brokers say it: its records carry
 * their own proof, so the file needs none. */
#include "agents/link/trust_keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eocbus/v1/session.pb-c.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

/* A broker may invent as many senders as it likes. */
#define NAMES_MOST 20000u
#define KEYS_MOST  64u /* of one name */
#define FILE_MOST  (64u << 20)

/* --- names ------------------------------------------------------------------------------------ */

static size_t find_place(const struct trust_book *b, const char *name, bool *is_there)
{
    size_t low = 0, high = b->count;

    *is_there = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(b->names[mid]->name, name);

        if (order == 0) {
            *is_there = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct trust_name *trust_book_find(const struct trust_book *b, const char *name)
{
    bool is_there;
    size_t at = find_place(b, name, &is_there);

    return is_there ? b->names[at] : NULL;
}

static bool make_room(struct trust_book *b)
{
    size_t room = b->room ? b->room * 2 : 64;
    struct trust_name **names;

    if (b->count < b->room)
        return true;
    names =
        b->count < NAMES_MOST ? mem_realloc(b->names, room * sizeof(struct trust_name *)) : NULL;
    if (!names)
        return false;
    b->names = names;
    b->room = room;
    return true;
}

struct trust_name *trust_book_name(struct trust_book *b, const char *name)
{
    bool is_there;
    size_t at = find_place(b, name, &is_there), size = strlen(name) + 1;
    struct trust_name *n;

    if (is_there)
        return b->names[at];
    n = make_room(b) ? mem_zalloc(sizeof(*n) + size) : NULL;
    if (!n)
        return NULL;
    memcpy(n->name, name, size);
    memmove(&b->names[at + 1], &b->names[at], (b->count - at) * sizeof(n));
    b->names[at] = n;
    b->count++;
    return n;
}

/* --- keys ------------------------------------------------------------------------------------- */

/* Another serial of the same key, or the same record again, takes the place of what was known. */
static struct trust_key *place_for(struct trust_name *n, const struct record *r)
{
    struct trust_key *more;

    for (size_t i = 0; i < n->key_count; i++)
        if (memcmp(n->keys[i].key, r->key, KEY_BYTES) == 0)
            return &n->keys[i];
    more = n->key_count < KEYS_MOST
               ? mem_realloc(n->keys, (n->key_count + 1) * sizeof(struct trust_key))
               : NULL;
    if (!more)
        return NULL;
    n->keys = more;
    n->keys[n->key_count] = (struct trust_key){.enrolment = NULL};
    return &n->keys[n->key_count++];
}

static bool is_same(const struct trust_key *k, const uint8_t *enrolment, size_t len,
                    int64_t revoked_us)
{
    return k->enrolment && k->enrolment_len == len && memcmp(k->enrolment, enrolment, len) == 0 &&
           k->revoked_us == revoked_us;
}

static void take_record(struct trust_book *b, struct trust_name *n, const struct record *r,
                        const uint8_t *enrolment, size_t len, int64_t revoked_us)
{
    struct trust_key *k = place_for(n, r);
    uint8_t *copy;

    /* Revoked stays revoked, whatever a broker says later; only earlier is believed. */
    if (k && k->revoked_us && (!revoked_us || revoked_us > k->revoked_us))
        revoked_us = k->revoked_us;
    if (!k || r->serial < k->serial || is_same(k, enrolment, len, revoked_us))
        return;
    copy = mem_alloc(len);
    if (!copy)
        return; /* it is asked for again */
    mem_free(k->enrolment);
    *k = (struct trust_key){.has_sign_key = r->has_sign_key,
                            .valid_from_us = r->valid_from_us,
                            .not_after_us = r->not_after_us,
                            .revoked_us = revoked_us,
                            .serial = r->serial,
                            .enrolment = memcpy(copy, enrolment, len),
                            .enrolment_len = len};
    memcpy(k->key, r->key, KEY_BYTES);
    memcpy(k->sign_key, r->sign_key, KEY_BYTES);
    b->is_dirty = true;
}

void trust_book_add(struct trust_book *b, const uint8_t *enrolment, size_t len, int64_t revoked_us,
                    uint64_t told_us)
{
    struct trust_name *n;
    struct record record;
    struct refusal why = {0};

    if (enrolment_check(&record, enrolment, len, &b->officers, &why) != ST_OK) {
        log_warn("agent.record.refused", "code=%s path=%s", why.code, why.path);
        return;
    }
    n = trust_book_name(b, record.name);
    if (!n)
        return;
    take_record(b, n, &record, enrolment, len, revoked_us);
    n->told_us = told_us ? told_us : n->told_us;
}

const struct trust_key *trust_find_key(const struct trust_name *n, const char *domain,
                                       const void *bytes, size_t len,
                                       const uint8_t signature[SIGN_BYTES])
{
    for (size_t i = 0; i < n->key_count; i++)
        if (n->keys[i].has_sign_key &&
            sign_is_good(n->keys[i].sign_key, domain, bytes, len, signature))
            return &n->keys[i];
    return NULL;
}

enum status trust_find_record(struct record *out, const struct trust_name *n, int64_t utc_us)
{
    const struct trust_key *newest = NULL;
    struct refusal why;

    for (size_t i = 0; n && i < n->key_count; i++)
        if (n->keys[i].valid_from_us <= utc_us && (!newest || n->keys[i].serial > newest->serial))
            newest = &n->keys[i];
    return newest ? enrolment_read(out, newest->enrolment, newest->enrolment_len, &why)
                  : ST_NOTFOUND;
}

void trust_book_rules(struct trust_book *b, const char *order_rules)
{
    char *copy;

    if (!order_rules[0] || (b->order_rules && strcmp(b->order_rules, order_rules) == 0))
        return;
    copy = mem_strdup(order_rules);
    if (!copy)
        return; /* they are asked for again */
    mem_free(b->order_rules);
    b->order_rules = copy;
    b->is_dirty = true;
}

/* --- on disk ---------------------------------------------------------------------------------- */

static void read_known(struct trust_book *b)
{
    struct buf file = {0};
    enum status st = file_read(b->path, &file, FILE_MOST);
    Eocbus__V1__Known *known =
        st == ST_OK ? eocbus__v1__known__unpack(NULL, file.len, file.data) : NULL;

    for (size_t i = 0; known && i < known->n_enrolments; i++)
        trust_book_add(b, known->enrolments[i].data, known->enrolments[i].len,
                       i < known->n_revoked_us ? known->revoked_us[i] : 0, 0);
    if (known)
        trust_book_rules(b, known->order_rules);
    if (!known && st != ST_NOTFOUND)
        log_warn("agent.records.unread", "path=%s status=%s next=\"asked for again\"", b->path,
                 status_name(st));
    if (known)
        eocbus__v1__known__free_unpacked(known, NULL);
    buf_free(&file);
    b->is_dirty = false;
}

enum status trust_book_open(struct trust_book *b, const char *officers_file, const char *path,
                            char *err, size_t err_size)
{
    enum status st = officers_load(&b->officers, officers_file, err, err_size);

    if (st != ST_OK || !path)
        return st;
    b->path = mem_strdup(path);
    if (!b->path) {
        snprintf(err, err_size, "no memory");
        return ST_NOMEM;
    }
    read_known(b);
    return ST_OK;
}

void trust_book_close(struct trust_book *b)
{
    for (size_t i = 0; i < b->count; i++) {
        for (size_t k = 0; k < b->names[i]->key_count; k++)
            mem_free(b->names[i]->keys[k].enrolment);
        mem_free(b->names[i]->keys);
        mem_free(b->names[i]);
    }
    mem_free(b->names);
    mem_free(b->order_rules);
    mem_free(b->path);
}

static size_t count_keys(const struct trust_book *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->count; i++)
        n += b->names[i]->key_count;
    return n;
}

static enum status write_known(struct trust_book *b, ProtobufCBinaryData *records,
                               int64_t *revoked_us)
{
    Eocbus__V1__Known m = EOCBUS__V1__KNOWN__INIT;
    enum status st;
    uint8_t *bytes;
    size_t len;

    for (size_t i = 0; i < b->count; i++)
        for (size_t k = 0; k < b->names[i]->key_count; k++) {
            revoked_us[m.n_enrolments] = b->names[i]->keys[k].revoked_us;
            records[m.n_enrolments].data = b->names[i]->keys[k].enrolment;
            records[m.n_enrolments++].len = b->names[i]->keys[k].enrolment_len;
        }
    if (b->order_rules)
        m.order_rules = b->order_rules;
    m.n_revoked_us = m.n_enrolments;
    m.enrolments = records;
    m.revoked_us = revoked_us;
    len = eocbus__v1__known__get_packed_size(&m);
    bytes = mem_alloc(len + 1);
    if (!bytes)
        return ST_NOMEM;
    eocbus__v1__known__pack(&m, bytes);
    st = file_replace(b->path, bytes, len);
    mem_free(bytes);
    return st;
}

enum status trust_book_save(struct trust_book *b)
{
    size_t n = count_keys(b) + 1;
    ProtobufCBinaryData *records;
    int64_t *revoked_us;
    enum status st = ST_NOMEM;

    if (!b->path || !b->is_dirty)
        return ST_OK;
    records = mem_alloc(n * sizeof(*records));
    revoked_us = mem_alloc(n * sizeof(*revoked_us));
    if (records && revoked_us)
        st = write_known(b, records, revoked_us);
    mem_free(records);
    mem_free(revoked_us);
    b->is_dirty = st != ST_OK;
    return st;
}
