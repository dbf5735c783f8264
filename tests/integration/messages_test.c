/* What goes wrong in an office on a bad day, and what the programs say then: the words that tell a
 * person what to do, and the exit codes that scripts rely on. A port in use and settings that
 * contradict each other are in broker_start_test, a broker that is away in ctl_test too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/bus.h"
#include "tests/lib/run.h"

enum { DONE, REFUSED, USAGE, UNREACHABLE, MACHINE }; /* proto/base/program.h */

static struct {
    struct bus *bus;
    struct keys keys;
    char conf[128], key_file[128], input[128];
    struct ran ran;
} world;

static void write_conf(const char *outbox, const char *budget)
{
    char text[2000];

    snprintf(
        text, sizeof(text),
        "name = coes.test.duty\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
        "outbox.path = %s\noutbox.budget = %s\ndatabase = host=%s dbname=eocbus user=bus_admin\n"
        "control.socket = %s/broker.sock\nlink.profile = fiber\n",
        world.key_file, bus_endpoint(world.bus), bus_broker_key(world.bus), outbox, budget,
        pgserver_socket(bus_server(world.bus)), bus_dir(world.bus));
    write_text_file(world.conf, text);
}

static int begin(void **state)
{
    char outbox[128], err[512];

    (void)state;
    world.bus = bus_create();
    bus_enrol(world.bus, "coes.test.duty", &world.keys);
    snprintf(world.conf, sizeof(world.conf), "%s/eocctl.conf", bus_dir(world.bus));
    snprintf(world.key_file, sizeof(world.key_file), "%s/duty.key", bus_dir(world.bus));
    snprintf(world.input, sizeof(world.input), "%s/input.json", bus_dir(world.bus));
    snprintf(outbox, sizeof(outbox), "%s/duty.db", bus_dir(world.bus));
    if (keys_save(&world.keys, world.key_file, "coes.test.duty", err, sizeof(err)) != ST_OK)
        return -1;
    write_conf(outbox, "1GiB");
    return 0;
}

static int end(void **state)
{
    char dir[128];

    (void)state;
    snprintf(dir, sizeof(dir), "%s/disk", bus_dir(world.bus));
    umount2(dir, MNT_DETACH); /* if a test put one there */
    rmdir(dir);
    bus_destroy(world.bus);
    return 0;
}

/* Lines of one message each, on the given lanes ("454": three messages). */
static void write_messages(const char *lanes, const char *text)
{
    FILE *f = fopen(world.input, "w");

    assert_non_null(f);
    for (; *lanes; lanes++)
        fprintf(f,
                "{\"lane\":%c,\"status\":4,\"kind\":1,\"label\":2,\"general_message\":{\"to_role\":"
                "\"duty\",\"from_role\":\"office\",\"subject\":\"s\",\"text\":\"%s\"}}\n",
                *lanes, text);
    assert_int_equal(fclose(f), 0);
}

static void publish(const char *wait_s)
{
    run_program(&world.ran, "eocctl", "-c", world.conf, "publish", "--file", world.input, "--wait",
                wait_s, NULL);
}

/* --- the database says no --------------------------------------------------------------------- */

static void a_row_that_postgresql_refuses_is_refused_alone_with_its_words(void **state)
{
    (void)state;
    pgserver_exec(bus_server(world.bus),
                  "ALTER TABLE bus.message ADD CONSTRAINT no_bulk_today CHECK (lane <> 5)");
    bus_start_broker(world.bus, NULL);
    write_messages("45434", "x");
    publish("100");
    run_expect(&world.ran, REFUSED, "refused database - ");
    run_expect(&world.ran, REFUSED, "no_bulk_today");
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"), 4);
    assert_string_equal(
        pgserver_text(bus_server(world.bus), "SELECT string_agg(code, ',') FROM bus.quarantine"),
        "database");
    assert_int_equal(bus_log_lines(world.bus, "store.poison sqlstate=23514"), 1);
    run_program(&world.ran, "eocctl", "-c", world.conf, "quarantine", "list", NULL);
    run_expect(&world.ran, DONE, "database");
    run_expect(&world.ran, DONE, "coes.test.duty");
}

/* --- the disk is full ------------------------------------------------------------------------- */

static void a_full_disk_under_the_outbox_is_said_and_nothing_of_before_is_lost(void **state)
{
    static char text[3500];
    char dir[128], outbox[160];
    unsigned taken = 0;

    (void)state;
    snprintf(dir, sizeof(dir), "%s/disk", bus_dir(world.bus));
    assert_int_equal(mkdir(dir, 0700), 0);
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0) {
        print_message("measured: SKIPPED, a small disk cannot be mounted here: %s\n",
                      strerror(errno));
        skip();
    }
    snprintf(outbox, sizeof(outbox), "%s/outbox", dir);
    write_conf(outbox, "2MiB");
    memset(text, 'x', sizeof(text) - 1);
    write_messages("4444", text);
    do {
        publish("0");
        taken += world.ran.code == DONE ? 4 : 0;
    } while (world.ran.code == DONE && taken < 1000);
    run_expect(&world.ran, MACHINE, "the disk under the outbox is full");
    print_message("measured: a disk of 1 MiB takes %u messages of 3.5 KB\n", taken);
    assert_true(taken > 0);
    bus_start_broker(world.bus, NULL);
    run_program(&world.ran, "eocctl", "-c", world.conf, "publish", "--drain", NULL);
    run_expect(&world.ran, DONE, NULL);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"),
                     taken);
    publish("100"); /* nobody tidied up: what was stored made room */
    run_expect(&world.ran, DONE, "stored ");
}

