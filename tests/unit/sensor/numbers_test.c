#include <unistd.h>

#include "agents/sensor/numbers.h"
#include "tests/unit/sensor/desk.h"

#define ACTUAL   EOCBUS__V1__STATUS__STATUS_ACTUAL
#define EXERCISE EOCBUS__V1__STATUS__STATUS_EXERCISE

static struct {
    struct desk desk;
    struct arena *arena;
    struct detect detect;
    struct numbers *numbers;
    char path[64], why[NUMBERS_WHY], settled[NUMBERS_WHY];
    char once[40][160], key[160];
    unsigned once_count, settlements;
    Eocbus__V1__Status status; /* of what is ordered */
} w;

/* The outbox: what was said under a key is not said again. */
static enum status once(void *arg, const char *key, uint64_t said)
{
    (void)arg;
    assert_int_equal(said, 0);
    snprintf(w.key, sizeof(w.key), "%s", key ? key : "");
    return ST_OK;
}

static enum status put_once(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    assert_true(*w.key);
    for (unsigned i = 0; i < w.once_count; i++)
        if (strcmp(w.once[i], w.key) == 0)
            return ST_EXISTS;
    snprintf(w.once[w.once_count++], sizeof(w.once[0]), "%s", w.key);
    return desk_put(arg, m, why);
}

static void on_settled(void *arg, const Eocbus__V1__Envelope *order, const char *why)
{
    (void)arg;
    assert_int_equal(order->body_case, EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION);
    w.settlements++;
    snprintf(w.settled, sizeof(w.settled), "%s", why ? why : "");
}

/* The program starts: detectors from the settings, then what was kept. */
static void start_as(Eocbus__V1__Status status, const char *version, int64_t now_us)
{
    char line[100], *lines[] = {line}, err[400];
    struct conf_list list = {lines, 1};
    struct speaker speaker = w.desk.speaker;
    struct numbers_settings set = {.path = w.path,
                                   .detect = &w.detect,
                                   .speaker = &speaker,
                                   .once = once,
                                   .settled = on_settled};

    numbers_destroy(w.numbers);
    speaker.put = put_once;
    speaker.status = status;
    snprintf(line, sizeof(line), "stage.level %s gusar.stage line=2 debounce=1/1", version);
    arena_reset(w.arena);
    assert_int_equal(
        detect_read(&w.detect, &w.desk.station, &list, 1800 * SECOND, w.arena, err, sizeof(err)),
        ST_OK);
    assert_int_equal(numbers_create(&w.numbers, &set), ST_OK);
    numbers_tick(w.numbers, now_us);
    assert_int_equal(numbers_tell(w.numbers, now_us), ST_OK);
}

static void start(const char *version, int64_t now_us)
{
    start_as(ACTUAL, version, now_us);
}

