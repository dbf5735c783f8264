/* mqtt - see mqtt.h.
 *
 *   WAITING ──(timer)──▶ DIALLING ──(thread done)──▶ UP
 *      ▲                     │ cannot be reached        │ lost, refused, not kept
 *      └─────────────────────┴──────────────────────────┘
 *
 * Each connection is an object of the library of its own: nothing of an old one, an acknowledgement
 * above all, can be sent on a new one. */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/sensor/input/mqtt_parts.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum {
    MISC_MS = 1000,
    DOUBLES = 5,
    AGAIN_MESSAGES = 64, /* more than a broker has under way to one client (20) */
};

/* --- losing it -------------------------------------------------------------------------------- */

static void wait_and_dial(struct mqtt *m)
{
    unsigned doubles = m->tries < DOUBLES ? m->tries : DOUBLES;

    m->tries++;
    m->state = MQTT_WAITING;
    loop_timer_start(m->timer, m->set.retry_ms << doubles, 0);
}

static void drop_session(struct mqtt *m)
{
    loop_poll_destroy(m->poll);
    m->poll = NULL;
    loop_timer_stop(m->misc);
    mosquitto_destroy(m->session); /* closes the socket; nothing that is queued is sent */
    m->session = NULL;
    m->held = 0;
    m->accepted = false;
}

static void lose(struct mqtt *m, const char *why)
{
    bool was_up = m->accepted;

    drop_session(m);
    if (m->set.linked && (was_up || m->tries == 0))
        m->set.linked(m->set.arg, false, why);
    if (was_up || m->tries <= 1)
        log_warn("sensor.mqtt.down", "broker=%s why=\"%s\"", m->set.broker, why);
    wait_and_dial(m);
}

/* What the library says is for programmers; this is for whoever has to mend it. */
static const char *sentence(struct mqtt *m, int rc, char out[MQTT_SENTENCE])
{
    if (rc == MOSQ_ERR_TLS || strstr(m->why, "certificate"))
        snprintf(out, MQTT_SENTENCE,
                 "no trust in the broker's certificate: it has to be signed by %.300s and name "
                 "%.255s (%.300s)",
                 *m->set.ca ? m->set.ca : "an authority of the system", m->host, m->why);
    else if (rc == MOSQ_ERR_EAI)
        snprintf(out, MQTT_SENTENCE, "there is no host %.255s", m->host);
    else if (rc == MOSQ_ERR_ERRNO)
        snprintf(out, MQTT_SENTENCE, "%s", strerror(errno));
    else
        snprintf(out, MQTT_SENTENCE, "%s", mosquitto_strerror(rc));
    return out;
}

/* --- reading and writing ---------------------------------------------------------------------- */

static void watch(struct mqtt *m)
{
    bool writes = mosquitto_want_write(m->session) && !m->held;

    loop_poll_set(m->poll, LOOP_READ | (writes ? LOOP_WRITE : 0));
}

static void check_rc(struct mqtt *m, int rc)
{
    char text[MQTT_SENTENCE];

    if (m->ends)
        lose(m, m->why);
    else if (rc != MOSQ_ERR_SUCCESS)
        lose(m, sentence(m, rc, text));
    else
        watch(m);
    m->ends = false;
}

static void write_queue(struct mqtt *m)
{
    int rc = MOSQ_ERR_SUCCESS;

    if (!m->held && mosquitto_want_write(m->session))
        rc = mosquitto_loop_write(m->session, 1);
    check_rc(m, rc);
}

/* Version 2.0.11 of the library, which Debian 12 has, ends the program on a property that MQTT 5
 * does not know: it logs without a session, and its log asserts that there is one. The gateway has
 * more to do than to believe a broker, so that assertion of the library, and no other, comes back
 * here. No lock is held then; a few bytes of the packet's properties are lost. */
static _Thread_local jmp_buf *escape;

/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    if (escape && strcmp(function, "log__printf") == 0)
        longjmp(*escape, 1);
    fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, assertion);
    abort();
}

static int read_packets(struct mqtt *m)
{
    volatile int rc = MOSQ_ERR_PROTOCOL;
    jmp_buf back;

    m->in_library = true;
    escape = &back;
    if (setjmp(back) == 0)
        rc = mosquitto_loop_read(m->session, 1);
    escape = NULL;
    m->in_library = false;
    return rc;
}

