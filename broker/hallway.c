/* The hallway: what a room calls when it has something for another one. Only these lines know both.
 *
 * What goes through here is one call long. The only thing remembered is the parcel that the router
 * is naming listeners for, and whether the principals are being read. */
#include "broker/hall.h"

#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* --- from the port ---------------------------------------------------------------------------- */

static void on_message(void *arg, const struct zport_message *m)
{
    struct broker *b = arg;

    ingress_on_message(b->ingress, m);
}

static void on_broken(void *arg, const struct zport_message *m)
{
    struct broker *b = arg;

    ingress_on_broken(b->ingress, m);
}

static void on_writable(void *arg)
{
    struct broker *b = arg;

    ingress_writable(b->ingress);
    egress_writable(b->egress);
}

/* --- from ingress ----------------------------------------------------------------------------- */

static enum status send_to(void *arg, const struct zport_id *to, const void *data, size_t len)
{
    struct broker *b = arg;

    return zport_send(b->port, to, data, len);
}

static enum status submit(void *arg, struct parcel **take)
{
    struct broker *b = arg;

    return store_submit(b->store, take);
}

static bool is_store_here(void *arg)
{
    struct broker *b = arg;

    return store_is_here(b->store);
}

static void tell_log_place(void *arg, uint32_t *log_epoch, uint64_t *head)
{
    struct broker *b = arg;

    *log_epoch = store_log_epoch(b->store);
    *head = store_head(b->store);
}

static const struct log_past *tell_log_past(void *arg)
{
    struct broker *b = arg;

    return store_log_past(b->store);
}

static void on_claim(void *arg, int32_t principal_id, uint32_t log_epoch, uint64_t seq)
{
    struct broker *b = arg;

    store_claim(b->store, principal_id, log_epoch, seq);
}

static void listen(void *arg, uint64_t session, const char *principal,
                   const Eocbus__V1__Frame *frame)
{
    struct broker *b = arg;

    egress_on_frame(b->egress, session, principal, frame);
}

static void on_session_gone(void *arg, uint64_t session)
{
    struct broker *b = arg;

    egress_session_gone(b->egress, session);
}

static bool hang_up(void *arg, int fd, uint64_t connection, bool only_unread)
{
    struct broker *b = arg;

    return zport_hang_up(b->port, fd, connection, only_unread);
}

static void warn_one(void *arg, void *listener)
{
    struct broker *b = arg;

    egress_warn_one(b->egress, listener, b->warning);
}

static void withdraw_one(void *arg, void *listener)
{
    struct broker *b = arg;

    egress_withdraw_one(b->egress, listener, b->warning);
}

static void route_warning(struct broker *b, const struct parcel *p,
                          void (*each)(void *arg, void *listener))
{
    struct topics topics;

    if (!router_patterns(b->router))
        return;
    b->warning = p;
    parcel_topics(&topics, p);
    router_route(b->router, &topics, each, b);
    b->warning = NULL;
}

static void tell_warnings(void *arg, uint64_t after,
                          bool (*each)(void *arg, const struct parcel *p), void *each_arg)
{
    struct broker *b = arg;

    ingress_warnings(b->ingress, after, each, each_arg);
}

static void warn(void *arg, const struct parcel *p)
{
    struct broker *b = arg;

    route_warning(b, p, warn_one);
    egress_warned(b->egress);
}

static void withdraw(void *arg, const struct parcel *p)
{
    route_warning(arg, p, withdraw_one);
}

/* --- from the store --------------------------------------------------------------------------- */

static void on_settled(void *arg, struct parcel *p)
{
    struct broker *b = arg;

    ingress_settled(b->ingress, p);
}

static void on_settled_all(void *arg)
{
    struct broker *b = arg;

    ingress_settled_all(b->ingress);
}

static void on_again(void *arg, struct parcel *p)
{
    struct broker *b = arg;

    ingress_again(b->ingress, p);
}

static void on_epoch(void *arg, uint32_t log_epoch)
{
    struct broker *b = arg;

    ingress_log_epoch(b->ingress, log_epoch);
    egress_store_here(b->egress);
}