static int begin(void **state)
{
    static const char *const streams[] = {"gusar.stage 1 stage metre -3"};

    (void)state;
    memset(&w, 0, sizeof(w));
    w.status = ACTUAL;
    desk_open(&w.desk, streams, 1);
    assert_int_equal(arena_create(&w.arena, 1u << 20), ST_OK);
    snprintf(w.path, sizeof(w.path), "/tmp/eocbus-numbers-%d", (int)getpid());
    (void)unlink(w.path);
    start("1", T0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    numbers_destroy(w.numbers);
    arena_destroy(w.arena);
    desk_close(&w.desk);
    (void)unlink(w.path);
    return 0;
}

/* Its own numbers with another line, as an operator edits them. */
static enum status order(uint32_t version, int64_t line_mm, int64_t effective_us)
{
    Eocbus__V1__Delivery d = EOCBUS__V1__DELIVERY__INIT;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Approval approval = EOCBUS__V1__APPROVAL__INIT, *approvals[1] = {&approval};
    Eocbus__V1__SensorConfiguration *c = NULL;
    uint8_t id[16] = {9}, signature[64] = {7}, bytes[4096];

    arena_reset(w.desk.read);
    assert_int_equal(detect_parameters(&w.detect, 0, w.desk.read, &c), ST_OK);
    for (size_t i = 0; i < c->n_parameters; i++)
        if (strcmp(c->parameters[i]->name, "line") == 0) {
            c->parameters[i]->value = line_mm;
            c->parameters[i]->exponent = -3;
        }
    approval.principal = (char *)"coes.karim";
    approval.approved_us = T0;
    approval.version = 2;
    approval.signature = (ProtobufCBinaryData){64, signature};
    c->approvals = approvals;
    c->n_approvals = 1;
    c->target = (char *)"coes.tj3505203.gw07";
    c->profile_version = version;
    c->effective_us = effective_us;
    c->reason = (char *)"the gauge was moved";
    m.message_id = m.originating_id = (ProtobufCBinaryData){16, id};
    m.schema = SCHEMA_VERSION;
    m.sender = (char *)"coes.asma";
    m.epoch = m.lane_seq = 1;
    m.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m.status = w.status;
    m.kind = EOCBUS__V1__KIND__KIND_REQUEST;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = m.sent_time_us = T0;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION;
    m.sensor_configuration = c;
    d.content = (ProtobufCBinaryData){eocbus__v1__envelope__get_packed_size(&m), bytes};
    assert_true(d.content.len <= sizeof(bytes));
    eocbus__v1__envelope__pack(&m, bytes);
    d.signature = (ProtobufCBinaryData){64, signature};
    return numbers_take(w.numbers, &d, T0, w.why);
}

/* The line in force, mm. */
static int64_t line_mm(void)
{
    Eocbus__V1__SensorConfiguration *c = NULL;
    int64_t mm = 0;

    arena_reset(w.desk.read);
    assert_int_equal(detect_parameters(&w.detect, 0, w.desk.read, &c), ST_OK);
    for (size_t i = 0; i < c->n_parameters; i++)
        if (strcmp(c->parameters[i]->name, "line") == 0)
            assert_true(decimal_scale(
                &mm, (struct decimal){c->parameters[i]->value, c->parameters[i]->exponent}, -3));
    return mm;
}

static void new_numbers_hold_at_once_and_after_a_start(void **state)
{
    (void)state;
    assert_int_equal(line_mm(), 2000);
    assert_int_equal(order(2, 1500, 0), ST_OK);
    assert_int_equal(line_mm(), 1500);
    start("1", T0);
    assert_int_equal(line_mm(), 1500);
    assert_int_equal(order(3, 1400, 0), ST_OK);
    start("1", T0);
    assert_int_equal(line_mm(), 1400);
    assert_int_equal(w.settlements, 0);
}

static void what_is_refused_changes_nothing_now_or_later(void **state)
{
    (void)state;
    assert_int_equal(order(2, 1500, 0), ST_OK);
    assert_int_equal(order(2, 1400, 0), ST_INVALID);
    assert_true(strlen(w.why) > 10);
    assert_int_equal(order(3, -5, 0), ST_INVALID);
    assert_int_equal(line_mm(), 1500);
    start("1", T0);
    assert_int_equal(line_mm(), 1500);
}

static void settings_with_a_higher_version_win(void **state)
{
    (void)state;
    assert_int_equal(order(2, 1500, 0), ST_OK);
    start("3", T0);
    assert_int_equal(line_mm(), 2000);
    start("1", T0); /* they are given up, not put aside */
    assert_int_equal(line_mm(), 2000);
}

static void what_is_for_later_waits_over_a_start(void **state)
{
    (void)state;
    assert_int_equal(order(2, 1500, T0 + MINUTE), ST_AGAIN);
    assert_int_equal(line_mm(), 2000);
    assert_true(numbers_due_us(w.numbers) == T0 + MINUTE);
    start("1", T0 + SECOND);
    assert_int_equal(line_mm(), 2000);
    numbers_tick(w.numbers, T0 + MINUTE - 1);
    assert_int_equal(line_mm(), 2000);
    numbers_tick(w.numbers, T0 + MINUTE);
    assert_int_equal(line_mm(), 1500);
    assert_int_equal(w.settlements, 1);
    assert_string_equal(w.settled, "");
    assert_true(numbers_due_us(w.numbers) == INT64_MAX);
}

static void what_cannot_come_into_force_in_its_time_is_told(void **state)
{
    (void)state;
    assert_int_equal(order(2, 1500, T0 + MINUTE), ST_AGAIN);
    assert_int_equal(order(3, 1400, 0), ST_OK); /* it drops what is older */
    numbers_tick(w.numbers, T0 + MINUTE);
    assert_int_equal(line_mm(), 1400);
    assert_int_equal(order(4, -5, T0 + MINUTE), ST_AGAIN);
    numbers_tick(w.numbers, T0 + MINUTE);
    assert_int_equal(line_mm(), 1400);
    assert_int_equal(w.settlements, 1);
    assert_true(strlen(w.settled) > 10);
}

static void the_bus_is_told_once_with_who_ordered_and_who_approved(void **state)
{
    const Eocbus__V1__SensorConfiguration *c;
    size_t told = w.desk.count;

    (void)state;
    assert_int_equal(told, 2); /* stage.level and fusion, of the settings */
    start("1", T0);
    assert_int_equal(w.desk.count, told);
    assert_int_equal(order(2, 1500, 0), ST_OK);
    assert_int_equal(numbers_tell(w.numbers, T0), ST_OK);
    assert_int_equal(w.desk.count, told + 1);
    c = desk_said(&w.desk, told)->sensor_configuration;
    assert_int_equal(c->profile_version, 2);
    assert_string_equal(c->target, "coes.tj3505203.gw07");
    assert_non_null(strstr(c->reason, "of coes.asma, approved by coes.karim: the gauge was moved"));
    start("1", T0);
    assert_int_equal(w.desk.count, told + 1);
}

static void what_an_exercise_ordered_ends_with_it(void **state)
{
    (void)state;
    start_as(EXERCISE, "1", T0);
    w.status = EXERCISE;
    assert_int_equal(order(2, 9000, 0), ST_OK);
    assert_int_equal(order(3, 9500, T0 + MINUTE), ST_AGAIN);
    start_as(EXERCISE, "1", T0);
    assert_int_equal(line_mm(), 9000);
    start("1", T0 + MINUTE);
    assert_int_equal(line_mm(), 2000);
    assert_true(numbers_due_us(w.numbers) == INT64_MAX);
    start_as(EXERCISE, "1", T0 + MINUTE); /* they are given up, not put aside */
    assert_int_equal(line_mm(), 2000);
}

static void a_test_is_no_exercise_and_drops_its_numbers_too(void **state)
{
    (void)state;
    start_as(EXERCISE, "1", T0);
    w.status = EXERCISE;
    assert_int_equal(order(2, 9000, 0), ST_OK);
    start_as(EOCBUS__V1__STATUS__STATUS_TEST, "1", T0);
    assert_int_equal(line_mm(), 2000);
}

static void what_was_ordered_in_reality_is_in_force_again_after_an_exercise(void **state)
{
    (void)state;
    assert_int_equal(order(2, 1500, 0), ST_OK);
    start_as(EXERCISE, "1", T0);
    assert_int_equal(line_mm(), 1500);
    w.status = EXERCISE;
    assert_int_equal(order(3, 9000, 0), ST_OK);
    start_as(EXERCISE, "1", T0);
    assert_int_equal(line_mm(), 9000);
    start("1", T0);
    assert_int_equal(line_mm(), 1500);
}

static void what_reality_ordered_for_later_waits_for_the_end_of_an_exercise(void **state)
{
    (void)state;
    start_as(EXERCISE, "1", T0);
    assert_int_equal(order(2, 1500, T0 + MINUTE), ST_AGAIN);
    w.status = EXERCISE;
    assert_int_equal(order(3, 9000, 0), ST_OK);
    numbers_tick(w.numbers, T0 + MINUTE);
    assert_int_equal(line_mm(), 9000);
    assert_int_equal(w.settlements, 0);
    assert_true(numbers_due_us(w.numbers) == INT64_MAX);
    start("1", T0 + MINUTE);
    assert_int_equal(line_mm(), 1500);
}

static void newer_ones_of_reality_end_those_of_an_exercise(void **state)
{
    (void)state;
    start_as(EXERCISE, "1", T0);
    w.status = EXERCISE;
    assert_int_equal(order(2, 9000, 0), ST_OK);
    w.status = ACTUAL;
    assert_int_equal(order(3, 1500, 0), ST_OK);
    start_as(EXERCISE, "1", T0);
    assert_int_equal(line_mm(), 1500);
}

static void what_was_told_in_an_exercise_is_told_again_in_reality(void **state)
{
    size_t told;

    (void)state;
    start_as(EXERCISE, "1", T0);
    w.status = EXERCISE;
    assert_int_equal(order(2, 1500, 0), ST_OK);
    assert_int_equal(numbers_tell(w.numbers, T0), ST_OK);
    start("1", T0);
    told = w.desk.count;
    w.status = ACTUAL;
    assert_int_equal(order(2, 1500, 0), ST_OK);
    assert_int_equal(numbers_tell(w.numbers, T0), ST_OK);
    assert_int_equal(w.desk.count, told + 1);
    assert_int_equal(desk_said(&w.desk, told)->status, ACTUAL);
}

static void a_damaged_file_leaves_the_numbers_of_the_settings(void **state)
{
    FILE *f;

    (void)state;
    assert_int_equal(order(2, 1500, 0), ST_OK);
    f = fopen(w.path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 60, SEEK_SET), 0);
    assert_int_equal(fputc('!', f), '!');
    assert_int_equal(fclose(f), 0);
    start("1", T0);
    assert_int_equal(line_mm(), 2000);
    assert_int_equal(order(2, 1300, 0), ST_OK);
    start("1", T0);
    assert_int_equal(line_mm(), 1300);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        T(new_numbers_hold_at_once_and_after_a_start),
        T(what_is_refused_changes_nothing_now_or_later),
        T(settings_with_a_higher_version_win),
        T(what_is_for_later_waits_over_a_start),
        T(what_cannot_come_into_force_in_its_time_is_told),
        T(the_bus_is_told_once_with_who_ordered_and_who_approved),
        T(what_an_exercise_ordered_ends_with_it),
        T(a_test_is_no_exercise_and_drops_its_numbers_too),
        T(what_was_ordered_in_reality_is_in_force_again_after_an_exercise),
        T(what_reality_ordered_for_later_waits_for_the_end_of_an_exercise),
        T(newer_ones_of_reality_end_those_of_an_exercise),
        T(what_was_told_in_an_exercise_is_told_again_in_reality),
        T(a_damaged_file_leaves_the_numbers_of_the_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
