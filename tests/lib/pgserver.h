/* pgserver - a private PostgreSQL for one test: a UNIX socket in a temporary directory, fsync on
 * (but see below), the schema migrated, and everything that can happen to a server.
 *
 * The cluster is made once per machine and schema (initdb and migrations take seconds) and copied
 * for each test, in the folder that TEST_SERVERS names (/tmp): in memory, a disk that others keep
 * busy costs no test its patience; and a server there does not wait for it (fsync is off). As root
 * the server runs as user postgres. It ends with the test, whatever happens to it. Every failure
 * here fails the test. */
#ifndef EOCBUS_TESTS_LIB_PGSERVER_H
#define EOCBUS_TESTS_LIB_PGSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pgserver;

struct pgserver *pgserver_start(void);
/* In an empty directory of the caller's, which stays: a disk that can be filled, for example. */
struct pgserver *pgserver_start_in(const char *dir);
void pgserver_end(struct pgserver *s); /* stops it and removes its files */

/* From the next start on it listens at this address of the loopback too, port 5432, for TLS with a
 * certificate of the client alone: `server.crt`, `server.key` and `clients.crt` (the CA) lie in its
 * data folder by now. */
void pgserver_listen_at(struct pgserver *s, const char *address);
void pgserver_data(const struct pgserver *s, char *path, size_t size); /* its data folder */

/* A copy of a running server that follows it, as a standby, in the place of `lost`, which does not
 * run any more and whose data are thrown away (NULL: a new place). tests/lib/pgpair.h has more. */
struct pgserver *pgserver_follow(struct pgserver *lost, const struct pgserver *primary);

/* "host=… dbname=eocbus user=bus_ingest"; borrowed until the next call. */
const char *pgserver_conninfo(struct pgserver *s, const char *role);
const char *pgserver_socket(const struct pgserver *s); /* directory */

void pgserver_stop(struct pgserver *s);           /* fast: sessions are cut, a checkpoint is made */
void pgserver_stop_immediate(struct pgserver *s); /* as pg_ctl -m immediate */
void pgserver_kill(struct pgserver *s);           /* kill -9 of all its processes */
void pgserver_start_again(struct pgserver *s);    /* after one of the three */
/* The same where it may fail, as on a full disk: false, and it may still be trying. */
bool pgserver_try_start(struct pgserver *s, unsigned seconds);
bool pgserver_is_alive(struct pgserver *s); /* false: it ended by itself, or was never started */
void pgserver_freeze(struct pgserver *s);   /* SIGSTOP of all its processes */
void pgserver_thaw(struct pgserver *s);

/* As superuser. exec: one or more statements; number and text: the first column of the only row,
 * NULL text for null. Texts are borrowed until the next call. */
void pgserver_exec(struct pgserver *s, const char *sql);
int64_t pgserver_number(struct pgserver *s, const char *sql);
const char *pgserver_text(struct pgserver *s, const char *sql);
/* Changes of rights and the like are said as audit_event from now on. Not at first, so that the
 * first message of a test has number 1. */
void pgserver_record_events(struct pgserver *s);
/* From now on these ask another database of the same server; "eocbus" at first. */
void pgserver_use(struct pgserver *s, const char *dbname);
/* As `role`, always in eocbus: "" if it went well, else the SQLSTATE. */
const char *pgserver_try(struct pgserver *s, const char *role, const char *sql);

#endif
