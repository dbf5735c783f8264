/* A hundred canaries: names, documents, telephones and positions of twenty-five families, put
 * through a registry live and dark, opened, shared and erased. Then everything is searched that
 * somebody without a seal key could get hold of: the files of the database and every row in it, its
 * log, the outboxes, inboxes and vaults, what all programs logged at level debug, status and
 * metrics, the memory of the broker and of a dispatchers' page, and what a principal, a database
 * role and a page without the right are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "eocbus/v1/relocation.pb-c.h"
#include "tests/lib/beside.h"
#include "tests/lib/bus.h"
#include "tests/lib/page.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

enum { DONE, REFUSED, USAGE, UNREACHABLE, MACHINE }; /* proto/base/program.h */
enum {
    FAMILIES = 25,
    LIVE = 10,
    DARK = 20,
    PATHS = 256,
    TEXTS = 262144,
    NEEDLES = 8 * FAMILIES + 4
};

/* Who is there: the registry that seals, the one where a family goes, and somebody without a key.
 */
enum { HOME, AWAY, VIEWER, OFFICES };
static const char *const names[] = {"coes.ayni.registry", "coes.zafarobod.registry",
                                    "rcst.test.viewer"};
static const char *const places[] = {"3505203", "3505511", "3505203"};

struct needle {
    uint8_t bytes[64];
    size_t len;
    const char *what;
};

static struct {
    struct bus *bus;
    char dir[PATHS], secret[PATHS]; /* what is searched; keys and what was typed, which is not */
    struct needle needles[NEEDLES];
    unsigned needle_count;
    char ids[FAMILIES][40];
    pid_t runs[OFFICES];
    struct ran ran;
    bool is_done;
    char said[TEXTS]; /* by a program on a terminal, or whatever is being read */
} world;

static void rest(void)
{
    const struct timespec ms20 = {.tv_nsec = 20000000};

    nanosleep(&ms20, NULL);
}

#define WAIT_FOR(condition) WAIT_UNTIL(condition, 120, rest(), "in vain")

/* --- canaries --------------------------------------------------------------------------------- */

static void plant(const char *what, const void *bytes, size_t len)
{
    struct needle *n = &world.needles[world.needle_count++];

    assert_true(world.needle_count <= NEEDLES && len <= sizeof(n->bytes));
    memcpy(n->bytes, bytes, len);
    n->len = len;
    n->what = what;
}

static void plant_text(const char *what, const char *text)
{
    plant(what, text, strlen(text));
}

static void position_of(unsigned family, Eocbus__V1__Position *p)
{
    eocbus__v1__position__init(p);
    p->lat_e7 = 391234567 + (int)family * 7919;
    p->lon_e7 = 685432109 + (int)family * 104729;
}

/* What is typed for one family: four canaries, and what they are searched for as. */
static void make_family(unsigned family, char *text, size_t size)
{
    char name[64], document[64], phone[64], at[64];
    uint8_t packed[32];
    Eocbus__V1__Position p;

    snprintf(name, sizeof(name), "Canarova Zumrad%02u Xq7", family);
    snprintf(document, sizeof(document), "A%07u", 7310000 + family * 137);
    snprintf(phone, sizeof(phone), "+992 92 %06u", 413000 + family * 211);
    position_of(family, &p);
    snprintf(at, sizeof(at), "%.7f,%.7f", p.lat_e7 / 1e7, p.lon_e7 / 1e7);
    plant_text("name", name);
    plant_text("document", document);
    plant_text("phone", phone);
    plant_text("position", at);
    plant("position as it is packed", packed, eocbus__v1__position__pack(&p, packed));
    snprintf(text, size, "name: %s\nborn: 1974\ndocument: %s\nphone: %s\nposition: %s\n", name,
             document, phone, at);
}

/* --- programs --------------------------------------------------------------------------------- */

static const char *conf_of(unsigned office)
{
    static char path[PATHS + 32];

    snprintf(path, sizeof(path), "%s/%s/conf", world.dir, names[office]);
    return path;
}

