/* outbox - see outbox.h. Opening and closing, and who may send.
 *
 * Its other ideas have files of their own, which share outbox_file.h: the SQLite file and its
 * schema (outbox_file), statements (outbox_query), numbers by lane (outbox_track), the budget
 * (outbox_room), transactions (outbox_commit), putting (outbox_put, outbox_once), offering
 * (outbox_offer), receipts (outbox_settle), questions (outbox_ask), and damage (outbox_damage,
 * outbox_mend). */
#include "agents/link/outbox_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/base/banned.h"

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

static enum status open_beside(struct outbox *o, size_t ballast_bytes)
{
    char path[4096];
    enum status st;

    snprintf(path, sizeof(path), "%s.lock", o->path);
    o->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (o->lock_fd < 0) {
        ob_say(o, "cannot open %s: %s", path, strerror(errno));
        return ST_IO;
    }
    snprintf(path, sizeof(path), "%s.ballast", o->path);
    st = ballast_open(&o->ballast, path, ballast_bytes);
    if (st == ST_IO)
        ob_say(o, "cannot open %s: %s", path, strerror(errno));
    if (st == ST_FULL)
        log_warn("outbox.disk.full", "path=%s ballast_bytes=%zu", o->path, ballast_bytes);
    return st == ST_IO ? ST_IO : ST_OK;
}

static enum status take_settings(struct outbox *o, const struct outbox_settings *set)
{
    o->lock_fd = o->ballast.fd = -1;
    o->keep_us = (set->keep_stored_s ? (int64_t)set->keep_stored_s : 7 * 86400) * 1000000;
    o->utc_us = set->utc_us ? set->utc_us : system_utc_us;
    o->is_system_clock = !set->utc_us;
    o->random = set->random ? set->random : system_random;
    o->arg = set->arg;
    o->signer = set->signer;
    o->budget = set->budget_bytes ? set->budget_bytes : (size_t)1 << 30;
    o->path = mem_strdup(set->path);
    o->sender = mem_strdup(set->sender);
    if (!o->path || !o->sender)
        return ST_NOMEM;
    return arena_create(&o->arena, LIMIT_ARENA_BYTES);
}

void ob_close_database(struct outbox *o)
{
    for (unsigned i = 0; i < QUERIES; i++) {
        sqlite3_finalize(o->q[i]);
        o->q[i] = NULL;
    }
    sqlite3_close(o->db);
    o->db = NULL;
}

/* SQLite makes files beside an outbox before it can read it. The room for them on a full disk is
 * what the ballast kept. */
static enum status open_on_full_disk(struct outbox *o, size_t ballast)
{
    enum status st = open_beside(o, ballast);

    if (st != ST_OK)
        return st;
    if (!ballast_release(&o->ballast))
        return ST_FULL;
    log_warn("outbox.disk.full", "path=%s ballast_bytes=%zu", o->path, ballast);
    ob_close_database(o);
    o->trouble[0] = '\0';
    return ob_open_database(o);
}

/* What stands beside every outbox: a file that somebody named by mistake is left alone. */
static bool was_an_outbox(const struct outbox *o)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s.ballast", o->path);
    return access(path, F_OK) == 0;
}

/* The file at the path stays the same while it is opened. */
static enum status open_undisturbed(struct outbox *o)
{
    int lock = ob_mend_lock(o->path, false);
    enum status st;

    if (ob_mend_is_unfinished(o->path)) {
        ob_mend_unlock(lock);
        lock = ob_mend_lock(o->path, true);
        ob_mend_finish(o);
    }
    st = ob_open_database(o);
    ob_mend_unlock(lock);
    if (o->unreadable && was_an_outbox(o) && ob_mend(o) == ST_OK)
        return ST_OK;
    return st;
}

static enum status open_parts(struct outbox *o, const struct outbox_settings *set)
{
    size_t ballast;
    enum status st = take_settings(o, set);

    ob_room_share(o, o->budget, &ballast);
    if (st == ST_OK)
        st = o->is_fresh ? ob_open_database(o) : open_undisturbed(o);
    if (st == ST_OK)
        return open_beside(o, ballast);
    return st == ST_FULL ? open_on_full_disk(o, ballast) : st;
}

enum status ob_open(struct outbox **out, const struct outbox_settings *set,
                    const struct outbox *fresh_for, char *err, size_t err_size)
{
    struct outbox *o;
    enum status st = ob_make_file(set->path, err, err_size);

    if (st != ST_OK)
        return st;
    o = mem_zalloc(sizeof(*o));
    if (!o) {
        snprintf(err, err_size, "no memory");
        return ST_NOMEM;
    }
    if (fresh_for) {
        o->is_fresh = true;
        o->after = fresh_for->epoch;
        o->log_epoch = fresh_for->log_epoch;
        o->start = fresh_for->start;
    }
    st = open_parts(o, set);
    if (st != ST_OK) {
        snprintf(err, err_size, "%s",
                 o->trouble[0]   ? o->trouble
                 : st == ST_FULL ? "the disk under the outbox is full: free some room"
                                 : "no memory");
        outbox_close(o);
        return st;
    }
    ob_damage_look(o);
    if (o->damaged)
        (void)!ob_mend(o); /* else it still gives what can be read */
    o->version = ob_ask(o, Q_CHANGED, 0);
    *out = o;
    return ST_OK;
}

enum status outbox_open(struct outbox **out, const struct outbox_settings *set, char *err,
                        size_t err_size)
{
    return ob_open(out, set, NULL, err, err_size);
}

void outbox_close(struct outbox *o)
{
    if (!o)
        return;
    if (o->writing)
        ob_roll_back(o);
    ob_close_database(o);
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

uint32_t outbox_log_epoch(const struct outbox *o)
{
    return o->again_epoch > o->log_epoch ? o->again_epoch : o->log_epoch;
}

uint64_t outbox_epoch(const struct outbox *o)
{
    return o->epoch;
}

const char *outbox_trouble(const struct outbox *o)
{
    return o->trouble;
}

unsigned outbox_tag_lane(uint64_t tag)
{
    return (unsigned)(tag >> 56);
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
        ob_say(o, "another program sends from the outbox %s", o->path);
        return ST_EXISTS;
    }
    ob_say(o, "cannot lock %s.lock: %s", o->path, strerror(errno));
    return ST_IO;
}

/* Beside flock's lock on the same file, which a command may hold for a moment: the two kinds do not
 * see each other. Of its bytes the first is for this; the second is outbox_mend.c's. */
enum status outbox_stay(struct outbox *o)
{
    struct flock first = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

    if (fcntl(o->lock_fd, F_OFD_SETLK, &first) == 0)
        return ST_OK;
    if (errno == EAGAIN || errno == EACCES) {
        ob_say(o, "another program stays with the outbox %s", o->path);
        return ST_EXISTS;
    }
    ob_say(o, "cannot lock %s.lock: %s", o->path, strerror(errno));
    return ST_IO;
}

bool outbox_changed(struct outbox *o)
{
    int64_t version;
    bool changed;

    if (!o->writing && pending_is_empty(&o->pending) && ob_has_moved(o) && ob_reopen(o) == ST_OK)
        return true;
    version = ob_ask(o, Q_CHANGED, o->version);
    changed = version != o->version;

    o->version = version;
    return changed;
}

void outbox_sign_with(struct outbox *o, const struct signer *signer)
{
    o->signer = signer;
}
