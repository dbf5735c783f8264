/* agent_make - an agent of its settings: keys, pins, outbox, trust, lines; and its end. */
#include <stdio.h>
#include <string.h>

#include "agents/link/agent_parts.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

static enum status copy_endpoints(struct agent *a, const struct agent_settings *set)
{
    a->endpoints = mem_zalloc((set->endpoints.count + 1) * sizeof(*a->endpoints));
    if (!a->endpoints)
        return ST_NOMEM;
    for (size_t i = 0; i < set->endpoints.count; i++) {
        a->endpoints[i] = mem_strdup(set->endpoints.items[i]);
        if (!a->endpoints[i])
            return ST_NOMEM;
        a->endpoint_count++;
    }
    return ST_OK;
}

static enum status load_keys(struct keys *k, struct signer **signer, const char *path, char *err,
                             size_t err_size)
{
    enum status st = keys_load(k, path, err, err_size);

    if (st != ST_OK)
        return st;
    st = signer_create(signer, k);
    explicit_bzero(k->sign_secret_z85, sizeof(k->sign_secret_z85));
    if (st == ST_NOTFOUND)
        log_info("agent.unsigned", "key_file=%s next=\"what is said is not signed\"", path);
    return st == ST_NOTFOUND ? ST_OK : st;
}

static enum status take_keys(struct agent *a, const char *path, char *err, size_t err_size)
{
    keys_hold(&a->keys); /* each new connection needs the secret half */
    return load_keys(&a->keys, &a->signer, path, err, err_size);
}

enum status agent_rekey(struct agent *a, const char *key_file, char *err, size_t err_size)
{
    struct signer *signer = NULL, *old = a->signer;
    struct keys k;
    enum status st = load_keys(&k, &signer, key_file, err, err_size);

    if (st != ST_OK)
        return st;
    bool is_same = !strcmp(k.public_z85, a->keys.public_z85) &&
                   !strcmp(k.sign_public_z85, a->keys.sign_public_z85);
    if (!is_same) {
        memcpy(&a->keys, &k, sizeof(k)); /* in the page that keys_hold holds */
        a->signer = signer;
        if (a->outbox)
            outbox_sign_with(a->outbox, signer);
        log_info("agent.rekey", "public=%s", a->keys.public_z85);
        lines_dial_again(a, "this device has a new key");
    }
    signer_destroy(is_same ? signer : old);
    keys_wipe(&k);
    return ST_OK;
}

static enum status copy_pin(struct agent *a, const char *z85)
{
    char *copy = z85 && *z85 ? mem_strdup(z85) : NULL;

    if (copy)
        a->pins[a->pin_count++] = copy;
    return copy || !z85 || !*z85 ? ST_OK : ST_NOMEM;
}

static enum status check_settings(struct agent *a, const struct agent_settings *set, char *err,
                                  size_t err_size)
{
    a->profile = link_profile_by_name(set->link_profile ? set->link_profile : "4g");
    if (!a->profile)
        snprintf(err, err_size, "link.profile = %s: one of fiber, 4g, 2g, vsat, radio",
                 set->link_profile);
    else if (!set->name || !gate_name_is_valid(set->name))
        snprintf(err, err_size,
                 "name = %s: a principal's name has words of a-z, 0-9 and - joined by "
                 "dots, as in coes.ayni.office",
                 set->name ? set->name : "");
    else if (!set->endpoints.count || set->endpoints.count > LINES_MOST)
        snprintf(err, err_size, "broker.endpoint: name one to %d, as in tcp://10.0.0.1:5511",
                 LINES_MOST);
    else if (!set->broker_key || !keys_z85_is_valid(set->broker_key))
        snprintf(err, err_size,
                 "broker.key: the broker's public key has 40 characters; eocctl keygen "
                 "printed it");
    else if (set->broker_key_next && *set->broker_key_next &&
             !keys_z85_is_valid(set->broker_key_next))
        snprintf(err, err_size, "broker.key.next: a public key has 40 characters");
    else
        return take_keys(a, set->key_file, err, err_size);
    return ST_INVALID;
}

static enum status stay(struct agent *a, const char *path, char *err, size_t err_size)
{
    enum status st = outbox_stay(a->outbox);

    if (st == ST_EXISTS)
        snprintf(err, err_size, "another %.*s already runs with this outbox (%s)",
                 (int)strcspn(a->program, " "), a->program, path);
    else if (st != ST_OK)
        snprintf(err, err_size, "%s", outbox_trouble(a->outbox));
    return st;
}

/* Several programs may put into an outbox, one sends from it. */
static enum status lock_outbox(struct agent *a, const char *path, char *err, size_t err_size)
{
    enum status st = outbox_lock(a->outbox);

    a->sends = st == ST_OK;
    if (st == ST_EXISTS)
        log_info("agent.outbox.shared", "path=%s another program sends from it; this one only puts",
                 path);
    if (st == ST_OK || st == ST_EXISTS)
        return ST_OK;
    snprintf(err, err_size, "%s", outbox_trouble(a->outbox));
    return st;
}

static void on_hungry(void *arg)
{
    struct agent *a = arg;

    a->want_pump = true;
}

static enum status open_outbox(struct agent *a, const struct agent_settings *set, char *err,
                               size_t err_size)
{
    const struct outbox_settings out = {.path = set->outbox_path,
                                        .sender = set->name,
                                        .budget_bytes = set->outbox_budget,
                                        .signer = a->signer};
    struct uplink_settings up = {.loop = a->loop,
                                 .profile = a->profile,
                                 .arg = a,
                                 .send = lines_send_on,
                                 .hungry = on_hungry};
    uint32_t log_epoch;
    uint64_t seq;
    enum status st;

    if (!set->outbox_path || !set->outbox_path[0])
        return ST_OK;
    st = outbox_open(&a->outbox, &out, err, err_size);
    if (st == ST_OK && set->stays)
        st = stay(a, set->outbox_path, err, err_size);
    if (st != ST_OK)
        return st;
    outbox_known(a->outbox, &log_epoch, &seq);
    lines_learn_number(a, log_epoch, seq);
    up.outbox = a->outbox;
    st = uplink_create(&a->uplink, &up);
    return st == ST_OK ? lock_outbox(a, set->outbox_path, err, err_size) : st;
}

