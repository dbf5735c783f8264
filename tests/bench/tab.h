/* tab - one open page as its server sees it: a stream of news, and the queue asked again after
 * news, at the pace of page/waiting.js (twenty times as long as the last answer took and 2 s at
 * most, or three times as long and 5 s).
 */
#ifndef EOCBUS_TESTS_BENCH_TAB_H
#define EOCBUS_TESTS_BENCH_TAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/samples.h"

enum { TAB_TEXT = 4096, TAB_STREAM = 1 << 18, TAB_COOKIE = 200 };

struct tab {
    int news, view;
    unsigned port;
    size_t len, want, head_len; /* bytes in `text`; what is left of an answer's body */
    char text[TAB_STREAM], head[TAB_TEXT], cookie[TAB_COOKIE];
    bool asks, again;
    uint64_t asked_us, not_before_us;
    int64_t alarm_us;              /* the newest that stood here */
    uint64_t bytes, answer_bytes;  /* of news so far; of the last answer */
    struct samples *flash, *queue; /* borrowed: where the times go */
};

/* Connects to 127.0.0.1; a failure ends the program with a sentence. */
void tab_open(struct tab *t, unsigned port, const char *cookie, struct samples *flash,
              struct samples *queue);
/* Reads what is there, and asks if it is time. now_us counts from anywhere, utc_us is the wall
 * clock's: an alarm is timed from the moment its sender wrote into it. */
void tab_turn(struct tab *t, uint64_t now_us, int64_t utc_us);
void tab_close(struct tab *t);

#endif