/* --- keys ------------------------------------------------------------------------------------- */

static const char *const agents[] = {"eocbus-sensor", "eocbus-district", "eocbus-registry"};

static void a_missing_key_file_ends_with_4_and_how_to_make_one(void **state)
{
    (void)state;
    unlink(world.key_file);
    write_messages("4", "x");
    publish("1");
    run_expect(&world.ran, MACHINE, "no such key file; make one with: eocctl keygen");
    run_expect(&world.ran, MACHINE, world.key_file);
}

static void a_key_that_others_could_read_is_refused_with_what_to_do(void **state)
{
    char setting[160];
    const char *const settings[] = {setting, NULL};

    (void)state;
    write_messages("4", "x");
    assert_int_equal(chmod(world.key_file, 0644), 0);
    publish("1");
    run_expect(&world.ran, MACHINE, "has mode 0644, others could have read the key; chmod 600");
    snprintf(setting, sizeof(setting), "key.file=%s", world.key_file);
    assert_int_equal(bus_run_broker(world.bus, settings, world.ran.err, sizeof(world.ran.err)),
                     MACHINE);
    assert_non_null(strstr(world.ran.err, "has mode 0644"));
}

static void a_key_that_nobody_enrolled_is_named_and_the_message_is_safe(void **state)
{
    struct keys stranger;
    char err[512];
    unsigned turns = 0;

    (void)state;
    assert_int_equal(keys_generate(&stranger), ST_OK);
    unlink(world.key_file);
    assert_int_equal(keys_save(&stranger, world.key_file, "x", err, sizeof(err)), ST_OK);
    bus_start_broker(world.bus, NULL);
    write_messages("4", "x");
    do /* a broker that has just started does not know yet who is enrolled */
        publish("2");
    while (!strstr(world.ran.err, "eocctl enrol") && ++turns < 20);
    run_expect(&world.ran, UNREACHABLE, "eocctl enrol");
    run_expect(&world.ran, UNREACHABLE, stranger.public_z85);
    run_expect(&world.ran, UNREACHABLE, "safe in");
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"), 0);
}

/* --- settings --------------------------------------------------------------------------------- */

static void a_setting_with_a_typo_ends_with_2_and_its_neighbour(void **state)
{
    static const char *const broker[] = {"store.bach_rows=4", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++) {
        run_program(&world.ran, agents[i], "-o", "outbox.pth=/tmp/x", "--check-config", NULL);
        run_expect(&world.ran, USAGE,
                   "unknown setting \"outbox.pth\"; did you mean \"outbox.path\"");
    }
    run_program(&world.ran, "eocctl", "-c", world.conf, "-o", "broker.kye=x", "status", NULL);
    run_expect(&world.ran, USAGE, "unknown setting \"broker.kye\"; did you mean \"broker.key\"");
    assert_int_equal(bus_run_broker(world.bus, broker, world.ran.err, sizeof(world.ran.err)),
                     USAGE);
    assert_non_null(strstr(world.ran.err, "did you mean \"store.batch_rows\""));
}

static void a_wrong_line_of_a_settings_file_is_named_by_its_number(void **state)
{
    char where[160];

    (void)state;
    write_text_file(world.conf, "# settings\nname = coes.test.duty\noutbox.budget = lots\n");
    snprintf(where, sizeof(where), "%s:3: outbox.budget", world.conf);
    run_program(&world.ran, "eocctl", "-c", world.conf, "status", NULL);
    run_expect(&world.ran, USAGE, where);
    run_program(&world.ran, "eocctl", "-c", "/nowhere/eocctl.conf", "status", NULL);
    run_expect(&world.ran, MACHINE, "/nowhere/eocctl.conf: cannot be opened");
}

static void an_office_helps_in_the_language_that_is_asked_for(void **state)
{
    static const char *const offices[] = {"eocbus-district", "eocbus-registry"};
    static const char *const commands[] = {"run",    "inbox",    "accept",
                                           "reject", "receipts", "outbox"};

    (void)state;
    for (size_t i = 0; i < sizeof(offices) / sizeof(offices[0]); i++) {
        for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++) {
            run_program(&world.ran, offices[i], "--lang", "tg", "help", commands[c], NULL);
            run_expect(&world.ran, DONE, commands[c]);
            run_expect(&world.ran, DONE, "Рамзи анҷом");
            run_program(&world.ran, offices[i], commands[c], "--help", "-o", "lang=en", NULL);
            run_expect(&world.ran, DONE, "Exit status");
        }
        run_program(&world.ran, offices[i], "--lang", "ru", "help", "inbx", NULL);
        run_expect(&world.ran, USAGE, "может быть: inbox?");
    }
}

