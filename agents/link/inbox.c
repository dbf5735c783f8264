/* inbox - see inbox.h
 *
 * Schema (user_version 2, application_id "EOCI"):
 *   place(name, log_epoch, seq, sum)   one row a subscription
 *   seen(name, slot, n, id, sum)       a ring of keys of alarms, INBOX_IDS slots a subscription;
 * ids of messages where an older program wrote them sum: see rowsum.h; NULL in rows of the first
 * schema. A place that does not fit its sum counts as the beginning: what was read already comes
 * once more, and nothing is passed over. */
#include "agents/link/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/link/rowsum.h"
#include "proto/base/digest.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/banned.h"

#define APPLICATION_ID 0x454f4349 /* "EOCI" */
#define SCHEMA_NUMBER  2
#define BUSY_MS        2000

struct inbox {
    sqlite3 *db; /* NULL = memory only */
    char *path, *name;
    bool has_place, place_dirty;
    uint32_t log_epoch;
    uint64_t seq;
    uint8_t keys[INBOX_IDS][INBOX_KEY];
    uint64_t id_count, id_saved; /* ever remembered, ever written; the slot is the remainder */
};

static const char schema_sql[] =
    "CREATE TABLE place(name TEXT PRIMARY KEY, log_epoch INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " sum INTEGER);"
    "CREATE TABLE seen(name TEXT, slot INTEGER, n INTEGER NOT NULL, id BLOB NOT NULL,"
    " sum INTEGER, PRIMARY KEY (name, slot));"
    "PRAGMA user_version = 2; PRAGMA application_id = 0x454f4349;";

static const char from_first_schema_sql[] = "ALTER TABLE place ADD COLUMN sum INTEGER;"
                                            "ALTER TABLE seen ADD COLUMN sum INTEGER;"
                                            "PRAGMA user_version = 2;";

static enum status translate(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ST_AGAIN;
    case SQLITE_FULL:
        return ST_FULL;
    case SQLITE_NOMEM:
        return ST_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ST_INVALID;
    default:
        return ST_IO;
    }
}

static int run_sql(struct inbox *in, const char *sql)
{
    return sqlite3_exec(in->db, sql, NULL, NULL, NULL);
}

static int64_t ask_number(struct inbox *in, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int64_t answer = -1;

    if (sqlite3_prepare_v2(in->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        answer = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return answer;
}

static int make_schema(struct inbox *in)
{
    int rc = run_sql(in, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN IMMEDIATE");

    if (rc != SQLITE_OK)
        return rc;
    if (ask_number(in, "SELECT count(*) FROM sqlite_master") == 0)
        rc = run_sql(in, schema_sql);
    else if (ask_number(in, "PRAGMA application_id") != APPLICATION_ID)
        rc = SQLITE_NOTADB;
    else if (ask_number(in, "PRAGMA user_version") == 1)
        rc = run_sql(in, from_first_schema_sql);
    else if (ask_number(in, "PRAGMA user_version") != SCHEMA_NUMBER)
        rc = SQLITE_NOTADB;
    if (rc == SQLITE_OK)
        return run_sql(in, "COMMIT");
    if (!sqlite3_get_autocommit(in->db))
        (void)run_sql(in, "ROLLBACK");
    return rc;
}

static uint64_t place_sum(const struct inbox *in)
{
    uint64_t sum = rowsum_bytes(0, in->name, strlen(in->name));

    return rowsum_number(rowsum_number(sum, in->log_epoch), in->seq);
}

static uint64_t id_sum(const struct inbox *in, uint64_t n, const uint8_t *id)
{
    return rowsum_bytes(rowsum_number(rowsum_bytes(0, in->name, strlen(in->name)), n), id,
                        INBOX_KEY);
}

static bool fits(sqlite3_stmt *q, int column, uint64_t sum)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ||
           (uint64_t)sqlite3_column_int64(q, column) == sum;
}

static int read_place(struct inbox *in)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(in->db, "SELECT log_epoch, seq, sum FROM place WHERE name=?1", -1,
                                &q, NULL);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(q, 1, in->name, -1, SQLITE_STATIC);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        in->has_place = true;
        in->log_epoch = (uint32_t)sqlite3_column_int64(q, 0);
        in->seq = (uint64_t)sqlite3_column_int64(q, 1);
        if (!fits(q, 2, place_sum(in))) {
            log_error("inbox.place.damaged", "path=%s next=\"everything is read once more\"",
                      in->path);
            in->log_epoch = 0;
            in->seq = 0;
        }
    }
    sqlite3_finalize(q);
    return rc;
}

