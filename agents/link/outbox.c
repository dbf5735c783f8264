/* outbox - see outbox.h. The only file, with inbox.c, that knows SQLite.
 *
 * Schema (user_version 1, application_id "EOCB"):
 *
 * - outbox(sender, epoch, log_epoch): one row. Whose file it is, when it was made, and the newest
 * log epoch whose broker was offered everything.
 * - message(tag, content, signature): never updated. tag = lane << 56 | lane_seq, so the key is the
 *   order of sending, and a put is one insert.
 * - settled(tag, state, at_us, ...): receipts; state 1 stored, 2 refused, 3 refused and seen. A
 *   message without a row here is waiting.
 * - track(track, last, first, settled, stored, refused): see below.
 * - once(key, n, tag): the n-th put of a repeatable command, see outbox_once.
 *
 * The contents stand apart from the receipts because SQLite rewrites a whole row to change one
 * column, and a settled 64 KiB message should not cost another 64 KiB of log.
 *
 * A track is a lane's own rows, or the rows put raw into it (bit 55 of the tag: their numbers leave
 * no holes in the lane). Its row is written when something is settled or dropped, not by a put:
 * `last` may then lag behind and is made good from the largest key; `first`, below which nothing
 * waits, lets a search begin where the waiting rows are.
 *
 * Room. Of the budget, a share is for the WAL (checkpointed when it reaches that size), a ballast
 * file as large as that share, and the rest for the file itself, whose last sixteenth only settling
 * may use. When SQLite says "full" on commit, the transaction is done again keeping no stored rows,
 * and then once more with the ballast given back: so settling frees room on a full disk instead of
 * needing it. */
#include "agents/link/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "agents/link/ballast.h"
#include "agents/link/pending.h"
#include "agents/link/tagset.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/base/banned.h"
#include "proto/wire/limits.h"

#define APPLICATION_ID 0x454f4342 /* "EOCB" */
#define SCHEMA_NUMBER  1
#define PAGE_BYTES     4096u
#define LANES          6u  /* 1..5 */
#define TRACKS         12u /* 2..11: lane * 2, + 1 for raw */
#define RAW_BIT        (UINT64_C(1) << 55)
#define BUSY_MS        2000
#define TIDY_ROWS      256
/* Room is measured anew when this little is left of the last measure, and now and then. */
#define ROOM_PLENTY  (1024u * 1024)
#define ROOM_COMMITS 64u
#define AGAIN_ROWS   1024
#define NFS_MAGIC    0x6969
/* Most bytes of one transaction; a turn that puts more commits in between. The ballast holds it
 * twice. */
#define PENDING_BYTES (96u * 1024)

static const char schema_sql[] =
    "CREATE TABLE outbox(sender TEXT NOT NULL, epoch INTEGER NOT NULL, log_epoch INTEGER NOT NULL);"
    "CREATE TABLE track(track INTEGER PRIMARY KEY, last INTEGER NOT NULL DEFAULT 0,"
    " first INTEGER NOT NULL DEFAULT 1, settled INTEGER NOT NULL DEFAULT 0,"
    " stored INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0);"
    "INSERT INTO track(track) VALUES (2),(3),(4),(5),(6),(7),(8),(9),(10),(11);"
    "CREATE TABLE message(tag INTEGER PRIMARY KEY, content BLOB NOT NULL, signature BLOB);"
    "CREATE TABLE settled(tag INTEGER PRIMARY KEY, state INTEGER NOT NULL, at_us INTEGER NOT NULL,"
    " log_epoch INTEGER NOT NULL, seq INTEGER NOT NULL, repeated INTEGER NOT NULL,"
    " expired INTEGER NOT NULL, code TEXT, path TEXT, text TEXT);"
    "CREATE TABLE once(key TEXT, n INTEGER, tag INTEGER NOT NULL, PRIMARY KEY (key, n)) WITHOUT "
    "ROWID;"
    "CREATE INDEX settled_at ON settled(at_us) WHERE state <> 2;"
    "CREATE INDEX settled_refused ON settled(tag) WHERE state = 2;"
    "PRAGMA user_version = 1;"
    "PRAGMA application_id = 0x454f4342;";

enum query {
    Q_BEGIN,
    Q_COMMIT,
    Q_ROLLBACK,
    Q_TRACKS,
    Q_TRACK_WRITE,
    Q_LAST,
    Q_MESSAGE_ADD,
    Q_WAITING,
    Q_WAITING_HAS,
    Q_MESSAGE,
    Q_MESSAGE_DROP,
    Q_SETTLED_ADD,
    Q_SETTLED,
    Q_SETTLED_DROP,
    Q_OLDEST,
    Q_REFUSED,
    Q_SEEN,
    Q_EARLIER,
    Q_LOG_EPOCH,
    Q_EACH,
    Q_ONCE,
    Q_ONCE_ADD,
    Q_PAGES,
    Q_FREE,
    Q_CHANGED,
    QUERIES
};

