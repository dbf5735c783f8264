/* sim_disk - the disks under the agents' outboxes and inboxes: files in memory, behind SQLite.
 *
 * What is written stands in the file at once, and on the disk when it was synced. A crash of the
 * program takes nothing of what it has written; a power cut takes of what was not synced since a
 * part: single writes, in no order. A write is kept with the bytes that it replaced until its sync,
 * so that it can be taken back. */
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { SHM_REGIONS = 16 };

/* Before its sync: bytes that stood there, and when it is taken back, those that were written. */
struct write {
    struct list link;
    size_t at, len, size_before;
    bool cuts; /* the file ended at `at` after it */
    uint8_t bytes[];
};

struct disk_file {
    struct list link, unsynced;
    char name[128];
    struct buf bytes; /* .len is the size */
    unsigned sharing; /* handles that hold SHARED or more */
    unsigned maps;    /* handles that use the shared memory */
    void *shm[SHM_REGIONS];
    int shm_locks[SQLITE_SHM_NLOCK]; /* how many share it; -1 = one has it alone */
};

struct handle {
    sqlite3_file base; /* first */
    struct disk_file *file;
    int lock;
    bool is_mapped;
};

static struct {
    struct list files;
    bool is_registered;
} disk;

static struct disk_file *file_of(sqlite3_file *f)
{
    return ((struct handle *)f)->file;
}

static struct disk_file *find(const char *name)
{
    struct list *pos;

    list_each(pos, &disk.files) {
        struct disk_file *f = container_of(pos, struct disk_file, link);

        if (!strcmp(f->name, name))
            return f;
    }
    return NULL;
}

static struct disk_file *make(const char *name)
{
    struct disk_file *f = mem_zalloc(sizeof(*f));

    assert(f && strlen(name) < sizeof(f->name));
    list_init(&f->unsynced);
    snprintf(f->name, sizeof(f->name), "%s", name);
    list_add_tail(&disk.files, &f->link);
    return f;
}

static void forget_writes(struct disk_file *f)
{
    struct list *link;

    while ((link = list_pop(&f->unsynced)))
        mem_free(container_of(link, struct write, link));
}

static void forget_shm(struct disk_file *f)
{
    for (unsigned i = 0; i < SHM_REGIONS; i++) {
        mem_free(f->shm[i]);
        f->shm[i] = NULL;
    }
}

static void forget(struct disk_file *f)
{
    forget_writes(f);
    forget_shm(f);
    list_remove(&f->link);
    buf_free(&f->bytes);
    mem_free(f);
}

void disk_remove(const char *name)
{
    struct disk_file *f = find(name);

    if (f)
        forget(f);
}

/* --- what a power cut takes ------------------------------------------------------------------- */

static void resize(struct disk_file *f, size_t size)
{
    static const uint8_t zeros[4096];

    while (f->bytes.len < size)
        buf_put(&f->bytes, zeros,
                size - f->bytes.len < sizeof(zeros) ? size - f->bytes.len : sizeof(zeros));
    assert(!f->bytes.failed);
    f->bytes.len = size;
}

/* The write changes places with what it replaced. */
static void swap(struct disk_file *f, struct write *w)
{
    size_t size = f->bytes.len;

    if (f->bytes.len < w->at + w->len)
        resize(f, w->at + w->len);
    for (size_t i = 0; i < w->len; i++) {
        uint8_t was = f->bytes.data[w->at + i];

        f->bytes.data[w->at + i] = w->bytes[i];
        w->bytes[i] = was;
    }
    resize(f, w->size_before);
    w->size_before = size;
}

static void write_again(struct disk_file *f, struct write *w)
{
    size_t end = w->cuts ? w->at : w->at + w->len;

    w->size_before = w->cuts || f->bytes.len < end ? end : f->bytes.len;
    swap(f, w);
}

static void cut_power(struct disk_file *f, struct rng *dice)
{
    struct list *pos;

    for (pos = f->unsynced.prev; pos != &f->unsynced; pos = pos->prev)
        swap(f, container_of(pos, struct write, link));
    list_each(pos, &f->unsynced)
        if (rng_chance(dice, 500))
            write_again(f, container_of(pos, struct write, link));
    forget_writes(f);
}

