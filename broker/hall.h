/* hall - what broker.c and report.c share; nobody else includes this. */
#ifndef EOCBUS_BROKER_HALL_H
#define EOCBUS_BROKER_HALL_H

#include "broker/access/access.h"
#include "broker/admin/admin.h"
#include "broker/broker.h"
#include "broker/egress/egress.h"
#include "broker/ingress/ingress.h"
#include "broker/router/router.h"
#include "broker/store/store.h"
#include "proto/base/loop.h"
#include "proto/base/zport.h"

struct broker {
    struct broker_setup set;
    struct config *config; /* of the setup */
    struct loop *loop;
    struct zctx *zctx;
    struct access *access;
    struct zport *port;
    struct store *store;
    struct ingress *ingress;
    struct router *router;
    struct egress *egress;
    struct admin *admin;
    struct loop_signal *term, *interrupt, *hangup;
    struct loop_timer *goodbye;
    struct parcel *routing; /* the one that is being handed to the listeners */
    const struct parcel *warning; /* likewise, one without a number */
    uint64_t started_us;
    bool asking, ask_again; /* for the principals */
    bool is_ending;
};

void report_collect(void *arg, struct admin_report *out);

#endif
