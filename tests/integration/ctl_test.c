/* The operator's program as a person uses it: against a real broker and database, and the whole
 * demonstration while its parts are killed. The programs are found beside the test. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/lib/beside.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"

enum { WORDS_MAX = 40, OUTPUT_MAX = 65536 };

struct world {
    struct bus *bus;
    struct keys keys;
    char program[600], dir[256], conf[300];
    char out[OUTPUT_MAX], err[OUTPUT_MAX];
};

static void rest(void)
{
    const struct timespec ms20 = {.tv_nsec = 20000000};

    nanosleep(&ms20, NULL);
}

/* Two minutes: each look may start a program, on a busy machine. */
#define WAIT_FOR(condition) WAIT_UNTIL(condition, 120, rest(), "in vain")

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void read_text(const char *path, char *out)
{
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(out, 1, OUTPUT_MAX - 1, f) : 0;

    out[n] = '\0';
    if (f)
        fclose(f);
}

static void redirect(const char *path, int fd)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (file < 0 || dup2(file, fd) < 0)
        _exit(126);
}

/* eocctl -c CONF WORDS...; its exit status, with w->out and w->err filled in. */
static int ctl(struct world *w, const char *first, ...)
{
    char *argv[WORDS_MAX] = {w->program, (char *)(uintptr_t) "-c", w->conf}, out[300], err[300];
    int n = 3, status;
    va_list words;
    pid_t pid;

    va_start(words, first);
    for (const char *word = first; word && n < WORDS_MAX - 1; word = va_arg(words, const char *))
        argv[n++] = (char *)(uintptr_t)word;
    va_end(words);
    snprintf(out, sizeof(out), "%s/out", w->dir);
    snprintf(err, sizeof(err), "%s/err", w->dir);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        redirect(out, STDOUT_FILENO);
        redirect(err, STDERR_FILENO);
        execv(w->program, argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    read_text(out, w->out);
    read_text(err, w->err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void expect_exit(const struct world *w, int wanted, int code)
{
    if (code != wanted)
        fail_msg("exit status %d instead of %d: %s%s", code, wanted, w->out, w->err);
}

static void expect(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    char path[300], text[2000], err[300];

    assert_non_null(w);
    find_beside(w->program, sizeof(w->program), "eocctl");
    w->bus = bus_create();
    bus_enrol(w->bus, "coes.test.duty", &w->keys);
    bus_start_broker(w->bus, NULL);
    snprintf(w->dir, sizeof(w->dir), "%s", bus_dir(w->bus));
    snprintf(path, sizeof(path), "%s/duty.key", w->dir);
    assert_int_equal(keys_save(&w->keys, path, "coes.test.duty", err, sizeof(err)), ST_OK);
    snprintf(w->conf, sizeof(w->conf), "%s/eocctl.conf", w->dir);
    snprintf(text, sizeof(text),
             "name = coes.test.duty\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/duty.db\ndatabase = host=%s dbname=eocbus "
             "user=bus_admin\ncontrol.socket = %s/broker.sock\n",
             path, bus_endpoint(w->bus), bus_broker_key(w->bus), w->dir,
             pgserver_socket(bus_server(w->bus)), w->dir);
    write_text(w->conf, text);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    bus_destroy(w->bus);
    free(w);
    return 0;
}

#define MESSAGE                                                                                    \
    "{\"lane\":\"LANE_ROUTINE\",\"status\":\"STATUS_ACTUAL\",\"kind\":\"KIND_REPORT\","            \
    "\"label\":\"LABEL_INTERNAL\",\"area\":{\"pcodes\":[\"3505203\"]},"                            \
    "\"general_message\":{\"to_role\":\"dispatcher\",\"from_role\":\"duty\",\"subject\":\"road\"," \
    "\"text\":\"%s\"}}\n"

static const char *put_file(struct world *w, const char *name, const char *a, const char *b)
{
    static char path[300];
    char text[2000];
    int n = snprintf(text, sizeof(text), MESSAGE, a);

    if (b)
        snprintf(text + n, sizeof(text) - (size_t)n, MESSAGE, b);
    snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    write_text(path, text);
    return path;
}

static void a_key_is_made_once_and_never_overwritten(void **state)
{
    struct world *w = *state;
    char path[300];
    struct stat st;

    snprintf(path, sizeof(path), "%s/new.key", w->dir);
    expect_exit(w, 0, ctl(w, "keygen", path, "--name", "coes.test.new", NULL));
    assert_int_equal(strlen(w->out), 41); /* the public key alone, and a line end */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect_exit(w, 4, ctl(w, "keygen", path, NULL));
    expect(w->err, "never overwritten");
}

static void what_is_published_is_stored_heard_and_shown(void **state)
{
    struct world *w = *state;

    expect_exit(w, 0,
                ctl(w, "publish", "--file", put_file(w, "two.json", "one", "two\\u001b[2J"), NULL));
    assert_string_equal(w->out, "stored 1\nstored 2\n");
    expect_exit(w, 0, ctl(w, "tail", "--from", "1", "--count", "2", NULL));
    expect(w->out, "#1");
    expect(w->out, "#2");
    expect(w->out, "\\x1b[2J");
    assert_null(strchr(w->out, '\033'));
    expect_exit(w, 0, ctl(w, "tail", "--from", "2", "--count", "1", "--json", NULL));
    expect(w->out, "{\"seq\":2,");
    assert_null(strstr(w->out, "\"seq\":1,"));
    expect_exit(w, 0,
                ctl(w, "tail", "--from", "1", "--until-idle", "--pattern", "exercise.**", NULL));
    assert_string_equal(w->out, "");
    expect_exit(w, 0,
                ctl(w, "tail", "--since", "1h", "--until", "1", "--type", "general_message", NULL));
    expect(w->out, "#1");
    assert_null(strstr(w->out, "#2"));
    expect_exit(w, 0, ctl(w, "tail", "--from", "1", "--until", "1h", "--lane", "FLASH", NULL));
    assert_string_equal(w->out, "");
    expect_exit(w, 2, ctl(w, "tail", "--since", "tomorrow", NULL));
    expect(w->err, "--since takes a time");
    expect_exit(w, 0, ctl(w, "show", "1", NULL));
    expect(w->out, "says      message to dispatcher: road");
    expect(w->out, "\"subject\": \"road\"");
    expect_exit(w, 1, ctl(w, "show", "99", NULL));
    expect_exit(w, 2, ctl(w, "show", "1;", NULL));
}

static void a_repeated_command_speaks_once(void **state)
{
    struct world *w = *state;
    const char *file = put_file(w, "once.json", "a", "b");

    expect_exit(w, 0, ctl(w, "publish", "--file", file, "--once-key", "k1", NULL));
    assert_string_equal(w->out, "stored 1\nstored 2\n");
    expect_exit(w, 0, ctl(w, "publish", "--file", file, "--once-key", "k1", NULL));
    assert_string_equal(w->out, "stored 1\nstored 2\n");
    expect_exit(w, 0, ctl(w, "publish", "--file", file, "--once-key", "k2", NULL));
    assert_string_equal(w->out, "stored 3\nstored 4\n");
}

static void a_refusal_has_code_path_and_sentence_and_lies_in_quarantine(void **state)
{
    struct world *w = *state;
    char path[300], id[40];

    snprintf(path, sizeof(path), "%s/bad.json", w->dir);
    write_text(path,
               "{\"lane\":4,\"status\":1,\"kind\":1,\"label\":2,\"area\":{\"pcodes\":[\"x\"]},"
               "\"general_message\":{\"text\":\"t\"}}\n");
    expect_exit(w, 1, ctl(w, "publish", "--file", path, NULL));
    expect(w->err, "area.pcodes[0]");
    expect_exit(w, 0, ctl(w, "quarantine", "list", NULL));
    expect(w->out, "empty"); /* it never left this side */
    expect_exit(w, 1, ctl(w, "publish", "--file", path, "--unchecked", NULL));
    expect(w->out, "refused pcode area.pcodes[0] ");
    expect_exit(w, 0, ctl(w, "quarantine", "list", "--sender", "coes.test.duty", NULL));
    expect(w->out, "pcode");
    expect(w->out, "QUARANTINE ID");
    snprintf(id, sizeof(id), "%.36s", strchr(w->out, '\n') + 1);
    expect_exit(w, 0, ctl(w, "quarantine", "show", id, NULL));
    expect(w->out, "\"pcodes\": [\"x\"]");
    expect_exit(w, 0, ctl(w, "quarantine", "list", "--sender", "nobody", NULL));
    expect(w->out, "empty");
}

static void the_log_has_a_new_epoch_only_with_a_reason(void **state)
{
    struct world *w = *state;

    expect_exit(w, 2, ctl(w, "log", "raise-epoch", NULL));
    expect(w->err, "--because");
    expect_exit(w, 0,
                ctl(w, "log", "raise-epoch", "--because", "backup of 3 May", "--above", "4", NULL));
    expect(w->out, "epoch 5 now");
    expect_exit(w, 0, ctl(w, "log", "status", NULL));
    expect(w->out, "log epoch 5, head ");
    expect(w->out, "timeline 00000001");
    expect(w->out, "no standby; 0 connected");
    expect(w->out, ": backup of 3 May");
}

static void without_a_broker_messages_stay_safe_and_the_next_run_sends_them(void **state)
{
    struct world *w = *state;

    bus_kill_broker(w->bus);
    expect_exit(
        w, 3,
        ctl(w, "publish", "--file", put_file(w, "one.json", "late", NULL), "--wait", "1", NULL));
    expect(w->err, "safe");
    expect_exit(w, 3, ctl(w, "tail", "--until-idle", "--wait", "1", NULL));
    expect(w->err, "no session with a broker at ");
    expect_exit(w, 3, ctl(w, "tail", "--count", "1", "--wait", "1", NULL));
    expect_exit(w, 3, ctl(w, "status", NULL));
    expect(w->out, "start it again");
    bus_start_broker(w->bus, NULL);
    expect_exit(w, 0, ctl(w, "publish", "--drain", NULL));
    assert_int_equal(pgserver_number(bus_server(w->bus), "SELECT seq FROM bus.log_head"), 1);
}

static void a_principal_comes_and_goes(void **state)
{
    struct world *w = *state;
    char key[300];

    expect_exit(w, 0,
                ctl(w, "principal", "add", "coes.test.duty", "--agency", "coes", "--role", "all",
                    "--key", w->keys.public_z85, NULL));
    expect(w->out, "already");
    snprintf(key, sizeof(key), "%s/second.key", w->dir);
    expect_exit(w, 0, ctl(w, "keygen", key, NULL));
    expect_exit(w, 1,
                ctl(w, "principal", "add", "coes.test.second", "--agency", "coes", "--role",
                    "gateway distrct", "--key-file", key, NULL));
    expect(w->err, "there is no role \"distrct\"; eocctl rights roles lists them");
    expect_exit(w, 0,
                ctl(w, "principal", "add", "coes.test.second", "--agency", "coes", "--role",
                    "gateway", "--place", "3505203", "--key-file", key, NULL));
    expect_exit(w, 0, ctl(w, "principal", "list", "--json", NULL));
    expect(w->out, "\"name\":\"coes.test.second\"");
    expect_exit(w, 0, ctl(w, "principal", "revoke", "coes.test.second", NULL));
    expect_exit(w, 0, ctl(w, "principal", "list", NULL));
    expect(w->out, "revoked");
    expect_exit(w, 1, ctl(w, "principal", "revoke", "coes.test.nobody", NULL));
    expect_exit(w, 2,
                ctl(w, "principal", "add", "Not A Name", "--agency", "a", "--role", "b", NULL));
    expect(w->err, "no principal's name");
}

static void listeners_are_listed_with_how_far_behind_they_are(void **state)
{
    struct world *w = *state;

    expect_exit(w, 0, ctl(w, "listeners", NULL));
    expect(w->out, "nobody listens under a durable name");
    pgserver_exec(bus_server(w->bus),
                  "SELECT bus.cursor_open(ARRAY[principal_id], ARRAY['wall'], ARRAY[2],"
                  " ARRAY['actual.** test.**'], NULL, NULL, ARRAY[true], 'hub')"
                  "  FROM bus.principal ORDER BY principal_id LIMIT 1");
    expect_exit(w, 0, ctl(w, "listeners", NULL));
    expect(w->out, "SERVED BY");
    expect(w->out, "  hub        actual.** test.**");
    expect_exit(w, 0, ctl(w, "listeners", "--json", NULL));
    expect(w->out, "\"lane\":\"FLASH\"");
}

static void migrations_run_once_and_a_changed_one_is_not_accepted(void **state)
{
    struct world *w = *state;
    char fresh[400];

    snprintf(fresh, sizeof(fresh), "database=host=%s dbname=fresh user=postgres",
             pgserver_socket(bus_server(w->bus)));
    pgserver_exec(bus_server(w->bus), "CREATE DATABASE fresh");
    expect_exit(w, 0, ctl(w, "migrate", "--to", "1", "-o", fresh, NULL));
    expect(w->out, "at version 1; 1 step ran");
    expect_exit(w, 0, ctl(w, "migrate", "-o", fresh, NULL));
    expect(w->out, "running 0002_append");
    expect_exit(w, 0, ctl(w, "migrate", "-o", fresh, NULL));
    expect(w->out, "nothing to do");
    /* The template of this server was made with other digests than the files have. */
    expect_exit(w, 1, ctl(w, "migrate", NULL));
    expect(w->err, "was changed after this database ran it");
    expect_exit(w, 2, ctl(w, "migrate", "--to", "9999", NULL));
}

static void functions_are_made_anew_when_their_text_changed(void **state)
{
    struct world *w = *state;
    char later[400];

    snprintf(later, sizeof(later), "database=host=%s dbname=later user=postgres",
             pgserver_socket(bus_server(w->bus)));
    pgserver_exec(bus_server(w->bus), "CREATE DATABASE later");
    expect_exit(w, 0, ctl(w, "migrate", "-o", later, NULL));
    expect(w->out, "making functions and views anew");
    expect_exit(w, 0, ctl(w, "migrate", "-o", later, NULL));
    expect(w->out, "nothing to do");
    pgserver_use(bus_server(w->bus), "later");
    pgserver_exec(bus_server(w->bus), "UPDATE bus.function_text SET digest = 0");
    /* A database of the first release ran longer texts of the first migrations. */
    pgserver_exec(
        bus_server(w->bus),
        "UPDATE bus.migration SET sha256 = decode('6dadcda7e726a5ca648288f3924723100b20f4e8"
        "bad364c9c6d8894abde0d534', 'hex') WHERE version = 2");
    pgserver_exec(bus_server(w->bus), "CREATE VIEW public.theirs AS SELECT seq FROM eoc.message");
    expect_exit(w, 1, ctl(w, "migrate", "-o", later, NULL));
    expect(w->err, "views outside bus and eoc are built on ours: public.theirs");
    pgserver_exec(bus_server(w->bus), "DROP VIEW public.theirs");
    expect_exit(w, 0, ctl(w, "migrate", "-o", later, NULL));
    expect(w->out, "making functions and views anew");
    pgserver_use(bus_server(w->bus), "eocbus");
}

static void an_older_schema_is_told_with_what_to_do(void **state)
{
    struct world *w = *state;

    pgserver_exec(
        bus_server(w->bus),
        "DELETE FROM bus.migration WHERE version = (SELECT max(version) FROM bus.migration)");
    expect_exit(w, 3, ctl(w, "status", NULL));
    expect(w->out, "run `eocctl migrate`");
}

static void all_is_well_when_all_is_well(void **state)
{
    struct world *w = *state;

    /* A broker is ready before it has its database, and says so. */
    WAIT_FOR(bus_status(w->bus, "store_here") && bus_status(w->bus, "principals"));
    WAIT_FOR(ctl(w, "status", NULL) == 0);
    expect(w->out, "all is well");
    expect_exit(w, 0, ctl(w, "metrics", NULL));
    expect(w->out, "\neocbus_store_here{broker=\"");
    expect(w->out, "\n# TYPE eocbus_refused_rights_total counter\n");
    expect_exit(w, 0, ctl(w, "status", "--json", NULL));
    expect(w->out, "\"healthy\":true");
}

static void a_standby_that_commits_wait_for_and_is_away_is_told(void **state)
{
    struct world *w = *state;
    struct pgserver *s = bus_server(w->bus);

    pgserver_exec(s, "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'");
    pgserver_exec(s, "SELECT pg_reload_conf()");
    WAIT_FOR(bus_status(w->bus, "degraded") == 1);
    expect_exit(w, 3, ctl(w, "status", NULL));
    expect(w->out, "commits are not protected by a standby");
    expect_exit(w, 3, ctl(w, "status", "--json", NULL));
    expect(w->out, "\"healthy\":false");
    pgserver_exec(s, "ALTER SYSTEM RESET synchronous_standby_names");
    pgserver_exec(s, "SELECT pg_reload_conf()");
    WAIT_FOR(bus_status(w->bus, "degraded") == 0);
    expect_exit(w, 0, ctl(w, "status", NULL));
}

static void write_addressed(struct world *w, const char *path, const char *to)
{
    char text[700];

    snprintf(text, sizeof(text),
             "{\"message_id\":\"01a20022-28b6-7989-a6fb-18deaaacafcb\",\"to\":[%s],"
             "\"lane\":\"LANE_ROUTINE\",\"status\":\"STATUS_ACTUAL\",\"kind\":\"KIND_REPORT\","
             "\"label\":\"LABEL_INTERNAL\",\"general_message\":{\"from_role\":\"duty\","
             "\"subject\":\"road\",\"text\":\"The road is cut.\"}}\n",
             to);
    (void)w;
    write_text(path, text);
}

static void receipts_tell_what_became_of_a_message(void **state)
{
    static const char id[] = "01a20022-28b6-7989-a6fb-18deaaacafcb";
    struct world *w = *state;
    struct keys keys;
    char path[300];

    bus_enrol(w->bus, "coes.test.night", &keys);
    expect_exit(w, 0,
                ctl(w, "roster", "set", "--role", "dispatcher", "--place", "3505203", "--from",
                    "2020-01-01T00:00Z", "--to", "2090-01-01T00:00Z", "--shift",
                    "coes.test.night,2020-01-01T00:00Z,2080-01-01T00:00Z", NULL));
    expect_exit(w, 0, ctl(w, "roster", "show", NULL));
    expect(w->out, "RECIPIENT           TURN  PRINCIPAL");
    expect(w->out, "dispatcher@3505203  1     coes.test.night  -             -      2020-01-01");
    snprintf(path, sizeof(path), "%s/addressed.json", w->dir);
    write_addressed(w, path, "\"dispatcher@3505203\",\"moes\"");
    expect_exit(w, 0, ctl(w, "publish", "--file", path, NULL));
    expect_exit(w, 0, ctl(w, "receipts", id, NULL));
    expect(w->out, "2    dispatcher@3505203  STORED");
    expect(w->out, "2    moes                UNDELIVERABLE");
    expect(w->out, "unknown_agency");
    expect_exit(w, 0, ctl(w, "receipts", "2", "--json", NULL));
    expect(w->out, "\"level\":\"UNDELIVERABLE\"");
    expect_exit(w, 1, ctl(w, "receipts", "1", NULL));
    expect_exit(w, 2,
                ctl(w, "roster", "set", "--role", "dispatcher", "--place", "3505203", "--from",
                    "2020-01-01T00:00Z", "--to", "2090-01-01T00:00Z", "--shift", "nobody", NULL));
    expect(w->err, "PRINCIPAL,FROM,TO");
    expect_exit(w, 2,
                ctl(w, "roster", "set", "--role", "dispatcher", "--place", "3505203", "--from",
                    "2090-01-01T00:00Z", "--to", "2020-01-01T00:00Z", "--shift",
                    "coes.test.night,2020-01-01T00:00Z,2080-01-01T00:00Z", NULL));
    expect(w->err, "ends before it begins");
    expect_exit(w, 1,
                ctl(w, "roster", "set", "--role", "dispatcher", "--place", "3505203", "--from",
                    "2020-01-01T00:00Z", "--to", "2090-01-01T00:00Z", "--shift",
                    "coes.test.nihgt,2020-01-01T00:00Z,2080-01-01T00:00Z", NULL));
    expect(w->err, "coes.test.nihgt is no principal");
    expect_exit(w, 0, ctl(w, "roster", "show", NULL));
    expect(w->out, "coes.test.night"); /* what was refused replaced nothing */
}

static void wait_for_level(struct world *w, const char *level)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM eoc.recipient WHERE by = 'coes.ayni' AND level = '%s'", level);
    WAIT_FOR(pgserver_number(bus_server(w->bus), sql) == 1);
}

/* Without a terminal: nobody has seen it, so nothing says DISPLAYED. */
static void an_office_hears_what_is_to_it_and_answers(void **state)
{
    static const char id[] = "01a20022-28b6-7989-a6fb-18deaaacafcb";
    struct world *w = *state;
    struct keys keys;
    char path[300], text[2000], err[300], own_conf[300], own_program[600];
    pid_t pid;
    int status;

    bus_enrol(w->bus, "coes.ayni", &keys);
    snprintf(path, sizeof(path), "%s/ayni.key", w->dir);
    assert_int_equal(keys_save(&keys, path, "coes.ayni", err, sizeof(err)), ST_OK);
    snprintf(text, sizeof(text),
             "name = coes.ayni\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/ayni.db\nplace = 3505203\nlang = en\n",
             path, bus_endpoint(w->bus), bus_broker_key(w->bus), w->dir);
    snprintf(own_conf, sizeof(own_conf), "%s", w->conf);
    snprintf(own_program, sizeof(own_program), "%s", w->program);
    snprintf(path, sizeof(path), "%s/ayni.conf", w->dir);
    write_text(path, text);
    snprintf(w->conf, sizeof(w->conf), "%s", path);
    snprintf(strrchr(w->program, '/'), 30, "/eocbus-district");

    expect_exit(w, 0, ctl(w, "inbox", NULL));
    expect(w->out, "nothing has come yet");
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        redirect("/dev/null", STDOUT_FILENO);
        execl(w->program, w->program, "-c", w->conf, "run", (char *)NULL);
        _exit(127);
    }
    WAIT_FOR(pgserver_number(bus_server(w->bus),
                             "SELECT count(*) FROM bus.cursor WHERE name = 'mine'") > 0);
    snprintf(err, sizeof(err), "%s/addressed.json", w->dir);
    write_addressed(w, err, "\"coes.ayni\",\"coes.nobody\"");
    snprintf(text, sizeof(text), "%s -c %s publish --file %s >/dev/null", own_program, own_conf,
             err);
    assert_int_equal(system(text), 0);
    WAIT_FOR((ctl(w, "inbox", NULL), strstr(w->out, id)));
    expect(w->out, "OUR ANSWER");
    expect(w->out, "coes.test.duty  general_message  not yet");
    expect(w->out, "The road is cut.");
    wait_for_level(w, "DELIVERED");
    expect_exit(w, 2, ctl(w, "reject", id, NULL));
    expect(w->err, "--because");
    expect_exit(w, 2, ctl(w, "reject", id, "--because", "road closed", NULL));
    expect(w->err, "one word");
    expect_exit(w, 0, ctl(w, "inbox", "--help", NULL));
    expect(w->out, "What was sent to this office");
    expect_exit(w, 2, ctl(w, "accept", "01a20022-28b6-7989-a6fb-18deaaacafc0", NULL));
    expect(w->err, "no message 01a20022-28b6-7989-a6fb-18deaaacafc0 has come to this office");
    expect_exit(w, 2, ctl(w, "accept", "..", NULL));
    expect(w->err, "\"..\" can be no ID");
    expect_exit(w, 2, ctl(w, "--lang", "ru", "accept", "01a3", NULL));
    expect(w->err, "не поступало");
    expect_exit(w, 0, ctl(w, "accept", "aacafcb..", NULL)); /* its end, as summaries show it */
    expect_exit(w, 1, ctl(w, "reject", id, "--because", "road_closed", NULL));
    expect(w->err, "was answered already: accepted");
    expect_exit(w, 0, ctl(w, "inbox", NULL));
    expect(w->out, "coes.test.duty  general_message  accepted");
    wait_for_level(w, "ACCEPTED");
    snprintf(text, sizeof(text), "%s -c %s receipts %s >%s/out", own_program, own_conf, id, w->dir);
    assert_int_equal(system(text), 0);
    snprintf(path, sizeof(path), "%s/out", w->dir);
    read_text(path, w->out);
    expect(w->out, "coes.ayni    ACCEPTED");
    expect(w->out, "unknown_principal");
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    expect_exit(w, 0, ctl(w, "receipts", NULL));
    expect(w->out, "nothing was sent to anybody yet");
}

static void every_command_has_help_and_typos_find_their_neighbour(void **state)
{
    static const char *const commands[] = {"keygen",   "migrate",    "principal", "publish", "tail",
                                           "show",     "quarantine", "status",    "demo",    "help",
                                           "receipts", "roster",     "log"};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        expect_exit(w, 0, ctl(w, commands[i], "--help", NULL));
        expect(w->out, commands[i]);
    }
    expect_exit(w, 2, ctl(w, "pulbish", NULL));
    expect(w->err, "did you mean \"publish\"?");
    expect_exit(w, 2, ctl(w, "tail", "--patern", "x", NULL));
    expect(w->err, "did you mean --pattern?");
    expect_exit(w, 2, ctl(w, "tail", "--pattern", "a..b", NULL));
}