static const char *const query_sql[QUERIES] = {
    [Q_BEGIN] = "BEGIN IMMEDIATE",
    [Q_COMMIT] = "COMMIT",
    [Q_ROLLBACK] = "ROLLBACK",
    [Q_TRACKS] = "SELECT track, last, first, settled, stored, refused FROM track",
    [Q_TRACK_WRITE] = "UPDATE track SET last=?2, first=?3, settled=?4, stored=?5, refused=?6"
                      " WHERE track=?1",
    [Q_LAST] = "SELECT tag FROM message WHERE tag >= ?1 AND tag < ?2 ORDER BY tag DESC LIMIT 1",
    [Q_MESSAGE_ADD] = "INSERT INTO message(tag, content) VALUES (?1, ?2)",
    [Q_WAITING] = "SELECT content, signature, tag FROM message m WHERE tag >= ?1 AND tag < ?2"
                  " AND NOT EXISTS (SELECT 1 FROM settled s WHERE s.tag = m.tag) ORDER BY tag",
    [Q_WAITING_HAS] = "SELECT 1 FROM message WHERE tag=?1"
                      " AND NOT EXISTS (SELECT 1 FROM settled WHERE tag=?1)",
    [Q_MESSAGE] = "SELECT content, signature FROM message WHERE tag=?1",
    [Q_MESSAGE_DROP] = "DELETE FROM message WHERE tag=?1",
    [Q_SETTLED_ADD] =
        "INSERT OR IGNORE INTO settled(tag, state, at_us, log_epoch, seq, repeated, expired, code,"
        " path, text) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    [Q_SETTLED] = "SELECT state, log_epoch, seq, repeated, expired, code, path, text FROM settled"
                  " WHERE tag=?1",
    [Q_SETTLED_DROP] = "DELETE FROM settled WHERE tag=?1",
    [Q_OLDEST] =
        "SELECT tag, state FROM settled WHERE state <> 2 AND at_us < ?1 ORDER BY at_us LIMIT 1",
    [Q_REFUSED] =
        "SELECT tag, state, log_epoch, seq, repeated, expired, code, path, text FROM settled"
        " WHERE state = 2 ORDER BY tag",
    [Q_SEEN] = "UPDATE settled SET state=3, at_us=?2 WHERE tag=?1 AND state=2",
    [Q_EARLIER] = "SELECT tag FROM settled WHERE state=1 AND log_epoch < ?1 LIMIT 1",
    [Q_LOG_EPOCH] = "UPDATE outbox SET log_epoch=?1",
    [Q_EACH] =
        "SELECT m.content, m.signature, m.tag, s.state, s.log_epoch, s.seq, s.repeated,"
        " s.expired, s.code, s.path, s.text FROM message m LEFT JOIN settled s ON s.tag = m.tag"
        " ORDER BY m.tag",
    [Q_ONCE] = "SELECT tag FROM once WHERE key=?1 AND n=?2",
    [Q_ONCE_ADD] = "INSERT INTO once(tag, key, n) VALUES (?1, ?2, ?3)",
    [Q_PAGES] = "PRAGMA page_count",
    [Q_FREE] = "PRAGMA freelist_count",
    [Q_CHANGED] = "PRAGMA data_version",
};

struct track {
    uint64_t last, first; /* numbers: the last one given away; nothing waits below first */
    int64_t settled, stored, refused; /* settled: ever, dropped rows too */
};

struct outbox {
    sqlite3 *db;
    sqlite3_stmt *q[QUERIES];
    char *path, *sender;
    uint64_t epoch;
    uint32_t log_epoch;
    int64_t keep_us;
    unsigned put_pages, max_pages,
        wal_pages; /* a put may fill up to put_pages, a settle to max_pages */
    struct ballast ballast;
    int lock_fd;
    bool locked;

    struct track track[TRACKS]; /* as in the file, plus what this transaction changed */
    uint64_t base[TRACKS];      /* `last` as the places of the pending puts were given away */
    uint64_t next[TRACKS];      /* the same, plus the pending puts */
    bool dirty[TRACKS];         /* the row is to be written by this transaction */
    bool tracks_known;          /* false: read them again */
    int64_t tracks_version;     /* data_version they were read at */
    unsigned room_age;          /* transactions since room_bytes was measured */
    bool writing;               /* the write lock is ours */
    size_t room_bytes;          /* what puts may still add */
    struct pending pending;
    struct tagset flight;
    char *once_key;
    uint64_t once_count;
    int64_t version; /* data_version when outbox_changed was asked last */

    struct arena *arena; /* of the gate */
    struct buf packed;
    uint8_t message_id[ID_BYTES];
    int64_t (*utc_us)(void *arg);
    void (*random)(void *arg, void *out, size_t len);
    void *arg;

    bool broken;
    char trouble[256];
};

/* --- small things -------------------------------------------------------------------------------
 */

static int64_t system_utc_us(void *arg)
{
    struct timespec now;

    (void)arg;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void system_random(void *arg, void *out, size_t len)
{
    (void)arg;
    while (getrandom(out, len, 0) != (ssize_t)len)
        ;
}

static void say_trouble(struct outbox *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say_trouble(struct outbox *o, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(o->trouble, sizeof(o->trouble), fmt, args);
    va_end(args);
}

unsigned outbox_tag_lane(uint64_t tag)
{
    return (unsigned)(tag >> 56);
}

static unsigned track_of(uint64_t tag)
{
    return (unsigned)(tag >> 55);
}

static uint64_t tag_of(unsigned track, uint64_t number)
{
    return ((uint64_t)track << 55) + number;
}

static uint64_t number_of(uint64_t tag)
{
    return tag & (RAW_BIT - 1);
}

static bool lane_exists(unsigned lane)
{
    return lane >= 1 && lane < LANES;
}

/* What SQLite said, in our words. Errors of the disk and damage end the outbox. */
static enum status translate(struct outbox *o, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        say_trouble(o, "another program holds the outbox %s; try again", o->path);
        return ST_AGAIN;
    case SQLITE_FULL:
        return ST_FULL;
    case SQLITE_NOMEM:
        say_trouble(o, "no memory");
        return ST_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        o->broken = true;
        say_trouble(
            o,
            "the outbox %s is damaged (%s): stop the agent, move the file and its -wal aside, "
            "keep them for recovery, and start again",
            o->path, sqlite3_errstr(rc));
        return ST_INVALID;
    default:
        o->broken = true;
        say_trouble(o, "cannot use the outbox %s (%s): check the disk and start the agent again",
                    o->path, sqlite3_errstr(rc));
        return ST_IO;
    }
}

/* A statement ready to be bound; ends with step_once, or finish after reading rows. */
static sqlite3_stmt *use(struct outbox *o, enum query which)
{
    return o->q[which];
}

static void bind_u64(sqlite3_stmt *q, int at, uint64_t value)
{
    sqlite3_bind_int64(q, at, (sqlite3_int64)value);
}

static enum status step_once(struct outbox *o, enum query which)
{
    int rc = sqlite3_step(o->q[which]);

    sqlite3_reset(o->q[which]);
    return translate(o, rc);
}

static enum status step_tag(struct outbox *o, enum query which, uint64_t tag)
{
    bind_u64(use(o, which), 1, tag);
    return step_once(o, which);
}

/* One number that a query answers; `deflt` when it answers none. */
static int64_t ask_number(struct outbox *o, enum query which, int64_t deflt)
{
    sqlite3_stmt *q = use(o, which);
    int64_t answer = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : deflt;

    sqlite3_reset(q);
    return answer;
}

/* The row of a track may lag behind its messages; see the top. */
static enum status catch_up(struct outbox *o, unsigned track, uint64_t *last)
{
    sqlite3_stmt *q = use(o, Q_LAST);
    int rc;

    bind_u64(q, 1, tag_of(track, 0));
    bind_u64(q, 2, tag_of(track + 1, 0));
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW && number_of((uint64_t)sqlite3_column_int64(q, 0)) > *last)
        *last = number_of((uint64_t)sqlite3_column_int64(q, 0));
    sqlite3_reset(q);
    return translate(o, rc);
}

