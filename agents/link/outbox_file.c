/* outbox_file - the SQLite file: made, recognised, opened.
 *
 * Schema (user_version 4, application_id "EOCB"):
 *
 * - outbox(sender, epoch, log_epoch, start): one row. Whose file it is, when it was made, the
 * newest log epoch whose broker was offered everything, and what the numbers of rows begin behind.
 * - message(tag, content, signature, sum, keys): never updated, but for the wrapped keys of a
 * sealed box, which may be destroyed. tag = lane << 56 | start + lane_seq, so the key is the order
 * of sending, and a put is one insert. sum: see rowsum.h; a row that does not fit it is never sent.
 * NULL in rows of the first schema, which had no sums and no start.
 * - settled(tag, state, at_us, ..., sum): receipts; state 1 stored, 2 refused, 3 refused and seen.
 *   A message without a row here is waiting; a row that does not fit its sum could hide one, so it
 *   settles nothing and counts as damage. NULL in rows of the first two schemas.
 * - track(track, last, first, settled, stored, refused, sum): see outbox_track.c.
 * - once(key, n, tag): the n-th put of a repeatable command, see outbox_once.c.
 *
 * The contents stand apart from the receipts because SQLite rewrites a whole row to change one
 * column, and a settled 64 KiB message should not cost another 64 KiB of log.
 *
 * The log (WAL) is folded back into the file whenever a commit leaves it larger than its share of
 * the budget. */
#include "agents/link/outbox_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "proto/base/banned.h"

#define APPLICATION_ID 0x454f4342 /* "EOCB" */
#define SCHEMA_NUMBER  4
#define BUSY_MS        2000
#define NFS_MAGIC      0x6969

static const char schema_sql[] =
    "CREATE TABLE outbox(sender TEXT NOT NULL, epoch INTEGER NOT NULL, log_epoch INTEGER NOT NULL,"
    " start INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE track(track INTEGER PRIMARY KEY, last INTEGER NOT NULL DEFAULT 0,"
    " first INTEGER NOT NULL DEFAULT 1, settled INTEGER NOT NULL DEFAULT 0,"
    " stored INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,"
    " sum INTEGER);"
    "INSERT INTO track(track) VALUES (2),(3),(4),(5),(6),(7),(8),(9),(10),(11);"
    "CREATE TABLE message(tag INTEGER PRIMARY KEY, content BLOB NOT NULL, signature BLOB,"
    " sum INTEGER, keys BLOB);"
    "CREATE TABLE settled(tag INTEGER PRIMARY KEY, state INTEGER NOT NULL, at_us INTEGER NOT NULL,"
    " log_epoch INTEGER NOT NULL, seq INTEGER NOT NULL, repeated INTEGER NOT NULL,"
    " expired INTEGER NOT NULL, code TEXT, path TEXT, text TEXT, sum INTEGER);"
    "CREATE TABLE once(key TEXT, n INTEGER, tag INTEGER NOT NULL, PRIMARY KEY (key, n)) WITHOUT "
    "ROWID;"
    "CREATE INDEX settled_at ON settled(at_us) WHERE state <> 2;"
    "CREATE INDEX settled_refused ON settled(tag) WHERE state = 2;"
    "CREATE INDEX message_keys ON message(tag) WHERE keys IS NOT NULL;"
    "PRAGMA user_version = 4;"
    "PRAGMA application_id = 0x454f4342;";

/* From schema n + 1 to the next one. */
static const char *const upgrade_sql[SCHEMA_NUMBER - 1] = {
    "ALTER TABLE outbox ADD COLUMN start INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE track ADD COLUMN sum INTEGER;"
    "ALTER TABLE message ADD COLUMN sum INTEGER;"
    "PRAGMA user_version = 2;",
    "ALTER TABLE settled ADD COLUMN sum INTEGER;"
    "PRAGMA user_version = 3;",
    "ALTER TABLE message ADD COLUMN keys BLOB;"
    "CREATE INDEX message_keys ON message(tag) WHERE keys IS NOT NULL;"
    "PRAGMA user_version = 4;",
};

enum status ob_make_file(const char *path, char *err, size_t err_size)
{
    struct statfs fs;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        snprintf(err, err_size, "cannot open the outbox %s: %s", path, strerror(errno));
        return errno == ENOSPC ? ST_FULL : ST_IO;
    }
    if (fstatfs(fd, &fs) == 0 && fs.f_type == NFS_MAGIC) {
        close(fd);
        snprintf(err, err_size,
                 "the outbox %s is on NFS, where locks cannot be trusted: use a local disk", path);
        return ST_INVALID;
    }
    close(fd);
    return ST_OK;
}

static enum status run_sql(struct outbox *o, const char *sql)
{
    return ob_translate(o, sqlite3_exec(o->db, sql, NULL, NULL, NULL));
}

