/* A minute of kills: broker, PostgreSQL, publishers and listener are killed -9 at random times from
 * a seed, alone and together, while messages flow. In the end three books are compared, kept by
 * different programs: what the publishers' outboxes accepted, what the log holds, and what the
 * listener wrote down. Nothing lost, nothing doubled, every lane in its order.
 *
 *   KILL_SEED=n       the same kills again (the times between them are the machine's)
 *   KILL_SECONDS=n    a longer night */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agents/link/agent.h"
#include "proto/base/log.h"
#include "tests/lib/bus.h"
#include "tests/lib/gen_message.h"

enum {
    PUBLISHERS = 3,
    LISTENER = PUBLISHERS,
    AGENTS,
    SECONDS = 60,
    END_S = 90,
    PAUSE_MS = 20, /* each publisher puts AT_ONCE, flushes, and rests */
    AT_ONCE = 4,
    LINE_MAX_ = 2048,
};

struct shared { /* seen by all processes */
    volatile bool publishers_end, listener_ends;
    volatile uint64_t heard_again; /* handed over a second time after a kill */
};

static struct {
    struct bus *bus;
    struct shared *shared;
    struct keys keys[AGENTS];
    pid_t pids[AGENTS];
    struct gen gen;
    char dir[64];
    unsigned kills[AGENTS + 2]; /* then broker, PostgreSQL */
} world;
enum { BROKER = AGENTS, POSTGRES };

static const char *const names[AGENTS] = {"office.ayni", "office.panj", "office.khujand",
                                          "centre.duty"};

/* --- an agent's process -------------------------------------------------------------------------
 */

static void say_and_end(const char *what)
{
    fprintf(stderr, "kill_test, agent: %s\n", what);
    exit(3);
}

static struct agent *start_agent(struct loop *loop, unsigned who)
{
    const struct agent_events no_events = {0};
    char key_file[128], outbox[128], err[512];
    char *endpoint = (char *)(uintptr_t)bus_endpoint(world.bus);
    struct agent_settings set = {.name = (char *)(uintptr_t)names[who],
                                 .key_file = key_file,
                                 .broker_key = (char *)(uintptr_t)bus_broker_key(world.bus),
                                 .outbox_path = who == LISTENER ? NULL : outbox,
                                 .link_profile = (char *)(uintptr_t) "fiber"};
    struct agent *a;

    snprintf(key_file, sizeof(key_file), "%s/%u.key", world.dir, who);
    snprintf(outbox, sizeof(outbox), "%s/%u.out", world.dir, who);
    set.endpoints.items = &endpoint;
    set.endpoints.count = 1;
    if (agent_create(&a, loop, &set, "kill_test 0", &no_events, err, sizeof(err)) != ST_OK)
        say_and_end(err);
    return a;
}

static void put_one(struct agent *a, unsigned who, uint64_t number, unsigned lane)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    struct refusal why = {0};
    char text[64];

    snprintf(text, sizeof(text), "entry %llu of office %u", (unsigned long long)number, who);
    entry.position = (char *)(uintptr_t) "duty officer";
    entry.text = text;
    m.lane = (Eocbus__V1__Lane)lane;
    m.status = EOCBUS__V1__STATUS__STATUS_TEST;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = 1789400000000000;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    if (agent_put(a, &m, NULL, &why) != ST_OK)
        say_and_end(why.text);
}

/* The publisher's own book: how many it was told are safe. A kill cannot take back a write. */
static void note_safe(int book, uint64_t count)
{
    if (pwrite(book, &count, sizeof(count), 0) != sizeof(count))
        say_and_end("the book cannot be written");
}

static void publish_until_told(unsigned who)
{
    struct outbox_counts counts;
    struct agent_state state;
    struct loop *loop;
    struct agent *a;
    char path[128];
    uint64_t number, next_us = 0;
    int book;

    if (loop_create(&loop) != ST_OK)
        say_and_end("no loop");
    a = start_agent(loop, who);
    snprintf(path, sizeof(path), "%s/%u.book", world.dir, who);
    book = open(path, O_RDWR | O_CREAT, 0600);
    if (book < 0 || outbox_counts(agent_outbox(a), &counts) != ST_OK)
        say_and_end("no book or no counts");
    for (number = counts.put; !world.shared->publishers_end; loop_turn(loop, PAUSE_MS)) {
        if (loop_exact_us(loop) < next_us)
            continue;
        next_us = loop_exact_us(loop) + PAUSE_MS * 1000;
        for (unsigned i = 0; i < AT_ONCE; i++, number++)
            put_one(a, who, number + 1, 3 + number % 3);
        if (agent_flush(a) != ST_OK)
            say_and_end("flush");
        note_safe(book, number);
    }
    do {
        loop_turn(loop, 20);
        agent_state(a, &state);
    } while (state.waiting);
    agent_destroy(a);
    loop_destroy(loop);
    exit(0);
}

