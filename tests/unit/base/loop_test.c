/* loop_test - timers, descriptors, signals and hooks, and destroying each where it hurts most. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/loop.h"
#include "proto/base/mem.h"

struct scene {
    struct loop *loop;
    struct loop_work *beside;
    struct loop_timer *timer, *other;
    struct loop_poll *poll;
    struct loop_signal *signal;
    struct loop_hook *hook, *second;
    unsigned fired, others, before, after;
    int events, signum, fd, work;
};

static int open_scene(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    *state = s;
    return !s || loop_create(&s->loop) != ST_OK;
}

static int close_scene(void **state)
{
    struct scene *s = *state;

    loop_destroy(s->loop);
    free(s);
    return 0;
}

/* --- timers ----------------------------------------------------------------------------------- */

static void count_fire(void *arg)
{
    ((struct scene *)arg)->fired++;
}

static void destroy_timer(void *arg)
{
    struct scene *s = arg;

    s->fired++;
    loop_timer_destroy(s->timer);
    s->timer = NULL;
}

static void a_timer_fires_once_after_its_delay(void **state)
{
    struct scene *s = *state;
    uint64_t start = loop_exact_us(s->loop);

    assert_int_equal(loop_timer_create(&s->timer, s->loop, count_fire, s), ST_OK);
    loop_timer_start(s->timer, 20, 0);
    loop_run(s->loop);
    assert_int_equal(s->fired, 1);
    assert_in_range(loop_exact_us(s->loop) - start, 19000, 5000000);
    loop_timer_destroy(s->timer);
}

static void a_repeating_timer_stops_in_its_own_callback_when_destroyed(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_timer_create(&s->timer, s->loop, destroy_timer, s), ST_OK);
    loop_timer_start(s->timer, 1, 1);
    loop_run(s->loop);
    assert_int_equal(s->fired, 1);
    assert_null(s->timer);
}

static void destroy_other(void *arg)
{
    struct scene *s = arg;

    s->fired++;
    loop_timer_destroy(s->other);
    s->other = NULL;
}

static void count_other(void *arg)
{
    ((struct scene *)arg)->others++;
}

static void a_timer_destroyed_by_another_one_due_with_it_stays_silent(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_timer_create(&s->timer, s->loop, destroy_other, s), ST_OK);
    assert_int_equal(loop_timer_create(&s->other, s->loop, count_other, s), ST_OK);
    loop_timer_start(s->timer, 5, 0);
    loop_timer_start(s->other, 5, 0);
    loop_run(s->loop);
    assert_int_equal(s->fired, 1);
    assert_int_equal(s->others, 0);
    loop_timer_destroy(s->timer);
}

static void a_stopped_timer_can_start_again(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_timer_create(&s->timer, s->loop, count_fire, s), ST_OK);
    loop_timer_start(s->timer, 1, 0);
    loop_timer_stop(s->timer);
    loop_run(s->loop);
    assert_int_equal(s->fired, 0);
    loop_timer_start(s->timer, 0, 0);
    loop_run(s->loop);
    assert_int_equal(s->fired, 1);
    loop_timer_destroy(s->timer);
}

static void a_timer_counts_from_when_it_was_started_not_from_the_loop_s_birth(void **state)
{
    struct scene *s = *state;
    struct timespec setup = {.tv_nsec = 60000000};
    uint64_t start;

    nanosleep(&setup, NULL); /* a main function that took its time before loop_run */
    start = loop_exact_us(s->loop);
    assert_int_equal(loop_timer_create(&s->timer, s->loop, count_fire, s), ST_OK);
    loop_timer_start(s->timer, 50, 0);
    loop_run(s->loop);
    assert_in_range(loop_exact_us(s->loop) - start, 49000, 5000000);
    loop_timer_destroy(s->timer);
}

/* --- time and randomness ---------------------------------------------------------------------- */