/* UUIDs are made from the ids of the document, so they are known here. */
static void documents_of_other_systems_go_in_and_out(void **state)
{
    static const char sample[] = "tests/data/edxl/samples/oasis-RMRequisitiontResourceExample.xml";
    struct world *w = *state;
    char path[400];
    static char whole[OUTPUT_MAX];

    expect_exit(w, 0, ctl(w, "edxl", "import", sample, "--status", "exercise", NULL));
    expect(w->out, "stored 1\n");
    expect(w->err, "kept as it came, beside our fields: /ContactInformation[2]/");
    expect_exit(w, 0, ctl(w, "edxl", "import", sample, "--status", "exercise", NULL));
    expect(w->out, "stored 1\n");
    expect_exit(w, 1, ctl(w, "edxl", "export", "--message", "1", NULL));
    expect(w->err, "not ACTUAL");
    expect_exit(w, 0, ctl(w, "edxl", "export", "--message", "1", "--anyway", NULL));
    expect(w->out, "<MessageID>urn:au-qld-eoc:987654</MessageID>");
    expect(w->out, "<SentDateTime>2006-03-21T12:39:00+10:00</SentDateTime>");
    snprintf(whole, sizeof(whole), "%s", w->out);
    expect_exit(w, 0,
                ctl(w, "edxl", "export", "--message", "511023ff-75e9-8882-8ae2-f072aca4298e",
                    "--anyway", NULL));
    assert_string_equal(w->out, whole);
    expect_exit(w, 0,
                ctl(w, "edxl", "export", "--thread", "39e154c9-951a-8941-bbaf-727f13686b6c",
                    "--anyway", "--out", w->dir, NULL));
    snprintf(path, sizeof(path), "%s/511023ff-75e9-8882-8ae2-f072aca4298e.xml", w->dir);
    read_text(path, w->out);
    assert_string_equal(w->out, whole);
    expect_exit(w, 1, ctl(w, "edxl", "export", "--message", "2", NULL));
    snprintf(path, sizeof(path), "%s/bad.xml", w->dir);
    write_text(path, "<!DOCTYPE a><a/>");
    expect_exit(w, 1, ctl(w, "edxl", "import", path, NULL));
    expect(w->err, "DOCTYPE");
    expect_exit(w, 2, ctl(w, "edxl", "import", NULL));
    expect_exit(w, 2, ctl(w, "edxl", "import", sample, "--status", "REAL", NULL));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(documents_of_other_systems_go_in_and_out),
        CASE(a_key_is_made_once_and_never_overwritten),
        CASE(what_is_published_is_stored_heard_and_shown),
        CASE(a_repeated_command_speaks_once),
        CASE(a_refusal_has_code_path_and_sentence_and_lies_in_quarantine),
        CASE(the_log_has_a_new_epoch_only_with_a_reason),
        CASE(without_a_broker_messages_stay_safe_and_the_next_run_sends_them),
        CASE(a_principal_comes_and_goes),
        CASE(listeners_are_listed_with_how_far_behind_they_are),
        CASE(migrations_run_once_and_a_changed_one_is_not_accepted),
        CASE(functions_are_made_anew_when_their_text_changed),
        CASE(an_older_schema_is_told_with_what_to_do),
        CASE(all_is_well_when_all_is_well),
        CASE(a_standby_that_commits_wait_for_and_is_away_is_told),
        CASE(receipts_tell_what_became_of_a_message),
        CASE(an_office_hears_what_is_to_it_and_answers),
        CASE(every_command_has_help_and_typos_find_their_neighbour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
