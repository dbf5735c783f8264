/* The uplink: what it offers, and what it makes of the answers. */
#include "agents/link/uplink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/loop.h"

static char path[64], err[256];
static struct loop *loop;
static struct outbox *outbox;
static struct uplink *uplink;
static uint64_t sent[64];
static unsigned count;

static enum status on_send(void *arg, unsigned line, const Eocbus__V1__Frame *f)
{
    (void)arg, (void)line;
    for (size_t i = 0; i < f->publish->n_items; i++)
        sent[count++] = f->publish->items[i]->tag;
    return ST_OK;
}

static void on_hungry(void *arg)
{
    (void)arg;
}

static int set_up(void **state)
{
    struct outbox_settings box = {.path = path, .sender = "rcst.ayni.team2"};
    struct uplink_settings set = {.send = on_send, .hungry = on_hungry};
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/eocbus-uplink-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    count = 0;
    assert_int_equal(loop_create(&loop), ST_OK);
    assert_int_equal(outbox_open(&outbox, &box, err, sizeof(err)), ST_OK);
    set.loop = loop;
    set.outbox = outbox;
    set.profile = link_profile_by_name("fiber");
    return uplink_create(&uplink, &set) != ST_OK;
}

static int tear_down(void **state)
{
    char file[80];

    (void)state;
    uplink_destroy(uplink);
    outbox_close(outbox);
    loop_destroy(loop);
    for (const char *const *end =
             (const char *const[]){"", "-wal", "-shm", ".lock", ".ballast", NULL};
         *end; end++) {
        snprintf(file, sizeof(file), "%s%s", path, *end);
        unlink(file);
    }
    return 0;
}

static void turn_away(uint64_t tag)
{
    Eocbus__V1__Busy busy = EOCBUS__V1__BUSY__INIT;

    busy.tags = &tag;
    busy.n_tags = 1;
    uplink_on_busy(uplink, 0, &busy);
}

/* A lane left a line and came back to it while its session stood. What was said before is answered
 * first; taken for an answer to what was said since, the last ones would be offered alone, and pass
 * those before them. */
static void an_answer_of_before_a_lane_went_says_nothing_of_what_is_offered_since(void **state)
{
    Eocbus__V1__Welcome welcome = EOCBUS__V1__WELCOME__INIT;
    uint64_t tag;

    (void)state;
    uplink_begin(uplink, 0, &welcome);
    uplink_carry(uplink, 0, OUTBOX_ALL_LANES, COPY_NOTHING);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(outbox_put_raw(outbox, 3, "text", 4, &tag), ST_OK);
    assert_int_equal(outbox_commit(outbox), ST_OK);
    uplink_pump(uplink);
    assert_int_equal(count, 3);
    uplink_carry(uplink, 0, 0, COPY_NOTHING);
    uplink_carry(uplink, 0, OUTBOX_ALL_LANES, COPY_NOTHING);
    uplink_pump(uplink);
    assert_int_equal(count, 6);
    turn_away(sent[1]);
    turn_away(sent[2]);
    for (uint64_t until_us = loop_exact_us(loop) + 100000; loop_exact_us(loop) < until_us;)
        loop_turn(loop, 20);
    uplink_pump(uplink);
    assert_int_equal(count, 6);
    turn_away(sent[4]); /* and this is of since */
    turn_away(sent[5]);
    for (uint64_t until_us = loop_exact_us(loop) + 100000; loop_exact_us(loop) < until_us;)
        loop_turn(loop, 20);
    uplink_pump(uplink);
    assert_int_equal(count, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_answer_of_before_a_lane_went_says_nothing_of_what_is_offered_since, set_up,
            tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