static void hand_over(void *arg, void *listener)
{
    struct broker *b = arg;

    egress_routed_one(b->egress, listener, b->routing);
}

static void on_next(void *arg, struct parcel **take)
{
    struct broker *b = arg;
    struct topics topics;

    b->routing = *take;
    *take = NULL;
    ingress_logged(b->ingress, b->routing);
    if (router_patterns(b->router)) {
        parcel_topics(&topics, b->routing);
        router_route(b->router, &topics, hand_over, b);
    }
    egress_routed(b->egress, b->routing);
    parcel_drop(&b->routing);
}

static void on_here(void *arg, bool here, uint32_t log_epoch, uint64_t head)
{
    struct broker *b = arg;

    (void)head; /* egress asks for it itself */
    if (!here)
        return;
    ingress_log_epoch(b->ingress, log_epoch);
    egress_store_here(b->egress);
}

/* --- principals ------------------------------------------------------------------------------- */

static void ask_principals(void *arg);

static void finish_principals(struct broker *b, enum status st)
{
    b->asking = false;
    if (st == ST_OK)
        st = access_commit(b->access);
    if (st == ST_OK) {
        egress_recheck(b->egress); /* first: it holds what the old list knew */
        ingress_recheck(b->ingress);
        if (keep_principals_read(b->keep))
            log_info("broker.principals", "count=%zu", access_open(b->access));
    } else {
        store_principals_unread(b->store); /* a revocation may be among them */
    }
    if (b->ask_again)
        ask_principals(b);
}

/* Borrows; access copies. */
static struct principal principal_of(const struct store_principal *row)
{
    struct principal p = {
        .principal_id = row->principal_id,
        .name = (char *)row->name,
        .agency = (char *)row->agency,
        .roles = (char *)row->roles,
        .places = (char *)row->places,
        .not_after_us = row->not_after_us,
        .has_sign_key = row->sign_key != NULL,
        .serial = row->serial,
        .enrolment = (uint8_t *)row->enrolment,
        .enrolment_len = row->enrolment_len,
        .is_shut = row->is_shut,
        .revoked_us = row->revoked_us,
        .revocation = (uint8_t *)row->revocation,
        .revocation_len = row->revocation_len,
    };

    memcpy(p.public_key, row->public_key, sizeof(p.public_key));
    if (row->sign_key)
        memcpy(p.sign_key, row->sign_key, sizeof(p.sign_key));
    return p;
}

static void on_principal(void *arg, enum status st, const struct store_principal *row)
{
    struct broker *b = arg;

    if (st != ST_OK || !row || !row->name) {
        finish_principals(b, st);
        return;
    }
    struct principal p = principal_of(row);
    if (row->rules && access_rules(b->access, row->rules) != ST_OK)
        log_error("broker.rules", "next=\"the old rights stay\"");
    if (access_add(b->access, &p) != ST_OK)
        log_error("broker.principal", "name=%s next=\"not admitted\"", row->name);
}

/* One list at a time: access builds one new list, and two answers must not mix in it. */
static void ask_principals(void *arg)
{
    struct broker *b = arg;

    b->ask_again = b->asking;
    if (b->asking)
        return;
    b->asking = true;
    access_begin(b->access);
    if (store_principals(b->store, on_principal, b) != ST_OK)
        b->asking = false; /* the store says `principals` again when it can be asked */
}

void hall_ask_principals(struct broker *b)
{
    ask_principals(b);
}

/* --- from egress ------------------------------------------------------------------------------ */

static enum status send_to_session(void *arg, uint64_t session, const void *data, size_t len)
{
    struct broker *b = arg;
    struct zport_id to;

    if (!ingress_address(b->ingress, session, &to))
        return ST_NOTFOUND;
    return zport_send(b->port, &to, data, len);
}

static void on_session_lost(void *arg, uint64_t session)
{
    struct broker *b = arg;

    ingress_session_lost(b->ingress, session);
}

static enum status may_listen(void *arg, uint64_t session, const char *pattern, struct refusal *why)
{
    struct broker *b = arg;
    const struct principal *p = ingress_who(b->ingress, session);