static void exec_registry(unsigned office, char *words)
{
    char *argv[24] = {(char *)(uintptr_t) "eocbus-registry", (char *)(uintptr_t) "-c",
                      (char *)(uintptr_t)conf_of(office)};
    char *save = NULL, program[BESIDE_PATH];
    unsigned n = 3;

    find_beside(program, sizeof(program), "eocbus-registry");
    for (char *w = strtok_r(words, " ", &save); w && n < 23; w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(program, argv);
    _exit(127);
}

/* What the commands of an office said, for whoever reads a failure. */
static void show_log(unsigned office, const char *which)
{
    char path[PATHS + 32], text[4096];
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/%s", world.dir, names[office], which);
    f = fopen(path, "re");
    if (f)
        fseek(f, -(long)sizeof(text), SEEK_END);
    n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    text[n] = '\0';
    print_error("%s: %s\n", path, text);
    if (f)
        fclose(f);
}

static int code_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* `eocbus-registry WORDS` with this on standard input. */
static int type_in(unsigned office, const char *input, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int type_in(unsigned office, const char *input, const char *fmt, ...)
{
    char words[600], log[PATHS + 32];
    va_list ap;
    int in[2];
    pid_t pid;

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    snprintf(log, sizeof(log), "%s/%s/commands.log", world.dir, names[office]);
    assert_int_equal(pipe(in), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        dup2(in[0], STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        close(in[1]);
        exec_registry(office, words);
    }
    close(in[0]);
    assert_true(write(in[1], input, strlen(input)) == (ssize_t)strlen(input));
    close(in[1]);
    return code_of(pid);
}

/* The same on a terminal; what stood there is in world.said. */
static int on_terminal(unsigned office, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int on_terminal(unsigned office, const char *fmt, ...)
{
    char words[600];
    size_t len = 0;
    va_list ap;
    ssize_t n;
    pid_t pid;
    int terminal;

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    pid = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0)
        exec_registry(office, words);
    while (len < sizeof(world.said) - 1 &&
           (n = read(terminal, world.said + len, sizeof(world.said) - 1 - len)) > 0)
        len += (size_t)n;
    world.said[len] = '\0';
    close(terminal);
    return code_of(pid);
}

static void run_office(unsigned office)
{
    char log[PATHS + 32], words[] = "run";

    snprintf(log, sizeof(log), "%s/%s/run.log", world.dir, names[office]);
    world.runs[office] = fork();
    assert_true(world.runs[office] >= 0);
    if (world.runs[office] == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        exec_registry(office, words);
    }
}

static void end_office(unsigned office)
{
    if (!world.runs[office])
        return;
    kill(world.runs[office], SIGTERM);
    assert_int_equal(code_of(world.runs[office]), 0);
    world.runs[office] = 0;
}

/* --- the place -------------------------------------------------------------------------------- */

static void make_office(unsigned office)
{
    char path[PATHS + 64], text[2400], err[512];
    struct keys k;

    snprintf(path, sizeof(path), "%s/%s", world.dir, names[office]);
    assert_int_equal(mkdir(path, 0700), 0);
    bus_enrol(world.bus, names[office], &k);
    snprintf(path, sizeof(path), "%s/%s.key", world.secret, names[office]);
    assert_int_equal(keys_save(&k, path, names[office], err, sizeof(err)), ST_OK);
    keys_wipe(&k);
    snprintf(
        text, sizeof(text),
        "name = %s\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
        "outbox.path = %s/%s/box.db\nlink.profile = fiber\nlog.level = debug\n"
        "%s%s%s%s%s%s%s%s%s",
        names[office], path, bus_endpoint(world.bus), bus_broker_key(world.bus), world.dir,
        names[office], office == VIEWER ? "" : "place = ", office == VIEWER ? "" : places[office],
        office == VIEWER ? "" : "\nlang = en\n",
        office == VIEWER ? "" : "seal.key = ", office == VIEWER ? "" : world.secret,
        office == VIEWER ? "" : "/", office == VIEWER ? "" : names[office],
        office == VIEWER ? "" : ".seal\nregistry.readers = ", office == VIEWER ? "" : world.secret);
    if (office != VIEWER)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "/readers\nregistry.blind_key = %s/blind\n", world.secret);
    write_text_file(conf_of(office), text);
}

static void public_half(char out[48])
{
    assert_int_equal(world.ran.code, DONE);
    snprintf(out, 48, "%.40s", world.ran.out);
}

static void make_keys(void)
{
    char path[PATHS + 64], text[1200] = "# who opens what is sealed\n", key[48];

    for (unsigned i = HOME; i <= AWAY; i++) {
        snprintf(path, sizeof(path), "%s/%s.seal", world.secret, names[i]);
        run_program(&world.ran, "eocctl", "keygen", "--seal", path, "--name", names[i], NULL);
        public_half(key);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "registry %s %s %s\n", names[i],
                 key, places[i]);
    }
    snprintf(path, sizeof(path), "%s/blind", world.secret);
    run_program(&world.ran, "eocctl", "keygen", "--seal", path, "--name", "marks", NULL);
    assert_int_equal(world.ran.code, DONE);
    plant_text("name as it is marked", "canarava hk zumrad");
    snprintf(path, sizeof(path), "%s/share", world.secret);
    run_program(&world.ran, "eocctl", "escrow", "make", "--shares", "5", "--needed", "3", path,
                NULL);
    public_half(key);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "escrow escrow %s\n", key);
    snprintf(path, sizeof(path), "%s/readers", world.secret);
    write_text_file(path, text);
}

