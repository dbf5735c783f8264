/* outbox_query - the statements of the outbox, and what SQLite says to them in our words. */
#include "agents/link/outbox_file.h"

#include <stdarg.h>
#include <stdio.h>

#include "agents/link/rowsum.h"
#include "proto/base/banned.h"

/* A receipt that is what was written; one that is not settles nothing. */
#define RECEIPT_OF(tag)                                                                            \
    "(SELECT 1 FROM settled s WHERE s.tag = " tag                                                  \
    " AND receipt_is_whole(s.sum, s.tag, s.state, s.at_us, s.log_epoch, s.seq))"

static const char *const query_sql[QUERIES] = {
    [Q_BEGIN] = "BEGIN IMMEDIATE",
    [Q_COMMIT] = "COMMIT",
    [Q_ROLLBACK] = "ROLLBACK",
    [Q_TRACKS] = "SELECT track, last, first, settled, stored, refused, sum FROM track",
    [Q_TRACK_WRITE] = "UPDATE track SET last=?2, first=?3, settled=?4, stored=?5, refused=?6,"
                      " sum=?7 WHERE track=?1",
    [Q_LAST] = "SELECT tag FROM message WHERE tag >= ?1 AND tag < ?2 ORDER BY tag DESC LIMIT 1",
    [Q_MESSAGE_ADD] = "INSERT INTO message(tag, content, sum, signature, keys)"
                      " VALUES (?1, ?2, ?3, ?4, ?5)",
    [Q_WAITING] =
        "SELECT content, signature, tag, sum, keys FROM message m WHERE tag >= ?1 AND tag < ?2"
        " AND NOT EXISTS " RECEIPT_OF("m.tag") " ORDER BY tag",
    [Q_WAITING_HAS] = "SELECT 1 FROM message WHERE tag=?1 AND NOT EXISTS " RECEIPT_OF("?1"),
    [Q_MESSAGE] = "SELECT content, signature, sum FROM message WHERE tag=?1",
    [Q_MESSAGE_DROP] = "DELETE FROM message WHERE tag=?1",
    [Q_SETTLED_ADD] =
        "INSERT OR IGNORE INTO settled(tag, state, at_us, log_epoch, seq, repeated, expired, code,"
        " path, text, sum) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,receipt_sum(?1,?2,?3,?4,?5))",
    [Q_SETTLED] = "SELECT state, log_epoch, seq, repeated, expired, code, path, text FROM settled"
                  " WHERE tag=?1 AND receipt_is_whole(sum, tag, state, at_us, log_epoch, seq)",
    [Q_SETTLED_DROP] = "DELETE FROM settled WHERE tag=?1",
    [Q_OLDEST] =
        "SELECT tag, state FROM settled WHERE state <> 2 AND at_us < ?1"
        " AND receipt_is_whole(sum, tag, state, at_us, log_epoch, seq) ORDER BY at_us LIMIT 1",
    [Q_REFUSED] =
        "SELECT tag, state, log_epoch, seq, repeated, expired, code, path, text FROM settled"
        " WHERE state = 2 AND receipt_is_whole(sum, tag, state, at_us, log_epoch, seq)"
        " ORDER BY tag",
    [Q_SEEN] = "UPDATE settled SET state=3, at_us=?2, sum=receipt_sum(tag, 3, ?2, log_epoch, seq)"
               " WHERE tag=?1 AND state=2",
    [Q_KEYS] = "SELECT content, tag FROM message WHERE keys IS NOT NULL AND tag > ?1 ORDER BY tag",
    [Q_KEYS_DROP] = "UPDATE message SET keys = NULL WHERE tag = ?1",
    [Q_KNOWN] = "SELECT log_epoch, seq FROM settled WHERE tag >= ?1 AND tag < ?2 AND state = 1"
                " AND seq > 0 AND receipt_is_whole(sum, tag, state, at_us, log_epoch, seq)"
                " ORDER BY tag DESC LIMIT 1",
    [Q_EARLIER] = "SELECT tag FROM settled WHERE tag >= ?2 AND tag < ?3 AND state=1"
                  " AND log_epoch < ?1 AND seq > ?4"
                  " AND receipt_is_whole(sum, tag, state, at_us, log_epoch, seq)"
                  " ORDER BY tag LIMIT 1",
    [Q_LOG_EPOCH] = "UPDATE outbox SET log_epoch=?1",
    [Q_EACH] = "SELECT m.content, m.signature, m.tag, s.state, s.log_epoch, s.seq, s.repeated,"
               " s.expired, s.code, s.path, s.text, m.sum FROM message m LEFT JOIN settled s ON "
               "s.tag = m.tag AND receipt_is_whole(s.sum, s.tag, s.state, s.at_us, s.log_epoch,"
               " s.seq) ORDER BY m.tag",
    [Q_EVERY] =
        "SELECT content, signature, tag, sum, keys FROM message WHERE tag >= ?1 AND tag < ?2"
        " ORDER BY tag",
    [Q_DAMAGED] = "SELECT count(*) FROM settled WHERE state = 2 AND code = 'damaged'",
    [Q_ONCE] = "SELECT tag FROM once WHERE key=?1 AND n=?2",
    [Q_ONCE_ADD] = "INSERT INTO once(tag, key, n) VALUES (?1, ?2, ?3)",
    [Q_ONCE_FORGET] = "DELETE FROM once WHERE key=?1 AND n <= ?2",
    [Q_ONCE_EACH] = "SELECT key, n FROM once",
    [Q_PAGES] = "PRAGMA page_count",
    [Q_FREE] = "PRAGMA freelist_count",
    [Q_CHANGED] = "PRAGMA data_version",
};