static int64_t broker_utc_us(void *arg)
{
    const struct agent *a = arg;

    return loop_utc_us(a->loop) - (a->seen.clock_known ? a->seen.clock_offset_ms * 1000 : 0);
}

static void on_forged(void *arg, const Eocbus__V1__Delivery *m, const Eocbus__V1__Envelope *e,
                      const char *why)
{
    forged_note(arg, m, e, why);
}

/* A listener without an outbox keeps no records unless it is told where. */
static enum status open_trust(struct agent *a, const struct agent_settings *set, char *err,
                              size_t err_size)
{
    struct trust_settings trust = {.officers_file = set->officers_file,
                                   .orders_file = set->orders_file,
                                   .exercises = set->exercises,
                                   .lets_unsigned = set->lets_unsigned};
    struct buf path = {0};
    enum status st;

    if (set->known_file && *set->known_file)
        buf_puts(&path, set->known_file);
    else if (set->outbox_path && *set->outbox_path)
        buf_printf(&path, "%s.known", set->outbox_path);
    buf_put(&path, "", 1);
    if (path.failed)
        return ST_NOMEM;
    if (path.len > 1)
        trust.known_file = (const char *)path.data;
    st = trust_create(&a->trust, &trust, err, err_size);
    buf_free(&path);
    return st;
}

static enum status open_obeyed(struct agent *a, const struct agent_settings *set)
{
    struct buf path = {0};
    enum status st;

    if (!set->outbox_path || !*set->outbox_path)
        return obeyed_open(&a->obeyed, NULL);
    buf_printf(&path, "%s.obeyed", set->outbox_path);
    buf_put(&path, "", 1);
    st = path.failed ? ST_NOMEM : obeyed_open(&a->obeyed, (const char *)path.data);
    buf_free(&path);
    return st;
}

static enum status build(struct agent *a)
{
    const struct downlink_settings down = {.loop = a->loop,
                                           .arg = a,
                                           .send = lines_send,
                                           .send_on = lines_send_on,
                                           .broker_utc_us = broker_utc_us,
                                           .trust = a->trust,
                                           .forged = on_forged};
    enum status st = downlink_create(&a->downlink, &down);

    /* The hook before the socket hub's own: what agent_on_turn sends is seen by the hub in the same
     * turn.
     */
    if (st == ST_OK)
        st = loop_hook_create(&a->hook, a->loop, agent_on_turn, NULL, a);
    if (st == ST_OK)
        st = zctx_create(&a->zctx, a->loop);
    if (st == ST_OK)
        st = loop_timer_create(&a->tick, a->loop, agent_on_tick, a);
    if (st == ST_OK)
        st = loop_timer_create(&a->again, a->loop, lines_offer_more, a);
    if (st == ST_OK)
        st = lines_create(a);
    return st;
}

enum status agent_create(struct agent **out, struct loop *loop, const struct agent_settings *set,
                         const char *program, const struct agent_events *events, char *err,
                         size_t err_size)
{
    struct agent *a = mem_zalloc(sizeof(*a));
    enum status st;

    snprintf(err, err_size, "no memory");
    if (!a)
        return ST_NOMEM;
    a->loop = loop;
    if (events)
        a->events = *events;
    st = check_settings(a, set, err, err_size);
    if (st == ST_OK)
        st = copy_endpoints(a, set);
    a->program = mem_strdup(program);
    if (st == ST_OK)
        st = a->program ? copy_pin(a, set->broker_key) : ST_NOMEM;
    if (st == ST_OK)
        st = copy_pin(a, set->broker_key_next);
    if (st == ST_OK)
        st = open_outbox(a, set, err, err_size);
    if (st == ST_OK)
        st = open_trust(a, set, err, err_size);
    if (st == ST_OK)
        st = open_obeyed(a, set);
    if (st == ST_OK)
        st = build(a);
    if (st != ST_OK) {
        agent_destroy(a);
        return st;
    }
    err[0] = '\0';
    if (a->outbox)
        loop_timer_start(a->tick, AGENT_TICK_MS, AGENT_TICK_MS);
    lines_open(a);
    *out = a;
    return ST_OK;
}

void agent_destroy(struct agent *a)
{
    if (!a)
        return;
    loop_hook_destroy(a->hook);
    loop_timer_destroy(a->tick);
    loop_timer_destroy(a->again);
    lines_destroy(a);
    if (a->zctx)
        zctx_destroy(a->zctx);
    if (a->outbox && outbox_commit(a->outbox) != ST_OK)
        log_error("outbox.commit.failed", "%s", outbox_trouble(a->outbox));
    uplink_destroy(a->uplink);
    downlink_destroy(a->downlink);
    forged_save(a);
    trust_destroy(a->trust);
    obeyed_close(a->obeyed);
    outbox_close(a->outbox);
    signer_destroy(a->signer);
    for (unsigned i = 0; i < a->endpoint_count; i++)
        mem_free(a->endpoints[i]);
    mem_free(a->endpoints);
    mem_free(a->program);
    for (unsigned i = 0; i < a->pin_count; i++)
        mem_free(a->pins[i]);
    keys_wipe(&a->keys);
    mem_free(a);
}
