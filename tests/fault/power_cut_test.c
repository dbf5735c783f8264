/* Power cuts under an outbox: it lies on an ext4 file system in an image; its writer is stopped,
 * the image is copied as it is (what was never synced is not in it), and the copy is mounted as
 * after a cut. Every message whose commit was answered well must be there, in a sound file that
 * takes more.
 *
 * The same with SQLite's synchronous=NORMAL must lose messages: else this test would see nothing.
 * The switch is here only: sqlite3_exec of this program changes the pragma on its way.
 *
 *   POWER_CUTS=n   so many (default 25);  POWER_SEED=n
 *
 * Needs root and loop devices; without them it is skipped, and says so. The mounts are in a
 * namespace of this process and go with it however it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agents/link/outbox.h"
#include "proto/base/log.h"

enum {
    CUTS = 25,
    NORMAL_CUTS = 40, /* at most, until one has lost something */
    LANES = 6,
    IMAGE_MIB = 48,
    BUDGET = 24 << 20,
    LEAST_MS = 4,
    SPREAD_MS = 90,
};

struct promises { /* of the writer, in memory that both processes have */
    volatile uint64_t put[LANES], settled[LANES];
    volatile bool failed;
    char what[200];
};

static struct {
    char dir[64], live[96], image[96], copy[96], dead[96], why[200];
    struct promises *promises;
    unsigned cuts;
    uint64_t seed, lost, kept;
    bool normal;
} world;

/* --- the switch ------------------------------------------------------------------------------- */

int sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **),
                 void *arg, char **err)
{
    static int (*real)(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *,
                       char **);
    const char *full = strstr(sql, "synchronous=FULL");
    char other[512];

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_exec");
    if (!world.normal || !full)
        return real(db, sql, each, arg, err);
    snprintf(other, sizeof(other), "%.*ssynchronous=NORMAL%s", (int)(full - sql), sql,
             full + strlen("synchronous=FULL"));
    return real(db, other, each, arg, err);
}

/* --- the disk --------------------------------------------------------------------------------- */

static uint64_t draw(void)
{
    world.seed ^= world.seed << 13;
    world.seed ^= world.seed >> 7;
    world.seed ^= world.seed << 17;
    return world.seed;
}