static int read_ids(struct inbox *in)
{
    sqlite3_stmt *q = NULL;
    int rc =
        sqlite3_prepare_v2(in->db, "SELECT slot, n, id, sum FROM seen WHERE name=?1", -1, &q, NULL);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(q, 1, in->name, -1, SQLITE_STATIC);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        unsigned slot = (unsigned)sqlite3_column_int(q, 0) % INBOX_IDS;
        uint64_t n = (uint64_t)sqlite3_column_int64(q, 1);

        /* One that does not fit is forgotten: that alarm may sound once more. */
        if (sqlite3_column_bytes(q, 2) != INBOX_KEY ||
            !fits(q, 3, id_sum(in, n, sqlite3_column_blob(q, 2))))
            continue;
        memcpy(in->keys[slot], sqlite3_column_blob(q, 2), INBOX_KEY);
        if (n > in->id_count)
            in->id_count = n;
    }
    sqlite3_finalize(q);
    in->id_saved = in->id_count;
    return rc;
}

static bool is_newer(struct inbox *in)
{
    return ask_number(in, "PRAGMA application_id") == APPLICATION_ID &&
           ask_number(in, "PRAGMA user_version") > SCHEMA_NUMBER;
}

static enum status open_file(struct inbox *in, char *err, size_t err_size)
{
    int fd = open(in->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;
    enum status st;

    if (fd < 0) {
        snprintf(err, err_size, "cannot open the inbox %s: %s", in->path, strerror(errno));
        return ST_IO;
    }
    close(fd);
    rc = sqlite3_open_v2(in->path, &in->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(in->db, BUSY_MS);
        rc = make_schema(in);
    }
    if (rc == SQLITE_OK)
        rc = read_place(in);
    if (translate(rc) == ST_OK)
        rc = read_ids(in);
    st = translate(rc);
    if (st == ST_INVALID && is_newer(in))
        snprintf(err, err_size, "the inbox %s was made by a newer version: update this program",
                 in->path);
    else if (st == ST_INVALID)
        snprintf(
            err, err_size,
            "%s is damaged or not an inbox: move it aside and start again; what was read already "
            "will be delivered once more",
            in->path);
    else if (st != ST_OK)
        snprintf(err, err_size, "cannot use the inbox %s: %s", in->path, sqlite3_errstr(rc));
    return st;
}

enum status inbox_open(struct inbox **out, const char *path, const char *name, char *err,
                       size_t err_size)
{
    struct inbox *in = mem_zalloc(sizeof(*in));
    enum status st = ST_NOMEM;

    snprintf(err, err_size, "no memory");
    if (!in)
        return ST_NOMEM;
    in->path = path ? mem_strdup(path) : NULL;
    in->name = mem_strdup(name);
    if (in->name && (in->path || !path))
        st = path ? open_file(in, err, err_size) : ST_OK;
    if (st != ST_OK) {
        inbox_close(in);
        return st;
    }
    err[0] = '\0';
    *out = in;
    return ST_OK;
}

void inbox_close(struct inbox *in)
{
    if (!in)
        return;
    sqlite3_close(in->db);
    mem_free(in->path);
    mem_free(in->name);
    mem_free(in);
}

bool inbox_place(const struct inbox *in, uint32_t *log_epoch, uint64_t *seq)
{
    *log_epoch = in->log_epoch;
    *seq = in->seq;
    return in->has_place;
}

void inbox_move(struct inbox *in, uint32_t log_epoch, uint64_t seq)
{
    if (in->has_place && in->log_epoch == log_epoch && in->seq == seq)
        return;
    in->has_place = in->place_dirty = true;
    in->log_epoch = log_epoch;
    in->seq = seq;
}

void inbox_forget(struct inbox *in)
{
    in->has_place = in->place_dirty = false;
    in->log_epoch = 0;
    in->seq = 0;
}

bool inbox_is_new(const struct inbox *in, uint32_t log_epoch, uint64_t seq)
{
    if (!in->has_place || log_epoch > in->log_epoch)
        return true;
    return log_epoch == in->log_epoch && seq > in->seq;
}

void inbox_key(uint8_t out[INBOX_KEY], const char *sender, const uint8_t message_id[16])
{
    uint8_t digest[DIGEST_BYTES];
    struct sha256 s;

    sha256_begin(&s);
    sha256_add(&s, sender, strlen(sender) + 1); /* its NUL ends it: no two fall together */
    sha256_add(&s, message_id, 16);
    sha256_end(&s, digest);
    memcpy(out, digest, INBOX_KEY);
}

bool inbox_knows(const struct inbox *in, const uint8_t key[INBOX_KEY])
{
    uint64_t held = in->id_count < INBOX_IDS ? in->id_count : INBOX_IDS;

    for (uint64_t i = 0; i < held; i++)
        if (memcmp(in->keys[i], key, INBOX_KEY) == 0)
            return true;
    return false;
}

void inbox_remember(struct inbox *in, const uint8_t key[INBOX_KEY])
{
    memcpy(in->keys[in->id_count % INBOX_IDS], key, INBOX_KEY);
    in->id_count++;
}

/* Its slot is written again, with everything behind it. */
void inbox_unlearn(struct inbox *in, const uint8_t key[INBOX_KEY])
{
    uint64_t n = in->id_count > INBOX_IDS ? in->id_count - INBOX_IDS : 0;

    for (; n < in->id_count; n++) {
        if (memcmp(in->keys[n % INBOX_IDS], key, INBOX_KEY) != 0)
            continue;
        memset(in->keys[n % INBOX_IDS], 0, INBOX_KEY);
        if (n < in->id_saved)
            in->id_saved = n;
    }
}

bool inbox_is_dirty(const struct inbox *in)
{
    return in->place_dirty || in->id_count != in->id_saved;
}

static int write_place(struct inbox *in)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(in->db, "INSERT OR REPLACE INTO place VALUES (?1, ?2, ?3, ?4)", -1,
                                &q, NULL);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(q, 1, in->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, in->log_epoch);
    sqlite3_bind_int64(q, 3, (sqlite3_int64)in->seq);
    sqlite3_bind_int64(q, 4, (sqlite3_int64)place_sum(in));
    rc = sqlite3_step(q);
    sqlite3_finalize(q);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_ids(struct inbox *in)
{
    sqlite3_stmt *q = NULL;
    uint64_t from = in->id_saved;
    int rc = sqlite3_prepare_v2(in->db, "INSERT OR REPLACE INTO seen VALUES (?1, ?2, ?3, ?4, ?5)",
                                -1, &q, NULL);

    if (in->id_count - from > INBOX_IDS)
        from = in->id_count - INBOX_IDS;
    while (rc == SQLITE_OK && from < in->id_count) {
        unsigned slot = (unsigned)(from % INBOX_IDS);

        sqlite3_bind_text(q, 1, in->name, -1, SQLITE_STATIC);
        sqlite3_bind_int(q, 2, (int)slot);
        sqlite3_bind_int64(q, 3, (sqlite3_int64)++from);
        sqlite3_bind_blob(q, 4, in->keys[slot], INBOX_KEY, SQLITE_STATIC);
        sqlite3_bind_int64(q, 5, (sqlite3_int64)id_sum(in, from, in->keys[slot]));
        rc = sqlite3_step(q);
        rc = rc == SQLITE_DONE ? sqlite3_reset(q) : rc;
    }
    sqlite3_finalize(q);
    return rc;
}

enum status inbox_commit(struct inbox *in)
{
    int rc = SQLITE_OK;

    if (!inbox_is_dirty(in))
        return ST_OK;
    if (in->db) {
        rc = run_sql(in, "BEGIN IMMEDIATE");
        if (rc == SQLITE_OK && in->place_dirty)
            rc = write_place(in);
        if (rc == SQLITE_OK && in->id_saved != in->id_count)
            rc = write_ids(in);
        if (rc == SQLITE_OK)
            rc = run_sql(in, "COMMIT");
        if (rc != SQLITE_OK && !sqlite3_get_autocommit(in->db))
            (void)run_sql(in, "ROLLBACK");
    }
    if (rc != SQLITE_OK)
        return translate(rc);
    in->place_dirty = false;
    in->id_saved = in->id_count;
    return ST_OK;
}