void disk_cut_power(const char *path, uint64_t dice)
{
    struct rng r = {dice};
    struct list *pos;

    list_each(pos, &disk.files) {
        struct disk_file *f = container_of(pos, struct disk_file, link);

        if (!strncmp(f->name, path, strlen(path)))
            cut_power(f, &r);
    }
}

void disk_reset(void)
{
    struct list *pos, *next;

    if (!disk.files.next)
        list_init(&disk.files);
    list_each_safe(pos, next, &disk.files)
        forget(container_of(pos, struct disk_file, link));
}

/* --- files, as SQLite asks for them ----------------------------------------------------------- */

static int on_unlock(sqlite3_file *f, int how);

static int on_close(sqlite3_file *f)
{
    return on_unlock(f, SQLITE_LOCK_NONE);
}

static int on_read(sqlite3_file *h, void *out, int len, sqlite3_int64 at)
{
    const struct disk_file *f = file_of(h);
    size_t want = (size_t)len, from = (size_t)at;
    size_t have = from < f->bytes.len ? f->bytes.len - from : 0;

    if (have > want)
        have = want;
    if (have)
        memcpy(out, f->bytes.data + from, have);
    if (have == want)
        return SQLITE_OK;
    memset((uint8_t *)out + have, 0, want - have);
    return SQLITE_IOERR_SHORT_READ;
}

/* What is there before it changes. */
static void note_write(struct disk_file *f, size_t at, size_t len, bool cuts)
{
    size_t have = at < f->bytes.len ? f->bytes.len - at : 0;
    struct write *w = mem_zalloc(sizeof(*w) + len);

    assert(w);
    w->at = at;
    w->len = len;
    w->cuts = cuts;
    w->size_before = f->bytes.len;
    if (have)
        memcpy(w->bytes, f->bytes.data + at, have < len ? have : len);
    list_add_tail(&f->unsynced, &w->link);
}

static int on_write(sqlite3_file *h, const void *data, int len, sqlite3_int64 at)
{
    struct disk_file *f = file_of(h);
    size_t end = (size_t)at + (size_t)len;

    if (sim.is_crashing) /* it never came to that */
        return SQLITE_IOERR_WRITE;
    note_write(f, (size_t)at, (size_t)len, false);
    if (f->bytes.len < end)
        resize(f, end);
    memcpy(f->bytes.data + at, data, (size_t)len);
    return SQLITE_OK;
}

static int on_truncate(sqlite3_file *h, sqlite3_int64 size)
{
    struct disk_file *f = file_of(h);

    if (sim.is_crashing)
        return SQLITE_IOERR_TRUNCATE;
    if ((size_t)size < f->bytes.len)
        note_write(f, (size_t)size, f->bytes.len - (size_t)size, true);
    resize(f, (size_t)size);
    return SQLITE_OK;
}

static int on_sync(sqlite3_file *h, int flags)
{
    (void)flags;
    if (sim.is_crashing)
        return SQLITE_IOERR_FSYNC;
    forget_writes(file_of(h));
    return SQLITE_OK;
}

static int on_size(sqlite3_file *h, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)file_of(h)->bytes.len;
    return SQLITE_OK;
}

/* Nobody stays in the middle of a transaction while another is asked: of the locks only who is
 * there at all counts, so that nobody takes away the log under another. */
static int on_lock(sqlite3_file *f, int how)
{
    struct handle *h = (struct handle *)f;

    if (how > SQLITE_LOCK_RESERVED && h->file->sharing > (h->lock != SQLITE_LOCK_NONE))
        return SQLITE_BUSY;
    h->file->sharing += h->lock == SQLITE_LOCK_NONE;
    h->lock = how;
    return SQLITE_OK;
}

static int on_unlock(sqlite3_file *f, int how)
{
    struct handle *h = (struct handle *)f;

    if (h->lock != SQLITE_LOCK_NONE && how == SQLITE_LOCK_NONE)
        h->file->sharing--;
    if (h->lock > how)
        h->lock = how;
    return SQLITE_OK;
}

static int on_reserved(sqlite3_file *h, int *out)
{
    (void)h;
    *out = 0;
    return SQLITE_OK;
}

static int on_control(sqlite3_file *h, int what, void *arg)
{
    (void)h, (void)what, (void)arg;
    return SQLITE_NOTFOUND;
}