static void on_socket(void *arg, int events)
{
    struct mqtt *m = arg;
    int rc = MOSQ_ERR_SUCCESS;

    if (events & LOOP_READ)
        rc = read_packets(m);
    if (rc != MOSQ_ERR_SUCCESS || m->ends)
        check_rc(m, rc);
    else
        write_queue(m);
}

static void on_misc(void *arg)
{
    struct mqtt *m = arg;

    check_rc(m, mosquitto_loop_misc(m->session));
}

void mqtt_release(struct mqtt *m, bool is_safe)
{
    unsigned held = m->held;

    if (!held || m->state != MQTT_UP)
        return;
    m->held = 0;
    if (is_safe) {
        write_queue(m);
        return;
    }
    m->tries = m->tries ? m->tries : 1;
    lose(m, "what it sent could not be kept, and is asked for again");
}

bool mqtt_is_linked(const struct mqtt *m)
{
    return m->accepted;
}

enum status mqtt_publish(struct mqtt *m, const char *topic, const void *bytes, size_t len)
{
    if (!m->accepted)
        return ST_AGAIN;
    if (mosquitto_publish(m->session, NULL, topic, (int)len, bytes, 1, false) != MOSQ_ERR_SUCCESS)
        return ST_AGAIN;
    if (!m->in_library)
        write_queue(m);
    return m->accepted ? ST_OK : ST_AGAIN;
}

/* --- what the library tells ------------------------------------------------------------------- */

static void on_connect(struct mosquitto *session, void *arg, int rc, int flags,
                       const mosquitto_property *properties)
{
    struct mqtt *m = arg;

    (void)properties;
    if (rc) {
        snprintf(m->why, sizeof(m->why), "the broker refuses us: %s%s",
                 m->five ? mosquitto_reason_string(rc) : mosquitto_connack_string(rc),
                 *m->set.password_file ? " (mqtt.password)" : " (mqtt.password is not set)");
        m->ends = true;
        return;
    }
    m->accepted = true;
    m->tries = 0;
    m->goes_on = flags & 1;
    m->received = 0;
    for (size_t i = 0; m->set.topics && i < m->set.topics->count; i++)
        if (mosquitto_subscribe(session, NULL, m->set.topics->items[i], 1) != MOSQ_ERR_SUCCESS)
            m->ends = true;
    log_info("sensor.mqtt.up", "broker=%s session=%s", m->set.broker,
             m->goes_on ? "goes on" : "new");
    if (m->set.linked)
        m->set.linked(m->set.arg, true, NULL);
}

static void on_subscribe(struct mosquitto *session, void *arg, int mid, int count, const int *qos)
{
    struct mqtt *m = arg;

    (void)session;
    (void)mid;
    for (int i = 0; i < count; i++)
        if (qos[i] >= 128)
            log_error("sensor.mqtt.denied", "broker=%s next=\"ask for the right to read it\"",
                      m->set.broker);
}

static bool find_subscription(const struct mqtt *m, const char *topic, unsigned *out)
{
    for (size_t i = 0; m->set.topics && i < m->set.topics->count; i++) {
        bool matches = false;

        if (mosquitto_topic_matches_sub(m->set.topics->items[i], topic, &matches) ==
                MOSQ_ERR_SUCCESS &&
            matches) {
            *out = (unsigned)i;
            return true;
        }
    }
    return false;
}

static void on_message(struct mosquitto *session, void *arg, const struct mosquitto_message *from)
{
    struct mqtt *m = arg;
    struct mqtt_message out = {.topic = from->topic,
                               .payload = from->payload ? from->payload : "",
                               .len = from->payload ? (size_t)from->payloadlen : 0,
                               .id = from->qos ? (unsigned)from->mid : 0,
                               .retained = from->retain};

    (void)session;
    /* The broker only sends what was asked for; topics of settings before these may still come. */
    if (!find_subscription(m, from->topic, &out.subscription))
        out.subscription = UINT32_MAX;
    out.maybe_again = m->goes_on && m->received < AGAIN_MESSAGES;
    m->received++;
    m->held++;
    m->set.message(m->set.arg, &out);
}

static void on_disconnect(struct mosquitto *session, void *arg, int rc)
{
    struct mqtt *m = arg;

    (void)session;
    if (!m->ends)
        snprintf(m->why, sizeof(m->why), "the broker ended it: %s", mosquitto_strerror(rc));
    m->ends = m->state == MQTT_UP;
}

