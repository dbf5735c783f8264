/* The outbox on a disk that fails: over one scripted session every system call on its files fails
 * once, the first, the second, ... as far as they go, in three ways: an error (EIO), no room
 * (ENOSPC), and power gone from that call on. Whatever was answered well is there afterwards, the
 * file is sound, and it goes on.
 *
 * The calls are SQLite's (its table of system calls is made for this) and fdatasync and fsync of
 * the process. A child makes the session, because what SQLite thinks of a failed file is not to be
 * carried on. */
#include <errno.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/outbox.h"
#include "proto/base/log.h"

enum { TURNS = 4, LANES = 6, MOST_CALLS = 2000 };
enum way { WAY_ERROR, WAY_FULL, WAY_POWER, WAYS };

static const char *const way_names[WAYS] = {"EIO", "ENOSPC", "power gone"};

/* What the child was promised; in memory that both have. */
struct ledger {
    uint64_t put[LANES], settled[LANES];
    unsigned calls; /* all that were counted */
    bool failed;    /* one was made to fail */
};

static struct ledger *ledger;
static char dir[64], path[128], err[512];
static struct {
    bool on;
    unsigned fail_at;
    enum way way;
} fault;

/* --- calls that fail -------------------------------------------------------------------------- */

static bool fails(bool needs_room)
{
    if (!fault.on)
        return false;
    ledger->calls++;
    if (ledger->calls < fault.fail_at || (fault.way == WAY_FULL && !needs_room))
        return false;
    if (ledger->calls > fault.fail_at && fault.way != WAY_POWER && ledger->failed)
        return false;
    ledger->failed = true;
    if (fault.way == WAY_POWER)
        _exit(0);
    errno = fault.way == WAY_FULL ? ENOSPC : EIO;
    return true;
}

typedef ssize_t (*write_fn)(int, const void *, size_t, off_t);
typedef ssize_t (*read_fn)(int, void *, size_t, off_t);
typedef int (*cut_fn)(int, off_t);

static write_fn real_pwrite;
static read_fn real_pread;
static cut_fn real_ftruncate;

static ssize_t failing_pwrite(int fd, const void *data, size_t len, off_t at)
{
    return fails(true) ? -1 : real_pwrite(fd, data, len, at);
}

static ssize_t failing_pread(int fd, void *data, size_t len, off_t at)
{
    return fails(false) ? -1 : real_pread(fd, data, len, at);
}

static int failing_ftruncate(int fd, off_t len)
{
    return fails(true) ? -1 : real_ftruncate(fd, len);
}

/* SQLite has no row for it in its table; it calls the one of this program. */
int fdatasync(int fd)
{
    static int (*real)(int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    return fails(false) ? -1 : real(fd);
}

int fsync(int fd)
{
    static int (*real)(int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    return fails(false) ? -1 : real(fd);
}

static void put_calls_between(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    real_pwrite = (write_fn)vfs->xGetSystemCall(vfs, "pwrite");
    real_pread = (read_fn)vfs->xGetSystemCall(vfs, "pread");
    real_ftruncate = (cut_fn)vfs->xGetSystemCall(vfs, "ftruncate");
    if (vfs->xGetSystemCall(vfs, "pwrite64")) {
        real_pwrite = (write_fn)vfs->xGetSystemCall(vfs, "pwrite64");
        real_pread = (read_fn)vfs->xGetSystemCall(vfs, "pread64");
        vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)failing_pwrite);
        vfs->xSetSystemCall(vfs, "pread64", (sqlite3_syscall_ptr)failing_pread);
    }
    vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)failing_pwrite);
    vfs->xSetSystemCall(vfs, "pread", (sqlite3_syscall_ptr)failing_pread);
    vfs->xSetSystemCall(vfs, "ftruncate", (sqlite3_syscall_ptr)failing_ftruncate);
}

/* --- the session ------------------------------------------------------------------------------ */

static struct outbox *open_it(void)
{
    const struct outbox_settings set = {
        .path = path, .sender = "rcst.ayni.team2", .budget_bytes = 1 << 20};
    struct outbox *o = NULL;

    return outbox_open(&o, &set, err, sizeof(err)) == ST_OK ? o : NULL;
}

static enum status put_one(struct outbox *o, unsigned lane)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    struct refusal why = {0};
    char text[1200];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    entry.position = (char *)(uintptr_t) "duty officer";
    entry.text = text;
    m.lane = (Eocbus__V1__Lane)lane;
    m.status = EOCBUS__V1__STATUS__STATUS_TEST;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = 1789400000000000;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    return outbox_put(o, &m, NULL, &why);
}

static uint64_t tag_at(unsigned lane, uint64_t number)
{
    return ((uint64_t)lane << 56) + number;
}

static bool note(void *arg, const struct outbox_row *row)
{
    ++*(unsigned *)arg;
    return row->content_len > 0;
}

/* What a commit answers well is written down, and nothing else. */
static enum status one_turn(struct outbox *o, unsigned turn)
{
    const struct outbox_outcome stored = {.stored = true, .log_epoch = 1, .seq = 7};
    uint64_t put[LANES], settled[LANES];
    unsigned seen = 0;
    enum status st = ST_OK;

