/* demo - a whole bus in one folder: set up, kept running, played to the end and counted. Private to
 * demo*.c.
 *
 *   DIR/pg       data of the private PostgreSQL      DIR/conf     settings, one file an agent
 *   DIR/sock     its socket, nothing else            DIR/keys     key pairs, 0600
 *   DIR/log      what each program says              DIR/outbox   outboxes
 *   DIR/listener.record   what the listener heard    DIR/plan.done   lines of the plan that ended
 *   DIR/pids     who runs now                        DIR/lock     one supervisor at a time
 *   DIR/conf/officers   who may enrol, pinned in broker and agents; their keys are officer1 and
 *                       officer2
 *
 * From the ground up: demo_dir.c, demo_children.c, demo_postgres.c, then demo_enrol.c, demo_seal.c
 * and demo_page.c, demo_setup.c, demo_play.c, demo_count.c, and demo.c. */
#ifndef EOCBUS_CTL_DEMO_H
#define EOCBUS_CTL_DEMO_H

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/plan.h"
#include "agents/ctl/supervise.h"
#include "proto/base/keys.h"

struct demo {
    struct ctl *ctl;
    const char *dir, *bin, *data;
    bool once;

    struct arena *arena; /* of everything below that is text */
    struct plan plan;
    struct supervise *sup;
    const char *pg_bin, *database; /* conninfo of the owner */
    char endpoint[64], broker_key[64];
    int lock_fd, postgres, broker, listener, daemons[32];
    unsigned daemon_count, page_port;
    char pids[2048]; /* as last written to DIR/pids */
};

enum { DEMO_PATIENCE_MS = 60000 };

/* --- demo_dir.c ------------------------------------------------------------------------------- */

/* "DIR/…"; never NULL (out of memory ends the program: nothing could be done about it here). */
const char *demo_path(struct demo *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
void demo_tell(const char *sentence);
/* Whole file into the arena, NUL-terminated; NULL if it is not there. */
const char *demo_read_file(struct demo *d, const char *path);

/* From here on each int is -1 to go on, else an exit code; what was wrong was said. */

/* Renamed into place, so that nobody reads half a file. */
int demo_write_file(struct demo *d, const char *path, const struct buf *b);
int demo_open_dir(struct demo *d);

/* --- demo_children.c -------------------------------------------------------------------------- */

/* supervise_turn, and DIR/pids brought up to date. False once somebody asked us to end. */
bool demo_turn(struct demo *d, unsigned wait_ms);
bool demo_pause(struct demo *d, unsigned ms); /* turns, for so long */
/* Runs a command to its end while everything else is supervised: exit status, 128 + signal, or -1
 * when somebody asked us to end. Output goes to `log`. */
int demo_run(struct demo *d, const char *name, const char *const *argv, const char *log);

/* --- demo_postgres.c -------------------------------------------------------------------------- */

int demo_start_postgres(struct demo *d);
/* Asks the database again and again until it answers or patience ends: a killed PostgreSQL comes
 * back. */
MUST_CHECK enum status
demo_ask(struct demo *d, enum status (*ask)(struct db *db, void *arg, char *err, size_t err_size),
         void *arg, char *err, size_t err_size);

/* --- keys, settings, the page ----------------------------------------------------------------- */

/* keys/SHORT.key, made if it is not there. */
int demo_key(struct demo *d, const char *short_name, const char *name, struct keys *k);
/* By the signatures of both officers; whoever has a record keeps it. */
int demo_enrol(struct demo *d, const struct plan_agent *agents, unsigned count);
int demo_write_readers(struct demo *d); /* demo_seal.c: seal keys of registries */
/* demo_page.c: the dispatchers' page, if one takes part. */
bool demo_is_page(const struct plan_agent *a);
int demo_open_page(struct demo *d);
void demo_put_page(struct demo *d, struct buf *b); /* its settings */
int demo_give_keys(struct demo *d);                /* with them, for who approves orders */
void demo_tell_page(struct demo *d);
/* demo_port.c: this port of 127.0.0.1 is for a server of this night, or, if somebody has it, any
 * free one; false if there is none. It is ours until this process ends. */
MUST_CHECK bool demo_take_port(unsigned *port);

/* --- the whole -------------------------------------------------------------------------------- */

int demo_prepare_database(struct demo *d);
int demo_write_settings(struct demo *d);
int demo_start_bus(struct demo *d);
int demo_play(struct demo *d);
int demo_count(struct demo *d);

#endif
