/* outbox_file - what the files of the outbox share; nobody else includes it. See outbox.h for what
 * an outbox promises, outbox_file.c for what is in its file. */
#ifndef EOCBUS_LINK_OUTBOX_FILE_H
#define EOCBUS_LINK_OUTBOX_FILE_H

#include <sqlite3.h>

#include "agents/link/ballast.h"
#include "agents/link/outbox.h"
#include "agents/link/pending.h"
#include "agents/link/tagset.h"
#include "agents/link/timekeeper.h"
#include "proto/base/ids.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"

#define PAGE_BYTES 4096u
#define LANES      6u  /* 1..5 */
#define TRACKS     12u /* 2..11: lane * 2, + 1 for raw */
#define RAW_BIT    (UINT64_C(1) << 55)
/* Most bytes of one transaction; a turn that puts more commits in between. The ballast holds it
 * twice. */
#define PENDING_BYTES (96u * 1024)

/* Damaged places that are remembered; more are looked for each time, in silence. */
#define HOLES 32u

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
    Q_KEYS,
    Q_KEYS_DROP,
    Q_KNOWN,
    Q_EARLIER,
    Q_LOG_EPOCH,
    Q_EACH,
    Q_EVERY,
    Q_DAMAGED,
    Q_ONCE,
    Q_ONCE_ADD,
    Q_ONCE_FORGET,
    Q_ONCE_EACH,
    Q_PAGES,
    Q_FREE,
    Q_CHANGED,
    QUERIES
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
    uint64_t start;     /* numbers of the rows begin behind it: 0 but in a file that took another's
                           place, so that no row of the two has the same tag */
    uint32_t log_epoch; /* as in the file: nothing stored is older */
    uint32_t again_epoch;  /* higher than that: it is being offered again for it */
    uint64_t again_behind; /* what was stored behind this number */
    uint64_t again_tag;    /* reopened up to here */
    unsigned closed_lanes; /* not reopened whole yet, so not offered */
    size_t budget;
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
    uint64_t thin[OUTBOX_THIN_ROWS]; /* rows that go with the next commit */
    unsigned thin_count;
    struct tagset flight;
    char *once_key;
    uint64_t once_count;
    bool once_over;  /* the key's work ended, but its last commit is still to come */
    int64_t version; /* data_version when outbox_changed was asked last */

    bool puts_flash;       /* the row being put is an alarm */
    const uint8_t *beside; /* wrapped keys of the row being put; borrowed for that call */
    size_t beside_len;
    struct arena *arena; /* of the gate */
    struct buf packed;
    uint8_t message_id[ID_BYTES];
    const struct signer *signer;        /* borrowed; NULL = nothing is signed */
    uint8_t late_signature[SIGN_BYTES]; /* of the row that is being offered */
    int64_t (*utc_us)(void *arg);
    bool is_system_clock; /* utc_us is */
    struct timekeeper timekeeper;
    void (*random)(void *arg, void *out, size_t len);
    void *arg;

    /* By lane, in a file that took another's place: the last row put raw when it was opened. What
     * was saved is among them, and new rows of the lane wait for it. 0: none. */
    uint64_t saved[LANES];

    bool broken;
    bool unreadable;       /* it could not be opened for damage */
    bool is_fresh;         /* being made to take another one's place: see outbox_mend.c */
    uint64_t after;        /* a fresh one's epoch is later than this */
    bool damaged;          /* some page cannot be read: see outbox_damage.c */
    int64_t mend_again_us; /* not before: the last attempt failed */
    struct hole {
        uint64_t from, end; /* tags that cannot be read */
    } hole[HOLES];
    unsigned hole_count;
    bool end_unknown[TRACKS]; /* the last rows of a track cannot be read */
    char trouble[256];
};

static inline unsigned track_of(uint64_t tag)
{
    return (unsigned)(tag >> 55);
}

static inline uint64_t tag_of(unsigned track, uint64_t number)
{
    return ((uint64_t)track << 55) + number;
}

static inline uint64_t number_of(uint64_t tag)
{
    return tag & (RAW_BIT - 1);
}

static inline bool lane_exists(unsigned lane)
{
    return lane >= 1 && lane < LANES;
}

/* A statement ready to be bound; ends with ob_step, or sqlite3_reset after reading rows. */
static inline sqlite3_stmt *use(struct outbox *o, enum query which)
{
    return o->q[which];
}

static inline void bind_u64(sqlite3_stmt *q, int at, uint64_t value)
{
    sqlite3_bind_int64(q, at, (sqlite3_int64)value);
}

/* outbox_query.c: statements */
void ob_say(struct outbox *o, const char *fmt, ...) PRINTF_LIKE(2, 3); /* for outbox_trouble */
/* What SQLite said, in our words. Errors of the disk and damage end the outbox. */
enum status ob_translate(struct outbox *o, int rc);
MUST_CHECK enum status ob_prepare(struct outbox *o);
enum status ob_step(struct outbox *o, enum query which);
enum status ob_step_tag(struct outbox *o, enum query which, uint64_t tag); /* bound as ?1 */
/* One number that a query answers; `deflt` when it answers none. */
int64_t ob_ask(struct outbox *o, enum query which, int64_t deflt);

/* outbox.c */
enum status ob_open(struct outbox **out, const struct outbox_settings *set,
                    const struct outbox *fresh_for, char *err, size_t err_size);
