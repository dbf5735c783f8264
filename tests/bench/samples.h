/* samples - measured times of one kind, and what is printed of them. */
#ifndef EOCBUS_TESTS_BENCH_SAMPLES_H
#define EOCBUS_TESTS_BENCH_SAMPLES_H

#include <stddef.h>

enum { SAMPLES = 200000 }; /* more are not kept */

struct samples {
    double ms[SAMPLES];
    size_t n;
};

void samples_add(struct samples *s, double ms);
/* One line: how many, p50, p95, p99, the greatest. Sorts them. */
void samples_print(struct samples *s, const char *what);

#endif