    return p ? access_may_listen(b->access, p, pattern, why) : ST_DENIED;
}

static const struct principal *find_who(void *arg, uint64_t session)
{
    struct broker *b = arg;

    return ingress_who(b->ingress, session);
}

static void limit_session(void *arg, uint64_t session, size_t *frame_bytes, size_t *window_bytes)
{
    struct broker *b = arg;
    const struct link_limits *link = ingress_link(b->ingress, session);

    if (link->frame_bytes && link->frame_bytes < *frame_bytes)
        *frame_bytes = link->frame_bytes;
    if (link->window_bytes && link->window_bytes < *window_bytes)
        *window_bytes = link->window_bytes;
}

static enum status read_page(void *arg, uint64_t after, uint64_t upto, unsigned rows,
                             unsigned lanes, const char *to, store_page_fn page, void *page_arg)
{
    struct broker *b = arg;

    return store_read(b->store, after, upto, rows, lanes, to, page, page_arg);
}

static enum status read_last(void *arg, uint64_t after, uint64_t upto, unsigned rows,
                             store_page_fn page, void *page_arg)
{
    struct broker *b = arg;

    return store_read_last(b->store, after, upto, rows, page, page_arg);
}

static enum status find_time(void *arg, int64_t time_us, store_page_fn page, void *page_arg)
{
    struct broker *b = arg;

    return store_find_time(b->store, time_us, page, page_arg);
}

static void cancel_page(void *arg, void *page_arg)
{
    struct broker *b = arg;

    store_read_cancel(b->store, page_arg);
}

static struct cursor *open_cursor(void *arg, const char *name, struct durable_name *what,
                                  durable_fn told, void *told_arg)
{
    struct broker *b = arg;
    const struct principal *p = access_find(b->access, name);

    if (!p)
        return NULL;
    what->principal_id = p->principal_id;
    return store_cursor_open(b->store, what, told, told_arg);
}

static void move_cursor(void *arg, struct cursor *c, uint32_t log_epoch, uint64_t upto)
{
    (void)arg;
    store_cursor_move(c, log_epoch, upto);
}

static void close_cursor(void *arg, struct cursor **c)
{
    (void)arg;
    store_cursor_close(c);
}

static enum status want(void *arg, const char *pattern, void *listener)
{
    struct broker *b = arg;

    return router_add(b->router, pattern, listener);
}

static void unwant(void *arg, void *listener)
{
    struct broker *b = arg;

    router_remove_listener(b->router, listener);
}

/* --- the doors, wired ------------------------------------------------------------------------- */

struct zport_events hall_port_events(struct broker *b)
{
    return (struct zport_events){
        .arg = b, .message = on_message, .broken = on_broken, .writable = on_writable};
}

struct ingress_exits hall_ingress(struct broker *b)
{
    return (struct ingress_exits){
        .arg = b,
        .send = send_to,
        .submit = submit,
        .store_is_here = is_store_here,
        .log_place = tell_log_place,
        .log_past = tell_log_past,
        .claim = on_claim,
        .listen = listen,
        .session_gone = on_session_gone,
        .hang_up = hang_up,
        .warn = warn,
        .withdraw = withdraw,
    };
}

struct store_exits hall_store(struct broker *b)
{
    return (struct store_exits){
        .arg = b,
        .settled = on_settled,
        .settled_all = on_settled_all,
        .again = on_again,
        .epoch = on_epoch,
        .next = on_next,
        .here = on_here,
        .principals = ask_principals,
    };
}

struct egress_exits hall_egress(struct broker *b)
{
    return (struct egress_exits){
        .arg = b,
        .send = send_to_session,
        .lost = on_session_lost,
        .log_place = tell_log_place,
        .may_listen = may_listen,
        .who = find_who,
        .limit = limit_session,
        .read = read_page,
        .read_last = read_last,
        .find_time = find_time,
        .read_cancel = cancel_page,
        .warnings = tell_warnings,
        .cursor_open = open_cursor,
        .cursor_move = move_cursor,
        .cursor_close = close_cursor,
        .want = want,
        .unwant = unwant,
    };
}