static const char *const loud[] = {"log.level=debug", NULL};

static int begin(void **state)
{
    (void)state;
    world.bus = bus_create();
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-canary-XXXXXX");
    snprintf(world.secret, sizeof(world.secret), "/tmp/eocbus-secret-XXXXXX");
    assert_non_null(mkdtemp(world.dir));
    assert_non_null(mkdtemp(world.secret));
    make_keys();
    for (unsigned i = 0; i < OFFICES; i++)
        make_office(i);
    bus_start_broker(world.bus, loud);
    return 0;
}

static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        char name[2 * PATHS];

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR)
            remove_folder(name);
        else
            unlink(name);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

static int end(void **state)
{
    (void)state;
    if (!world.is_done) {
        show_log(HOME, "commands.log");
        show_log(HOME, "run.log");
        print_error("terminal: %s\n", world.said);
    }
    for (unsigned i = 0; i < OFFICES; i++)
        if (world.runs[i])
            kill(world.runs[i], SIGKILL);
    bus_destroy(world.bus);
    remove_folder(world.dir);
    remove_folder(world.secret);
    return 0;
}

/* --- searching -------------------------------------------------------------------------------- */

struct search {
    unsigned long long bytes;
    unsigned found;
};

static void look_through(struct search *s, const char *where, const uint8_t *bytes, size_t len)
{
    s->bytes += len;
    for (unsigned i = 0; i < world.needle_count; i++) {
        const struct needle *n = &world.needles[i];

        if (!memmem(bytes, len, n->bytes, n->len))
            continue;
        s->found++;
        print_error("%s of family %u is in %s\n", n->what, i / 5, where);
    }
}

/* In pieces that overlap by more than a needle. */
static void search_fd(struct search *s, const char *where, int fd, off_t at, off_t upto)
{
    enum { PIECE = 4 << 20, OVERLAP = 64 };
    uint8_t *piece = malloc(PIECE);

    assert_non_null(piece);
    while (at < upto) {
        size_t want = upto - at < PIECE ? (size_t)(upto - at) : PIECE;
        ssize_t n = pread(fd, piece, want, at);

        if (n <= 0)
            break;
        look_through(s, where, piece, (size_t)n);
        at += n == PIECE ? n - OVERLAP : n;
    }
    free(piece);
}

static void search_folder(struct search *s, const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d))) {
        char name[3 * PATHS];
        int fd;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR)
            search_folder(s, name);
        if (e->d_type != DT_REG)
            continue;
        look_through(s, name, (const uint8_t *)e->d_name, strlen(e->d_name));
        fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue; /* the database took it away meanwhile */
        search_fd(s, name, fd, 0, lseek(fd, 0, SEEK_END));
        close(fd);
    }
    closedir(d);
}

