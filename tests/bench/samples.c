/* samples - see samples.h. */
#include "tests/bench/samples.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/banned.h"

void samples_add(struct samples *s, double ms)
{
    if (s->n < SAMPLES)
        s->ms[s->n++] = ms;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double part_of(const struct samples *s, double part)
{
    return s->ms[(size_t)((double)(s->n - 1) * part + 0.5)];
}

void samples_print(struct samples *s, const char *what)
{
    if (!s->n) {
        printf("%-36s n=0\n", what);
        return;
    }
    qsort(s->ms, s->n, sizeof(*s->ms), by_value);
    printf("%-36s n=%zu p50=%.1f p95=%.1f p99=%.1f max=%.1f ms\n", what, s->n, part_of(s, 0.5),
           part_of(s, 0.95), part_of(s, 0.99), part_of(s, 1));
}
