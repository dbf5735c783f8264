/* The library for gateways of other makers, used as they would: settings file, JSON, a loop of
 * their own. */
#include "agents/link/eocbus.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "tests/lib/fake_broker.h"
#include "tests/lib/patience.h"

static struct loop *loop; /* the broker's */
static struct fake_broker broker;
static struct eocbus *bus;
static char dir[64], settings[96], err[512];
static unsigned settled, refused, heard, withdrawn;
static char heard_json[2048], heard_type[64], withdrawn_id[64];

static const char entry_json[] =
    "{\"lane\":\"LANE_ROUTINE\",\"status\":\"STATUS_TEST\",\"kind\":\"KIND_REPORT\","
    "\"label\":\"LABEL_INTERNAL\",\"event_time_us\":\"1790000000000000\","
    "\"activity_log_entry\":{\"position\":\"gauge\",\"text\":\"water level 412 mm\"}}";

static void drop_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static void on_settled(void *arg, const struct eocbus_receipt *r)
{
    (void)arg;
    settled += r->stored != 0;
    refused += !r->stored;
}

static int on_message(void *arg, const struct eocbus_message *m)
{
    (void)arg;
    heard++;
    snprintf(heard_json, sizeof(heard_json), "%s", m->json);
    snprintf(heard_type, sizeof(heard_type), "%s", m->type);
    return 1;
}

static void on_withdrawn(void *arg, const struct eocbus_withdrawal *w)
{
    (void)arg;
    withdrawn++;
    assert_string_equal(w->code, "database");
    snprintf(withdrawn_id, sizeof(withdrawn_id), "%s", w->message_id);
}

static int set_up(void **state)
{
    struct keys keys;
    char key_file[96];
    FILE *f;

    (void)state;
    memset(&broker, 0, sizeof(broker));
    settled = refused = heard = withdrawn = 0;
    snprintf(dir, sizeof(dir), "/tmp/eocbus-lib-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(key_file, sizeof(key_file), "%s/key", dir);
    snprintf(settings, sizeof(settings), "%s/conf", dir);
    assert_int_equal(keys_generate(&keys), ST_OK);
    assert_int_equal(keys_save(&keys, key_file, "coes.ayni.gw1", err, sizeof(err)), ST_OK);
    assert_int_equal(loop_create(&loop), ST_OK);
    fake_broker_open(&broker, loop, "tcp://127.0.0.1:*");
    f = fopen(settings, "w");
    assert_non_null(f);
    fprintf(f,
            "name = coes.ayni.gw1\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
            "outbox.path = %s/out\noutbox.budget = 16MiB\nlink.profile = fiber\n",
            key_file, broker.endpoint, broker.keys.public_z85, dir);
    fclose(f);
    bus = eocbus_open(settings, "test 0", err, sizeof(err));
    if (!bus)
        fail_msg("%s", err);
    eocbus_on_settled(bus, on_settled, NULL);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"key",     "conf",     "out",        "out-wal",
                                        "out-shm", "out.lock", "out.ballast"};
    char path[160];

    (void)state;
    eocbus_close(bus);
    fake_broker_close(&broker);
    loop_destroy(loop);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    return rmdir(dir);
}

/* As a gateway with its own loop does it: wait for the descriptor, no longer than it says, step. */
static void turn_like_a_gateway(void)
{
    struct pollfd p = {.fd = eocbus_fd(bus), .events = POLLIN};

    poll(&p, 1, eocbus_wait_ms(bus));
    eocbus_step(bus);
    loop_turn(loop, 1);
}

#define WAIT_FOR(condition) WAIT_UNTIL(condition, 60, turn_like_a_gateway(), "in vain")

static void a_message_in_json_is_stored(void **state)
{
    struct eocbus_state st;
    uint64_t tag = 0;

    (void)state;
    assert_int_equal(eocbus_put_json(bus, entry_json, &tag), EOCBUS_OK);
    assert_int_equal(eocbus_flush(bus), EOCBUS_OK);
    eocbus_get_state(bus, &st);
    assert_int_equal(st.waiting, 1);
    assert_false(st.linked);
    WAIT_FOR(settled == 1);
    eocbus_get_state(bus, &st);
    assert_int_equal(st.waiting, 0);
    assert_true(st.linked);
}