/* Every mapping that was ever written; what the sanitizer shadows is terabytes of nothing. */
static void search_memory(struct search *s, pid_t pid)
{
    char path[64], line[600];
    FILE *maps;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && geteuid() != 0) {
        print_message("the memory of the broker is closed to everybody but root\n");
        return;
    }
    assert_true(fd >= 0);
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        unsigned long from, upto;
        char mode[8];

        if (sscanf(line, "%lx-%lx %7s", &from, &upto, mode) == 3 && mode[0] == 'r' &&
            mode[1] == 'w' && upto - from < 1ul << 30)
            search_fd(s, "the memory of the broker", fd, (off_t)from, (off_t)upto);
    }
    fclose(maps);
    close(fd);
}

static void search_text(struct search *s, const char *where, const char *text)
{
    look_through(s, where, (const uint8_t *)text, strlen(text));
}

/* Compressed in the files, so it is asked for as well: every row of every table, as text, in which
 * bytes stand in hexadecimal. */
static void search_rows(struct search *s)
{
    static char sql[TEXTS];
    size_t n = 0;

    n += (size_t)snprintf(sql + n, sizeof(sql) - n,
                          "CREATE TABLE public.canary AS SELECT * FROM (VALUES ");
    for (unsigned i = 0; i < world.needle_count; i++) {
        const struct needle *c = &world.needles[i];

        n += (size_t)snprintf(sql + n, sizeof(sql) - n, "%s(%u, '", i ? ", " : "", i);
        for (size_t k = 0; k < c->len; k++)
            n += (size_t)snprintf(sql + n, sizeof(sql) - n, "%02x", c->bytes[k]);
        n += (size_t)snprintf(sql + n, sizeof(sql) - n, "')");
    }
    snprintf(sql + n, sizeof(sql) - n, ") AS v(i, hex)");
    pgserver_exec(bus_server(world.bus), sql);
    pgserver_exec(bus_server(world.bus),
                  "DO $$ DECLARE t text; n int8; f int8 := 0; BEGIN"
                  " FOR t IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                  " WHERE schemaname IN ('bus', 'eoc') LOOP"
                  " EXECUTE format('SELECT count(*) FROM (SELECT x::text AS r,"
                  " encode(convert_to(x::text, ''UTF8''), ''hex'') AS h FROM %s x) y"
                  " WHERE EXISTS (SELECT FROM public.canary c WHERE position(c.hex IN y.r) > 0"
                  " OR position(c.hex IN y.h) > 0)', t) INTO n;"
                  " IF n > 0 THEN RAISE WARNING 'canaries in %: %', t, n; END IF;"
                  " f := f + n; END LOOP;"
                  " CREATE TABLE public.found AS SELECT f AS n; END $$");
    s->found += (unsigned)pgserver_number(bus_server(world.bus), "SELECT n FROM public.found");
    pgserver_exec(bus_server(world.bus), "DROP TABLE public.canary, public.found");
}

/* --- the story -------------------------------------------------------------------------------- */

static void make_id(unsigned family)
{
    snprintf(world.ids[family], sizeof(world.ids[family]), "5eaf00d0-1111-4222-8333-4444555566%02x",
             family);
}

static void put_families(unsigned from, unsigned upto)
{
    char text[400];

    for (unsigned i = from; i < upto; i++) {
        make_id(i);
        make_family(i, text, sizeof(text));
        assert_int_equal(type_in(HOME, text, "identity put %s", world.ids[i]), DONE);
    }
}

/* Its case begins. */
static void list_family(unsigned i)
{
    char text[700];

    snprintf(text, sizeof(text),
             "{\"lane\": \"LANE_ROUTINE\", \"status\": \"STATUS_ACTUAL\", \"kind\": "
             "\"KIND_REPORT\", \"label\": \"LABEL_HOUSEHOLD_PERSONAL\", \"area\": {\"pcodes\": "
             "[\"3505203\"]}, \"household_event\": {\"household_id\": \"%s\", \"actor\": \"%s\", "
             "\"to_state\": \"HOUSEHOLD_STATE_AFFECTED\", \"affected\": {\"members\": 4}}}\n",
             world.ids[i], names[HOME]);
    assert_int_equal(type_in(HOME, text, "send --file -"), DONE);
}

