/* outbox_mend - a damaged outbox goes aside, and a new one stands in its place at once: an alarm
 * waits for no person.
 *
 * The new file has an epoch of its own. What waits in the old one and can be read is taken over
 * with its bytes as they are, old places included (the bus knows every epoch a sender ever had), in
 * the raw tracks of its lanes; so are refused rows that no person has seen, rows whose bytes
 * changed (as damaged), and what repeatable commands have said. Stored rows that were only kept
 * stay aside. The numbers of the new file begin far from the old ones', so that a receipt for an
 * old row finds no new one.
 *
 *   path.mending   being written; whatever stands there is thrown away
 *   path.mended    complete and on disk: from here on the exchange is only renaming, and whoever
 *                  opens the outbox after a kill brings it to its end
 *   path.damaged-TIME (and -wal)   the old one, for a person with better tools
 *
 * Nobody else opens the path meanwhile (ob_mend_lock); who has it open and wants to write finds
 * another file there (ob_has_moved) and opens that. SQLite itself leaves the -wal and -shm of a
 * file alone that is no longer at its path. */
#include "agents/link/outbox_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/log.h"
#include "proto/base/banned.h"

#define AGAIN_US     INT64_C(60000000)
#define START_BIT    40 /* 2^40 rows of a lane before two files could share a tag */
#define START_CHOICE 8191

enum { PATH_SIZE = 4096 };

struct salvage {
    struct outbox *from, *to;
    uint64_t waiting, refused, damaged, unreadable;
};

static void path_of(char out[PATH_SIZE], const char *path, const char *suffix)
{
    if (snprintf(out, PATH_SIZE, "%s%s", path, suffix) >= PATH_SIZE)
        out[0] = '\0'; /* which no file has */
}

/* --- one at a time ---------------------------------------------------------------------------- */

int ob_mend_lock(const char *path, bool exclusive)
{
    struct flock second = {
        .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
    char file[PATH_SIZE];
    int fd;

    path_of(file, path, ".lock");
    fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && fcntl(fd, F_OFD_SETLKW, &second) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void ob_mend_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* --- the exchange ----------------------------------------------------------------------------- */

static void sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)!fsync(fd);
    close(fd);
}

static void sync_folder_of(const char *path)
{
    char copy[PATH_SIZE];

    path_of(copy, path, "");
    sync_path(dirname(copy), O_DIRECTORY);
}

bool ob_mend_is_unfinished(const char *path)
{
    char mended[PATH_SIZE];

    path_of(mended, path, ".mended");
    return access(mended, F_OK) == 0;
}

/* Each step may have been done by somebody who was killed. The log of the old file leaves before
 * the new file comes: SQLite would take it for the new one's. */
static bool exchange(const struct outbox *o, const char *aside)
{
    char from[PATH_SIZE], to[PATH_SIZE];

    if (link(o->path, aside) != 0)
        return false;
    path_of(from, o->path, "-wal");
    path_of(to, aside, "-wal");
    if (rename(from, to) != 0 && access(from, F_OK) == 0)
        return false;
    path_of(from, o->path, "-shm");
    unlink(from);
    sync_folder_of(o->path);
    path_of(from, o->path, ".mended");
    if (rename(from, o->path) != 0)
        return false;
    path_of(from, o->path, ".damaged");
    unlink(from);
    sync_folder_of(o->path);
    return true;
}

void ob_mend_finish(struct outbox *o)
{
    char aside[PATH_SIZE];
    int64_t at_s = o->utc_us(o->arg) / 1000000;

    if (!ob_mend_is_unfinished(o->path))
        return;
    do
        snprintf(aside, sizeof(aside), "%s.damaged-%" PRId64, o->path, at_s++);
    while (access(aside, F_OK) == 0);
    if (exchange(o, aside))
        log_error("outbox.begun.anew", "path=%s aside=%s", o->path, aside);
}

/* --- what can be saved ------------------------------------------------------------------------ */

/* A receipt that cannot be read counts as none: the bus says what it had already. */
static bool has_receipt(struct outbox *o, uint64_t tag)
{
    const struct pending_settle *s = pending_find_settle(&o->pending, tag);
    sqlite3_stmt *q = use(o, Q_SETTLED);
    bool yes;

    if (s)
        return s->oc.stored;
    bind_u64(q, 1, tag);
    yes = sqlite3_step(q) == SQLITE_ROW;
    sqlite3_reset(q);
    return yes;
}

static enum status keep_as_refused(struct outbox *to, uint64_t tag, const struct outbox_outcome *oc)
{
    enum status st = outbox_commit(to); /* a receipt needs its row on disk */

    return st == ST_OK ? outbox_settle(to, tag, oc) : st;
}

