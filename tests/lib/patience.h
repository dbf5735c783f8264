/* patience - how long a test waits before it gives up, and what it holds time against.
 *
 * The thread sanitizer makes a program five to fifteen times slower, and both ends of a test at
 * once. What is promised holds there as well, only later: every deadline is multiplied with
 * PATIENCE. What is measured says nothing there: an assertion about speed is looked at only without
 * it. */
#ifndef EOCBUS_TESTS_LIB_PATIENCE_H
#define EOCBUS_TESTS_LIB_PATIENCE_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#if defined(__SANITIZE_THREAD__)
#define PATIENCE 8
#else
#define PATIENCE 1
#endif

static inline uint64_t patience_clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Takes one `turn` after another until the condition holds. After so many seconds it fails the
 * test, with how things stand then: a format and what it says. A test that waits often names its
 * turn and what it tells once, as its WAIT_FOR. */
#define WAIT_UNTIL(condition, seconds, turn, ...)                                                  \
    do {                                                                                           \
        const unsigned most_s_ = PATIENCE * (seconds);                                             \
        const uint64_t end_ = patience_clock_us() + most_s_ * UINT64_C(1000000);                   \
        while (!(condition)) {                                                                     \
            if (patience_clock_us() > end_) {                                                      \
                print_error("waited %u s for: %s\n", most_s_, #condition);                         \
                fail_msg(__VA_ARGS__);                                                             \
            }                                                                                      \
            turn;                                                                                  \
        }                                                                                          \
    } while (0)

/* An assertion about speed or size, not about a promise that holds on every machine. */
#if defined(__SANITIZE_THREAD__)
#define assert_swift(condition)                                                                    \
    (void)((condition) ||                                                                          \
           printf("not asked of the thread sanitizer's speed and size: %s\n", #condition))
#else
#define assert_swift(condition) assert_true(condition)
#endif

#endif