static int64_t boxes(void)
{
    return pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.sealed_box");
}

static int64_t keys_of(unsigned family)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "SELECT coalesce(sum(readers), 0) FROM eoc.identity WHERE household_id = '%s'",
             world.ids[family]);
    return pgserver_number(bus_server(world.bus), sql);
}

static void expect_said(const char *words)
{
    if (!strstr(world.said, words))
        fail_msg("\"%s\" is not in \"%s\"", words, world.said);
}

static bool away_has(unsigned family)
{
    char path[2 * PATHS];
    DIR *d;
    struct dirent *e;
    bool yes = false;

    snprintf(path, sizeof(path), "%s/%s/box.db.sealed", world.dir, names[AWAY]);
    d = opendir(path);
    while (d && (e = readdir(d)))
        yes = yes || (strncmp(e->d_name, world.ids[family], 36) == 0 && strlen(e->d_name) == 73);
    if (d)
        closedir(d);
    return yes;
}

static void live_and_dark(void)
{
    run_office(HOME);
    run_office(AWAY);
    put_families(0, LIVE);
    WAIT_FOR(boxes() == LIVE);
    /* Opened with a link. */
    assert_int_equal(on_terminal(HOME, "identity open %s --purpose assistance", world.ids[0]),
                     DONE);
    expect_said("Canarova Zumrad00 Xq7");
    expect_said("phone: +992 92 413000");
    /* And without one. */
    bus_kill_broker(world.bus);
    put_families(LIVE, DARK);
    assert_int_equal(on_terminal(HOME, "identity open %s --purpose rescue", world.ids[LIVE]), DONE);
    expect_said("Canarova Zumrad10 Xq7");
    bus_start_broker(world.bus, loud);
    WAIT_FOR(boxes() == DARK);
    WAIT_FOR(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM eoc.identity_read") == 2);
    assert_int_equal(keys_of(0), 2); /* home and the escrow; nobody else */
}

static void nobody_opens_without_a_word_or_a_terminal(void)
{
    assert_int_equal(on_terminal(HOME, "identity open %s", world.ids[1]), USAGE);
    assert_int_equal(type_in(HOME, "", "identity open %s --purpose rescue", world.ids[1]), USAGE);
    assert_int_equal(on_terminal(HOME, "identity open %s --purpose curiosity", world.ids[1]),
                     USAGE);
    assert_int_equal(type_in(HOME, "", "identity put %s Canarova", world.ids[1]), USAGE);
    assert_int_equal(
        pgserver_number(bus_server(world.bus), "SELECT count(*) FROM eoc.identity_read"), 2);
}

/* The name follows a family to where it goes, when it has said yes. */
static void share_one(void)
{
    const char *const offer = "5eaf00d0-aaaa-4bbb-8ccc-ddddeeeeffff";

    assert_int_equal(type_in(HOME, "", "identity share %s --with %s", world.ids[2], names[AWAY]),
                     REFUSED);
    assert_int_equal(type_in(HOME, "",
                             "respond --household %s --offer %s --answer accept --move-on "
                             "2026-12-01T08:00+05:00",
                             world.ids[2], offer),
                     DONE);
    assert_int_equal(type_in(HOME, "", "identity share %s --with %s", world.ids[2], names[AWAY]),
                     DONE);
    WAIT_FOR(boxes() == DARK + 1);
    WAIT_FOR(away_has(2));
    assert_int_equal(on_terminal(AWAY, "identity open %s --purpose relocation", world.ids[2]),
                     DONE);
    expect_said("Canarova Zumrad02 Xq7");
    assert_false(away_has(3));
}

static void erase_some(void)
{
    assert_int_equal(type_in(HOME, "",
                             "identity erase %s --because asked-in-writing --request "
                             "5eaf00d0-cccc-4ccc-8ccc-cccccccccccc",
                             world.ids[2]),
                     DONE);
    WAIT_FOR(keys_of(2) == 0);
    WAIT_FOR(!away_has(2));
    WAIT_FOR(on_terminal(HOME, "identity open %s --purpose rescue", world.ids[2]) == REFUSED &&
             strstr(world.said, "was destroyed"));
    expect_said("asked-in-writing");
    WAIT_FOR(on_terminal(AWAY, "identity open %s --purpose rescue", world.ids[2]) == REFUSED &&
             strstr(world.said, "was destroyed"));
    /* By the retention clock, which is over at once. Only a case that there is can end. */
    list_family(4);
    assert_int_equal(type_in(HOME, "",
                             "close --household %s --reason settled --erase-at "
                             "2020-01-01T00:00:00Z",
                             world.ids[4]),
                     DONE);
    WAIT_FOR(keys_of(4) == 0);
    assert_string_equal(
        pgserver_text(bus_server(world.bus),
                      "SELECT string_agg(DISTINCT erased_by, ' ' ORDER BY erased_by)"
                      " FROM eoc.identity WHERE erased_at IS NOT NULL"),
        "bus coes.ayni.registry");
    WAIT_FOR(on_terminal(HOME, "identity open %s --purpose rescue", world.ids[4]) == REFUSED &&
             strstr(world.said, "retention"));
}

/* A registry whose key is gone: three of five officers open what it sealed. */
static void recover_by_escrow(void)
{
    char path[PATHS + 32], share[3][PATHS + 32];

    snprintf(path, sizeof(path), "%s/recovered", world.secret);
    for (unsigned i = 0; i < 3; i++)
        snprintf(share[i], sizeof(share[i]), "%s/share.%u", world.secret, 2 * i + 1);
    run_program(&world.ran, "eocctl", "escrow", "recover", path, share[0], share[1], NULL);
    run_expect(&world.ran, MACHINE, "2 shares are here and 3 are needed");
    run_program(&world.ran, "eocctl", "escrow", "recover", path, share[0], share[1], share[2],
                NULL);
    run_expect(&world.ran, DONE, NULL);
    assert_int_equal(
        on_terminal(HOME, "identity open %s --purpose audit --key %s", world.ids[5], path), DONE);
    expect_said("Canarova Zumrad05 Xq7");
}

/* A table with names, as lists of families come. */
static void import_the_rest(void)
{
    char path[PATHS + 32], line[600], typed[400], *at;
    FILE *f;

    snprintf(path, sizeof(path), "%s/families.csv", world.secret);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs("#household+id,#adm2+code,#affected+ind,#household+name,#household+document,"
          "#contact+phone,#geo+lat,#geo+lon\n",
          f);
    for (unsigned i = DARK; i < FAMILIES; i++) {
        Eocbus__V1__Position p;

        make_id(i);
        make_family(i, typed, sizeof(typed));
        position_of(i, &p);
        at = strchr(typed, '\n');
        snprintf(line, sizeof(line), "%s,3505203,5,%.*s,A%07u,+992 92 %06u,%.7f,%.7f\n",
                 world.ids[i], (int)(at - typed - 6), typed + 6, 7310000 + i * 137,
                 413000 + i * 211, p.lat_e7 / 1e7, p.lon_e7 / 1e7);
        fputs(line, f);
    }
    fclose(f);
    assert_int_equal(type_in(HOME, "", "import households %s", path), DONE);
    WAIT_FOR(boxes() == FAMILIES + 1);
    assert_int_equal(type_in(HOME, "", "import households %s", path), DONE);
    assert_int_equal(
        on_terminal(HOME, "identity open %s --purpose rescue", world.ids[FAMILIES - 1]), DONE);
    expect_said("Canarova Zumrad24 Xq7");
    expect_said("39.1424623");
    assert_int_equal(boxes(), FAMILIES + 1); /* what did not change is not sealed again */
}

/* The family is written down once more where it fled to, in other letters: the database proposes
 * that the two are one, and can read neither. */
static void the_twin_is_found(void)
{
    static const char twin[] = "5eaf00d0-2222-4222-8333-444455556600";
    static const char name[] = "Зумрад Канарова";
    char text[400];

    plant_text("name in other letters", name);
    snprintf(text, sizeof(text), "name: %s\nborn: 1974\ndocument: паспорт 7310000\n", name);
    assert_int_equal(type_in(AWAY, text, "identity put %s", twin), DONE);
    WAIT_FOR(boxes() == FAMILIES + 2);
    snprintf(text, sizeof(text), "%s %s 1", world.ids[0], twin);
    assert_string_equal(pgserver_text(bus_server(world.bus),
                                      "SELECT string_agg(concat_ws(' ', household_id, other_id, "
                                      "marks), ', ') FROM eoc.household_match"),
                        text);
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM bus.blind_mark m JOIN bus.sealed_box b "
                                     "USING (seq) WHERE b.erased_at IS NOT NULL"),
                     0);
}