static void clocks_agree_and_go_forward(void **state)
{
    struct scene *s = *state;
    uint64_t exact, now;
    int64_t utc = loop_utc_us(s->loop);

    loop_turn(s->loop, 0);
    now = loop_now_us(s->loop);
    exact = loop_exact_us(s->loop);
    assert_true(now <= exact);
    assert_true(exact - now < 5000000);
    loop_turn(s->loop, 5);
    assert_true(loop_now_us(s->loop) >= now);
    assert_true(utc > INT64_C(1700000000000000)); /* after 2023 */
}

static void a_turn_without_work_waits_as_long_as_told(void **state)
{
    struct scene *s = *state;
    uint64_t start = loop_exact_us(s->loop);

    loop_turn(s->loop, 0);
    assert_in_range(loop_exact_us(s->loop) - start, 0, 5000000);
    start = loop_exact_us(s->loop);
    loop_turn(s->loop, 30);
    assert_in_range(loop_exact_us(s->loop) - start, 28000, 5000000);
}

static void randomness_differs(void **state)
{
    struct scene *s = *state;
    unsigned char a[32] = {0}, b[32] = {0};

    loop_random(s->loop, a, sizeof(a));
    loop_random(s->loop, b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    loop_random(s->loop, a, 0);
}

/* --- descriptors ------------------------------------------------------------------------------ */

static void read_one(void *arg, int events)
{
    struct scene *s = arg;
    char byte;

    s->events |= events;
    s->fired++;
    if (events & LOOP_READ && read(s->fd, &byte, 1) == 1 && byte == '!')
        loop_stop(s->loop);
}

static void a_readable_descriptor_is_told_until_it_is_stopped(void **state)
{
    struct scene *s = *state;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    s->fd = ends[0];
    assert_int_equal(loop_poll_create(&s->poll, s->loop, ends[0], read_one, s), ST_OK);
    loop_poll_set(s->poll, LOOP_READ);
    assert_int_equal(write(ends[1], "abc!", 4), 4);
    loop_run(s->loop);
    assert_int_equal(s->fired, 4);
    assert_int_equal(s->events, LOOP_READ);
    loop_poll_set(s->poll, 0);
    assert_int_equal(write(ends[1], "d", 1), 1);
    loop_turn(s->loop, 10);
    assert_int_equal(s->fired, 4);
    loop_poll_destroy(s->poll);
    close(ends[0]);
    close(ends[1]);
}

static void destroy_poll(void *arg, int events)
{
    struct scene *s = arg;

    (void)events;
    s->fired++;
    loop_poll_destroy(s->poll);
    close(s->fd);
}

static void a_poll_destroyed_in_its_own_callback_leaves_its_descriptor_free(void **state)
{
    struct scene *s = *state;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    s->fd = ends[0];
    assert_int_equal(loop_poll_create(&s->poll, s->loop, ends[0], destroy_poll, s), ST_OK);
    loop_poll_set(s->poll, LOOP_READ);
    assert_int_equal(write(ends[1], "a", 1), 1);
    loop_run(s->loop); /* ends by itself: nothing is left */
    assert_int_equal(s->fired, 1);
    close(ends[1]);
}

static void a_descriptor_can_be_watched_once_and_files_not_at_all(void **state)
{
    struct scene *s = *state;
    struct loop_poll *again = NULL;
    int ends[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(loop_poll_create(&s->poll, s->loop, ends[0], read_one, s), ST_OK);
    loop_poll_set(s->poll, LOOP_READ);
    assert_int_equal(loop_poll_create(&again, s->loop, ends[0], read_one, s), ST_EXISTS);
    assert_int_equal(loop_poll_create(&again, s->loop, file, read_one, s), ST_INVALID);
    assert_int_equal(loop_poll_create(&again, s->loop, -1, read_one, s), ST_INVALID);
    loop_poll_destroy(s->poll);
    assert_int_equal(loop_poll_create(&again, s->loop, ends[0], read_one, s), ST_OK);
    loop_poll_destroy(again);
    close(file);
    close(ends[0]);
    close(ends[1]);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void destroy_signal(void *arg, int signum)
{
    struct scene *s = arg;

    s->signum = signum;
    s->fired++;
    loop_signal_destroy(s->signal);
    s->signal = NULL;
}

static void a_signal_is_told_in_the_loop_and_keeps_it_not_alive(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_signal_create(&s->signal, s->loop, SIGUSR1, destroy_signal, s), ST_OK);
    loop_run(s->loop); /* ends at once */
    assert_int_equal(s->fired, 0);
    raise(SIGUSR1);
    for (int i = 0; i < 100 && !s->fired; i++)
        loop_turn(s->loop, 50);
    assert_int_equal(s->fired, 1);
    assert_int_equal(s->signum, SIGUSR1);
}

/* --- hooks ------------------------------------------------------------------------------------ */

static int count_before(void *arg)
{
    struct scene *s = arg;

    s->before++;
    return s->work > 0;
}

static void count_after(void *arg)
{
    struct scene *s = arg;

    s->after++;
    s->work--;
}

static void a_hook_with_work_forbids_the_wait_and_one_without_allows_it(void **state)
{
    struct scene *s = *state;
    uint64_t start = loop_exact_us(s->loop);

    assert_int_equal(loop_hook_create(&s->hook, s->loop, count_before, count_after, s), ST_OK);
    s->work = 3;
    for (int i = 0; i < 3; i++)
        loop_turn(s->loop, 10000);
    assert_int_equal(s->after, 3);
    assert_in_range(loop_exact_us(s->loop) - start, 0, 5000000);
    start = loop_exact_us(s->loop);
    loop_turn(s->loop, 30);
    assert_in_range(loop_exact_us(s->loop) - start, 28000, 5000000);
    loop_hook_destroy(s->hook);
}

static void a_hook_keeps_no_loop_alive(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_hook_create(&s->hook, s->loop, count_before, count_after, s), ST_OK);
    s->work = 1000;
    loop_run(s->loop);
    assert_in_range(s->before, 0, 1);
    loop_hook_destroy(s->hook);
}

static int destroy_both_before(void *arg)
{
    struct scene *s = arg;

    s->before++;
    loop_hook_destroy(s->hook);
    loop_hook_destroy(s->second);
    return 0;
}

static void hooks_destroyed_by_the_first_of_them_stay_silent(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_hook_create(&s->hook, s->loop, destroy_both_before, count_after, s),
                     ST_OK);
    assert_int_equal(loop_hook_create(&s->second, s->loop, count_before, count_after, s), ST_OK);
    loop_turn(s->loop, 1);
    loop_turn(s->loop, 1);
    assert_int_equal(s->before, 1);
    assert_int_equal(s->after, 0);
}