void ob_close_database(struct outbox *o);

/* outbox_file.c: the file */
MUST_CHECK enum status ob_make_file(const char *path, char *err, size_t err_size);
MUST_CHECK enum status ob_open_database(struct outbox *o);
void ob_checkpoint(struct outbox *o);
void ob_shrink(struct outbox *o);    /* outside a transaction */
bool ob_has_moved(struct outbox *o); /* another file stands at the path by now */

/* outbox_damage.c: pages that cannot be read */
bool ob_is_damage(int rc);
void ob_damage_look(struct outbox *o); /* was it found before? */
void ob_damage_note(struct outbox *o); /* it is found now */
/* The same where one can go on without what was asked. Inside a transaction ST_AGAIN: SQLite writes
 * nothing more in one that met damage; the next one does not look there. */
MUST_CHECK enum status ob_damage_found(struct outbox *o);
/* The row at `at` or one soon behind it cannot be read: where to go on. */
uint64_t ob_damage_skip(struct outbox *o, unsigned track, uint64_t at);
/* The first tag behind `at` from which this query can read; the end of the track if there is none.
 */
uint64_t ob_damage_end(struct outbox *o, enum query which, unsigned track, uint64_t at);
bool ob_damage_is_marked(const struct outbox *o);
/* Column `sum` of a row whose content and signature are columns 0 and 1; rows of the first schema
 * have none and are believed. */
bool ob_row_is_whole(uint64_t tag, sqlite3_stmt *q, int sum);
/* What is said of a row that is not; a person sees it among the refused ones. */
extern const struct outbox_outcome ob_damaged_outcome;

/* outbox_mend.c: a damaged file goes aside and a new one takes its place */
/* Programs that open a file keep others from exchanging it meanwhile. -1: no lock can be had. */
int ob_mend_lock(const char *path, bool exclusive);
void ob_mend_unlock(int lock); /* -1 is allowed */
/* A mending that was killed near its end is brought to it. The lock is held, exclusive. */
void ob_mend_finish(struct outbox *o);
bool ob_mend_is_unfinished(const char *path);
/* Nothing is pending to be put. ST_OK: the outbox stands on a sound file. ST_IO: it does not, and
 * is tried again a minute later. */
MUST_CHECK enum status ob_mend(struct outbox *o);
/* Another program has exchanged the file: the new one is opened. */
MUST_CHECK enum status ob_reopen(struct outbox *o);

/* outbox_track.c: numbers by lane */
MUST_CHECK enum status ob_tracks_load(struct outbox *o, struct track into[TRACKS]);
/* Under the write lock: the tracks as they are, read again only when somebody else has written. */
MUST_CHECK enum status ob_tracks_know(struct outbox *o);
/* The track of a row that this transaction changes. */
struct track *ob_track_touch(struct outbox *o, uint64_t tag);
MUST_CHECK enum status ob_tracks_write(struct outbox *o);

/* outbox_room.c: the budget */
void ob_room_share(struct outbox *o, size_t budget, size_t *ballast);
unsigned ob_used_pages(struct outbox *o);
/* Bytes that a row takes in the file, generously: small ones with their cell and a half-full page,
 * large ones in whole overflow pages. */
size_t ob_room_of(size_t len);
void ob_room_measure(struct outbox *o);
/* The write lock is ours. Room for one more row of this size, dropping the oldest stored rows for
 * it; ST_FULL: `why` (may be NULL) has the sentence. */
MUST_CHECK enum status ob_room_make(struct outbox *o, size_t len, struct refusal *why);
/* Drops some of the oldest stored rows, in a transaction of its own; *dropped 0: there were none.
 */
MUST_CHECK enum status ob_drop_stored(struct outbox *o, unsigned *dropped);

/* outbox_commit.c: transactions */
/* Takes the write lock and knows the tracks under it. */
MUST_CHECK enum status ob_begin(struct outbox *o);
/* Commits if `st` is ST_OK, else rolls back and answers it. */
MUST_CHECK enum status ob_end(struct outbox *o, enum status st);
void ob_roll_back(struct outbox *o);

/* outbox_again.c: a restored log */
/* Another file stands in place of the one that was being reopened. */
void ob_again_from_first(struct outbox *o);

/* outbox_once.c: once-keys */
MUST_CHECK enum status ob_once_add(struct outbox *o, const struct pending_put *put);
/* ST_EXISTS: an earlier run of this command put it; the write lock is ours, so nobody else is about
 * to. */
MUST_CHECK enum status ob_once_find(struct outbox *o, uint64_t *tag);
bool ob_once_counts(const struct outbox *o); /* puts belong to a key */
/* Before the pending puts are given up: their counts are free again. */
void ob_once_go_back(struct outbox *o);

/* outbox_thin.c: the rows that are given up go, inside a transaction */
MUST_CHECK enum status ob_thin_apply(struct outbox *o);

/* outbox_offer.c: the row of a query whose columns 0 and 1 are content and signature */
void ob_describe(const struct outbox *o, struct outbox_row *row, uint64_t tag,
                 sqlite3_stmt *message);
/* Rows without a signature have the sum that rows had before there were signatures. */
uint64_t ob_row_sum(uint64_t tag, const void *content, size_t len, const void *signature,
                    size_t signature_len);

/* outbox_settle.c */
bool ob_is_waiting(struct outbox *o, uint64_t tag);

#endif
