/* What a broker itself gives to the record: where the chain over the log stands, signed with its
 * own key, and with which settings it runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/sign.h"
#include "tests/lib/beside.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

static void wait_for_heads(struct bus *b, int64_t n)
{
    const struct timespec ms50 = {.tv_nsec = 50000000};
    time_t end = time(NULL) + PATIENCE * 60;

    while (pgserver_number(bus_server(b), "SELECT count(*) FROM bus.message WHERE type = 244") <
           n) {
        if (time(NULL) > end)
            fail_msg("waited a minute for %d heads", (int)n);
        nanosleep(&ms50, NULL);
    }
}

static size_t read_hex(struct bus *b, const char *sql, uint8_t *out, size_t size)
{
    const char *hex = pgserver_text(bus_server(b), sql);
    size_t len = 0;

    for (; len < size && hex[2 * len]; len++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * len, "%2x", &byte), 1);
        out[len] = (uint8_t)byte;
    }
    return len;
}

static void enrol_broker(struct bus *b)
{
    uint8_t key[KEY_BYTES];
    char hex[2 * KEY_BYTES + 1], sql[300];

    assert_int_equal(keys_z85_decode(key, bus_broker_key(b)), ST_OK);
    for (size_t i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    snprintf(sql, sizeof(sql),
             "SELECT bus.principal_add('coes.broker', 'coes', 'broker', '', decode('%s', 'hex'))",
             hex);
    pgserver_exec(bus_server(b), sql);
}

static void load_broker_key(struct bus *b, struct keys *keys)
{
    char path[300], err[300];

    snprintf(path, sizeof(path), "%s/broker.key", bus_dir(b));
    assert_int_equal(keys_load(keys, path, err, sizeof(err)), ST_OK);
}

/* As its record would have it. */
static void give_sign_key(struct bus *b)
{
    uint8_t key[KEY_BYTES];
    char hex[2 * KEY_BYTES + 1], sql[300];
    struct keys keys;

    load_broker_key(b, &keys);
    assert_int_equal(keys_z85_decode(key, keys.sign_public_z85), ST_OK);
    keys_wipe(&keys);
    for (size_t i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    snprintf(sql, sizeof(sql),
             "UPDATE bus.principal_key k SET sign_key = decode('%s', 'hex') FROM bus.principal p"
             " WHERE p.principal_id = k.principal_id AND p.name = 'coes.broker'",
             hex);
    pgserver_exec(bus_server(b), sql);
}

static void check_signature(struct bus *b)
{
    uint8_t content[600], signature[SIGN_BYTES];
    struct keys keys;
    struct signer *signer;
    size_t len =
        read_hex(b, "SELECT encode(content, 'hex') FROM bus.message WHERE type = 244 LIMIT 1",
                 content, sizeof(content));

    assert_int_equal(
        read_hex(b, "SELECT encode(signature, 'hex') FROM bus.message WHERE type = 244 LIMIT 1",
                 signature, sizeof(signature)),
        SIGN_BYTES);
    load_broker_key(b, &keys);
    assert_int_equal(signer_create(&signer, &keys), ST_OK);
    assert_true(sign_is_good(signer_public(signer), "", content, len, signature));
    signer_destroy(signer);
    keys_wipe(&keys);
}

static void an_enrolled_broker_says_signed_heads(void **state)
{
    static const char *const often[] = {"audit.head=300ms", NULL};
    struct bus *b = bus_create();

    (void)state;
    enrol_broker(b);
    pgserver_exec(bus_server(b), "SELECT bus.say_audit('drill', '')");
    bus_start_broker(b, often);
    wait_for_heads(b, 3);
    /* Each is where a link ends, with its digest. */
    assert_int_equal(
        pgserver_number(bus_server(b),
                        "SELECT count(*) FROM bus.document d LEFT JOIN bus.chain c ON c.last_seq ="
                        " (d.doc->'log_head'->>'seq')::int8 AND c.log_epoch ="
                        " (d.doc->'log_head'->>'log_epoch')::int4 AND encode(c.digest, 'base64') ="
                        " d.doc->'log_head'->>'digest' WHERE d.type = 244 AND c.digest IS NULL"),
        0);
    check_signature(b);
    assert_int_equal(bus_status(b, "heads_mute"), 0);
    assert_true(bus_status(b, "heads_said") >= 2);
    bus_destroy(b);
}

static void a_broker_that_nobody_enrolled_says_so(void **state)
{
    static const char *const often[] = {"audit.head=100ms", NULL};
    struct bus *b = bus_create();

    (void)state;
    bus_start_broker(b, often);
    assert_int_equal(bus_status(b, "heads_mute"), 1);
    assert_int_equal(bus_status(b, "heads_said"), 0);
    bus_destroy(b);
}

/* --- an office that hears them ---------------------------------------------------------------- */

struct office {
    char key[300], conf[300], heads[300], ctl[300];
    pid_t pid;
};

static void write_office(struct bus *b, struct office *o)
{
    char text[1200], err[300];
    struct keys keys;

    snprintf(o->key, sizeof(o->key), "%s/office.key", bus_dir(b));
    snprintf(o->conf, sizeof(o->conf), "%s/office.conf", bus_dir(b));
    snprintf(o->ctl, sizeof(o->ctl), "%s/eocctl.conf", bus_dir(b));
    snprintf(o->heads, sizeof(o->heads), "%s/office.db.heads", bus_dir(b));
    bus_enrol(b, "coes.ayni.office", &keys);
    assert_int_equal(keys_save(&keys, o->key, "coes.ayni.office", err, sizeof(err)), ST_OK);
    keys_wipe(&keys);
    snprintf(text, sizeof(text),
             "name = coes.ayni.office\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/office.db\nlink.profile = fiber\nplace = 3505203\nlang = en\n",
             o->key, bus_endpoint(b), bus_broker_key(b), bus_dir(b));
    write_text_file(o->conf, text);
    snprintf(text, sizeof(text), "database = host=%s dbname=eocbus user=postgres\n",
             pgserver_socket(bus_server(b)));
    write_text_file(o->ctl, text);
}

static void start_office(struct office *o)
{
    char program[BESIDE_PATH];

    find_beside(program, sizeof(program), "eocbus-district");
    o->pid = fork();
    if (o->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        execl(program, program, "-c", o->conf, "run", (char *)NULL);
        _exit(126);
    }
    assert_true(o->pid > 0);
}

static void wait_for_file(const char *path)
{
    const struct timespec ms50 = {.tv_nsec = 50000000};
    time_t end = time(NULL) + PATIENCE * 60;
    struct stat about;

    while (stat(path, &about) != 0 || !about.st_size) {
        if (time(NULL) > end)
            fail_msg("waited a minute for %s", path);
        nanosleep(&ms50, NULL);
    }
}

/* What the office keeps is good for an auditor, and contradicts a chain that was made anew. */
static void an_office_keeps_heads_that_a_changed_record_contradicts(void **state)
{
    static const char *const often[] = {"audit.head=300ms", NULL};
    static struct ran ran;
    struct bus *b = bus_create();
    struct office o;
    int status;

    (void)state;
    enrol_broker(b);
    give_sign_key(b);
    pgserver_exec(bus_server(b), "SELECT bus.say_audit('drill', '')");
    write_office(b, &o);
    bus_start_broker(b, often);
    start_office(&o);
    wait_for_file(o.heads);
    assert_int_equal(kill(o.pid, SIGTERM), 0);
    assert_int_equal(waitpid(o.pid, &status, 0), o.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    run_program(&ran, "eocbus-district", "-c", o.conf, "heads", NULL);
    run_expect(&ran, 0, " coes.broker ");
    run_program(&ran, "eocctl", "-c", o.ctl, "audit", "heads", "--check", o.heads, NULL);
    run_expect(&ran, 0, "1 signed by their brokers, 0 without a signature, 0 not believed");
    pgserver_exec(bus_server(b), "UPDATE bus.chain SET digest = sha256(digest)");
    run_program(&ran, "eocctl", "-c", o.ctl, "audit", "heads", "--check", o.heads, NULL);
    run_expect(&ran, 1, "first wrong number 1");
    bus_destroy(b);
}

/* --- settings --------------------------------------------------------------------------------- */

/* "before > after" of the newest event of this setting, once there are n of them. */
static const char *setting_event(struct bus *b, const char *name, int64_t n)
{
    const struct timespec ms50 = {.tv_nsec = 50000000};
    time_t end = time(NULL) + PATIENCE * 60;
    char sql[300];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM eoc.audit WHERE what = 'setting_changed' AND subject = '%s'",
             name);
    while (pgserver_number(bus_server(b), sql) < n) {
        if (time(NULL) > end)
            fail_msg("waited a minute for %s in the record", name);
        nanosleep(&ms50, NULL);
    }
    snprintf(sql, sizeof(sql),
             "SELECT concat(before, ' > ', after) FROM eoc.audit WHERE what = 'setting_changed' AND"
             " subject = '%s' ORDER BY seq DESC LIMIT 1",
             name);
    return pgserver_text(bus_server(b), sql);
}

static void write_settings(struct bus *b, const char *text)
{
    char path[300];
    FILE *f;

    snprintf(path, sizeof(path), "%s/broker.conf", bus_dir(b));
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int64_t events(struct bus *b)
{
    return pgserver_number(bus_server(b), "SELECT count(*) FROM eoc.audit WHERE what LIKE"
                                          " 'setting%'");
}

static void the_settings_of_a_broker_are_on_record(void **state)
{
    static const char *const other[] = {"store.batch_rows=100", NULL};
    struct bus *b = bus_create();
    char text[700];
    int64_t n;

    (void)state;
    pgserver_record_events(bus_server(b));
    write_settings(b, "ingress.window_items = 300\n");
    bus_start_broker(b, NULL);
    assert_string_equal(setting_event(b, "ingress.window_items", 1), "256 > 300");

    write_settings(b, "ingress.window_items = 400\n");
    bus_ask(b, "reload", text, sizeof(text));
    assert_string_equal(setting_event(b, "ingress.window_items", 2), "300 > 400");
    n = events(b);

    /* What is as before is not said again, and what was set on the command line is a setting. */
    bus_end_broker(b, NULL);
    bus_start_broker(b, other);
    assert_string_equal(setting_event(b, "store.batch_rows", 1), "512 > 100");
    assert_int_equal(events(b), n + 1);
    assert_int_equal(pgserver_number(bus_server(b),
                                     "SELECT count(*) FROM eoc.audit WHERE subject ="
                                     " 'store.batch_rows' AND \"by\" LIKE 'bus_ingest for %'"),
                     1);
    /* Of a secret only that it is another one: that where the database lies is told nowhere. */
    assert_int_equal(pgserver_number(bus_server(b),
                                     "SELECT count(*) FROM eoc.audit WHERE after LIKE '%dbname%'"
                                     " OR before LIKE '%dbname%'"),
                     0);
    assert_int_equal(pgserver_number(bus_server(b),
                                     "SELECT count(*) FROM bus.broker_setting WHERE name ="
                                     " 'database' AND value ~ '^[(]set[)] [0-9a-f]{8}$'"),
                     1);
    bus_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_enrolled_broker_says_signed_heads),
        cmocka_unit_test(a_broker_that_nobody_enrolled_says_so),
        cmocka_unit_test(an_office_keeps_heads_that_a_changed_record_contradicts),
        cmocka_unit_test(the_settings_of_a_broker_are_on_record),
    };

    return cmocka_run_group_tests_name("heads", tests, NULL, NULL);
}