static int on_sector(sqlite3_file *h)
{
    (void)h;
    return 4096;
}

static int on_character(sqlite3_file *h)
{
    (void)h;
    return 0;
}

static int on_shm_map(sqlite3_file *h, int region, int size, int extend, void volatile **out)
{
    struct disk_file *f = file_of(h);

    assert(region < SHM_REGIONS);
    f->maps += !((struct handle *)h)->is_mapped;
    ((struct handle *)h)->is_mapped = true;
    if (!f->shm[region] && extend) {
        f->shm[region] = mem_zalloc((size_t)size);
        assert(f->shm[region]);
    }
    *out = f->shm[region];
    return SQLITE_OK;
}

static bool shm_is_free(const int *lock, bool alone, bool is_letting_go)
{
    return is_letting_go || (alone ? *lock == 0 : *lock >= 0);
}

static int on_shm_lock(sqlite3_file *h, int offset, int n, int flags)
{
    struct disk_file *f = file_of(h);
    bool alone = flags & SQLITE_SHM_EXCLUSIVE, ends = flags & SQLITE_SHM_UNLOCK;

    for (int i = offset; i < offset + n; i++)
        if (!shm_is_free(&f->shm_locks[i], alone, ends))
            return SQLITE_BUSY;
    for (int i = offset; i < offset + n; i++) {
        if (alone)
            f->shm_locks[i] = ends ? 0 : -1;
        else if (!ends || f->shm_locks[i] > 0)
            f->shm_locks[i] += ends ? -1 : 1;
    }
    return SQLITE_OK;
}

static void on_shm_barrier(sqlite3_file *h)
{
    (void)h;
}

static int on_shm_unmap(sqlite3_file *h, int forever)
{
    struct disk_file *f = file_of(h);

    (void)forever;
    f->maps -= ((struct handle *)h)->is_mapped;
    ((struct handle *)h)->is_mapped = false;
    if (!f->maps) {
        forget_shm(f);
        memset(f->shm_locks, 0, sizeof(f->shm_locks));
    }
    return SQLITE_OK;
}

/* --- the folder ------------------------------------------------------------------------------- */

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *out, int flags, int *out_flags)
{
    static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = on_close,
        .xRead = on_read,
        .xWrite = on_write,
        .xTruncate = on_truncate,
        .xSync = on_sync,
        .xFileSize = on_size,
        .xLock = on_lock,
        .xUnlock = on_unlock,
        .xCheckReservedLock = on_reserved,
        .xFileControl = on_control,
        .xSectorSize = on_sector,
        .xDeviceCharacteristics = on_character,
        .xShmMap = on_shm_map,
        .xShmLock = on_shm_lock,
        .xShmBarrier = on_shm_barrier,
        .xShmUnmap = on_shm_unmap,
    };
    struct handle *h = (struct handle *)out;

    (void)vfs;
    memset(h, 0, sizeof(*h));
    if (!name)
        return SQLITE_CANTOPEN; /* temporary files: there are none, temp_store is memory */
    h->file = find(name);
    if (!h->file)
        h->file = make(name);
    h->base.pMethods = &methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs, (void)sync_folder;
    if (sim.is_crashing)
        return SQLITE_IOERR_DELETE;
    disk_remove(name);
    return SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs, (void)flags;
    *out = find(name) != NULL;
    return SQLITE_OK;
}

static int on_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    snprintf(out, (size_t)size, "%s", name);
    return SQLITE_OK;
}

static int on_random(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    for (int i = 0; i < len; i++)
        out[i] = (char)rng_u64(&sim.node_rng);
    return len;
}

static int on_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int on_time(sqlite3_vfs *vfs, sqlite3_int64 *out_ms) /* since noon of Julian day 0 */
{
    (void)vfs;
    *out_ms = INT64_C(210866760000000) + sim_utc_us(NULL) / 1000;
    return SQLITE_OK;
}

void disk_register(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct handle),
        .mxPathname = 127,
        .zName = "sim",
        .xOpen = on_open,
        .xDelete = on_delete,
        .xAccess = on_access,
        .xFullPathname = on_full_path,
        .xRandomness = on_random,
        .xSleep = on_sleep,
        .xCurrentTimeInt64 = on_time,
    };

    assert(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}