/* With its signature and wrapped keys; ours of before this device signed gets one now, since it
 * becomes a raw row.
 */
static enum status save_bytes(struct salvage *s, uint64_t tag, sqlite3_stmt *q, uint64_t *new_tag)
{
    const void *content = sqlite3_column_blob(q, 0), *signature = sqlite3_column_blob(q, 1);
    size_t len = (size_t)sqlite3_column_bytes(q, 0),
           signed_len = (size_t)sqlite3_column_bytes(q, 1);
    uint8_t late[SIGN_BYTES];
    enum status st;

    if (!signed_len && s->from->signer && !(tag & RAW_BIT)) {
        signer_sign(s->from->signer, late, "", content, len);
        signature = late;
        signed_len = SIGN_BYTES;
    }
    s->to->beside = sqlite3_column_blob(q, 4);
    s->to->beside_len = (size_t)sqlite3_column_bytes(q, 4);
    st = outbox_put_carried(s->to, outbox_tag_lane(tag), content, len, signature,
                            signed_len == SIGN_BYTES ? signed_len : 0, new_tag);
    s->to->beside = NULL;
    s->to->beside_len = 0;
    return st;
}

static enum status save_row(struct salvage *s, uint64_t tag, sqlite3_stmt *q)
{
    bool whole = ob_row_is_whole(tag, q, 3);
    uint64_t new_tag;
    enum status st = save_bytes(s, tag, q, &new_tag);

    if (st == ST_INVALID) { /* empty or too long: it never was a message */
        s->unreadable++;
        return ST_OK;
    }
    if (st == ST_OK && !whole)
        st = keep_as_refused(s->to, new_tag, &ob_damaged_outcome);
    s->waiting += whole;
    s->damaged += !whole;
    return st;
}

static enum status save_track(struct salvage *s, unsigned track)
{
    uint64_t from = tag_of(track, 0), end = tag_of(track + 1, 0), tried = end;
    sqlite3_stmt *q = use(s->from, Q_EVERY);
    enum status st = ST_OK;
    int rc = SQLITE_ROW;

    while (st == ST_OK && rc == SQLITE_ROW && from < end) {
        bind_u64(q, 1, from);
        bind_u64(q, 2, end);
        while (st == ST_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
            uint64_t tag = (uint64_t)sqlite3_column_int64(q, 2);

            from = tag + 1;
            if (!has_receipt(s->from, tag))
                st = save_row(s, tag, q);
        }
        sqlite3_reset(q);
        if (st != ST_OK || rc == SQLITE_DONE)
            break;
        if (!ob_is_damage(rc))
            return ST_IO;
        rc = SQLITE_ROW;
        if (tried == from) { /* the second time in vain */
            s->unreadable++;
            from = ob_damage_end(s->from, Q_EVERY, track, from);
        }
        tried = from;
    }
    return st;
}

static bool save_refused(void *arg, const struct outbox_row *row, const struct outbox_outcome *oc)
{
    struct salvage *s = arg;
    uint64_t tag;

    if (outbox_put_carried(s->to, row->lane, row->content, row->content_len, row->signature,
                           row->signature_len, &tag) == ST_OK &&
        keep_as_refused(s->to, tag, oc) == ST_OK)
        s->refused++;
    return true;
}

/* Which row it was is not known any more; that it was said is. */
static enum status save_once(struct salvage *s)
{
    sqlite3_stmt *from = use(s->from, Q_ONCE_EACH), *to = use(s->to, Q_ONCE_ADD);
    enum status st = ob_begin(s->to);

    while (st == ST_OK && sqlite3_step(from) == SQLITE_ROW) {
        sqlite3_bind_text(to, 2, (const char *)sqlite3_column_text(from, 0), -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(to, 3, sqlite3_column_int64(from, 1));
        st = ob_step_tag(s->to, Q_ONCE_ADD, 0);
    }
    sqlite3_reset(from);
    return ob_end(s->to, st);
}

static enum status save_all(struct salvage *s)
{
    enum status st = ST_OK;