static void search_shown(struct search *s)
{
    static char text[TEXTS];

    run_program(&world.ran, "eocctl", "-c", conf_of(VIEWER), "tail", "--json", "--from", "1",
                "--until-idle", NULL);
    search_text(s, "eocctl tail", world.ran.out);
    search_text(s, "eocctl tail", world.ran.err);
    bus_ask(world.bus, "status", text, sizeof(text));
    search_text(s, "status", text);
    bus_ask(world.bus, "metrics", text, sizeof(text));
    search_text(s, "metrics", text);
    bus_ask(world.bus, "settings", text, sizeof(text));
    search_text(s, "settings", text);
}

/* Everything that a page of the room can ask for, and what the program remembers of it. */
static void search_page(struct search *s)
{
    static const char *const paths[] = {
        "/api/me",           "/api/view/queue",      "/api/view/incidents",
        "/api/view/board",   "/api/view/relocation", "/api/view/districts",
        "/api/view/sensors",
    };
    static char text[8 * TEXTS];
    char dir[PATHS + 32], path[PATHS];
    struct page *p;

    snprintf(dir, sizeof(dir), "%s/page", world.dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    p = page_start(world.bus, conf_of(VIEWER), names[VIEWER], dir);
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        if (page_ask(p, paths[i], NULL, text, sizeof(text)) != 200)
            fail_msg("%s: %s", paths[i], text);
        search_text(s, paths[i], text);
    }
    snprintf(path, sizeof(path), "/api/view/incident?incident=%s", world.ids[0]);
    assert_int_equal(page_ask(p, path, NULL, text, sizeof(text)), 200);
    search_text(s, "an incident that is none", text);
    search_memory(s, page_process(p));
    page_end(p);
}