static enum status load_tracks(struct outbox *o, struct track into[TRACKS])
{
    sqlite3_stmt *q = use(o, Q_TRACKS);
    enum status st;
    int rc;

    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        unsigned track = (unsigned)sqlite3_column_int(q, 0);

        if (track < 2 || track >= TRACKS)
            continue;
        into[track] = (struct track){
            .last = (uint64_t)sqlite3_column_int64(q, 1),
            .first = (uint64_t)sqlite3_column_int64(q, 2),
            .settled = sqlite3_column_int64(q, 3),
            .stored = sqlite3_column_int64(q, 4),
            .refused = sqlite3_column_int64(q, 5),
        };
    }
    sqlite3_reset(q);
    st = translate(o, rc);
    for (unsigned track = 2; track < TRACKS && st == ST_OK; track++)
        st = catch_up(o, track, &into[track].last);
    return st;
}

/* Moves `first` over what is settled by now. */
static enum status move_first(struct outbox *o, unsigned track)
{
    sqlite3_stmt *q = use(o, Q_WAITING);
    struct track *t = &o->track[track];
    int rc;

    bind_u64(q, 1, tag_of(track, t->first));
    bind_u64(q, 2, tag_of(track + 1, 0));
    rc = sqlite3_step(q);
    t->first = rc == SQLITE_ROW ? number_of((uint64_t)sqlite3_column_int64(q, 2)) : t->last + 1;
    sqlite3_reset(q);
    return translate(o, rc);
}

