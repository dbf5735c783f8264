/* outbox_keys_test - wrapped keys travel beside a sealed box, and can be destroyed for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/outbox.h"
#include "proto/wire/sealed.h"

static char dir[] = "/tmp/eocbus-outbox-keys-XXXXXX", path[128], err[256];
static uint8_t keys[2 * WRAPPED_BYTES];

struct seen {
    unsigned count, with_keys;
    uint8_t content[1024];
    size_t content_len;
};

static bool note_row(void *arg, const struct outbox_row *row)
{
    struct seen *s = arg;

    s->count++;
    s->content_len = row->content_len;
    assert_true(row->content_len <= sizeof(s->content));
    memcpy(s->content, row->content, row->content_len);
    if (!row->keys_len)
        return true;
    assert_int_equal(row->keys_len, sizeof(keys));
    assert_memory_equal(row->keys, keys, sizeof(keys));
    s->with_keys++;
    return true;
}

static struct seen offered(struct outbox *o)
{
    struct seen s = {0};

    outbox_nothing_in_flight(o);
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 1000, SIZE_MAX, note_row, &s), ST_OK);
    return s;
}

static struct outbox *open_it(void)
{
    struct outbox_settings set = {.path = path, .sender = "coes.ayni.registry"};
    struct outbox *o = NULL;

    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return o;
}

static void put_box(struct outbox *o)
{
    static uint8_t household[16] = {1}, sealed[600];
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__HouseholdIdentity box = EOCBUS__V1__HOUSEHOLD_IDENTITY__INIT;
    struct refusal why = {0};

    memset(sealed, 7, sizeof(sealed));
    box.household_id = (ProtobufCBinaryData){16, household};
    box.sealed = (ProtobufCBinaryData){sizeof(sealed), sealed};
    m.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_UPDATE;
    m.label = EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    m.event_time_us = INT64_C(1778788991000000);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY;
    m.household_identity = &box;
    assert_int_equal(outbox_put_sealed(o, &m, keys, sizeof(keys), NULL, &why), ST_OK);
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/out", dir);
    for (size_t i = 0; i < sizeof(keys); i++)
        keys[i] = (uint8_t)(i * 31 + 11);
    return 0;
}

static void remove_files(void)
{
    const struct dirent *entry;
    DIR *d = opendir(dir);

    while (d && (entry = readdir(d)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
}

static int remove_dir(void **state)
{
    (void)state;
    remove_files();
    return rmdir(dir);
}

static int empty_dir(void **state)
{
    (void)state;
    remove_files();
    return 0;
}

/* A piece of the keys in any file of the folder. */
static bool keys_are_on_disk(void)
{
    static uint8_t bytes[4 << 20];
    const struct dirent *entry;
    DIR *d = opendir(dir);
    bool found = false;

    while (d && (entry = readdir(d))) {
        int fd = entry->d_name[0] == '.' ? -1 : openat(dirfd(d), entry->d_name, O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));

        found = found || (n > 0 && memmem(bytes, (size_t)n, keys + 40, 40));
        if (fd >= 0)
            close(fd);
    }
    if (d)
        closedir(d);
    return found;
}

static bool all(void *arg, const uint8_t *content, size_t len)
{
    (void)content;
    *(size_t *)arg += len;
    return true;
}

static void keys_are_offered_with_their_box_also_after_a_start(void **state)
{
    struct outbox *o = open_it();

    (void)state;
    put_box(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o).with_keys, 1);
    outbox_close(o);
    o = open_it();
    assert_int_equal(offered(o).with_keys, 1);
    outbox_close(o);
}

static void keys_that_were_destroyed_are_nowhere_and_the_box_is_what_it_was(void **state)
{
    struct outbox *o = open_it();
    struct seen before, after;
    size_t looked_at = 0;
    unsigned dropped;

    (void)state;
    put_box(o);
    put_box(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    before = offered(o);
    assert_int_equal(before.with_keys, 2);
    assert_true(keys_are_on_disk());
    assert_int_equal(outbox_drop_keys(o, all, &looked_at, &dropped), ST_OK);
    assert_int_equal(dropped, 2);
    assert_int_equal(looked_at, 2 * before.content_len);
    after = offered(o);
    assert_int_equal(after.count, 2);
    assert_int_equal(after.with_keys, 0);
    assert_memory_equal(after.content, before.content, before.content_len);
    assert_false(keys_are_on_disk());
    assert_int_equal(outbox_drop_keys(o, all, &looked_at, &dropped), ST_OK);
    assert_int_equal(dropped, 0);
    outbox_close(o);
}

#define T(name) cmocka_unit_test_teardown(name, empty_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keys_are_offered_with_their_box_also_after_a_start),
        T(keys_that_were_destroyed_are_nowhere_and_the_box_is_what_it_was),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
