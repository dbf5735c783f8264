/* patience - how long a test waits before it gives up, and what it holds time against.
 *
 * The thread sanitizer makes a program five to fifteen times slower, and both ends of a test at
 * once. What is promised holds there as well, only later: every deadline is multiplied with
 * PATIENCE. What is measured says nothing there: an assertion about speed is looked at only without
 * it. */
#ifndef EOCBUS_TESTS_LIB_PATIENCE_H
#define EOCBUS_TESTS_LIB_PATIENCE_H

#include <stdio.h>

#if defined(__SANITIZE_THREAD__)
#define PATIENCE 8
#else
#define PATIENCE 1
#endif

/* An assertion about speed or size, not about a promise that holds on every machine. */
#if defined(__SANITIZE_THREAD__)
#define assert_swift(condition)                                                                    \
    (void)((condition) ||                                                                          \
           printf("not asked of the thread sanitizer's speed and size: %s\n", #condition))
#else
#define assert_swift(condition) assert_true(condition)
#endif

#endif
