/* metrics - a report as text: key=value lines for people and scripts, and Prometheus' text format
 * (exposition format 0.0.4). Both come from one table. Pure, but for metrics_resident_bytes. */
#ifndef EOCBUS_BROKER_ADMIN_METRICS_H
#define EOCBUS_BROKER_ADMIN_METRICS_H

#include <stdint.h>

#include "broker/admin/admin.h"
#include "proto/base/mem.h"

void metrics_print_status(struct buf *out, const struct admin_report *r);
void metrics_print_prometheus(struct buf *out, const struct admin_report *r);
/* Memory of this process now, from /proc/self/statm; 0 = unknown. */
uint64_t metrics_resident_bytes(void);

#endif