    for (unsigned track = 2; track < TRACKS && st == ST_OK; track++)
        st = save_track(s, track);
    if (st == ST_OK)
        (void)!outbox_refused(s->from, save_refused, s); /* as far as it can be read */
    if (st == ST_OK)
        st = outbox_commit(s->to);
    return st == ST_OK ? save_once(s) : st;
}

/* --- the new file ----------------------------------------------------------------------------- */

static void throw_away(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock", ".ballast"};
    char file[PATH_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        path_of(file, path, ends[i]);
        unlink(file);
    }
}

static uint64_t choose_start(const struct outbox *o)
{
    uint64_t choice = (uint64_t)(o->utc_us(o->arg) / 1000000) % START_CHOICE + 1;

    if (choice << START_BIT == o->start)
        choice = choice % START_CHOICE + 1;
    return choice << START_BIT;
}

static enum status open_fresh(struct outbox *o, const char *path, struct outbox **out)
{
    const struct outbox_settings set = {.path = path,
                                        .sender = o->sender,
                                        .budget_bytes = o->budget,
                                        .keep_stored_s = (unsigned)(o->keep_us / 1000000),
                                        .utc_us = o->utc_us,
                                        .random = o->random,
                                        .arg = o->arg};
    struct outbox like = {.epoch = o->epoch, .log_epoch = o->log_epoch, .start = choose_start(o)};
    enum status st = ob_open(out, &set, &like, o->trouble, sizeof(o->trouble));

    /* One sync at the end is enough: before it, nobody looks at the file. */
    if (st == ST_OK)
        sqlite3_exec((*out)->db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    return st;
}

/* path.mended stands when it answers ST_OK. */
static enum status make_mended(struct outbox *o)
{
    struct salvage s = {.from = o};
    char mending[PATH_SIZE], mended[PATH_SIZE];
    enum status st;

    path_of(mending, o->path, ".mending");
    path_of(mended, o->path, ".mended");
    throw_away(mending);
    st = open_fresh(o, mending, &s.to);
    if (st != ST_OK)
        return st;
    if (o->epoch && o->q[Q_EVERY])
        st = save_all(&s);
    if (st != ST_OK)
        ob_say(o, "%s", outbox_trouble(s.to));
    outbox_close(s.to); /* the last one to close folds the log into the file */
    sync_path(mending, 0);
    if (st == ST_OK && rename(mending, mended) != 0)
        st = ST_IO;
    throw_away(mending);
    if (st == ST_OK)
        log_error("outbox.mended",
                  "path=%s waiting=%" PRIu64 " refused=%" PRIu64 " damaged=%" PRIu64
                  " unreadable_places=%" PRIu64,
                  o->path, s.waiting, s.refused, s.damaged, s.unreadable);
    return st;
}

enum status ob_reopen(struct outbox *o)
{
    enum status st;

    ob_close_database(o);
    pending_clear(&o->pending);
    tagset_clear(&o->flight);
    o->writing = o->tracks_known = o->broken = o->damaged = o->unreadable = false;
    o->hole_count = 0;
    memset(o->end_unknown, 0, sizeof(o->end_unknown));
    memset(o->next, 0, sizeof(o->next));
    o->room_bytes = 0;
    o->version = -1; /* something has changed for who asks */
    st = ob_open_database(o);
    ob_again_from_first(o);
    return st;
}

/* Others who have the damaged file open write nothing more into it from here on, unless it is too
 * damaged to be locked. */
static enum status replace(struct outbox *o)
{
    bool locked = o->epoch && !o->writing && sqlite3_step(use(o, Q_BEGIN)) == SQLITE_DONE;
    enum status st;

    sqlite3_reset(use(o, Q_BEGIN));
    if (locked && ob_has_moved(o)) /* somebody was faster */
        return ST_OK;
    st = make_mended(o);
    if (st == ST_OK)
        ob_mend_finish(o);
    if (st == ST_OK && ob_mend_is_unfinished(o->path))
        st = ST_IO;
    if (st != ST_OK && locked)
        (void)ob_step(o, Q_ROLLBACK);
    return st;
}

static enum status say_not_mended(struct outbox *o)
{
    ob_say(
        o,
        "the outbox %s is damaged and takes nothing more: a new one cannot be begun, it is tried "
        "again each minute; what can be read is still sent",
        o->path);
    return ST_IO;
}

/* What could not be opened is tried once more before it is given up: a disk may stumble once, and
 * somebody else may have mended it. */
static bool opens_now(struct outbox *o)
{
    return ob_reopen(o) == ST_OK;
}

enum status ob_mend(struct outbox *o)
{
    int64_t now = o->utc_us(o->arg);
    enum status st = ST_OK;
    int lock;

    if (now < o->mend_again_us && now > o->mend_again_us - 2 * AGAIN_US)
        return say_not_mended(o);
    lock = ob_mend_lock(o->path, true);
    if (o->epoch ? !ob_has_moved(o) : !opens_now(o))
        st = replace(o);
    if (st == ST_OK)
        st = ob_reopen(o);
    ob_mend_unlock(lock);
    if (st == ST_OK)
        return ST_OK;
    o->mend_again_us = now + AGAIN_US;
    log_error("outbox.mend.failed", "path=%s status=%s again_s=60 %s", o->path, status_name(st),
              o->trouble);
    return say_not_mended(o);
}
