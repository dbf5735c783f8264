/* log - one event a line on standard error: time, level, stable id, what we know.
 *
 *   2026-05-14T20:03:11.482Z warn store.commit.lost rows=212 sqlstate=57P01 retry_ms=400
 *
 * The id is stable (letters, digits, '_' in words joined by '.'), and deploy/runbook.md has a
 * paragraph under it. Control bytes, newlines and escapes in values are escaped, so a message from
 * outside cannot forge a line or talk to a terminal. A line is at most 1,024 bytes. Never log
 * bodies of messages. */
#ifndef EOCBUS_BASE_LOG_H
#define EOCBUS_BASE_LOG_H

#include "proto/base/status.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Least level that is written; default LOG_INFO. */
void log_set_level(enum log_level least);
/* "debug", "info", "warn", "error". */
MUST_CHECK enum status log_level_parse(const char *word, enum log_level *out);

/* Tests may catch lines; NULL restores standard error. */
void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg);

void log_debug(const char *id, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_info(const char *id, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *id, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_error(const char *id, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