static void search_all(struct search *s)
{
    char data[PATHS];

    pgserver_exec(bus_server(world.bus), "CHECKPOINT");
    search_memory(s, bus_broker_pid(world.bus));
    search_shown(s);
    search_page(s);
    for (unsigned i = 0; i < OFFICES; i++)
        end_office(i);
    snprintf(data, sizeof(data), "%s", pgserver_text(bus_server(world.bus), "SHOW data_directory"));
    search_folder(s, data);
    search_rows(s);
    search_folder(s, world.dir);
    search_folder(s, bus_dir(world.bus));
}

static void of_a_hundred_canaries_none_is_found_where_nobody_may_read(void **state)
{
    struct search s = {0}, check = {0};
    char planted[PATHS + 32];

    (void)state;
    live_and_dark();
    nobody_opens_without_a_word_or_a_terminal();
    share_one();
    erase_some();
    import_the_rest();
    the_twin_is_found();
    recover_by_escrow();
    search_all(&s);
    print_message("searched %llu MiB for %u patterns of 100 canaries: %u found\n", s.bytes >> 20,
                  world.needle_count, s.found);
    assert_int_equal(s.found, 0);
    assert_true(s.bytes > 50ull << 20);
    /* The search itself finds what is there. */
    snprintf(planted, sizeof(planted), "%s/planted", world.dir);
    write_text_file(planted, "x Canarova Zumrad07 Xq7 x");
    search_folder(&check, world.dir);
    assert_int_equal(check.found, 1);
    world.is_done = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_hundred_canaries_none_is_found_where_nobody_may_read),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