static void destroy_both_after(void *arg)
{
    struct scene *s = arg;

    s->after++;
    loop_hook_destroy(s->hook);
    loop_hook_destroy(s->second);
}

static void hooks_destroyed_after_the_wait_stay_silent_too(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_hook_create(&s->hook, s->loop, NULL, destroy_both_after, s), ST_OK);
    assert_int_equal(loop_hook_create(&s->second, s->loop, NULL, count_after, s), ST_OK);
    loop_turn(s->loop, 1);
    loop_turn(s->loop, 1);
    assert_int_equal(s->after, 1);
}

/* --- the sweep -------------------------------------------------------------------------------- */

static enum status create_all(struct scene *s, int fd)
{
    enum status st = loop_create(&s->loop);

    if (st == ST_OK)
        st = loop_timer_create(&s->timer, s->loop, count_fire, s);
    if (st == ST_OK)
        st = loop_poll_create(&s->poll, s->loop, fd, read_one, s);
    if (st == ST_OK)
        st = loop_signal_create(&s->signal, s->loop, SIGUSR2, destroy_signal, s);
    if (st == ST_OK)
        st = loop_hook_create(&s->hook, s->loop, count_before, count_after, s);
    return st;
}

/* --- work beside the loop --------------------------------------------------------------------- */