/* It hears every district then, and what it says has no place: hardly what was meant. */
static void settings_without_a_place_or_a_key_are_told_so(void **state)
{
    (void)state;
    write_text_file(world.conf, "name = coes.test.duty\nkey.file = /nowhere/office.key\n"
                                "broker.endpoint = tcp://127.0.0.1:1\nlang = en\n"
                                "broker.key = rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\n"
                                "outbox.path = /tmp/nothing-is-made.db\n");
    run_program(&world.ran, "eocbus-district", "-c", world.conf, "--check-config", NULL);
    run_expect(&world.ran, DONE, "place is empty");
    run_expect(&world.ran, DONE, "/nowhere/office.key is not there");
}

/* --- the schema ------------------------------------------------------------------------------- */

static void expect_schema_is_named(const char *what_to_do)
{
    unsigned turns = 0;

    bus_start_broker(world.bus, NULL);
    write_messages("4", "x");
    while (!bus_log_lines(world.bus, what_to_do) && ++turns < 30)
        publish("1");
    assert_true(bus_log_lines(world.bus, what_to_do) > 0);
    publish("1");
    run_expect(&world.ran, UNREACHABLE, "safe in");
    assert_int_equal(bus_status(world.bus, "store_here"), 0);
    run_program(&world.ran, "eocctl", "-c", world.conf, "status", NULL);
    run_expect(&world.ran, UNREACHABLE, NULL);
}

static void a_database_one_migration_behind_is_named_with_what_to_do(void **state)
{
    (void)state;
    pgserver_exec(bus_server(world.bus), "DELETE FROM bus.migration WHERE version = (SELECT "
                                         "max(version) FROM bus.migration)");
    expect_schema_is_named("run: eocctl migrate");
    run_expect(&world.ran, UNREACHABLE, "eocctl migrate");
}

static void a_database_that_was_never_migrated_is_named_with_what_to_do(void **state)
{
    (void)state;
    pgserver_exec(bus_server(world.bus), "ALTER SCHEMA bus RENAME TO elsewhere");
    expect_schema_is_named("run: eocctl migrate");
    run_expect(&world.ran, UNREACHABLE, "eocctl migrate");
}

static void a_database_one_migration_ahead_is_taken_and_two_ahead_is_not(void **state)
{
    static const char ahead[] = "INSERT INTO bus.migration SELECT max(version) + 1, 'next', now(), "
                                "sha256('') FROM bus.migration";

    (void)state;
    pgserver_exec(bus_server(world.bus), ahead);
    bus_start_broker(world.bus, NULL);
    write_messages("4", "x");
    publish("100");
    run_expect(&world.ran, DONE, "stored 1");
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
    pgserver_exec(bus_server(world.bus), ahead);
    expect_schema_is_named("install a newer eocbus-broker");
}

/* --- the broker is away ----------------------------------------------------------------------- */

static void without_a_broker_publish_ends_with_3_and_says_where_the_message_is(void **state)
{
    (void)state;
    write_messages("44", "x");
    publish("1");
    run_expect(&world.ran, UNREACHABLE, "2 of 2 messages have no receipt yet");
    run_expect(&world.ran, UNREACHABLE, "safe in");
    run_program(&world.ran, "eocctl", "-c", world.conf, "status", NULL);
    run_expect(&world.ran, UNREACHABLE, NULL);
    bus_start_broker(world.bus, NULL);
    run_program(&world.ran, "eocctl", "-c", world.conf, "publish", "--drain", NULL);
    run_expect(&world.ran, DONE, NULL);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"), 2);
}

#define WITH_BUS(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BUS(a_row_that_postgresql_refuses_is_refused_alone_with_its_words),
        WITH_BUS(a_full_disk_under_the_outbox_is_said_and_nothing_of_before_is_lost),
        WITH_BUS(a_missing_key_file_ends_with_4_and_how_to_make_one),
        WITH_BUS(a_key_that_others_could_read_is_refused_with_what_to_do),
        WITH_BUS(a_key_that_nobody_enrolled_is_named_and_the_message_is_safe),
        WITH_BUS(a_setting_with_a_typo_ends_with_2_and_its_neighbour),
        WITH_BUS(a_wrong_line_of_a_settings_file_is_named_by_its_number),
        WITH_BUS(an_office_helps_in_the_language_that_is_asked_for),
        WITH_BUS(settings_without_a_place_or_a_key_are_told_so),
        WITH_BUS(a_database_one_migration_behind_is_named_with_what_to_do),
        WITH_BUS(a_database_that_was_never_migrated_is_named_with_what_to_do),
        WITH_BUS(a_database_one_migration_ahead_is_taken_and_two_ahead_is_not),
        WITH_BUS(without_a_broker_publish_ends_with_3_and_says_where_the_message_is),
    };

    return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