static void the_packed_bytes_of_a_body_are_stored(void **state)
{
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    static const char *const pcodes[] = {"3505203"};
    uint8_t bytes[256];
    struct eocbus_body body = {.type = "activity_log_entry",
                               .bytes = bytes,
                               .lane = EOCBUS_LANE_ROUTINE,
                               .pcodes = pcodes,
                               .pcode_count = 1};

    (void)state;
    entry.position = (char *)"gauge";
    entry.text = (char *)"412 mm";
    body.len = eocbus__v1__activity_log_entry__pack(&entry, bytes);
    assert_int_equal(eocbus_put_body(bus, &body, NULL), EOCBUS_OK);
    body.len--; /* torn off */
    assert_int_equal(eocbus_put_body(bus, &body, NULL), EOCBUS_REFUSED);
    body.type = "no_such_thing";
    assert_int_equal(eocbus_put_body(bus, &body, NULL), EOCBUS_USAGE);
    assert_non_null(strstr(eocbus_error(bus), "no_such_thing"));
    WAIT_FOR(settled == 1);
}

static void a_message_that_breaks_a_rule_is_refused_with_its_path(void **state)
{
    (void)state;
    assert_int_equal(eocbus_put_json(bus, "{\"lane\":\"LANE_ROUTINE\"}", NULL), EOCBUS_REFUSED);
    assert_true(eocbus_error(bus)[0]);
    assert_int_equal(eocbus_put_json(bus, "{\"no_such_field\":1}", NULL), EOCBUS_REFUSED);
    assert_non_null(strstr(eocbus_error(bus), "no_such_field"));
    assert_int_equal(eocbus_put_json(bus, "not json", NULL), EOCBUS_REFUSED);
}

static void what_the_broker_refuses_is_told(void **state)
{
    (void)state;
    broker.refuse = "conflict";
    assert_int_equal(eocbus_put_json(bus, entry_json, NULL), EOCBUS_OK);
    WAIT_FOR(refused == 1);
}

static const uint8_t heard_id[16] = {1, 2, 3, 4, 5, 6, 0x70, 7, 0x80};

static size_t pack_entry(uint8_t *bytes, Eocbus__V1__Lane lane)
{
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    entry.position = (char *)"duty officer";
    entry.text = (char *)"bridge closed";
    m.message_id.data = m.originating_id.data = (uint8_t *)heard_id; /* only read */
    m.message_id.len = m.originating_id.len = 16;
    m.schema = 1000;
    m.sender = (char *)"coes.dushanbe.duty";
    m.epoch = m.lane_seq = 1;
    m.lane = lane;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = m.sent_time_us = INT64_C(1790000000000000);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    return eocbus__v1__envelope__pack(&m, bytes);
}

static void what_is_heard_comes_as_json(void **state)
{
    static const char *const patterns[] = {"actual.**", NULL}, *const bad[] = {"..", NULL};
    uint8_t bytes[512];

    (void)state;
    assert_int_equal(eocbus_listen(bus, bad, NULL, on_message, NULL), EOCBUS_USAGE);
    assert_int_equal(eocbus_listen(bus, patterns, NULL, on_message, NULL), EOCBUS_OK);
    WAIT_FOR(broker.subscribes == 1);
    assert_false(broker.has_after);
    fake_broker_deliver(&broker, 5, 0, bytes, pack_entry(bytes, EOCBUS__V1__LANE__LANE_ROUTINE));
    WAIT_FOR(heard == 1);
    assert_string_equal(heard_type, "activity_log_entry");
    assert_non_null(strstr(heard_json, "bridge closed"));
}

static void a_provisional_alarm_that_is_refused_is_withdrawn(void **state)
{
    static const char *const patterns[] = {"actual.**", NULL};
    uint8_t bytes[512];

    (void)state;
    eocbus_on_withdrawn(bus, on_withdrawn, NULL);
    assert_int_equal(eocbus_listen(bus, patterns, NULL, on_message, NULL), EOCBUS_OK);
    WAIT_FOR(broker.subscribes == 1);
    fake_broker_deliver(&broker, 0, 0, bytes, pack_entry(bytes, EOCBUS__V1__LANE__LANE_FLASH));
    WAIT_FOR(heard == 1);
    fake_broker_withdraw(&broker, broker.subscription, "coes.dushanbe.duty", heard_id);
    WAIT_FOR(withdrawn == 1);
    assert_string_equal(withdrawn_id, "01020304-0506-7007-8000-000000000000");
}

static void a_missing_setting_is_told_in_a_sentence(void **state)
{
    (void)state;
    assert_null(eocbus_open("/tmp/no-such-file-eocbus", "t", err, sizeof(err)));
    assert_non_null(strstr(err, "/tmp/no-such-file-eocbus"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_in_json_is_stored),
        T(the_packed_bytes_of_a_body_are_stored),
        T(a_message_that_breaks_a_rule_is_refused_with_its_path),
        T(what_the_broker_refuses_is_told),
        T(what_is_heard_comes_as_json),
        T(a_provisional_alarm_that_is_refused_is_withdrawn),
        T(a_missing_setting_is_told_in_a_sentence),
    };

    log_set_sink(drop_line, NULL);
    return cmocka_run_group_tests_name("eocbus", tests, NULL, NULL);
}
