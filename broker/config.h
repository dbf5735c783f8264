/* config - the settings of the broker: one table of rows is the file, the sample file, the checks
 * and what a reload may change. Units stand in the names. */
#ifndef EOCBUS_BROKER_CONFIG_H
#define EOCBUS_BROKER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/conf.h"

struct config {
    char *cache_file; /* access.cache_file */
    char *name, *hub, *endpoint, *key_file, *database, *control_socket, *log_level;
    char *endpoint_next, *key_next;                        /* endpoint.next, key.next */
    char *officers_file;                                   /* trust.officers */
    bool takes_unsigned;                                   /* access.unsigned_enrolment */
    unsigned batch_rows, queue_rows, commit_ms, follow_ms; /* store.* */
    size_t queue_bytes;                                    /* store.queue_bytes */
    unsigned cache_age_ms;                                 /* access.cache_age */
    bool needs_standby;                                    /* store.standby */
    unsigned ingress_window_items, sessions_max, sessions_per_principal,
        quarantine_per_hour;                        /* ingress.* */
    unsigned messages_per_second, flash_per_minute; /* ingress.* */
    size_t bytes_per_second;                        /* ingress.bytes_per_second */
    size_t ingress_window_bytes;                    /* ingress.window_bytes */
    size_t egress_window_bytes;                     /* egress.window_bytes */
    unsigned page_rows, horizon_ms;                 /* egress.* */
    unsigned audit_head_ms;                         /* audit.head */
    unsigned heartbeat_ms, heartbeat_timeout_ms;
    bool lets_unsigned; /* access.unsigned */
};

/* The rows, for conf_load, conf_print and struct program. */
const struct conf_row *config_rows(size_t *count);

/* What no single row can say: ST_INVALID when two settings contradict each other; `err` is one
 * sentence that names both. */
MUST_CHECK enum status config_check(const struct config *c, char *err, size_t err_size);

/* For SIGHUP: of settings that were read anew, those that may change while the broker runs are
 * taken over into `now`; for the others `waiting` lists the names that differ and wait for a
 * restart ("" = none). On ST_INVALID nothing changed and `waiting` is the sentence why.
 * *next is still the caller's to free. */
MUST_CHECK enum status config_adopt(struct config *now, struct config *next, char *waiting,
                                    size_t waiting_size);

#endif
