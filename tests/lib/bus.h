/* bus - a real broker for one test: its own PostgreSQL, key, directory and port on this machine, as
 * a child process that can be killed, ended and started again. Every failure here fails the test.
 */
#ifndef EOCBUS_TESTS_LIB_BUS_H
#define EOCBUS_TESTS_LIB_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/base/keys.h"
#include "tests/lib/pgserver.h"

struct bus;

struct bus *bus_create(void); /* database and keys; the broker is not started */
/* Another broker on the same database, with the same key, at another port. Destroy it first. */
struct bus *bus_beside(struct bus *b);
/* A broker that runs is ended by SIGTERM and must end well: its leaks are seen then. */
void bus_destroy(struct bus *b);
/* The broker of another build, for what is measured without sanitizers; false if there is none. */
bool bus_use_build(struct bus *b, const char *build);

/* Before it is started: another address than 127.0.0.1, of the namespace the caller is in then. */
void bus_listen_at(struct bus *b, const char *address);

struct pgserver *bus_server(struct bus *b);
const char *bus_endpoint(const struct bus *b);   /* tcp://127.0.0.1:port */
const char *bus_broker_key(const struct bus *b); /* Z85, public */
const char *bus_dir(const struct bus *b);        /* broker.log, broker.sock, broker.key */

/* A key pair, enrolled under this name. */
void bus_enrol(struct bus *b, const char *name, struct keys *out);

/* Starts it with further "-o" settings (NULL-terminated list or NULL), and with those of
 * broker.conf if a test has put that into bus_dir, and waits until it listens. */
void bus_start_broker(struct bus *b, const char *const *settings);
void bus_kill_broker(struct bus *b); /* kill -9 */
/* SIGTERM; its exit code. *took_ms may be NULL. */
int bus_end_broker(struct bus *b, unsigned *took_ms);
pid_t bus_broker_pid(const struct bus *b);
unsigned long bus_broker_resident_kib(const struct bus *b);
/* What it wrote on standard error since it was started, from the beginning. */
void bus_read_log(const struct bus *b, char *text, size_t size);

/* How many of its lines hold the words. */
unsigned bus_log_lines(const struct bus *b, const char *words);

/* One question to the control socket: status, metrics, settings, reload. */
void bus_ask(const struct bus *b, const char *question, char *text, size_t size);
/* One number of `status`; yes is 1, no is 0. */
unsigned long long bus_status(const struct bus *b, const char *key);

/* Runs the broker's program until it ends by itself; its exit code. What it wrote on standard error
 * is in `text`. */
int bus_run_broker(struct bus *b, const char *const *settings, char *text, size_t size);

#endif