static void rest_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static int shell(const char *fmt, ...)
{
    char command[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    return system(command);
}

static bool make_disk(void)
{
    return shell("mkdir -p %s %s && truncate -s %dM %s && mkfs.ext4 -q -F %s && "
                 "mount -o loop %s %s 2>/dev/null && sync %s",
                 world.live, world.dead, IMAGE_MIB, world.image, world.image, world.image,
                 world.live, world.live) == 0;
}

static bool own_mounts(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int begin(void **state)
{
    const char *cuts = getenv("POWER_CUTS"), *seed = getenv("POWER_SEED");

    (void)state;
    world.cuts = cuts ? (unsigned)strtoul(cuts, NULL, 10) : CUTS;
    world.seed = seed ? strtoull(seed, NULL, 10) : 2010;
    world.lost = world.kept = 0;
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-cut-XXXXXX");
    if (!mkdtemp(world.dir))
        return -1;
    snprintf(world.live, sizeof(world.live), "%s/live", world.dir);
    snprintf(world.dead, sizeof(world.dead), "%s/dead", world.dir);
    snprintf(world.image, sizeof(world.image), "%s/image", world.dir);
    snprintf(world.copy, sizeof(world.copy), "%s/copy", world.dir);
    world.promises = mmap(NULL, sizeof(*world.promises), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world.promises == MAP_FAILED)
        return -1;
    memset(world.promises, 0, sizeof(*world.promises));
    world.why[0] = '\0';
    if (!own_mounts())
        snprintf(world.why, sizeof(world.why), "mounting needs root");
    else if (!make_disk())
        snprintf(world.why, sizeof(world.why), "no ext4 image on a loop device can be had here");
    return 0;
}

static int end(void **state)
{
    (void)state;
    umount2(world.dead, MNT_DETACH);
    umount2(world.live, MNT_DETACH);
    munmap(world.promises, sizeof(*world.promises));
    return shell("rm -rf %s", world.dir);
}

/* --- the writer ------------------------------------------------------------------------------- */

static struct outbox *open_in(const char *folder)
{
    char path[160], err[512];
    struct outbox_settings set = {
        .path = path, .sender = "rcst.ayni.team2", .budget_bytes = BUDGET};
    struct outbox *o = NULL;

    snprintf(path, sizeof(path), "%s/out", folder);
    if (outbox_open(&o, &set, err, sizeof(err)) == ST_OK)
        return o;
    fprintf(stderr, "power_cut_test: %s\n", err);
    return NULL;
}

static enum status put_one(struct outbox *o, unsigned lane, size_t text_len)
{
    static char text[1000];
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    struct refusal why = {0};

    memset(text, 'x', sizeof(text) - 1);
    text[text_len] = '\0';
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

/* Some puts and some receipts, then a commit; what it answered well is promised. */
static enum status write_some(struct outbox *o, struct promises *p)
{
    uint64_t put[LANES], settled[LANES];
    const struct outbox_outcome stored = {.stored = true, .log_epoch = 1, .seq = 7};
    enum status st = ST_OK;

    for (unsigned lane = 1; lane < LANES; lane++) {
        put[lane] = p->put[lane];
        settled[lane] = p->settled[lane];
    }
    for (unsigned i = 0, n = 1 + (unsigned)(draw() % 6); i < n && st == ST_OK; i++) {
        unsigned lane = 2 + (unsigned)(draw() % 4);

        st = put_one(o, lane, draw() % 20 ? 20 + draw() % 200 : 900);
        put[lane]++;
    }
    for (unsigned lane = 1; lane < LANES && st == ST_OK; lane++)
        if (settled[lane] + 3 < p->put[lane] && draw() % 2)
            st = outbox_settle(o, tag_at(lane, ++settled[lane]), &stored);
    if (st == ST_OK)
        st = outbox_commit(o);
    for (unsigned lane = 1; lane < LANES && st == ST_OK; lane++) {
        p->put[lane] = put[lane];
        p->settled[lane] = settled[lane];
    }
    return st;
}

static void write_for_ever(void)
{
    struct outbox *o = open_in(world.live);
    struct promises *p = world.promises;
    struct outbox_counts c = {0};
    enum status st = o && outbox_counts(o, &c) == ST_OK ? ST_OK : ST_IO;
    uint64_t promised = 0, settled = 0;

    /* Killed behind a commit and before its promise: the next life promises it. */
    for (unsigned lane = 1; lane < LANES; lane++) {
        while (o && outbox_state(o, tag_at(lane, p->put[lane] + 1), &(int){0}, NULL, NULL) == ST_OK)
            p->put[lane]++;
        promised += p->put[lane];
    }
    for (unsigned lane = 1; lane < LANES; lane++) {
        int state = OUTBOX_STORED;

        while (o &&
               outbox_state(o, tag_at(lane, p->settled[lane] + 1), &state, NULL, NULL) == ST_OK &&
               state == OUTBOX_STORED)
            p->settled[lane]++;
        settled += p->settled[lane];
    }
    if (c.put != promised || c.stored != settled)
        st = ST_CONFLICT;
    while (st == ST_OK)
        st = write_some(o, p);
    snprintf(p->what, sizeof(p->what), "%s %.150s", status_name(st), o ? outbox_trouble(o) : "");
    p->failed = true;
    _exit(1);
}

static pid_t start_writer(void)
{
    pid_t parent = getpid(), pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        write_for_ever();
    _exit(1);
}

/* --- the cut ---------------------------------------------------------------------------------- */

static void cut_power(void)
{
    int status;
    pid_t writer = start_writer();

    rest_ms(LEAST_MS + (unsigned)(draw() % SPREAD_MS));
    kill(writer, SIGSTOP);
    assert_int_equal(waitpid(writer, &status, WUNTRACED), writer);
    if (!WIFSTOPPED(status))
        fail_msg("the writer ended: %s", world.promises->what);
    assert_int_equal(shell("cp --sparse=always %s %s", world.image, world.copy), 0);
    kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, &status, 0), writer);
}

static bool is_sound(const char *folder)
{
    char path[160];
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    bool ok;

    snprintf(path, sizeof(path), "%s/out", folder);
    ok = sqlite3_open(path, &db) == SQLITE_OK &&
         sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL) == SQLITE_OK &&
         sqlite3_step(q) == SQLITE_ROW &&
         strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
    sqlite3_finalize(q);
    sqlite3_close(db);
    return ok;
}

