/* gateway - BUILD/eocbus-sensor as a process without any broker of the bus in reach: what it made
 * of what came in is looked up in its outbox. Channels: gusar.stage (1, millimetres) and gusar.rain
 * (2, tenths of a millimetre). */
#ifndef EOCBUS_TESTS_LIB_GATEWAY_H
#define EOCBUS_TESTS_LIB_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>

struct gateway;

/* more: further lines of its settings. It does not run yet. */
struct gateway *gateway_create(const char *more);
const char *gateway_conf(const struct gateway *g); /* path of its settings */
const char *gateway_dir(const struct gateway *g);
void gateway_start(struct gateway *g);
void gateway_kill(struct gateway *g); /* -9 */
/* SIGTERM; fails the test unless it ends with 0. */
void gateway_end(struct gateway *g);
bool gateway_runs(struct gateway *g);
int gateway_pid(const struct gateway *g);
void gateway_destroy(struct gateway *g);

/* How often each value 0..count-1 of gusar.stage is in its outbox; values beyond are not counted.
 */
void gateway_values(struct gateway *g, unsigned *times, size_t count);
/* Waits until each value first..first+count-1 is there (two minutes at most); how many are. */
size_t gateway_wait(struct gateway *g, unsigned first, size_t count);
/* Its log so far; borrowed until the next call. */
const char *gateway_log(struct gateway *g);
/* Waits for words in its log; false after a minute. */
bool gateway_said(struct gateway *g, const char *words);

#endif