static int64_t ask_pragma(struct outbox *o, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int64_t answer = -1;

    if (sqlite3_prepare_v2(o->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        answer = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return answer;
}

static enum status begin_numbers(struct outbox *o)
{
    char sql[96];

    snprintf(sql, sizeof(sql), "UPDATE track SET last=%" PRIu64 ", first=%" PRIu64, o->start,
             o->start + 1);
    return run_sql(o, sql);
}

static enum status create_schema(struct outbox *o)
{
    sqlite3_stmt *q = NULL;
    int64_t now = o->utc_us(o->arg);
    enum status st = run_sql(o, schema_sql);

    if (st == ST_OK)
        st = begin_numbers(o);
    if (st != ST_OK)
        return st;
    if (sqlite3_prepare_v2(o->db, "INSERT INTO outbox VALUES (?1, ?2, ?3, ?4)", -1, &q, NULL) !=
        SQLITE_OK)
        return ob_translate(o, sqlite3_errcode(o->db));
    sqlite3_bind_text(q, 1, o->sender, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, now > (int64_t)o->after ? now : (int64_t)o->after + 1);
    sqlite3_bind_int64(q, 3, o->log_epoch);
    bind_u64(q, 4, o->start);
    st = ob_translate(o, sqlite3_step(q));
    sqlite3_finalize(q);
    return st;
}

static enum status upgrade(struct outbox *o, int64_t version)
{
    enum status st = ST_OK;

    for (; st == ST_OK && version < SCHEMA_NUMBER; version++)
        st = run_sql(o, upgrade_sql[version - 1]);
    return st;
}

static enum status check_kind(struct outbox *o)
{
    int64_t id = ask_pragma(o, "PRAGMA application_id");
    int64_t version = ask_pragma(o, "PRAGMA user_version");

    if (id == APPLICATION_ID && version >= 1 && version <= SCHEMA_NUMBER)
        return upgrade(o, version);
    if (id == APPLICATION_ID && version > SCHEMA_NUMBER)
        ob_say(o,
               "the outbox %s was made by a newer version (schema %" PRId64 ", this one knows %d): "
               "update this program",
               o->path, version, SCHEMA_NUMBER);
    else
        ob_say(o, "%s is a database, but not an outbox: name another file in outbox.path", o->path);
    return ST_INVALID;
}

/* A new file gets its schema under the write lock: two programs may start at once. */
static enum status make_schema(struct outbox *o)
{
    enum status st = run_sql(o, "BEGIN IMMEDIATE");

    if (st != ST_OK)
        return st;
    if (ask_pragma(o, "SELECT count(*) FROM sqlite_master") == 0)
        st = create_schema(o);
    else
        st = check_kind(o);
    if (st == ST_OK)
        return run_sql(o, "COMMIT");
    if (!sqlite3_get_autocommit(o->db))
        sqlite3_exec(o->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

static enum status read_owner(struct outbox *o)
{
    sqlite3_stmt *q = NULL;
    enum status st = ST_OK;
    int rc = sqlite3_prepare_v2(o->db, "SELECT sender, epoch, log_epoch, start FROM outbox", -1, &q,
                                NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(q);
    if (rc != SQLITE_ROW) {
        st = ob_translate(o, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
    } else if (strcmp((const char *)sqlite3_column_text(q, 0), o->sender) != 0) {
        ob_say(o, "the outbox %s belongs to %s, not to %s: give each sender its own file", o->path,
               (const char *)sqlite3_column_text(q, 0), o->sender);
        st = ST_DENIED;
    } else {
        o->epoch = (uint64_t)sqlite3_column_int64(q, 1);
        o->log_epoch = (uint32_t)sqlite3_column_int64(q, 2);
        o->start = (uint64_t)sqlite3_column_int64(q, 3);
    }
    sqlite3_finalize(q);
    return st;
}

void ob_checkpoint(struct outbox *o)
{
    int rc = sqlite3_wal_checkpoint_v2(o->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    /* Full or busy: the log keeps everything, a later one does it. Anything else is the disk. */
    if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CORRUPT)
        (void)ob_translate(o, rc);
}

/* What is empty inside the file goes back to the disk. Nothing is lost when it does not work. */
void ob_shrink(struct outbox *o)
{
    (void)!run_sql(o, "PRAGMA incremental_vacuum");
    (void)sqlite3_wal_checkpoint_v2(o->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

bool ob_has_moved(struct outbox *o)
{
    int moved = 0;

    return sqlite3_file_control(o->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved;
}

static int on_wal_grown(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct outbox *o = arg;

    (void)db;
    (void)name;
    if ((unsigned)pages >= o->wal_pages)
        ob_checkpoint(o);
    return SQLITE_OK;
}

/* In a file that took another's place; see outbox_mend.c. */
static void look_for_saved(struct outbox *o)
{
    memset(o->saved, 0, sizeof(o->saved));
    for (unsigned lane = 1; o->start && lane < LANES; lane++) {
        sqlite3_stmt *q = use(o, Q_LAST);

        bind_u64(q, 1, tag_of(2 * lane + 1, 0));
        bind_u64(q, 2, tag_of(2 * lane + 2, 0));
        if (sqlite3_step(q) == SQLITE_ROW)
            o->saved[lane] = (uint64_t)sqlite3_column_int64(q, 0);
        sqlite3_reset(q);
    }
}

enum status ob_open_database(struct outbox *o)
{
    char sql[96];
    enum status st;
    int rc = sqlite3_open_v2(o->path, &o->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK)
        return ob_translate(o, rc);
    sqlite3_extended_result_codes(o->db, 1);
    sqlite3_busy_timeout(o->db, BUSY_MS);
    /* WAL and auto_vacuum are properties of the file and come before the first table; FULL is ours
     * to ask each time. */
    st = run_sql(o, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; "
                    "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST");
    if (st == ST_OK)
        st = make_schema(o);
    if (st == ST_OK)
        st = read_owner(o);
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%u", o->max_pages);
    if (st == ST_OK)
        st = run_sql(o, sql);
    if (st == ST_OK)
        st = ob_prepare(o);
    if (st == ST_OK) {
        sqlite3_wal_hook(o->db, on_wal_grown, o);
        look_for_saved(o);
    }
    return st;
}
