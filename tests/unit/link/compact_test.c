#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/link/compact.h"

static const struct compact_key key = {65535, {1, 2, 3}};
static uint8_t id[16] = {0x01, 0x98, 0xaa, 0xbb, 0xcc, 0xdd, 0x70, 1, 0x80, 2, 3, 4, 5, 6, 7, 8};
static char *pcodes[] = {(char *)"3505203001007"}; /* the longest there is */

struct alarm {
    Eocbus__V1__Envelope m;
    Eocbus__V1__SensorDetection d;
    Eocbus__V1__Area area;
    Eocbus__V1__ExposedEta eta[2], *etas[2];
};

/* Everything that can be long is. */
static void make_alarm(struct alarm *a)
{
    eocbus__v1__envelope__init(&a->m);
    eocbus__v1__sensor_detection__init(&a->d);
    eocbus__v1__area__init(&a->area);
    for (int i = 0; i < 2; i++) {
        eocbus__v1__exposed_eta__init(&a->eta[i]);
        a->eta[i].eta_s = i ? 300 : 16000;
        a->etas[i] = &a->eta[i];
    }
    a->area.n_pcodes = 1;
    a->area.pcodes = pcodes;
    a->d.n_etas = 2;
    a->d.etas = a->etas;
    a->d.hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW;
    a->d.level = EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM;
    a->d.torrent_id = 1000000;
    a->m.message_id = (ProtobufCBinaryData){16, id};
    a->m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    a->m.event_time_us = INT64_C(4102444800) * 1000000;
    a->m.area = &a->area;
    a->m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
    a->m.sensor_detection = &a->d;
}

static void the_longest_alarm_fits_one_satellite_message_and_is_read_back(void **state)
{
    Eocbus__V1__CompactFlash *c;
    struct arena *arena;
    uint8_t out[COMPACT_BYTES];
    struct alarm a;
    size_t len;

    (void)state;
    make_alarm(&a);
    assert_int_equal(arena_create(&arena, 65536), ST_OK);
    assert_int_equal(compact_make(out, &len, &a.m, 127, &key), ST_OK);
    printf("measured: the longest alarm %zu bytes (bar 70)\n", len);
    assert_true(len <= 70);
    assert_int_equal(compact_read(&c, out, len, &key, arena), ST_OK);
    assert_memory_equal(c->announces.data, id, 16);
    assert_int_equal(c->key_id, 65535);
    assert_int_equal(c->status, EOCBUS__V1__STATUS__STATUS_ACTUAL);
    assert_int_equal(c->level, EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM);
    assert_int_equal(c->event_time_s, 4102444800u);
    assert_int_equal(c->place, 3505203001007u);
    assert_int_equal(c->torrent_id, 1000000);
    assert_int_equal(c->eta_s, 300);
    assert_int_equal(c->valid_min, 127);
    arena_destroy(arena);
}

static void no_bit_of_it_can_be_changed(void **state)
{
    Eocbus__V1__CompactFlash *c;
    struct arena *arena;
    uint8_t out[COMPACT_BYTES];
    struct alarm a;
    size_t len;

    (void)state;
    make_alarm(&a);
    assert_int_equal(arena_create(&arena, 65536), ST_OK);
    assert_int_equal(compact_make(out, &len, &a.m, 60, &key), ST_OK);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        arena_reset(arena);
        assert_int_not_equal(compact_read(&c, out, len, &key, arena), ST_OK);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t less = 0; less < len; less++) {
        arena_reset(arena);
        assert_int_not_equal(compact_read(&c, out, less, &key, arena), ST_OK);
    }
    assert_int_equal(compact_read(&c, out, len, &key, arena), ST_OK);
    arena_destroy(arena);
}

static void another_key_or_another_number_of_it_opens_nothing(void **state)
{
    struct compact_key other = key, renumbered = key;
    Eocbus__V1__CompactFlash *c;
    struct arena *arena;
    uint8_t out[COMPACT_BYTES];
    struct alarm a;
    size_t len;

    (void)state;
    make_alarm(&a);
    other.bytes[31] ^= 1;
    renumbered.id = 9;
    assert_int_equal(arena_create(&arena, 65536), ST_OK);
    assert_int_equal(compact_make(out, &len, &a.m, 60, &key), ST_OK);
    assert_int_equal(compact_read(&c, out, len, &other, arena), ST_DENIED);
    assert_int_equal(compact_read(&c, out, len, &renumbered, arena), ST_DENIED);
    arena_destroy(arena);
}

static void only_a_detection_with_its_name_has_a_compact_form(void **state)
{
    Eocbus__V1__CompactFlash *c;
    struct arena *arena;
    uint8_t out[COMPACT_BYTES];
    struct alarm a;
    size_t len;

    (void)state;
    make_alarm(&a);
    assert_int_equal(compact_make(out, &len, &a.m, 0, &key), ST_INVALID);
    assert_int_equal(compact_make(out, &len, &a.m, 128, &key), ST_INVALID);
    a.m.message_id.len = 0;
    assert_int_equal(compact_make(out, &len, &a.m, 60, &key), ST_INVALID);
    a.m.message_id.len = 16;
    a.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    assert_int_equal(compact_make(out, &len, &a.m, 60, &key), ST_INVALID);
    make_alarm(&a);
    a.area.n_pcodes = 0;
    a.d.n_etas = 0;
    assert_int_equal(arena_create(&arena, 65536), ST_OK);
    assert_int_equal(compact_make(out, &len, &a.m, 60, &key), ST_OK);
    assert_int_equal(compact_read(&c, out, len, &key, arena), ST_OK);
    assert_int_equal(c->place, 0);
    assert_int_equal(c->eta_s, 0);
    arena_destroy(arena);
}

static void a_key_is_kept_in_a_file_for_its_owner_only(void **state)
{
    char dir[] = "/tmp/eocbus-compact-XXXXXX", path[64], err[400];
    struct compact_key made, again;
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/compact.key", dir);
    assert_int_equal(compact_key_load(&made, path, err, sizeof(err)), ST_NOTFOUND);
    assert_int_equal(compact_key_make(path, 0, err, sizeof(err)), ST_INVALID);
    assert_int_equal(compact_key_make(path, 7, err, sizeof(err)), ST_OK);
    assert_int_equal(compact_key_make(path, 8, err, sizeof(err)), ST_EXISTS);
    assert_int_equal(compact_key_load(&made, path, err, sizeof(err)), ST_OK);
    assert_int_equal(made.id, 7);
    assert_int_equal(compact_key_load(&again, path, err, sizeof(err)), ST_OK);
    assert_memory_equal(&made, &again, sizeof(made));
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(compact_key_load(&made, path, err, sizeof(err)), ST_DENIED);
    assert_int_equal(chmod(path, 0600), 0);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("key_id = 7\nkey = short\n", f);
    fclose(f);
    assert_int_equal(compact_key_load(&made, path, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "key_id"));
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_alarm_fits_one_satellite_message_and_is_read_back),
        cmocka_unit_test(no_bit_of_it_can_be_changed),
        cmocka_unit_test(another_key_or_another_number_of_it_opens_nothing),
        cmocka_unit_test(only_a_detection_with_its_name_has_a_compact_form),
        cmocka_unit_test(a_key_is_kept_in_a_file_for_its_owner_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
