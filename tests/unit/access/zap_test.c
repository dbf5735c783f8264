/* The ZAP door as libzmq and as others in this process knock at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <zmq.h>

#include "broker/access/access.h"
#include "proto/base/keys.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/base/zport.h"

#include "proto/base/banned.h"

static struct {
    struct loop *loop;
    struct zctx *zctx;
    struct access *access;
    void *knocker; /* a DEALER that speaks ZAP by hand */
} t;

static void no_log(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static int64_t clock_of_loop(void *arg)
{
    return loop_utc_us(arg);
}

static int set_up(void **state)
{
    int timeout_ms = 0, linger_ms = 0;

    (void)state;
    log_set_sink(no_log, NULL);
    assert_int_equal(loop_create(&t.loop), ST_OK);
    assert_int_equal(zctx_create(&t.zctx, t.loop), ST_OK);
    assert_int_equal(access_create(&t.access, t.zctx, clock_of_loop, t.loop), ST_OK);
    t.knocker = zmq_socket(zctx_context(t.zctx), ZMQ_DEALER);
    zmq_setsockopt(t.knocker, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms));
    zmq_setsockopt(t.knocker, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
    assert_int_equal(zmq_connect(t.knocker, "inproc://zeromq.zap.01"), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zmq_close(t.knocker);
    access_destroy(t.access);
    zctx_destroy(t.zctx);
    loop_destroy(t.loop);
    log_set_sink(NULL, NULL);
    return 0;
}

static void enrol(const char *name, const uint8_t key[32])
{
    char text[300];
    struct principal p = {.principal_id = 1, .name = text};

    snprintf(text, sizeof(text), "%s", name);
    memcpy(p.public_key, key, sizeof(p.public_key));
    access_begin(t.access);
    assert_int_equal(access_add(t.access, &p), ST_OK);
    assert_int_equal(access_commit(t.access), ST_OK);
}

static const uint8_t known_key[32] = "0123456789abcdef0123456789abcde";

static void knock(const char *const *parts, size_t count, const uint8_t *key, size_t key_len)
{
    zmq_send(t.knocker, "", 0, ZMQ_SNDMORE);
    for (size_t i = 0; i < count; i++)
        zmq_send(t.knocker, parts[i], strlen(parts[i]), key || i + 1 < count ? ZMQ_SNDMORE : 0);
    if (key)
        zmq_send(t.knocker, key, key_len, 0);
}

/* Frames of the answer as text joined by '|'; "" after half a second of silence. */
static const char *hear(void)
{
    static char heard[2048];
    uint64_t end_us = loop_exact_us(t.loop) + 500000;
    size_t used = 0;
    int more = 1;

    heard[0] = 0;
    while (more && loop_exact_us(t.loop) < end_us) {
        char frame[512];
        size_t size = sizeof(more);
        int n = zmq_recv(t.knocker, frame, sizeof(frame), 0);

        if (n < 0) {
            loop_turn(t.loop, 5);
            continue;
        }
        used += (size_t)snprintf(heard + used, sizeof(heard) - used, "%s%.*s", used ? "|" : "", n,
                                 frame);
        zmq_getsockopt(t.knocker, ZMQ_RCVMORE, &more, &size);
    }
    return heard;
}

#define CURVE_REQUEST(id) "1.0", id, "domain", "10.0.0.7", "identity", "CURVE"

/* The User-Id is the name and the key. */
static void expect_admitted(const char *request)
{
    char text[KEY_Z85], answer[160];

    keys_z85_encode(text, known_key);
    snprintf(answer, sizeof(answer), "1.0|%s|200|OK|coes.ayni.office %s|", request, text);
    assert_string_equal(hear(), answer);
}

static void a_known_key_is_admitted_under_its_name(void **state)
{
    static const char *const request[] = {CURVE_REQUEST("7")};

    (void)state;
    enrol("coes.ayni.office", known_key);
    knock(request, ARRAY_LEN(request), known_key, 32);
    expect_admitted("7");
}

static void before_the_principals_are_read_the_question_is_held(void **state)
{
    static const char *const request[] = {CURVE_REQUEST("8")};
    static const char *const other[] = {CURVE_REQUEST("9")};
    struct access_counters c;

    (void)state;
    knock(request, ARRAY_LEN(request), known_key, 32);
    knock(other, ARRAY_LEN(other), (const uint8_t *)"0123456789abcdef0123456789abcdX", 32);
    assert_string_equal(hear(), "");
    access_counters(t.access, &c);
    assert_int_equal(c.undecided, 2);
    assert_int_equal(c.unknown_keys, 0);
    enrol("coes.ayni.office", known_key);
    expect_admitted("8");
    assert_memory_equal(hear(), "1.0|9|400|", 10);
}

static void of_too_many_that_wait_the_oldest_hears_later(void **state)
{
    static const char *const request[] = {CURVE_REQUEST("1")};

    (void)state;
    for (unsigned n = 0; n < 4097; n++) {
        knock(request, ARRAY_LEN(request), known_key, 32);
        loop_turn(t.loop, 0);
    }
    assert_memory_equal(hear(), "1.0|1|300|", 10);
    assert_string_equal(hear(), "");
}

static void an_unknown_key_is_refused(void **state)
{
    static const char *const request[] = {CURVE_REQUEST("9")};
    struct access_counters c;

    (void)state;
    enrol("coes.ayni.office", known_key);
    knock(request, ARRAY_LEN(request), (const uint8_t *)"another key of just 32 bytes....", 32);
    assert_memory_equal(hear(), "1.0|9|400|", 10);
    access_counters(t.access, &c);
    assert_int_equal(c.unknown_keys, 1);
    assert_int_equal(c.admitted, 0);
}

static void other_mechanisms_are_refused(void **state)
{
    static const char *const plain[] = {"1.0", "1", "d", "a", "i", "PLAIN", "coes", "secret"};
    static const char *const null[] = {"1.0", "2", "d", "a", "i", "NULL"};

    (void)state;
    enrol("coes.ayni.office", known_key);
    knock(plain, ARRAY_LEN(plain), NULL, 0);
    assert_memory_equal(hear(), "1.0|1|400|", 10);
    knock(null, ARRAY_LEN(null), NULL, 0);
    assert_memory_equal(hear(), "1.0|2|400|", 10);
}

static void broken_requests_are_refused_or_dropped(void **state)
{
    static const char *const version[] = {"2.0", "1", "d", "a", "i", "CURVE"};
    static const char *const request[] = {CURVE_REQUEST("2")};
    static const char *const cut[] = {"1.0", "3"};
    static const char *const nothing[] = {"1.0"};
    static const char *const many[] = {CURVE_REQUEST("4"), "k", "k", "k", "k", "k", "k", "k", "k"};
    static const char big[300];

    (void)state;
    enrol("coes.ayni.office", known_key);
    knock(version, ARRAY_LEN(version), known_key, 32);
    assert_memory_equal(hear(), "1.0|1|400|", 10);
    knock(request, ARRAY_LEN(request), known_key, 31);
    assert_memory_equal(hear(), "1.0|2|400|", 10);
    knock(request, ARRAY_LEN(request), (const uint8_t *)big, sizeof(big));
    assert_memory_equal(hear(), "1.0|2|400|", 10);
    knock(cut, ARRAY_LEN(cut), NULL, 0);
    assert_memory_equal(hear(), "1.0|3|400|", 10);
    knock(many, ARRAY_LEN(many), known_key, 32);
    assert_memory_equal(hear(), "1.0|4|400|", 10);
    knock(nothing, ARRAY_LEN(nothing), NULL, 0);
    assert_string_equal(hear(), "");
    zmq_send(t.knocker, "not even empty", 14, 0);
    assert_string_equal(hear(), "");
    knock(request, ARRAY_LEN(request), known_key, 32); /* and the door still opens */
    assert_memory_equal(hear(), "1.0|2|200|", 10);
}

static void a_second_handler_on_the_context_is_an_error(void **state)
{
    struct access *second = NULL;

    (void)state;
    assert_int_equal(access_create(&second, t.zctx, clock_of_loop, t.loop), ST_EXISTS);
    assert_null(second);
}

static void every_failed_allocation_closes_the_door_again(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned long n = 1; st; n++) {
        access_destroy(t.access);
        t.access = NULL;
        /* libzmq frees the endpoint when its own thread has closed the socket */
        do {
            mem_fail_at(n);
            st = access_create(&t.access, t.zctx, clock_of_loop, t.loop);
            mem_fail_at(0);
        } while (st == ST_EXISTS);
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
}

/* --- the real handshake ----------------------------------------------------------------------- */

struct heard {
    unsigned messages;
    char user[128];
};

static void on_message(void *arg, const struct zport_message *m)
{
    struct heard *h = arg;

    h->messages++;
    snprintf(h->user, sizeof(h->user), "%s", m->user_id ? m->user_id : "(none)");
}

static void on_nothing(void *arg, const struct zport_message *m)
{
    (void)arg;
    (void)m;
}

static void on_linked(void *arg, bool up, const char *why)
{
    (void)why;
    if (up)
        *(bool *)arg = true;
}

static struct zport *open_port(const struct keys *own, const char *server, const char *endpoint,
                               struct zport_events *events)
{
    struct zport *p = NULL;
    struct zport_settings set = {
        .bind = !server,
        .endpoint = endpoint,
        .public_z85 = own->public_z85,
        .secret_z85 = own->secret_z85,
        .server_z85 = server,
        .max_frame_bytes = 4096,
        .send_high_water = 10,
        .receive_high_water = 10,
        .handshake_ms = 30000,
        .reconnect_ms = 20,
        .reconnect_max_ms = 20,
    };

    assert_int_equal(zport_create(&p, t.zctx, &set, events), ST_OK);
    return p;
}

/* Says hello over and over until it is heard or the time is over. */
static void say_hello(struct zport *from, const struct heard *h, unsigned limit_ms)
{
    uint64_t end_us = loop_exact_us(t.loop) + limit_ms * 1000ull;
    bool sent = false;

    while (!h->messages && loop_exact_us(t.loop) < end_us) {
        sent = sent || zport_send(from, NULL, "hello", 5) == ST_OK;
        loop_turn(t.loop, 5);
    }
}

static void a_real_handshake_is_admitted_by_its_key(void **state)
{
    struct keys broker, agent, stranger;
    struct heard heard = {.messages = 0};
    bool linked = false, stranger_linked = false;
    struct zport_events at_broker = {.arg = &heard, .message = on_message};
    struct zport_events at_agent = {.arg = &linked, .message = on_nothing, .linked = on_linked};
    struct zport_events at_stranger = {
        .arg = &stranger_linked, .message = on_nothing, .linked = on_linked};
    char user[128];
    uint8_t key[32];

    (void)state;
    assert_int_equal(keys_generate(&broker), ST_OK);
    assert_int_equal(keys_generate(&agent), ST_OK);
    assert_int_equal(keys_generate(&stranger), ST_OK);
    assert_int_equal(keys_z85_decode(key, agent.public_z85), ST_OK);
    enrol("coes.ayni.office", key);
    struct zport *server = open_port(&broker, NULL, "tcp://127.0.0.1:*", &at_broker);
    struct zport *bad =
        open_port(&stranger, broker.public_z85, zport_endpoint(server), &at_stranger);
    say_hello(bad, &heard, 400);
    assert_int_equal(heard.messages, 0);
    assert_false(stranger_linked);
    struct zport *good = open_port(&agent, broker.public_z85, zport_endpoint(server), &at_agent);
    say_hello(good, &heard, 5000);
    assert_int_equal(heard.messages, 1);
    snprintf(user, sizeof(user), "coes.ayni.office %s", agent.public_z85);
    assert_string_equal(heard.user, user);
    zport_destroy(good);
    zport_destroy(bad);
    zport_destroy(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_known_key_is_admitted_under_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(before_the_principals_are_read_the_question_is_held, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(of_too_many_that_wait_the_oldest_hears_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_key_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_mechanisms_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_requests_are_refused_or_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_handler_on_the_context_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_failed_allocation_closes_the_door_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_real_handshake_is_admitted_by_its_key, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
