/* hall - what the files of this folder share; no room includes this.
 *
 * broker.c makes the rooms, door.c the way in, hallway.c hands on, settings.c says how much,
 * report.c counts. */
#ifndef EOCBUS_BROKER_HALL_H
#define EOCBUS_BROKER_HALL_H

#include <stdio.h>

#include "broker/access/access.h"
#include "broker/admin/admin.h"
#include "broker/broker.h"
#include "broker/egress/egress.h"
#include "broker/ingress/ingress.h"
#include "broker/router/router.h"
#include "broker/store/store.h"
#include "proto/base/loop.h"
#include "proto/base/zport.h"

struct keep;
struct heads;
struct signer;

struct broker {
    struct broker_setup set;
    struct config *config; /* of the setup */
    struct loop *loop;
    struct zctx *zctx;
    struct signer *signer; /* NULL: the key file has no signing pair */
    struct access *access;
    struct zport *port;
    struct store *store;
    struct ingress *ingress;
    struct router *router;
    struct egress *egress;
    struct keep *keep;
    struct heads *heads;
    struct admin *admin;
    struct loop_signal *term, *interrupt, *hangup;
    struct loop_timer *goodbye;
    struct parcel *routing;       /* the one that is being handed to the listeners */
    const struct parcel *warning; /* likewise, one without a number */
    uint64_t started_us;
    uint8_t own_key[32];    /* public half of key.file */
    char listens_also[128]; /* endpoint.next, once it is bound */
    bool asking, ask_again; /* for the principals */
    bool is_ending;
};

/* door.c: loop, ZAP, files, port. EXIT_DONE, or the code to end with and a sentence in `err`. */
int hall_open_door(struct broker *b, char *err, size_t err_size);
/* The pinned officers, read again; ST_OK if there are none to be pinned. On an error those that
 * were pinned stay, and `err` is a sentence. */
MUST_CHECK enum status hall_pin_officers(struct broker *b, char *err, size_t err_size);
/* endpoint.next, if it is set and not bound yet. ST_EXISTS: another one is, until the restart. */
MUST_CHECK enum status hall_listen_also(struct broker *b, char *err, size_t err_size);
/* "what: st" into `err`; answers `code`. */
int hall_explain(int code, char *err, size_t err_size, const char *what, enum status st);

/* hallway.c: what each room calls. */
void hall_ask_principals(struct broker *b); /* anew, once the list under way is done */
struct zport_events hall_port_events(struct broker *b);
struct ingress_exits hall_ingress(struct broker *b);
struct store_exits hall_store(struct broker *b);
struct egress_exits hall_egress(struct broker *b);

void hall_ask_principals(struct broker *b);

/* keep.c: the principals on the broker's disk, and how old what it knows may be. */
struct keep_counters {
    uint64_t written, failed; /* files */
    uint64_t age_s;           /* since the database confirmed the rights in force */
    bool is_closed;           /* too old: listeners get nothing but alarms */
    bool is_kept;             /* in force is what the file said */
};
MUST_CHECK enum status keep_create(struct keep **out, struct broker *b);
void keep_destroy(struct keep *k); /* waits for a file that is being written */
/* A list is in force that was read just now; false: it was asked for only to be sure. */
bool keep_principals_read(struct keep *k);
uint64_t keep_age_s(const struct keep *k);
void keep_counters(const struct keep *k, struct keep_counters *out);

/* heads.c: where the chain over the log stands, said once a minute. */
struct heads_counters {
    uint64_t said;
    bool is_mute; /* no signing key, or no principal with this broker's key */
};
MUST_CHECK enum status heads_create(struct heads **out, struct broker *b);
void heads_destroy(struct heads *h); /* before the store */
void heads_counters(const struct heads *h, struct heads_counters *out);

/* settings.c */
struct store_settings hall_store_settings(const struct broker *b);
struct ingress_settings hall_ingress_settings(const struct broker *b);
struct egress_settings hall_egress_settings(const struct broker *b);
void hall_apply_settings(struct broker *b); /* those that rooms take while they run */
void hall_say_settings(struct broker *b);   /* those in force, for the record; no secret is told */
void hall_reload(struct broker *b, char *text, size_t size); /* text: what came of it */
void hall_admin_reload(void *arg, FILE *out);
void hall_admin_settings(void *arg, FILE *out);

/* report.c */
void report_collect(void *arg, struct admin_report *out);
void report_agents(void *arg, FILE *out);

#endif