/* On the thread, too, while that has the session. */
static void on_log(struct mosquitto *session, void *arg, int level, const char *text)
{
    struct mqtt *m = arg;

    (void)session;
    if (level == MOSQ_LOG_ERR)
        snprintf(m->why, sizeof(m->why), "%s", text);
}

/* --- dialling --------------------------------------------------------------------------------- */

static int make_session(struct mqtt *m)
{
    int rc = MOSQ_ERR_SUCCESS;

    m->why[0] = '\0';
    m->session = mosquitto_new(m->set.client, !m->set.topics, m);
    if (!m->session)
        return MOSQ_ERR_NOMEM;
    /* "Threaded": what is sent stays in its queue until mosquitto_loop_write. */
    mosquitto_threaded_set(m->session, true);
    mosquitto_int_option(m->session, MOSQ_OPT_PROTOCOL_VERSION,
                         m->five ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(m->session, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_v5_callback_set(m->session, on_connect);
    mosquitto_subscribe_callback_set(m->session, on_subscribe);
    mosquitto_message_callback_set(m->session, on_message);
    mosquitto_disconnect_callback_set(m->session, on_disconnect);
    mosquitto_log_callback_set(m->session, on_log);
    if (*m->user)
        rc = mosquitto_username_pw_set(m->session, m->user, m->password);
    if (rc == MOSQ_ERR_SUCCESS && m->tls && *m->set.ca)
        rc = mosquitto_tls_set(m->session, m->set.ca, NULL, *m->set.cert ? m->set.cert : NULL,
                               *m->set.key ? m->set.key : NULL, NULL);
    else if (rc == MOSQ_ERR_SUCCESS && m->tls)
        rc =
            mosquitto_tls_set(m->session, NULL, "/etc/ssl/certs", *m->set.cert ? m->set.cert : NULL,
                              *m->set.key ? m->set.key : NULL, NULL);
    return rc;
}

static void on_dialled(void *arg)
{
    struct mqtt *m = arg;
    char text[MQTT_SENTENCE];

    if (m->dialled == MOSQ_ERR_ERRNO && !strstr(m->why, "certificate")) {
        lose(m, m->why);
        return;
    }
    if (m->dialled != MOSQ_ERR_SUCCESS) {
        lose(m, sentence(m, m->dialled, text));
        return;
    }
    m->state = MQTT_UP;
    m->ends = false;
    if (loop_poll_create(&m->poll, m->set.loop, mosquitto_socket(m->session), on_socket, m) !=
        ST_OK) {
        lose(m, "out of memory");
        return;
    }
    loop_timer_start(m->misc, MISC_MS, MISC_MS);
    write_queue(m);
}

static void on_timer(void *arg)
{
    struct mqtt *m = arg;
    char text[MQTT_SENTENCE];
    int rc = make_session(m);

    if (rc != MOSQ_ERR_SUCCESS) {
        lose(m, sentence(m, rc, text));
        return;
    }
    m->state = MQTT_DIALLING;
    if (loop_work_start(m->work) != ST_OK)
        lose(m, "out of memory");
}

/* --- the door --------------------------------------------------------------------------------- */

enum status mqtt_create(struct mqtt **out, const struct mqtt_settings *set, char *err,
                        size_t err_size)
{
    struct mqtt *m = mem_zalloc(sizeof(*m));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!m)
        return ST_NOMEM;
    (void)mosquitto_lib_init();
    m->set = *set;
    st = mqtt_take_settings(m, err, err_size);
    if (st == ST_OK)
        st = loop_timer_create(&m->timer, set->loop, on_timer, m);
    if (st == ST_OK)
        st = loop_timer_create(&m->misc, set->loop, on_misc, m);
    if (st == ST_OK)
        st = loop_work_create(&m->work, set->loop, mqtt_dial, on_dialled, m);
    if (st != ST_OK) {
        mqtt_destroy(m);
        return st;
    }
    loop_timer_start(m->timer, 0, 0);
    *out = m;
    return ST_OK;
}

void mqtt_destroy(struct mqtt *m)
{
    if (!m)
        return;
    loop_work_destroy(m->work); /* waits for the thread */
    if (m->session)
        drop_session(m);
    loop_timer_destroy(m->timer);
    loop_timer_destroy(m->misc);
    mem_free(m);
    (void)mosquitto_lib_cleanup();
}