static enum status write_tracks(struct outbox *o)
{
    for (unsigned track = 2; track < TRACKS; track++) {
        const struct track *t = &o->track[track];
        sqlite3_stmt *q = use(o, Q_TRACK_WRITE);
        enum status st;

        if (!o->dirty[track])
            continue;
        st = move_first(o, track);
        if (st != ST_OK)
            return st;
        sqlite3_bind_int(q, 1, (int)track);
        bind_u64(q, 2, t->last);
        bind_u64(q, 3, t->first);
        sqlite3_bind_int64(q, 4, t->settled);
        sqlite3_bind_int64(q, 5, t->stored);
        sqlite3_bind_int64(q, 6, t->refused);
        st = step_once(o, Q_TRACK_WRITE);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* The track of a row that this transaction changes. */
static struct track *touch(struct outbox *o, uint64_t tag)
{
    o->dirty[track_of(tag)] = true;
    return &o->track[track_of(tag)];
}

/* --- transactions -------------------------------------------------------------------------------
 */

static void roll_back(struct outbox *o)
{
    o->writing = o->tracks_known = false;
    if (!sqlite3_get_autocommit(o->db))
        (void)step_once(o, Q_ROLLBACK);
}

static unsigned used_pages(struct outbox *o)
{
    int64_t pages = ask_number(o, Q_PAGES, 0) - ask_number(o, Q_FREE, 0);

    return pages > 0 ? (unsigned)pages : 0;
}

/* Bytes that a row takes in the file, generously: small ones with their cell and a half-full page,
 * large ones in whole overflow pages. */
static size_t room_of(size_t len)
{
    if (len < 1000)
        return len + len / 4 + 64;
    return (len / (PAGE_BYTES - 12) + 2) * PAGE_BYTES;
}

static void measure_room(struct outbox *o)
{
    unsigned used;

    if (o->room_bytes > ROOM_PLENTY && ++o->room_age < ROOM_COMMITS)
        return;
    o->room_age = 0;
    used = used_pages(o);
    o->room_bytes = used < o->put_pages ? (size_t)(o->put_pages - used) * PAGE_BYTES : 0;
}

/* The puts that wait for a repeated commit were given places; they must still be free. */
static bool places_are_free(const struct outbox *o)
{
    for (unsigned track = 2; track < TRACKS; track++)
        if (o->track[track].last != o->base[track])
            return false;
    return true;
}

/* Under the write lock: the tracks as they are, read again only when somebody else has written. */
static enum status know_tracks(struct outbox *o)
{
    int64_t version = ask_number(o, Q_CHANGED, -1);
    enum status st;

    if (o->tracks_known && version == o->tracks_version)
        return ST_OK;
    st = load_tracks(o, o->track);
    o->tracks_known = st == ST_OK;
    o->tracks_version = version;
    return st;
}

/* Takes the write lock and knows the tracks under it. */
static enum status begin(struct outbox *o)
{
    enum status st;

    if (o->writing)
        return ST_OK;
    st = step_once(o, Q_BEGIN);
    if (st != ST_OK)
        return st;
    o->writing = true;
    memset(o->dirty, 0, sizeof(o->dirty));
    st = know_tracks(o);
    if (st == ST_OK && pending_put_count(&o->pending) && !places_are_free(o)) {
        say_trouble(o, "another program wrote to %s in the middle of a failed commit", o->path);
        st = ST_CONFLICT;
    }
    if (st != ST_OK) {
        roll_back(o);
        return st;
    }
    if (!pending_put_count(&o->pending)) {
        for (unsigned track = 2; track < TRACKS; track++)
            o->base[track] = o->next[track] = o->track[track].last;
        measure_room(o);
    }
    return ST_OK;
}

/* Drops up to `rows` rows that were stored, or refused and seen, before cutoff_us. */
static enum status drop_settled(struct outbox *o, int64_t cutoff_us, unsigned rows,
                                unsigned *dropped)
{
    enum status st = ST_OK;

    for (*dropped = 0; *dropped < rows && st == ST_OK; ++*dropped) {
        sqlite3_stmt *q = use(o, Q_OLDEST);
        int rc, state;
        uint64_t tag;

        sqlite3_bind_int64(q, 1, cutoff_us);
        rc = sqlite3_step(q);
        tag = (uint64_t)sqlite3_column_int64(q, 0);
        state = sqlite3_column_int(q, 1);
        sqlite3_reset(q);
        if (rc != SQLITE_ROW)
            return translate(o, rc);
        touch(o, tag)->stored -= state == OUTBOX_STORED;
        st = step_tag(o, Q_MESSAGE_DROP, tag);
        if (st == ST_OK)
            st = step_tag(o, Q_SETTLED_DROP, tag);
    }
    return st;
}

static enum status add_once(struct outbox *o, const struct pending_put *put)
{
    sqlite3_stmt *q = use(o, Q_ONCE_ADD);

    sqlite3_bind_text(q, 2, o->once_key, -1, SQLITE_STATIC);
    bind_u64(q, 3, put->once);
    return step_tag(o, Q_ONCE_ADD, put->tag);
}

static enum status apply_puts(struct outbox *o)
{
    for (size_t i = 0; i < pending_put_count(&o->pending); i++) {
        const struct pending_put *put = pending_put_at(&o->pending, i);
        sqlite3_stmt *q = use(o, Q_MESSAGE_ADD);
        enum status st;

        bind_u64(q, 1, put->tag);
        sqlite3_bind_blob(q, 2, pending_content(&o->pending, put), (int)put->len, SQLITE_STATIC);
        st = step_once(o, Q_MESSAGE_ADD);
        if (st == ST_OK && put->once)
            st = add_once(o, put);
        if (st != ST_OK)
            return st;
        o->track[track_of(put->tag)].last = number_of(put->tag);
    }
    return ST_OK;
}

static enum status keep_receipt(struct outbox *o, const struct pending_settle *s)
{
    struct outbox_outcome oc = pending_outcome(&o->pending, s);
    sqlite3_stmt *q = use(o, Q_SETTLED_ADD);

    bind_u64(q, 1, s->tag);
    sqlite3_bind_int(q, 2, oc.stored ? OUTBOX_STORED : OUTBOX_REFUSED);
    sqlite3_bind_int64(q, 3, s->at_us);
    sqlite3_bind_int64(q, 4, oc.log_epoch);
    bind_u64(q, 5, oc.seq);
    sqlite3_bind_int(q, 6, oc.repeated);
    sqlite3_bind_int(q, 7, oc.expired);
    sqlite3_bind_text(q, 8, oc.stored ? NULL : oc.code, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 9, oc.stored ? NULL : oc.path, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 10, oc.stored ? NULL : oc.text, -1, SQLITE_STATIC);
    return step_once(o, Q_SETTLED_ADD);
}

/* lean: a stored row is dropped at once instead of being kept for a restored database. */
static enum status apply_settles(struct outbox *o, bool lean)
{
    for (size_t i = 0; i < pending_settle_count(&o->pending); i++) {
        const struct pending_settle *s = pending_settle_at(&o->pending, i);
        bool drop = lean && s->oc.stored;
        enum status st = drop ? step_tag(o, Q_MESSAGE_DROP, s->tag) : keep_receipt(o, s);
        struct track *t = touch(o, s->tag);

        if (st != ST_OK)
            return st;
        if (!sqlite3_changes(o->db))
            continue;
        t->settled++;
        t->stored += s->oc.stored && !drop;
        t->refused += !s->oc.stored;
    }
    return ST_OK;
}

static enum status end_transaction(struct outbox *o, enum status st)
{
    if (st == ST_OK)
        st = step_once(o, Q_COMMIT);
    if (st != ST_OK)
        roll_back(o);
    o->writing = false;
    return st;
}

static enum status write_pending(struct outbox *o, bool lean)
{
    enum status st = begin(o);

    if (st != ST_OK)
        return st;
    st = apply_puts(o);
    if (st == ST_OK)
        st = apply_settles(o, lean);
    if (st == ST_OK)
        st = write_tracks(o);
    return end_transaction(o, st);
}

static void forget_settled_flights(struct outbox *o)
{
    for (size_t i = 0; i < pending_settle_count(&o->pending); i++)
        tagset_remove(&o->flight, pending_settle_at(&o->pending, i)->tag);
}

static void checkpoint(struct outbox *o)
{
    int rc = sqlite3_wal_checkpoint_v2(o->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    /* Full or busy: the log keeps everything, a later one does it. Anything else is the disk. */
    if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CORRUPT)
        (void)translate(o, rc);
}

static int on_wal_grown(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct outbox *o = arg;

    (void)db;
    (void)name;
    if ((unsigned)pages >= o->wal_pages)
        checkpoint(o);
    return SQLITE_OK;
}

enum status outbox_commit(struct outbox *o)
{
    enum status st;

    if (o->broken)
        return ST_IO;
    if (pending_is_empty(&o->pending)) {
        if (o->writing)
            roll_back(o);
        return ST_OK;
    }
    st = write_pending(o, false);
    if (st == ST_FULL)
        st = write_pending(o, true);
    if (st == ST_FULL && ballast_release(&o->ballast)) {
        log_warn("outbox.disk.full", "path=%s ballast_bytes=%zu", o->path, o->ballast.size_bytes);
        checkpoint(o);
        st = write_pending(o, true);
    }
    if (st == ST_OK) {
        forget_settled_flights(o);
        pending_clear(&o->pending);
        return ST_OK;
    }
    if (st == ST_AGAIN)
        return st;
    if (st == ST_FULL)
        say_trouble(o, "the disk under %s is full: free some room; what is there is kept", o->path);
    pending_drop_puts(&o->pending);
    return st;
}

/* --- opening ------------------------------------------------------------------------------------
 */

static enum status run_sql(struct outbox *o, const char *sql)
{
    return translate(o, sqlite3_exec(o->db, sql, NULL, NULL, NULL));
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

/* Shares of the budget; see the top of this file. */
static void share_budget(struct outbox *o, size_t budget, size_t *ballast)
{
    size_t wal, file;

    if (budget < 1048576)
        budget = 1048576;
    wal = budget / 8 < 4194304 ? budget / 8 : 4194304;
    *ballast = wal + 65536;
    if (*ballast < 2 * (size_t)PENDING_BYTES)
        *ballast = 2 * (size_t)PENDING_BYTES;
    /* The log may pass its share by one transaction before it is folded back. */
    file = budget - wal - PENDING_BYTES - *ballast;
    o->wal_pages = (unsigned)(wal / PAGE_BYTES);
    o->max_pages = (unsigned)(file / PAGE_BYTES);
    o->put_pages = o->max_pages - o->max_pages / 16 - 4;
}

static enum status make_file(const char *path, char *err, size_t err_size)
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

static enum status open_beside(struct outbox *o, size_t ballast_bytes)
{
    char path[4096];
    enum status st;

    snprintf(path, sizeof(path), "%s.lock", o->path);
    o->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (o->lock_fd < 0) {
        say_trouble(o, "cannot open %s: %s", path, strerror(errno));
        return ST_IO;
    }
    snprintf(path, sizeof(path), "%s.ballast", o->path);
    st = ballast_open(&o->ballast, path, ballast_bytes);
    if (st == ST_IO)
        say_trouble(o, "cannot open %s: %s", path, strerror(errno));
    if (st == ST_FULL)
        log_warn("outbox.disk.full", "path=%s ballast_bytes=%zu", o->path, ballast_bytes);
    return st == ST_IO ? ST_IO : ST_OK;
}

static enum status create_schema(struct outbox *o)
{
    sqlite3_stmt *q = NULL;
    enum status st = run_sql(o, schema_sql);

    if (st != ST_OK)
        return st;
    if (sqlite3_prepare_v2(o->db, "INSERT INTO outbox VALUES (?1, ?2, 0)", -1, &q, NULL) !=
        SQLITE_OK)
        return translate(o, sqlite3_errcode(o->db));
    sqlite3_bind_text(q, 1, o->sender, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, o->utc_us(o->arg) > 0 ? o->utc_us(o->arg) : 1);
    st = translate(o, sqlite3_step(q));
    sqlite3_finalize(q);
    return st;
}

static enum status check_kind(struct outbox *o)
{
    int64_t id = ask_pragma(o, "PRAGMA application_id");
    int64_t version = ask_pragma(o, "PRAGMA user_version");

    if (id == APPLICATION_ID && version == SCHEMA_NUMBER)
        return ST_OK;
    if (id == APPLICATION_ID && version > SCHEMA_NUMBER)
        say_trouble(o,
                    "the outbox %s was made by a newer version (schema %" PRId64
                    ", this one knows %d): "
                    "update this program",
                    o->path, version, SCHEMA_NUMBER);
    else
        say_trouble(o, "%s is a database, but not an outbox: name another file in outbox.path",
                    o->path);
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
    int rc = sqlite3_prepare_v2(o->db, "SELECT sender, epoch, log_epoch FROM outbox", -1, &q, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(q);
    if (rc != SQLITE_ROW) {
        st = translate(o, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
    } else if (strcmp((const char *)sqlite3_column_text(q, 0), o->sender) != 0) {
        say_trouble(o, "the outbox %s belongs to %s, not to %s: give each sender its own file",
                    o->path, (const char *)sqlite3_column_text(q, 0), o->sender);
        st = ST_DENIED;
    } else {
        o->epoch = (uint64_t)sqlite3_column_int64(q, 1);
        o->log_epoch = (uint32_t)sqlite3_column_int64(q, 2);
    }
    sqlite3_finalize(q);
    return st;
}

static enum status prepare_queries(struct outbox *o)
{
    for (unsigned i = 0; i < QUERIES; i++) {
        int rc =
            sqlite3_prepare_v3(o->db, query_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &o->q[i], NULL);

        if (rc == SQLITE_ERROR) /* a table is missing: somebody edited the file */
            rc = SQLITE_CORRUPT;
        if (rc != SQLITE_OK)
            return translate(o, rc);
    }
    return ST_OK;
}

static enum status open_database(struct outbox *o)
{
    char sql[96];
    enum status st;
    int rc = sqlite3_open_v2(o->path, &o->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK)
        return translate(o, rc);
    sqlite3_extended_result_codes(o->db, 1);
    sqlite3_busy_timeout(o->db, BUSY_MS);
    /* WAL is a property of the file and comes before the first table; FULL is ours to ask each
     * time. */
    st = run_sql(o, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY");
    if (st == ST_OK)
        st = make_schema(o);
    if (st == ST_OK)
        st = read_owner(o);
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%u", o->max_pages);
    if (st == ST_OK)
        st = run_sql(o, sql);
    if (st == ST_OK)
        st = prepare_queries(o);
    if (st == ST_OK)
        sqlite3_wal_hook(o->db, on_wal_grown, o);
    return st;
}

static enum status take_settings(struct outbox *o, const struct outbox_settings *set)
{
    o->lock_fd = o->ballast.fd = -1;
    o->keep_us = (set->keep_stored_s ? (int64_t)set->keep_stored_s : 7 * 86400) * 1000000;
    o->utc_us = set->utc_us ? set->utc_us : system_utc_us;
    o->random = set->random ? set->random : system_random;
    o->arg = set->arg;
    o->path = mem_strdup(set->path);
    o->sender = mem_strdup(set->sender);
    if (!o->path || !o->sender)
        return ST_NOMEM;
    return arena_create(&o->arena, LIMIT_ARENA_BYTES);
}

enum status outbox_open(struct outbox **out, const struct outbox_settings *set, char *err,
                        size_t err_size)
{
    struct outbox *o;
    size_t ballast;
    enum status st = make_file(set->path, err, err_size);

    if (st != ST_OK)
        return st;
    o = mem_zalloc(sizeof(*o));
    if (!o) {
        snprintf(err, err_size, "no memory");
        return ST_NOMEM;
    }
    st = take_settings(o, set);
    share_budget(o, set->budget_bytes ? set->budget_bytes : (size_t)1 << 30, &ballast);
    if (st == ST_OK)
        st = open_database(o);
    if (st == ST_OK)
        st = open_beside(o, ballast);
    if (st != ST_OK) {
        snprintf(err, err_size, "%s",
                 o->trouble[0]   ? o->trouble
                 : st == ST_FULL ? "the disk under the outbox is full: free some room"
                                 : "no memory");
        outbox_close(o);
        return st;
    }
    o->version = ask_number(o, Q_CHANGED, 0);
    *out = o;
    return ST_OK;
}

void outbox_close(struct outbox *o)
{
    if (!o)
        return;
    if (o->writing)
        roll_back(o);
    for (unsigned i = 0; i < QUERIES; i++)
        sqlite3_finalize(o->q[i]);
    sqlite3_close(o->db);
    ballast_close(&o->ballast);
    if (o->lock_fd >= 0)
        close(o->lock_fd);
    pending_free(&o->pending);
    tagset_free(&o->flight);
    buf_free(&o->packed);
    arena_destroy(o->arena);
    mem_free(o->once_key);
    mem_free(o->path);
    mem_free(o->sender);
    mem_free(o);
}

uint64_t outbox_epoch(const struct outbox *o)
{
    return o->epoch;
}

const char *outbox_trouble(const struct outbox *o)
{
    return o->trouble;
}

/* --- putting ------------------------------------------------------------------------------------
 */

static void refuse_full(struct outbox *o, struct refusal *why, const char *what)
{
    say_trouble(o, "%s", what);
    if (!why)
        return;
    why->code = CODE_SIZE;
    why->path[0] = '\0';
    snprintf(why->text, sizeof(why->text), "%s", what);
}

/* The write lock is ours. Room for one more row of this size, dropping the oldest stored rows for
 * it. */
static enum status make_room(struct outbox *o, size_t len, struct refusal *why)
{
    unsigned dropped = 0;

    if (!ballast_take(&o->ballast)) {
        refuse_full(o, why,
                    "the disk under the outbox is full: nothing more is taken until there is room");
        return ST_FULL;
    }
    while (o->room_bytes < room_of(len) && !pending_put_count(&o->pending)) {
        enum status st = drop_settled(o, INT64_MAX, TIDY_ROWS, &dropped);

        if (st == ST_OK)
            st = write_tracks(o);
        st = end_transaction(o, st);
        o->room_bytes = 0; /* measured anew by begin */
        if (st == ST_OK)
            st = begin(o);
        if (st != ST_OK)
            return st;
        if (!dropped)
            break;
    }
    if (o->room_bytes >= room_of(len))
        return ST_OK;
    refuse_full(
        o, why,
        "the outbox has reached its budget (outbox.budget) and nothing in it is stored yet: "
        "bring the link up or allow more");
    return ST_FULL;
}

/* ST_EXISTS: an earlier run of this command put it; the write lock is ours, so nobody else is about
 * to. */
static enum status find_earlier(struct outbox *o, uint64_t *tag)
{
    sqlite3_stmt *q = use(o, Q_ONCE);
    int rc;

    if (!o->once_key)
        return ST_OK;
    sqlite3_bind_text(q, 1, o->once_key, -1, SQLITE_STATIC);
    bind_u64(q, 2, o->once_count + 1);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        if (tag)
            *tag = (uint64_t)sqlite3_column_int64(q, 0);
        o->once_count++;
    }
    sqlite3_reset(q);
    return rc == SQLITE_ROW ? ST_EXISTS : translate(o, rc);
}

enum status outbox_once_from(struct outbox *o, const char *key, uint64_t said)
{
    char *copy = key ? mem_strdup(key) : NULL;
    enum status st;

    if (key && !copy)
        return ST_NOMEM;
    st = outbox_commit(o);
    if (st != ST_OK) {
        mem_free(copy);
        return st;
    }
    mem_free(o->once_key);
    o->once_key = copy;
    o->once_count = said;
    return ST_OK;
}

enum status outbox_once(struct outbox *o, const char *key)
{
    return outbox_once_from(o, key, 0);
}

/* Brings the outbox to where the next row's place can be given away; `tag` and ST_EXISTS as in
 * outbox_once. */
static enum status get_ready(struct outbox *o, size_t len, uint64_t *tag, struct refusal *why)
{
    enum status st = ST_OK;

    if (o->broken)
        return ST_IO;
    /* Out of room or too much for one transaction: what came first goes first. */
    if (pending_put_count(&o->pending) &&
        (!o->writing || o->pending.bytes.len + len > PENDING_BYTES || o->room_bytes < room_of(len)))
        st = outbox_commit(o);
    if (st == ST_OK)
        st = begin(o);
    if (st == ST_OK)
        st = find_earlier(o, tag);
    if (st == ST_OK)
        st = make_room(o, len, why);
    if (st != ST_OK && o->writing && !pending_put_count(&o->pending))
        roll_back(o);
    return st;
}

static enum status take_row(struct outbox *o, uint64_t row_tag, const void *content, size_t len,
                            uint64_t *tag)
{
    uint64_t once = o->once_key ? o->once_count + 1 : 0;
    enum status st = pending_put(&o->pending, row_tag, once, content, len);

    if (st != ST_OK)
        return st;
    o->once_count = once;
    o->room_bytes -= o->room_bytes < room_of(len) ? o->room_bytes : room_of(len);
    if (tag)
        *tag = row_tag;
    return ST_OK;
}

static void lend(ProtobufCBinaryData *field, uint8_t id[ID_BYTES])
{
    field->data = id;
    field->len = ID_BYTES;
}

static void fill_in(struct outbox *o, Eocbus__V1__Envelope *m, uint64_t lane_seq)
{
    m->schema = SCHEMA_VERSION;
    m->sender = o->sender;
    m->epoch = o->epoch;
    m->lane_seq = lane_seq;
    m->sent_time_us = o->utc_us(o->arg);
    if (!m->message_id.len) {
        uint8_t random[10];

        o->random(o->arg, random, sizeof(random));
        id_make(o->message_id, m->sent_time_us, random);
        lend(&m->message_id, o->message_id);
    }
    if (!m->originating_id.len)
        m->originating_id = m->message_id;
}

/* The message as it will travel, in o->packed, and past the gate. */
static enum status pack(struct outbox *o, const Eocbus__V1__Envelope *m, struct refusal *why)
{
    size_t len = eocbus__v1__envelope__get_packed_size(m);
    Eocbus__V1__Envelope *again;
    enum status st;

    if (o->packed.cap < len) {
        buf_clear(&o->packed);
        unsigned char *data = mem_realloc(o->packed.data, len + 512);

        if (!data)
            return ST_NOMEM;
        o->packed.data = data;
        o->packed.cap = len + 512;
    }
    o->packed.len = eocbus__v1__envelope__pack(m, o->packed.data);
    arena_reset(o->arena);
    st = gate_content(&again, o->packed.data, o->packed.len, o->arena, why);
    return st;
}

enum status outbox_put(struct outbox *o, Eocbus__V1__Envelope *m, uint64_t *tag,
                       struct refusal *why)
{
    unsigned lane = lane_exists((unsigned)m->lane) ? (unsigned)m->lane : 1;
    enum status st;

    /* A first look without a place: a refused message takes no lock and leaves no hole. The place
     * may make it a few bytes longer, never shorter. */
    fill_in(o, m, o->next[2 * lane] + 1);
    st = pack(o, m, why);
    if (st != ST_OK)
        return st;
    st = get_ready(o, o->packed.len + 10, tag, why);
    if (st != ST_OK)
        return st;
    if (m->lane_seq != o->next[2 * lane] + 1) {
        m->lane_seq = o->next[2 * lane] + 1;
        st = pack(o, m, why);
        if (st != ST_OK)
            return st;
    }
    st = take_row(o, tag_of(2 * lane, m->lane_seq), o->packed.data, o->packed.len, tag);
    if (st == ST_OK)
        o->next[2 * lane]++;
    return st;
}

enum status outbox_put_raw(struct outbox *o, unsigned lane, const void *content, size_t len,
                           uint64_t *tag)
{
    uint64_t number;
    enum status st;

    if (!lane_exists(lane) || !len || len > INT32_MAX)
        return ST_INVALID;
    st = get_ready(o, len, tag, NULL);
    if (st != ST_OK)
        return st;
    number = o->next[2 * lane + 1] + 1;
    st = take_row(o, tag_of(2 * lane + 1, number), content, len, tag);
    if (st == ST_OK)
        o->next[2 * lane + 1] = number;
    return st;
}

/* --- sending ------------------------------------------------------------------------------------
 */

struct asking {
    unsigned rows_left;
    size_t bytes, max_bytes;
    bool (*each)(void *arg, const struct outbox_row *row);
    void *arg;
    bool stopped;
};

static void describe(struct outbox_row *row, uint64_t tag, sqlite3_stmt *message)
{
    *row = (struct outbox_row){
        .tag = tag,
        .lane = outbox_tag_lane(tag),
        .lane_seq = tag & RAW_BIT ? 0 : number_of(tag),
        .content = sqlite3_column_blob(message, 0),
        .content_len = (size_t)sqlite3_column_bytes(message, 0),
        .signature = sqlite3_column_blob(message, 1),
        .signature_len = (size_t)sqlite3_column_bytes(message, 1),
    };
}

static void offer_row(struct asking *a, uint64_t tag, sqlite3_stmt *q)
{
    struct outbox_row row;

    describe(&row, tag, q);
    if (a->bytes && a->bytes + row.content_len > a->max_bytes) {
        a->stopped = true;
        return;
    }
    a->bytes += row.content_len;
    a->stopped = !a->each(a->arg, &row) || --a->rows_left == 0;
}

static enum status offer_track(struct outbox *o, struct asking *a, unsigned track)
{
    sqlite3_stmt *q = use(o, Q_WAITING);
    int rc = SQLITE_DONE;

    bind_u64(q, 1, tag_of(track, o->track[track].first));
    bind_u64(q, 2, tag_of(track + 1, 0));
    while (!a->stopped && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        uint64_t tag = (uint64_t)sqlite3_column_int64(q, 2);

        if (!tagset_has(&o->flight, tag))
            offer_row(a, tag, q);
    }
    sqlite3_reset(q);
    return translate(o, rc);
}

enum status outbox_next(struct outbox *o, unsigned lanes, unsigned max_rows, size_t max_bytes,
                        bool (*each)(void *arg, const struct outbox_row *row), void *arg)
{
    struct asking a = {.rows_left = max_rows, .max_bytes = max_bytes, .each = each, .arg = arg};
    enum status st = o->broken ? ST_IO : ST_OK;

    /* `first` may be stale when another process sends; a stale one is only lower. */
    if (st == ST_OK && !o->tracks_known)
        st = load_tracks(o, o->track);
    for (unsigned track = 2; track < TRACKS && max_rows && st == ST_OK && !a.stopped; track++)
        if (lanes & OUTBOX_LANE(track / 2))
            st = offer_track(o, &a, track);
    return st;
}

void outbox_in_flight(struct outbox *o, uint64_t tag, bool in_flight)
{
    /* A settled row stays in flight until the commit. Without memory a row is only sent twice. */
    if (in_flight)
        (void)!tagset_add(&o->flight, tag);
    else if (!pending_find_settle(&o->pending, tag))
        tagset_remove(&o->flight, tag);
}

void outbox_nothing_in_flight(struct outbox *o)
{
    tagset_clear(&o->flight);
    for (size_t i = 0; i < pending_settle_count(&o->pending); i++)
        (void)!tagset_add(&o->flight, pending_settle_at(&o->pending, i)->tag);
}

/* --- settling -----------------------------------------------------------------------------------
 */

static bool is_waiting(struct outbox *o, uint64_t tag)
{
    sqlite3_stmt *q = use(o, Q_WAITING_HAS);
    bool yes;

    bind_u64(q, 1, tag);
    yes = sqlite3_step(q) == SQLITE_ROW;
    sqlite3_reset(q);
    return yes;
}

static bool is_settled(struct outbox *o, uint64_t tag)
{
    sqlite3_stmt *q = use(o, Q_SETTLED);
    bool yes;

    bind_u64(q, 1, tag);
    yes = sqlite3_step(q) == SQLITE_ROW;
    sqlite3_reset(q);
    return yes;
}

enum status outbox_settle(struct outbox *o, uint64_t tag, const struct outbox_outcome *oc)
{
    if (o->broken)
        return ST_IO;
    if (!lane_exists(outbox_tag_lane(tag)))
        return ST_NOTFOUND;
    if (pending_find_settle(&o->pending, tag))
        return ST_EXISTS;
    if (!is_waiting(o, tag))
        return is_settled(o, tag) ? ST_EXISTS : ST_NOTFOUND;
    if (tagset_add(&o->flight, tag) != ST_OK)
        return ST_NOMEM;
    return pending_settle(&o->pending, tag, o->utc_us(o->arg), oc);
}

static const char *keep_text(struct arena *texts, const char *text)
{
    if (!text || !texts)
        return "";
    text = arena_printf(texts, "%s", text);
    return text ? text : "";
}

/* Columns from `at` on: log_epoch, seq, repeated, expired, code, path, text. */
static void read_outcome(struct outbox_outcome *oc, sqlite3_stmt *q, int at, int state)
{
    *oc = (struct outbox_outcome){
        .stored = state == OUTBOX_STORED,
        .log_epoch = (uint32_t)sqlite3_column_int64(q, at),
        .seq = (uint64_t)sqlite3_column_int64(q, at + 1),
        .repeated = sqlite3_column_int(q, at + 2) != 0,
        .expired = sqlite3_column_int(q, at + 3) != 0,
        .code = (const char *)sqlite3_column_text(q, at + 4),
        .path = (const char *)sqlite3_column_text(q, at + 5),
        .text = (const char *)sqlite3_column_text(q, at + 6),
    };
}

static void keep_outcome(struct outbox_outcome *to, const struct outbox_outcome *from,
                         struct arena *texts)
{
    if (!to)
        return;
    *to = *from;
    to->code = keep_text(texts, from->code);
    to->path = keep_text(texts, from->path);
    to->text = keep_text(texts, from->text);
}

enum status outbox_state(struct outbox *o, uint64_t tag, int *state, struct outbox_outcome *oc,
                         struct arena *texts)
{
    const struct pending_settle *s = pending_find_settle(&o->pending, tag);
    sqlite3_stmt *q = use(o, Q_SETTLED);
    struct outbox_outcome found = {0};
    int rc;

    if (s) {
        found = pending_outcome(&o->pending, s);
        *state = found.stored ? OUTBOX_STORED : OUTBOX_REFUSED;
        keep_outcome(oc, &found, texts);
        return ST_OK;
    }
    if (pending_find_put(&o->pending, tag) || is_waiting(o, tag)) {
        *state = OUTBOX_WAITING;
        keep_outcome(oc, &found, texts);
        return ST_OK;
    }
    bind_u64(q, 1, tag);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        *state = sqlite3_column_int(q, 0);
        read_outcome(&found, q, 1, *state);
        keep_outcome(oc, &found, texts);
    }
    sqlite3_reset(q);
    return rc == SQLITE_DONE ? ST_NOTFOUND : translate(o, rc);
}

enum status outbox_refused(struct outbox *o,
                           bool (*each)(void *arg, const struct outbox_row *row,
                                        const struct outbox_outcome *oc),
                           void *arg)
{
    sqlite3_stmt *list = use(o, Q_REFUSED), *message = use(o, Q_MESSAGE);
    bool go_on = true;
    int rc = SQLITE_DONE;

    while (go_on && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        uint64_t tag = (uint64_t)sqlite3_column_int64(list, 0);
        struct outbox_outcome oc;
        struct outbox_row row;

        read_outcome(&oc, list, 2, OUTBOX_REFUSED);
        bind_u64(message, 1, tag);
        if (sqlite3_step(message) == SQLITE_ROW) {
            describe(&row, tag, message);
            go_on = each(arg, &row, &oc);
        }
        sqlite3_reset(message);
    }
    sqlite3_reset(list);
    return translate(o, rc);
}

enum status outbox_seen(struct outbox *o, uint64_t tag)
{
    enum status st = outbox_commit(o);

    if (st == ST_OK)
        st = begin(o);
    if (st != ST_OK)
        return st;
    sqlite3_bind_int64(use(o, Q_SEEN), 2, o->utc_us(o->arg));
    st = step_tag(o, Q_SEEN, tag);
    if (st == ST_OK && !sqlite3_changes(o->db))
        st = ST_NOTFOUND;
    if (st == ST_OK) {
        touch(o, tag)->refused--;
        st = write_tracks(o);
    }
    return end_transaction(o, st);
}

/* One step of offering again; *more is false when nothing older is left. */
static enum status reopen_some(struct outbox *o, uint32_t log_epoch, bool *more)
{
    sqlite3_stmt *q = use(o, Q_EARLIER);
    enum status st = begin(o);

    if (st != ST_OK)
        return st;
    *more = true;
    for (unsigned i = 0; i < AGAIN_ROWS && st == ST_OK && *more; i++) {
        struct track *t;
        uint64_t tag;

        sqlite3_bind_int64(q, 1, log_epoch);
        *more = sqlite3_step(q) == SQLITE_ROW;
        tag = *more ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
        sqlite3_reset(q);
        if (!*more)
            break;
        st = step_tag(o, Q_SETTLED_DROP, tag);
        t = touch(o, tag);
        t->stored--;
        t->settled--;
        if (number_of(tag) < t->first)
            t->first = number_of(tag);
    }
    if (st == ST_OK)
        st = write_tracks(o);
    if (st == ST_OK && !*more) {
        sqlite3_bind_int64(use(o, Q_LOG_EPOCH), 1, log_epoch);
        st = step_once(o, Q_LOG_EPOCH);
    }
    return end_transaction(o, st);
}

enum status outbox_offer_again(struct outbox *o, uint32_t log_epoch)
{
    bool more = true;
    enum status st = ST_OK;

    if (log_epoch <= o->log_epoch)
        return o->broken ? ST_IO : ST_OK;
    st = outbox_commit(o);
    while (st == ST_OK && more)
        st = reopen_some(o, log_epoch, &more);
    if (st == ST_OK)
        o->log_epoch = log_epoch;
    return st;
}

enum status outbox_each(struct outbox *o,
                        bool (*each)(void *arg, const struct outbox_row *row, int state,
                                     const struct outbox_outcome *oc),
                        void *arg)
{
    sqlite3_stmt *q = use(o, Q_EACH);
    bool go_on = true;
    int rc = SQLITE_DONE;

    while (go_on && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        int state = sqlite3_column_int(q, 3); /* NULL reads as 0: waiting */
        struct outbox_outcome oc = {0};
        struct outbox_row row;

        describe(&row, (uint64_t)sqlite3_column_int64(q, 2), q);
        if (state != OUTBOX_WAITING)
            read_outcome(&oc, q, 4, state);
        go_on = each(arg, &row, state, &oc);
    }
    sqlite3_reset(q);
    return translate(o, rc);
}

/* --- keeping house ------------------------------------------------------------------------------
 */

enum status outbox_counts(struct outbox *o, struct outbox_counts *out)
{
    struct track tracks[TRACKS] = {{0}};
    enum status st = o->broken ? ST_IO : load_tracks(o, tracks);

    *out = (struct outbox_counts){0};
    for (unsigned track = 2; track < TRACKS && st == ST_OK; track++) {
        out->waiting[track / 2] += tracks[track].last - (uint64_t)tracks[track].settled;
        out->stored += (uint64_t)tracks[track].stored;
        out->refused += (uint64_t)tracks[track].refused;
        out->put += tracks[track].last;
    }
    out->bytes = (uint64_t)used_pages(o) * PAGE_BYTES;
    return st;
}

enum status outbox_lock(struct outbox *o)
{
    if (o->locked)
        return ST_OK;
    if (flock(o->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        o->locked = true;
        return ST_OK;
    }
    if (errno == EWOULDBLOCK) {
        say_trouble(o, "another program sends from the outbox %s", o->path);
        return ST_EXISTS;
    }
    say_trouble(o, "cannot lock %s.lock: %s", o->path, strerror(errno));
    return ST_IO;
}

bool outbox_changed(struct outbox *o)
{
    int64_t version = ask_number(o, Q_CHANGED, o->version);
    bool changed = version != o->version;

    o->version = version;
    return changed;
}

enum status outbox_tidy(struct outbox *o)
{
    unsigned dropped = 0;
    enum status st = outbox_commit(o);

    (void)ballast_take(&o->ballast);
    if (st == ST_OK)
        st = begin(o);
    if (st != ST_OK)
        return st;
    st = drop_settled(o, o->utc_us(o->arg) - o->keep_us, TIDY_ROWS, &dropped);
    if (st == ST_OK)
        st = write_tracks(o);
    st = end_transaction(o, st);
    return st == ST_OK && dropped == TIDY_ROWS ? ST_AGAIN : st;
}