/* Nothing that was promised is missing, no receipt was forgotten, and it goes on. */
static void compare(struct outbox *o)
{
    const struct promises *p = world.promises;

    for (unsigned lane = 1; lane < LANES; lane++)
        for (uint64_t n = 1; n <= p->put[lane]; n++) {
            int state = -1;
            enum status st = outbox_state(o, tag_at(lane, n), &state, NULL, NULL);

            world.kept += st == ST_OK;
            world.lost += st != ST_OK || (n <= p->settled[lane] && state != OUTBOX_STORED);
        }
}

static void look_after_the_cut(void)
{
    struct outbox *o;

    assert_int_equal(shell("mount -o loop %s %s", world.copy, world.dead), 0);
    o = open_in(world.dead);
    if (!o) {
        /* A file that was just being made: nothing of it was promised. */
        for (unsigned lane = 1; lane < LANES; lane++)
            world.lost += world.promises->put[lane];
    } else {
        compare(o);
        if (!world.normal)
            assert_int_equal(put_one(o, 4, 50), ST_OK);
        if (!world.normal)
            assert_int_equal(outbox_commit(o), ST_OK);
        outbox_close(o);
        if (!world.normal)
            assert_true(is_sound(world.dead));
    }
    assert_int_equal(shell("ls %s | grep -q damaged", world.dead) == 0, 0);
    assert_int_equal(umount(world.dead), 0);
}

static bool is_skipped(void)
{
    if (!world.why[0])
        return false;
    print_message("measured: power cuts skipped: %s\n", world.why);
    return true;
}

static void after_a_power_cut_everything_promised_is_there(void **state)
{
    uint64_t promised = 0;

    (void)state;
    if (is_skipped())
        skip();
    world.normal = false;
    for (unsigned i = 0; i < world.cuts; i++) {
        cut_power();
        look_after_the_cut();
        if (world.lost)
            fail_msg("cut %u (POWER_SEED): %llu lost", i, (unsigned long long)world.lost);
    }
    for (unsigned lane = 1; lane < LANES; lane++)
        promised += world.promises->put[lane];
    print_message("measured: %u power cuts, %llu messages promised, lost 0\n", world.cuts,
                  (unsigned long long)promised);
    assert_true(promised > world.cuts);
}

static void without_a_sync_in_each_commit_this_test_sees_the_loss(void **state)
{
    unsigned i = 0;

    (void)state;
    if (is_skipped())
        skip();
    world.normal = true;
    for (; i < NORMAL_CUTS && !world.lost; i++) {
        cut_power();
        look_after_the_cut();
    }
    world.normal = false;
    print_message("measured: with synchronous=NORMAL %llu messages lost in %u cuts\n",
                  (unsigned long long)world.lost, i);
    assert_true(world.lost > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_a_power_cut_everything_promised_is_there, begin, end),
        cmocka_unit_test_setup_teardown(without_a_sync_in_each_commit_this_test_sees_the_loss,
                                        begin, end),
    };

    return cmocka_run_group_tests_name("power cut", tests, NULL, NULL);
}