/* --- the listener -------------------------------------------------------------------------------
 */

static struct {
    int book;
    uint64_t last;
} heard;

/* "SEQ HEX\n": one line in one write, so a kill leaves whole lines. */
static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    char line[LINE_MAX_];
    size_t len;

    (void)arg;
    if (!m || d->content.len * 2 + 32 > sizeof(line))
        say_and_end("a message that is none of ours");
    if (d->stamp->seq <= heard.last) { /* acted on, and killed before the place was kept */
        world.shared->heard_again++;
        return true;
    }
    len = (size_t)snprintf(line, sizeof(line), "%llu ", (unsigned long long)d->stamp->seq);
    for (size_t i = 0; i < d->content.len; i++)
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%02x", d->content.data[i]);
    line[len++] = '\n';
    if (write(heard.book, line, len) != (ssize_t)len)
        say_and_end("the listener's book cannot be written");
    heard.last = d->stamp->seq;
    return true;
}

static uint64_t last_line(const char *path)
{
    char line[LINE_MAX_];
    uint64_t last = 0;
    FILE *f = fopen(path, "r");

    while (f && fgets(line, sizeof(line), f))
        last = strtoull(line, NULL, 10);
    if (f)
        fclose(f);
    return last;
}

static void listen_until_told(void)
{
    static const char *const all[] = {"**"};
    char inbox[128], path[128], err[512];
    const struct agent_subscription sub = {
        .patterns = all, .pattern_count = 1, .inbox_path = inbox, .message = on_message};
    struct loop *loop;
    struct agent *a;

    if (loop_create(&loop) != ST_OK)
        say_and_end("no loop");
    snprintf(inbox, sizeof(inbox), "%s/inbox", world.dir);
    snprintf(path, sizeof(path), "%s/heard", world.dir);
    heard.last = last_line(path);
    heard.book = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    a = start_agent(loop, LISTENER);
    if (heard.book < 0 || agent_subscribe(a, &sub, err, sizeof(err)) != ST_OK)
        say_and_end("cannot listen");
    while (!world.shared->listener_ends)
        loop_turn(loop, 20);
    agent_destroy(a);
    loop_destroy(loop);
    exit(0);
}

/* --- the killer ---------------------------------------------------------------------------------
 */

static uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Random times are what this test is made of; nothing is waited for here. */
static void rest_ms(uint64_t ms)
{
    const struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static void spawn(unsigned who)
{
    pid_t parent = getpid();

    fflush(NULL);
    world.pids[who] = fork();
    assert_true(world.pids[who] >= 0);
    if (world.pids[who])
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    log_set_level(LOG_ERROR + 1);
    if (who == LISTENER)
        listen_until_told();
    publish_until_told(who);
}

static void expect_alive(void)
{
    int status;

    for (unsigned who = 0; who < AGENTS; who++)
        if (waitpid(world.pids[who], &status, WNOHANG) != 0)
            fail_msg("%s ended by itself, status %x", names[who], (unsigned)status);
    assert_int_equal(bus_log_lines(world.bus, "Sanitizer"), 0);
    assert_int_equal(bus_log_lines(world.bus, "runtime error"), 0);
}

static void kill_agent(unsigned who)
{
    kill(world.pids[who], SIGKILL);
    waitpid(world.pids[who], NULL, 0);
    rest_ms(gen_below(&world.gen, 500));
    spawn(who);
}

static void kill_broker(void)
{
    bus_kill_broker(world.bus);
    rest_ms(gen_below(&world.gen, 500));
    bus_start_broker(world.bus, NULL);
}

static void kill_postgres(void)
{
    pgserver_kill(bus_server(world.bus));
    rest_ms(gen_below(&world.gen, 500));
    pgserver_start_again(bus_server(world.bus));
}

static void kill_both(void)
{
    bus_kill_broker(world.bus);
    pgserver_kill(bus_server(world.bus));
    rest_ms(gen_below(&world.gen, 300));
    bus_start_broker(world.bus, NULL); /* it waits for the database */
    pgserver_start_again(bus_server(world.bus));
}

static void kill_somebody(void)
{
    unsigned which = (unsigned)gen_below(&world.gen, 10), who;

    if (which < 3) {
        world.kills[BROKER]++;
        kill_broker();
    } else if (which < 5) {
        world.kills[POSTGRES]++;
        kill_postgres();
    } else if (which < 6) {
        world.kills[BROKER]++;
        world.kills[POSTGRES]++;
        kill_both();
    } else {
        who = which < 8 ? (unsigned)gen_below(&world.gen, PUBLISHERS) : LISTENER;
        world.kills[who]++;
        kill_agent(who);
    }
}

/* --- the three books ----------------------------------------------------------------------------
 */

static struct buf insert; /* a statement that grows */

static void insert_row(const char *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void insert_row(const char *table, const char *fmt, ...)
{
    char row[LINE_MAX_ + 256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(row, sizeof(row), fmt, args);
    va_end(args);
    if (!insert.len)
        buf_printf(&insert, "INSERT INTO %s VALUES ", table);
    else
        buf_puts(&insert, ",");
    buf_puts(&insert, row);
}

static void flush_rows(size_t when_bytes)
{
    if (insert.len <= when_bytes)
        return;
    buf_put(&insert, "", 1);
    assert_false(insert.failed);
    pgserver_exec(bus_server(world.bus), (const char *)insert.data);
    buf_free(&insert);
}

static bool copy_outbox_row(void *arg, const struct outbox_row *row, int state,
                            const struct outbox_outcome *oc)
{
    char hex[LINE_MAX_] = "";

    assert_true(row->content_len * 2 < sizeof(hex));
    for (size_t i = 0; i < row->content_len; i++)
        snprintf(hex + 2 * i, 3, "%02x", row->content[i]);
    insert_row("sent", "('%s',%u,%llu,%d,%llu,'\\x%s')", (const char *)arg, row->lane,
               (unsigned long long)row->lane_seq, state == OUTBOX_STORED,
               (unsigned long long)oc->seq, hex);
    flush_rows(1 << 20);
    return true;
}

static uint64_t copy_outbox(unsigned who)
{
    char path[128], err[512];
    const struct outbox_settings set = {.path = path, .sender = names[who]};
    struct outbox_counts counts;
    struct outbox *o;

    snprintf(path, sizeof(path), "%s/%u.out", world.dir, who);
    assert_int_equal(outbox_open(&o, &set, err, sizeof(err)), ST_OK);
    assert_int_equal(outbox_each(o, copy_outbox_row, (void *)(uintptr_t)names[who]), ST_OK);
    assert_int_equal(outbox_counts(o, &counts), ST_OK);
    outbox_close(o);
    flush_rows(0);
    return counts.put;
}

static uint64_t read_book(unsigned who)
{
    char path[128];
    uint64_t count = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%u.book", world.dir, who);
    f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(&count, sizeof(count), 1, f), 1);
    fclose(f);
    return count;
}

static void copy_heard(void)
{
    char path[128], line[LINE_MAX_];
    unsigned long long place = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/heard", world.dir);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        char *hex;
        unsigned long long seq = strtoull(line, &hex, 10);

        line[strcspn(line, "\n")] = 0;
        insert_row("heard", "(%llu,%llu,'\\x%s')", ++place, seq, hex + 1);
        flush_rows(1 << 20);
    }
    fclose(f);
    flush_rows(0);
}

static int64_t count(const char *sql)
{
    return pgserver_number(bus_server(world.bus), sql);
}

static void compare_books(void)
{
    int64_t sent, lost, twice, foreign, missed, unheard, disorder, late;

    pgserver_exec(bus_server(world.bus),
                  "CREATE TABLE sent (sender text, lane int, lane_seq int8, stored int, seq int8, "
                  "content bytea);"
                  "CREATE TABLE heard (place int8, seq int8, content bytea);"
                  "CREATE VIEW kept AS SELECT p.name AS sender, m.* FROM bus.message m JOIN "
                  "bus.principal p ON p.principal_id = m.sender_id");
    for (unsigned who = 0; who < PUBLISHERS; who++) {
        uint64_t put = copy_outbox(who);

        assert_true(put >= read_book(who)); /* what was said to be safe is in the outbox */
    }
    copy_heard();
    sent = count("SELECT count(*) FROM sent");
    lost =
        count("SELECT count(*) FROM sent s LEFT JOIN kept k USING (sender, lane, lane_seq) WHERE "
              "k.seq IS NULL OR k.content <> s.content OR s.stored = 0 OR s.seq <> k.seq");
    foreign = count("SELECT count(*) FROM kept k LEFT JOIN sent s USING (sender, lane, lane_seq) "
                    "WHERE s.seq IS NULL");
    twice = count("SELECT count(*) - count(DISTINCT (sender, lane, lane_seq)) FROM kept");
    disorder = count("SELECT count(*) FROM (SELECT lane_seq - lag(lane_seq) OVER (PARTITION BY "
                     "sender, lane ORDER BY seq) AS step FROM kept) AS x WHERE step <> 1");
    missed = count("SELECT count(*) FROM kept k LEFT JOIN heard h USING (seq, content) WHERE "
                   "h.place IS NULL");
    unheard = count("SELECT count(*) FROM heard h LEFT JOIN kept k USING (seq, content) WHERE "
                    "k.sender IS NULL");
    late = count("SELECT count(*) FROM heard WHERE place <> seq"); /* gapless, in order, once */
    print_message("measured: %lld messages through %u kills of the broker, %u of PostgreSQL, %u of "
                  "publishers, %u of the listener: lost %lld, duplicated %lld, out of order %lld, "
                  "not heard %lld; handed over again after a kill: %llu\n",
                  (long long)sent, world.kills[BROKER], world.kills[POSTGRES],
                  world.kills[0] + world.kills[1] + world.kills[2], world.kills[LISTENER],
                  (long long)lost, (long long)twice, (long long)disorder, (long long)missed,
                  (unsigned long long)world.shared->heard_again);
    assert_true(sent > 1000);
    assert_int_equal(lost, 0);
    assert_int_equal(foreign, 0);
    assert_int_equal(twice, 0);
    assert_int_equal(disorder, 0);
    assert_int_equal(missed, 0);
    assert_int_equal(unheard, 0);
    assert_int_equal(late, 0);
    assert_int_equal(count("SELECT count(*) FROM bus.quarantine"), 0);
}

/* --- the night ----------------------------------------------------------------------------------
 */

static unsigned long long setting(const char *name, unsigned long long otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void wait_for_end_of(unsigned who, uint64_t deadline_ms)
{
    int status;

    while (waitpid(world.pids[who], &status, WNOHANG) == 0) {
        if (clock_ms() > deadline_ms)
            fail_msg("%s still waits for receipts", names[who]);
        rest_ms(20);
    }
    world.pids[who] = 0;
    assert_int_equal(status, 0);
}

static void let_it_end(void)
{
    uint64_t deadline_ms = clock_ms() + END_S * 1000, head;
    char path[128];

    world.shared->publishers_end = true;
    for (unsigned who = 0; who < PUBLISHERS; who++)
        wait_for_end_of(who, deadline_ms);
    head = (uint64_t)count("SELECT seq FROM bus.log_head");
    snprintf(path, sizeof(path), "%s/heard", world.dir);
    while (last_line(path) < head) {
        if (clock_ms() > deadline_ms)
            fail_msg("the listener has %llu of %llu", (unsigned long long)last_line(path),
                     (unsigned long long)head);
        rest_ms(100);
    }
    world.shared->listener_ends = true;
    wait_for_end_of(LISTENER, deadline_ms);
}

static void kills_at_random_times_lose_and_double_nothing(void **state)
{
    unsigned long long seed = setting("KILL_SEED", clock_ms() ^ (uint64_t)getpid() << 32);
    uint64_t end_ms = clock_ms() + setting("KILL_SECONDS", SECONDS) * 1000;

    (void)state;
    print_message("measured: KILL_SEED=%llu\n", seed);
    gen_seed(&world.gen, seed);
    for (unsigned who = 0; who < AGENTS; who++)
        spawn(who);
    while (clock_ms() < end_ms) {
        rest_ms(100 + gen_below(&world.gen, 1400));
        expect_alive();
        kill_somebody();
    }
    expect_alive();
    let_it_end();
    compare_books();
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
}

static int begin(void **state)
{
    char path[128], err[512];

    (void)state;
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-kill-XXXXXX");
    world.shared = mmap(NULL, sizeof(*world.shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!mkdtemp(world.dir) || world.shared == MAP_FAILED)
        return -1;
    world.bus = bus_create();
    for (unsigned who = 0; who < AGENTS; who++) {
        bus_enrol(world.bus, names[who], &world.keys[who]);
        snprintf(path, sizeof(path), "%s/%u.key", world.dir, who);
        if (keys_save(&world.keys[who], path, names[who], err, sizeof(err)) != ST_OK)
            return -1;
    }
    bus_start_broker(world.bus, NULL);
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    for (unsigned who = 0; who < AGENTS; who++)
        if (world.pids[who] > 0) {
            kill(world.pids[who], SIGKILL);
            waitpid(world.pids[who], NULL, 0);
        }
    bus_destroy(world.bus);
    munmap(world.shared, sizeof(*world.shared));
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command); /* NOLINT(cert-env33-c): a name made here */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_at_random_times_lose_and_double_nothing),
    };

    return cmocka_run_group_tests_name("kills", tests, begin, end);
}