void ob_say(struct outbox *o, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(o->trouble, sizeof(o->trouble), fmt, args);
    va_end(args);
}

static enum status found_damaged(struct outbox *o, int rc)
{
    o->broken = o->unreadable = true;
    if (o->epoch) /* what cannot even be opened needs no mark */
        ob_damage_note(o);
    ob_say(o,
           "the outbox %s is damaged (%s): stop the agent, move the file and its -wal aside, "
           "keep them for recovery, and start again",
           o->path, sqlite3_errstr(rc));
    return ST_INVALID;
}

enum status ob_translate(struct outbox *o, int rc)
{
    if (ob_is_damage(rc))
        return found_damaged(o, rc);
    if (rc == SQLITE_IOERR_SHMSIZE) /* no room for the -shm file: nothing is wrong with the disk */
        return ST_FULL;
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        ob_say(o, "another program holds the outbox %s; try again", o->path);
        return ST_AGAIN;
    case SQLITE_FULL:
        return ST_FULL;
    case SQLITE_NOMEM:
        ob_say(o, "no memory");
        return ST_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return found_damaged(o, rc);
    default:
        o->broken = true;
        ob_say(o, "cannot use the outbox %s (%s): check the disk and start the agent again",
               o->path, sqlite3_errstr(rc));
        return ST_IO;
    }
}

static uint64_t receipt_sum(sqlite3_value **five)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 5; i++)
        sum = rowsum_number(sum, (uint64_t)sqlite3_value_int64(five[i]));
    return sum;
}

/* receipt_sum(tag, state, at_us, log_epoch, seq) */
static void answer_receipt_sum(sqlite3_context *answer, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(answer, (sqlite3_int64)receipt_sum(values));
}

/* receipt_is_whole(sum, tag, state, at_us, log_epoch, seq) */
static void answer_receipt_is_whole(sqlite3_context *answer, int count, sqlite3_value **values)
{
    struct outbox *o = sqlite3_user_data(answer);
    bool whole = sqlite3_value_type(values[0]) == SQLITE_NULL ||
                 (uint64_t)sqlite3_value_int64(values[0]) == receipt_sum(values + 1);

    (void)count;
    if (!whole)
        ob_damage_note(o);
    sqlite3_result_int(answer, whole);
}

static int add_functions(struct outbox *o)
{
    const int how = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    int rc = sqlite3_create_function_v2(o->db, "receipt_sum", 5, how, o, answer_receipt_sum, NULL,
                                        NULL, NULL);

    return rc != SQLITE_OK ? rc
                           : sqlite3_create_function_v2(o->db, "receipt_is_whole", 6, how, o,
                                                        answer_receipt_is_whole, NULL, NULL, NULL);
}

enum status ob_prepare(struct outbox *o)
{
    int rc = add_functions(o);

    if (rc != SQLITE_OK)
        return ob_translate(o, rc);
    for (unsigned i = 0; i < QUERIES; i++) {
        rc = sqlite3_prepare_v3(o->db, query_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &o->q[i], NULL);
        if (rc == SQLITE_ERROR) /* a table is missing: somebody edited the file */
            rc = SQLITE_CORRUPT;
        if (rc != SQLITE_OK)
            return ob_translate(o, rc);
    }
    return ST_OK;
}

enum status ob_step(struct outbox *o, enum query which)
{
    int rc = sqlite3_step(o->q[which]);

    sqlite3_reset(o->q[which]);
    return ob_translate(o, rc);
}

enum status ob_step_tag(struct outbox *o, enum query which, uint64_t tag)
{
    bind_u64(use(o, which), 1, tag);
    return ob_step(o, which);
}

int64_t ob_ask(struct outbox *o, enum query which, int64_t deflt)
{
    sqlite3_stmt *q = use(o, which);
    int64_t answer = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : deflt;

    sqlite3_reset(q);
    return answer;
}