static void work_a_while(void *arg)
{
    const struct timespec t = {0, 30000000};

    nanosleep(&t, NULL);
    ((struct scene *)arg)->work++;
}

static void work_again(void *arg)
{
    struct scene *s = arg;

    s->after++;
    if (s->after < 3)
        assert_int_equal(loop_work_start(s->beside), ST_OK);
}

static void work_beside_the_loop_stops_nothing_and_can_be_started_again(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_work_create(&s->beside, s->loop, work_a_while, work_again, s), ST_OK);
    assert_int_equal(loop_timer_create(&s->timer, s->loop, count_fire, s), ST_OK);
    loop_timer_start(s->timer, 5, 0);
    assert_int_equal(loop_work_start(s->beside), ST_OK);
    loop_turn(s->loop, 10);
    assert_int_equal(s->fired, 1); /* while it works */
    loop_timer_destroy(s->timer);
    loop_run(s->loop); /* it keeps the loop alive */
    assert_int_equal(s->work, 3);
    assert_int_equal(s->after, 3);
    loop_work_destroy(s->beside);
}

static void work_that_is_destroyed_is_waited_for_and_not_told(void **state)
{
    struct scene *s = *state;

    assert_int_equal(loop_work_create(&s->beside, s->loop, work_a_while, work_again, s), ST_OK);
    assert_int_equal(loop_work_start(s->beside), ST_OK);
    loop_work_destroy(s->beside);
    assert_int_equal(s->work, 1);
    loop_turn(s->loop, 10);
    assert_int_equal(s->after, 0);
}

static void creating_survives_every_failed_allocation(void **state)
{
    enum status st = ST_NOMEM;
    unsigned long n;
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    for (n = 1; st == ST_NOMEM; n++) {
        struct scene s = {0};

        mem_fail_at(n);
        st = create_all(&s, ends[0]);
        mem_fail_at(0);
        loop_hook_destroy(s.hook);
        loop_signal_destroy(s.signal);
        loop_poll_destroy(s.poll);
        loop_timer_destroy(s.timer);
        loop_destroy(s.loop);
    }
    assert_int_equal(st, ST_OK);
    assert_int_equal(n, 7); /* five blocks: the sixth round succeeds */
    close(ends[0]);
    close(ends[1]);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(a_timer_fires_once_after_its_delay),
        IN_SCENE(a_repeating_timer_stops_in_its_own_callback_when_destroyed),
        IN_SCENE(a_timer_destroyed_by_another_one_due_with_it_stays_silent),
        IN_SCENE(a_stopped_timer_can_start_again),
        IN_SCENE(a_timer_counts_from_when_it_was_started_not_from_the_loop_s_birth),
        IN_SCENE(clocks_agree_and_go_forward),
        IN_SCENE(a_turn_without_work_waits_as_long_as_told),
        IN_SCENE(randomness_differs),
        IN_SCENE(a_readable_descriptor_is_told_until_it_is_stopped),
        IN_SCENE(a_poll_destroyed_in_its_own_callback_leaves_its_descriptor_free),
        IN_SCENE(a_descriptor_can_be_watched_once_and_files_not_at_all),
        IN_SCENE(a_signal_is_told_in_the_loop_and_keeps_it_not_alive),
        IN_SCENE(a_hook_with_work_forbids_the_wait_and_one_without_allows_it),
        IN_SCENE(a_hook_keeps_no_loop_alive),
        IN_SCENE(hooks_destroyed_by_the_first_of_them_stay_silent),
        IN_SCENE(hooks_destroyed_after_the_wait_stay_silent_too),
        IN_SCENE(work_beside_the_loop_stops_nothing_and_can_be_started_again),
        IN_SCENE(work_that_is_destroyed_is_waited_for_and_not_told),
        cmocka_unit_test(creating_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