    memcpy(put, ledger->put, sizeof(put));
    memcpy(settled, ledger->settled, sizeof(settled));
    for (unsigned lane = 3; lane < LANES && st == ST_OK; lane++) {
        st = put_one(o, lane);
        put[lane] += st == ST_OK;
    }
    if (st == ST_OK && turn % 2 && settled[4] < ledger->put[4]) {
        st = outbox_settle(o, tag_at(4, settled[4] + 1), &stored);
        settled[4] += st == ST_OK;
    }
    if (st == ST_OK)
        st = outbox_commit(o);
    if (st == ST_OK) {
        memcpy(ledger->put, put, sizeof(put));
        memcpy(ledger->settled, settled, sizeof(settled));
    }
    if (outbox_next(o, OUTBOX_ALL_LANES, 3, SIZE_MAX, note, &seen) == ST_OK && turn == 3)
        (void)!outbox_tidy(o);
    return st;
}

/* Opens, works, closes, opens again: in a child, which goes on whatever it is told. */
static void session(void)
{
    for (unsigned life = 0; life < 2; life++) {
        struct outbox *o = open_it();

        for (unsigned turn = 0; o && turn < TURNS; turn++)
            if (one_turn(o, turn) != ST_OK)
                break;
        outbox_close(o);
    }
}

/* --- afterwards ------------------------------------------------------------------------------- */

static void remove_files(void)
{
    const struct dirent *entry;
    DIR *d = opendir(dir);

    while (d && (entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
}

static void is_sound(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
    sqlite3_close(db);
}

/* An unreadable place made it begin a new file: tags and numbers are others then. */
static bool was_mended(void)
{
    const struct dirent *entry;
    DIR *d = opendir(dir);
    bool yes = false;

    while ((entry = readdir(d)))
        yes |= strncmp(entry->d_name, "out.damaged-", 12) == 0;
    closedir(d);
    return yes;
}

static bool count_row(void *arg, const struct outbox_row *row, int state,
                      const struct outbox_outcome *oc)
{
    uint64_t *rows = arg;

    (void)state;
    (void)oc;
    rows[row->lane]++;
    return true;
}

/* Of a mended one: every promised row that was not stored is there. */
static void each_promise_has_a_row(struct outbox *o)
{
    uint64_t rows[LANES] = {0};

    assert_int_equal(outbox_each(o, count_row, rows), ST_OK);
    for (unsigned lane = 1; lane < LANES; lane++)
        if (rows[lane] + ledger->settled[lane] < ledger->put[lane])
            fail_msg("call %u (%s): lane %u has %llu rows of %llu", fault.fail_at,
                     way_names[fault.way], lane, (unsigned long long)rows[lane],
                     (unsigned long long)ledger->put[lane]);
}

static void each_promise_is_kept(struct outbox *o)
{
    for (unsigned lane = 1; lane < LANES; lane++)
        for (uint64_t n = 1; n <= ledger->put[lane]; n++) {
            int state = OUTBOX_STORED; /* on a full disk what is stored is not kept */
            enum status st = outbox_state(o, tag_at(lane, n), &state, NULL, NULL);

            if (st != ST_OK && (st != ST_NOTFOUND || n > ledger->settled[lane]))
                fail_msg("call %u (%s): lane %u number %llu is lost", fault.fail_at,
                         way_names[fault.way], lane, (unsigned long long)n);
            if (n <= ledger->settled[lane])
                assert_int_equal(state, OUTBOX_STORED);
        }
}

static void what_was_promised_is_there(void)
{
    struct outbox *o = open_it();

    if (!o)
        fail_msg("call %u (%s): %s", fault.fail_at, way_names[fault.way], err);
    if (was_mended())
        each_promise_has_a_row(o);
    else
        each_promise_is_kept(o);
    assert_int_equal(put_one(o, 3), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    is_sound();
}

/* False when the session had no call with this number. */
static bool fail_call(unsigned n, enum way way)
{
    int status;
    pid_t child;

    memset(ledger, 0, sizeof(*ledger));
    fault.fail_at = n;
    fault.way = way;
    child = fork();
    if (child == 0) {
        fault.on = true;
        session();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("call %u (%s): the session ended with status %d", n, way_names[way], status);
    what_was_promised_is_there();
    remove_files();
    return ledger->failed;
}

static void fail_each_call(enum way way)
{
    const char *from = getenv("TORTURE_FROM");
    unsigned n = from ? (unsigned)strtoul(from, NULL, 10) : 1;

    while (n < MOST_CALLS && fail_call(n, way))
        n++;
    print_message("measured: outbox torture, %s: each of %u calls failed once\n", way_names[way],
                  n - 1);
    assert_in_range(n, 40, MOST_CALLS - 1);
}

static void an_error_of_any_call_loses_nothing_promised(void **state)
{
    (void)state;
    fail_each_call(WAY_ERROR);
}

static void no_room_at_any_call_loses_nothing_promised(void **state)
{
    (void)state;
    fail_each_call(WAY_FULL);
}

static void death_at_any_call_loses_nothing_promised(void **state)
{
    (void)state;
    fail_each_call(WAY_POWER);
}

static void drop_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static int begin(void **state)
{
    (void)state;
    /* In memory where there is some: what a disk forgets is not asked here. */
    snprintf(dir, sizeof(dir), "%s/eocbus-torture-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/out", dir);
    ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    put_calls_between();
    if (!getenv("TORTURE_LOG"))
        log_set_sink(drop_line, NULL);
    return ledger == MAP_FAILED;
}

static int end(void **state)
{
    (void)state;
    remove_files();
    munmap(ledger, sizeof(*ledger));
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_of_any_call_loses_nothing_promised),
        cmocka_unit_test(no_room_at_any_call_loses_nothing_promised),
        cmocka_unit_test(death_at_any_call_loses_nothing_promised),
    };

    return cmocka_run_group_tests_name("outbox torture", tests, begin, end);
}
