#include "proto/base/utc.h"

#include <sys/timex.h>

#include "proto/base/banned.h"

/* Of the two errors the larger one: systemd-timesyncd says an estimate of 0 and lets the kernel
 * raise the most by 500 ppm until it has heard from its server again. */
void utc_ask(struct utc_state *out)
{
    struct timex kernel = {.modes = 0};
    int state = adjtimex(&kernel);
    long most_us = kernel.esterror > kernel.maxerror ? kernel.esterror : kernel.maxerror;

    *out = (struct utc_state){.is_known = state >= 0};
    if (state < 0)
        return;
    out->is_kept = !(kernel.status & STA_UNSYNC);
    out->err_ms = most_us > 0 ? (uint32_t)((most_us + 999) / 1000) : 0;
}
