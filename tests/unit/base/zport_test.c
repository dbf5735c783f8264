/* zport_test - a broker's ROUTER and agents' DEALERs over CURVE on the loopback. A small ZAP
 * handler on the hub stands for broker/access/zap.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>
#include <cmocka.h>

#include "proto/base/keys.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/base/zport.h"
#include "tests/lib/patience.h"

#define DEADLINE_MS 20000

static struct keys broker_keys, agent_keys, other_keys;

/* One turn that waits long. Whatever is under way here takes milliseconds, so a turn that slept for
 * seconds slept through a wake-up: a short wait would look again by itself and hide that. */
static void turn_awake(struct loop *l)
{
    uint64_t start = loop_exact_us(l);

    loop_turn(l, 6000);
    assert_in_range(loop_exact_us(l) - start, 0, 5000000);
}

static void turn_until(struct loop *l, const bool *done)
{
    uint64_t end = loop_exact_us(l) + PATIENCE * DEADLINE_MS * UINT64_C(1000);

    while (!*done && loop_exact_us(l) < end)
        turn_awake(l);
    assert_true(*done);
}

static void turn_for(struct loop *l, unsigned ms)
{
    uint64_t end = loop_exact_us(l) + ms * UINT64_C(1000), now;

    while ((now = loop_exact_us(l)) < end)
        loop_turn(l, (unsigned)((end - now) / 1000) + 1);
}

/* --- the broker's end ------------------------------------------------------------------------- */

struct broker {
    struct loop *loop;
    struct zctx *ctx;
    struct zport *port;
    void *zap_socket;
    struct zhub_entry *zap;
    const char *verdict; /* "200" or "400" */
    struct zport_id last_from;
    char last_user[64];
    int last_fd;
    unsigned messages, broken, writables, failed;
    size_t bytes;
    bool echoes, has_message, has_broken, has_room;
    bool destroys_itself;
    uint64_t work_us; /* what each message costs it */
};

/* ZAP (RFC 27): version, request id, domain, address, identity, mechanism, key; answered by
 * version, request id, status, text, user id, metadata. */
static void answer_zap(struct broker *b)
{
    char request[7][256];
    size_t sizes[7];
    const char *answer[6];

    for (int i = 0; i < 7; i++) {
        int n = zmq_recv(b->zap_socket, request[i], sizeof(request[i]), ZMQ_DONTWAIT);

        if (n < 0)
            return;
        sizes[i] = (size_t)n;
    }
    answer[0] = "1.0";
    answer[1] = request[1];
    answer[2] = b->verdict;
    answer[3] = "";
    answer[4] = "coes.ayni.office";
    answer[5] = "";
    for (int i = 0; i < 6; i++)
        zmq_send(b->zap_socket, answer[i], i == 1 ? sizes[1] : strlen(answer[i]),
                 i < 5 ? ZMQ_SNDMORE : 0);
}

static void on_zap(void *arg)
{
    struct broker *b = arg;

    answer_zap(b);
    zctx_touch(b->zap);
}

static void on_broker_message(void *arg, const struct zport_message *m)
{
    struct broker *b = arg;

    b->last_from = m->from;
    b->last_fd = m->fd;
    snprintf(b->last_user, sizeof(b->last_user), "%s", m->user_id ? m->user_id : "");
    b->messages++;
    b->bytes += m->len;
    b->has_message = true;
    if (m->len == 6 && memcmp(m->data, "enough", 6) == 0)
        loop_stop(b->loop);
    for (uint64_t from_us = loop_exact_us(b->loop); loop_exact_us(b->loop) - from_us < b->work_us;)
        ;
    if (b->destroys_itself) {
        zport_destroy(b->port);
        b->port = NULL;
    } else if (b->echoes && zport_send(b->port, &m->from, m->data, m->len) != ST_OK) {
        b->failed++;
    }
}

static void on_broker_broken(void *arg, const struct zport_message *m)
{
    struct broker *b = arg;

    b->last_from = m->from;
    b->broken++;
    b->has_broken = true;
}

static void on_broker_writable(void *arg)
{
    struct broker *b = arg;

    b->writables++;
    b->has_room = true;
}

static struct zport_settings router_settings(void)
{
    return (struct zport_settings){
        .bind = true,
        .endpoint = "tcp://127.0.0.1:*",
        .public_z85 = broker_keys.public_z85,
        .secret_z85 = broker_keys.secret_z85,
        .max_frame_bytes = 65536,
        .send_high_water = 1000,
        .receive_high_water = 1000,
        .handshake_ms = 30000,
        .heartbeat_ms = 1000,
        .heartbeat_timeout_ms = 10000,
    };
}

static struct zport_events broker_events(struct broker *b)
{
    return (struct zport_events){.arg = b,
                                 .message = on_broker_message,
                                 .broken = on_broker_broken,
                                 .writable = on_broker_writable};
}

static void broker_open(struct broker *b, const struct zport_settings *set)
{
    struct zport_events events = broker_events(b);

    memset(b, 0, sizeof(*b));
    b->verdict = "200";
    assert_int_equal(loop_create(&b->loop), ST_OK);
    assert_int_equal(zctx_create(&b->ctx, b->loop), ST_OK);
    b->zap_socket = zmq_socket(zctx_context(b->ctx), ZMQ_REP);
    assert_int_equal(zmq_bind(b->zap_socket, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(zctx_watch(&b->zap, b->ctx, b->zap_socket, on_zap, b), ST_OK);
    assert_int_equal(zport_create(&b->port, b->ctx, set, &events), ST_OK);
}

static void broker_close(struct broker *b)
{
    zport_destroy(b->port);
    zctx_unwatch(b->zap);
    zmq_close(b->zap_socket);
    zctx_destroy(b->ctx);
    loop_destroy(b->loop);
}

/* --- an agent's end --------------------------------------------------------------------------- */

struct agent {
    struct zport *port;
    unsigned messages, out_of_order, writables, ups, downs;
    bool is_up, is_down, has_message, has_room;
    char why[200];
    bool destroys_itself;
};

static void on_agent_message(void *arg, const struct zport_message *m)
{
    struct agent *a = arg;
    unsigned number;

    assert_null(m->user_id);
    assert_int_equal(m->from.len, 0);
    if (m->len == sizeof(number)) {
        memcpy(&number, m->data, sizeof(number));
        if (number != a->messages)
            a->out_of_order++;
    }
    a->messages++;
    a->has_message = true;
}

static void on_agent_writable(void *arg)
{
    struct agent *a = arg;

    a->writables++;
    a->has_room = true;
}

static void on_agent_linked(void *arg, bool up, const char *why)
{
    struct agent *a = arg;

    a->ups += up;
    a->downs += !up;
    a->is_up = up;
    a->is_down = !up;
    snprintf(a->why, sizeof(a->why), "%s", why);
    if (a->destroys_itself) {
        zport_destroy(a->port);
        a->port = NULL;
    }
}

static struct zport_settings dealer_settings(const char *endpoint)
{
    return (struct zport_settings){
        .endpoint = endpoint,
        .public_z85 = agent_keys.public_z85,
        .secret_z85 = agent_keys.secret_z85,
        .server_z85 = broker_keys.public_z85,
        .max_frame_bytes = 65536,
        .send_high_water = 1000,
        .receive_high_water = 1000,
        .handshake_ms = 30000,
        .heartbeat_ms = 1000,
        .heartbeat_timeout_ms = 10000,
        .reconnect_ms = 10,
    };
}

static void agent_open_with(struct agent *a, struct zctx *z, const struct zport_settings *set)
{
    struct zport_events events = {.arg = a,
                                  .message = on_agent_message,
                                  .writable = on_agent_writable,
                                  .linked = on_agent_linked};

    memset(a, 0, sizeof(*a));
    assert_int_equal(zport_create(&a->port, z, set, &events), ST_OK);
}

static void agent_open(struct agent *a, struct zctx *z, const char *endpoint)
{
    struct zport_settings set = dealer_settings(endpoint);

    agent_open_with(a, z, &set);
}

static void a_router_listens_with_a_second_key_beside_the_first(void **state)
{
    struct zport_settings set = router_settings(), dealer;
    struct agent old, new, wrong;
    struct keys next;
    struct broker b;
    char path[] = "/tmp/eocbus-zport-XXXXXX", endpoint[64];
    unsigned zero = 0;

    (void)state;
    assert_int_equal(keys_generate(&next), ST_OK);
    broker_open(&b, &set);
    close(mkstemp(path));
    unlink(path);
    snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
    assert_int_equal(zport_listen_also(b.port, endpoint, "short"), ST_INVALID);
    assert_int_equal(zport_listen_also(b.port, endpoint, next.secret_z85), ST_OK);
    agent_open(&old, b.ctx, zport_endpoint(b.port)); /* the first listener keeps its key */
    dealer = dealer_settings(endpoint);
    agent_open_with(&wrong, b.ctx, &dealer); /* the old key at the new address */
    dealer.server_z85 = next.public_z85;
    agent_open_with(&new, b.ctx, &dealer);
    turn_until(b.loop, &old.is_up);
    turn_until(b.loop, &new.is_up);
    turn_until(b.loop, &wrong.is_down);
    assert_int_equal(wrong.ups, 0);
    assert_int_equal(zport_send(old.port, NULL, &zero, sizeof(zero)), ST_OK);
    assert_int_equal(zport_send(new.port, NULL, &zero, sizeof(zero)), ST_OK);
    turn_until(b.loop, &b.has_message);
    for (b.has_message = b.messages > 1; !b.has_message;)
        turn_until(b.loop, &b.has_message);
    assert_int_equal(b.messages, 2);
    zport_destroy(wrong.port);
    zport_destroy(new.port);
    zport_destroy(old.port);
    broker_close(&b);
}

/* --- a quiet link ----------------------------------------------------------------------------- */

enum { REQUESTS = 1000 };

/* The agent lives on a loop of its own in a thread of its own: on a shared loop each end would wake
 * the other, and a lost wake-up would not show. */
struct far_end {
    char endpoint[256];
    unsigned asked, answered;
    uint32_t round_trip_us[REQUESTS];
    int is_broken;
};

static void ask_once(struct far_end *far, struct loop *l, struct agent *a, unsigned i)
{
    uint64_t start = loop_exact_us(l);

    a->has_message = false;
    if (zport_send(a->port, NULL, &i, sizeof(i)) != ST_OK)
        return;
    far->asked++;
    while (!a->has_message && loop_exact_us(l) - start < PATIENCE * UINT64_C(5000000))
        loop_turn(l, 6000);
    if (loop_exact_us(l) - start < PATIENCE * UINT64_C(5000000))
        far->round_trip_us[far->answered++] = (uint32_t)(loop_exact_us(l) - start);
}

static void *live_far_away(void *arg)
{
    struct far_end *far = arg;
    struct loop *l;
    struct zctx *z;
    struct agent a;

    assert_int_equal(loop_create(&l), ST_OK);
    assert_int_equal(zctx_create(&z, l), ST_OK);
    agent_open(&a, z, far->endpoint);
    turn_until(l, &a.is_up);
    for (unsigned i = 0; i < REQUESTS && far->answered == far->asked; i++) {
        ask_once(far, l, &a, i);
        if (i % 4)
            turn_for(l, i % 4); /* the pause that lets every queue and thread fall asleep */
    }
    zport_send(a.port, NULL, "enough", 6) == ST_OK ? turn_for(l, 50) : (void)0;
    zport_destroy(a.port);
    zctx_destroy(z);
    loop_destroy(l);
    return NULL;
}

static int compare_times(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void a_quiet_link_answers_each_of_a_thousand_single_requests(void **state)
{
    static struct far_end far;
    struct zport_settings set = router_settings();
    struct broker b;
    pthread_t thread;

    (void)state;
    memset(&far, 0, sizeof(far));
    broker_open(&b, &set);
    b.echoes = true;
    snprintf(far.endpoint, sizeof(far.endpoint), "%s", zport_endpoint(b.port));
    assert_int_equal(pthread_create(&thread, NULL, live_far_away, &far), 0);
    loop_run(b.loop); /* until "enough" */
    pthread_join(thread, NULL);
    assert_int_equal(far.asked, REQUESTS);
    assert_int_equal(far.answered, REQUESTS);
    assert_int_equal(b.failed, 0);
    qsort(far.round_trip_us, far.answered, sizeof(far.round_trip_us[0]), compare_times);
    print_message("quiet link: median %u us, 99th %u us\n", far.round_trip_us[REQUESTS / 2],
                  far.round_trip_us[REQUESTS * 99 / 100]);
    assert_swift(far.round_trip_us[REQUESTS / 2] - 1 < 5000);
    broker_close(&b);
}

/* The other direction: the broker speaks first, now and then. */
struct listener {
    char endpoint[256];
    volatile bool is_up;
    _Atomic unsigned heard;
};

static void *listen_far_away(void *arg)
{
    struct listener *far = arg;
    struct loop *l;
    struct zctx *z;
    struct agent a;
    uint64_t end;
    unsigned hello = 0;

    assert_int_equal(loop_create(&l), ST_OK);
    assert_int_equal(zctx_create(&z, l), ST_OK);
    agent_open(&a, z, far->endpoint);
    turn_until(l, &a.is_up);
    assert_int_equal(zport_send(a.port, NULL, &hello, sizeof(hello)), ST_OK);
    end = loop_exact_us(l) + PATIENCE * 60 * UINT64_C(1000000);
    while (a.messages < REQUESTS && loop_exact_us(l) < end) {
        loop_turn(l, 60000);
        far->heard = a.messages;
    }
    if (a.out_of_order)
        far->heard = 0;
    zport_destroy(a.port);
    zctx_destroy(z);
    loop_destroy(l);
    return NULL;
}

static void a_quiet_link_delivers_each_of_a_thousand_single_messages(void **state)
{
    static struct listener far;
    struct zport_settings set = router_settings();
    struct broker b;
    pthread_t thread;

    (void)state;
    memset(&far, 0, sizeof(far));
    broker_open(&b, &set);
    snprintf(far.endpoint, sizeof(far.endpoint), "%s", zport_endpoint(b.port));
    assert_int_equal(pthread_create(&thread, NULL, listen_far_away, &far), 0);
    turn_until(b.loop, &b.has_message);
    for (unsigned i = 0; i < REQUESTS; i++) {
        uint64_t end = loop_exact_us(b.loop) + PATIENCE * UINT64_C(2000000);

        assert_int_equal(zport_send(b.port, &b.last_from, &i, sizeof(i)), ST_OK);
        while (far.heard <= i && loop_exact_us(b.loop) < end)
            loop_turn(b.loop, 1);
        assert_int_equal(far.heard, i + 1);
    }
    pthread_join(thread, NULL);
    broker_close(&b);
}

/* --- bursts and full queues ------------------------------------------------------------------- */

static void open_pair(struct broker *b, struct agent *a, const struct zport_settings *set)
{
    broker_open(b, set);
    agent_open(a, b->ctx, zport_endpoint(b->port));
    turn_until(b->loop, &a->is_up);
}

static void close_pair(struct broker *b, struct agent *a)
{
    zport_destroy(a->port);
    broker_close(b);
}

/* A send looks into ZeroMQ's mailbox and swallows the edge of what arrived: the hub must look too.
 */
static void a_message_that_arrived_while_we_were_sending_is_heard(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;

    (void)state;
    open_pair(&b, &a, &set);
    assert_int_equal(zport_send(a.port, NULL, "x", 1), ST_OK);
    turn_until(b.loop, &b.has_message);
    turn_for(b.loop, 20); /* all is quiet: the fault needs a hub that has nothing left to do */
    for (unsigned i = 0; i < 20; i++) {
        struct timespec pause = {.tv_nsec = 10000000};

        a.has_message = false;
        assert_int_equal(zport_send(b.port, &b.last_from, "y", 1), ST_OK);
        nanosleep(&pause, NULL); /* ZeroMQ's own thread carries it over; our loop must not turn */
        assert_int_equal(zport_send(a.port, NULL, "z", 1), ST_OK);
        turn_until(b.loop, &a.has_message);
    }
    close_pair(&b, &a);
}

static void turn_until_count(struct loop *l, const unsigned *count, unsigned wanted)
{
    uint64_t end = loop_exact_us(l) + PATIENCE * DEADLINE_MS * UINT64_C(1000);

    while (*count < wanted && loop_exact_us(l) < end)
        turn_awake(l);
    assert_int_equal(*count, wanted);
}

static void bursts_come_back_whole_and_in_order(void **state)
{
    enum { BURST = 400, BURSTS = 20 };
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;
    unsigned number = 0;

    (void)state;
    open_pair(&b, &a, &set);
    b.echoes = true;
    for (unsigned i = 0; i < BURSTS; i++) {
        for (unsigned j = 0; j < BURST; j++, number++)
            assert_int_equal(zport_send(a.port, NULL, &number, sizeof(number)), ST_OK);
        turn_until_count(b.loop, &a.messages, number);
    }
    assert_int_equal(a.out_of_order, 0);
    assert_int_equal(b.failed, 0);
    close_pair(&b, &a);
}

/* Sends numbered messages until the peer is full; says how many went. */
static unsigned fill_peer(struct broker *b, unsigned number)
{
    unsigned char block[8192] = {0};
    enum status st;

    do {
        memcpy(block, &number, sizeof(number));
        st = zport_send(b->port, &b->last_from, block, sizeof(block));
        number += st == ST_OK;
    } while (st == ST_OK && number < 100000);
    assert_int_equal(st, ST_FULL);
    return number;
}

static void a_full_peer_answers_full_and_invites_again_when_it_reads(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;
    unsigned hello = 0, sent, more = 0;

    (void)state;
    set.send_high_water = 10;
    open_pair(&b, &a, &set);
    assert_int_equal(zport_send(a.port, NULL, &hello, sizeof(hello)), ST_OK);
    turn_until(b.loop, &b.has_message);
    zport_pause(a.port, true);
    /* The line itself takes some: it is full when an invitation finds no room. */
    do {
        sent = more;
        more = fill_peer(&b, sent);
        b.has_room = false;
        if (more > sent)
            turn_until(b.loop, &b.has_room);
    } while (more > sent);
    assert_int_equal(a.messages, 0);
    zport_pause(a.port, false);
    turn_until_count(b.loop, &a.messages, sent);
    turn_until(b.loop, &b.has_room);
    assert_int_equal(zport_send(b.port, &b.last_from, &more, sizeof(more)), ST_OK);
    turn_until_count(b.loop, &a.messages, sent + 1);
    assert_int_equal(a.out_of_order, 0);
    close_pair(&b, &a);
}

static void an_agent_without_a_link_is_full_and_becomes_writable_with_it(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;
    unsigned number = 7;

    (void)state;
    broker_open(&b, &set);
    agent_open(&a, b.ctx, zport_endpoint(b.port));
    assert_int_equal(zport_send(a.port, NULL, &number, sizeof(number)), ST_FULL);
    turn_until(b.loop, &a.has_room);
    assert_int_equal(zport_send(a.port, NULL, &number, sizeof(number)), ST_OK);
    turn_until(b.loop, &b.has_message);
    assert_int_equal(b.messages, 1);
    close_pair(&b, &a);
}

static void a_paused_port_reads_nothing_and_loses_nothing(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;

    (void)state;
    open_pair(&b, &a, &set);
    zport_pause(b.port, true);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(zport_send(a.port, NULL, &i, sizeof(i)), ST_OK);
    turn_for(b.loop, 50); /* nothing may be heard in it: what is tested is a span of time */
    assert_int_equal(b.messages, 0);
    zport_pause(b.port, false);
    turn_until_count(b.loop, &b.messages, 200);
    close_pair(&b, &a);
}

/* --- who speaks ------------------------------------------------------------------------------- */

static void a_message_carries_the_authenticated_name_and_its_connection(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;

    (void)state;
    open_pair(&b, &a, &set);
    assert_int_equal(zport_send(a.port, NULL, "x", 1), ST_OK);
    turn_until(b.loop, &b.has_message);
    assert_string_equal(b.last_user, "coes.ayni.office");
    assert_int_not_equal(b.last_from.len, 0);
    assert_true(b.last_fd > 2);
    close_pair(&b, &a);
}

static int user_timeout_ms(int fd)
{
    int ms = 0;
    socklen_t size = sizeof(ms);

    return getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &size) == 0 ? ms : -1;
}

/* The pause itself can only be read back since Linux 6.15; what is set beside it always can. */
static void tcp_pauses_are_kept_short_where_it_is_asked_for(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;

    (void)state;
    set.rto_most_ms = 2000;
    open_pair(&b, &a, &set);
    assert_int_equal(zport_send(a.port, NULL, "x", 1), ST_OK);
    turn_until(b.loop, &b.has_message);
    for (unsigned i = 0; i < 2000 && user_timeout_ms(b.last_fd) != 60000; i++)
        loop_turn(b.loop, 10);
    assert_int_equal(user_timeout_ms(b.last_fd), 60000);
    close_pair(&b, &a);
}

static void an_empty_message_is_a_message(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;

    (void)state;
    open_pair(&b, &a, &set);
    assert_int_equal(zport_send(a.port, NULL, NULL, 0), ST_OK);
    turn_until(b.loop, &b.has_message);
    assert_int_equal(b.bytes, 0);
    close_pair(&b, &a);
}

static void a_peer_that_left_is_not_found(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;
    enum status st = ST_OK;
    uint64_t end;

    (void)state;
    open_pair(&b, &a, &set);
    assert_int_equal(zport_send(a.port, NULL, "x", 1), ST_OK);
    turn_until(b.loop, &b.has_message);
    zport_destroy(a.port);
    a.port = NULL;
    end = loop_exact_us(b.loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);
    while (st != ST_NOTFOUND && loop_exact_us(b.loop) < end) {
        st = zport_send(b.port, &b.last_from, "y", 1);
        loop_turn(b.loop, 1);
    }
    assert_int_equal(st, ST_NOTFOUND);
    close_pair(&b, &a);
}

/* A DEALER of ZeroMQ itself, to do what zport does not offer. */
static void *raw_dealer(struct broker *b)
{
    void *s = zmq_socket(zctx_context(b->ctx), ZMQ_DEALER);

    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, broker_keys.public_z85, 41);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, agent_keys.public_z85, 41);
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, agent_keys.secret_z85, 41);
    assert_int_equal(zmq_connect(s, zport_endpoint(b->port)), 0);
    return s;
}

static void a_message_of_several_frames_is_broken_once_and_the_next_is_heard(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    void *s;

    (void)state;
    broker_open(&b, &set);
    s = raw_dealer(&b);
    for (int i = 0; i < 50; i++)
        zmq_send(s, "part", 4, i < 49 ? ZMQ_SNDMORE : 0);
    zmq_send(s, "whole", 5, 0);
    turn_until(b.loop, &b.has_message);
    assert_int_equal(b.broken, 1);
    assert_int_equal(b.messages, 1);
    assert_int_equal(b.bytes, 5);
    zmq_close(s);
    broker_close(&b);
}

/* What CURVE adds takes nothing from the limit, and a little too much is the reader's to judge;
 * only a frame far beyond it ends the connection. */
static void a_frame_of_the_limit_passes_and_one_a_little_larger_too(void **state)
{
    static const size_t sizes[] = {65536 - 32, 65536, 65536 + 1, 65536 + 4000};
    static char frame[65536 + 8192];
    struct zport_settings set = router_settings();
    struct broker b;
    void *s;

    (void)state;
    broker_open(&b, &set);
    s = raw_dealer(&b);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        zmq_send(s, frame, sizes[i], 0);
        b.has_message = false;
        b.bytes = 0;
        turn_until(b.loop, &b.has_message);
        assert_int_equal(b.bytes, sizes[i]);
    }
    zmq_send(s, frame, sizeof(frame), 0); /* cut; then the DEALER is back */
    b.has_message = false;
    b.bytes = 0;
    for (unsigned n = 0; !b.has_message && n < 2000; n++) {
        zmq_send(s, "back", 4, ZMQ_DONTWAIT);
        loop_turn(b.loop, 5);
    }
    assert_true(b.has_message);
    assert_true(b.bytes < sizeof(frame));
    zmq_close(s);
    broker_close(&b);
}

/* Ten messages that cost 6 ms each, and a budget of 64: timers would wait 60 ms. */
static void a_turn_ends_in_time_however_much_a_message_costs(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    unsigned before;
    void *s;

    (void)state;
    broker_open(&b, &set);
    s = raw_dealer(&b);
    zmq_send(s, "first", 5, 0);
    turn_until(b.loop, &b.has_message);
    b.work_us = 6000;
    for (int i = 0; i < 10; i++)
        zmq_send(s, "costly", 6, 0);
    while (b.messages < 11) {
        before = b.messages;
        loop_turn(b.loop, 100);
        assert_true(b.messages <= before + 1);
    }
    zmq_close(s);
    broker_close(&b);
}

static int plain_connection(const struct broker *b)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_port = htons((uint16_t)atoi(strrchr(zport_endpoint(b->port), ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static unsigned count_ended(const int *fds, unsigned n)
{
    unsigned ended = 0;

    for (unsigned i = 0; i < n; i++) {
        char greeting[64];
        ssize_t got;

        while ((got = recv(fds[i], greeting, sizeof(greeting), MSG_DONTWAIT)) > 0)
            ;
        ended += got == 0 || errno == ECONNRESET;
    }
    return ended;
}

static void who_has_spoken_stays_when_silent_connections_are_too_many(void **state)
{
    enum { MOST = 4, CROWD = 12 };
    struct zport_settings set = router_settings();
    struct broker b;
    int fds[CROWD];
    void *s, *late;

    (void)state;
    set.connections_most = MOST;
    broker_open(&b, &set);
    s = raw_dealer(&b);
    zmq_send(s, "first", 5, 0);
    turn_until(b.loop, &b.has_message);
    for (unsigned i = 0; i < CROWD; i++)
        fds[i] = plain_connection(&b);
    for (unsigned n = 0; count_ended(fds, CROWD) < CROWD - MOST + 1 && n < 2000; n++)
        loop_turn(b.loop, 5);
    assert_int_equal(count_ended(fds, CROWD), CROWD - MOST + 1);
    b.has_message = false;
    zmq_send(s, "still here", 10, 0);
    turn_until(b.loop, &b.has_message);
    late = raw_dealer(&b);
    b.has_message = false;
    zmq_send(late, "late", 4, 0);
    turn_until(b.loop, &b.has_message);
    assert_int_equal(b.messages, 3);
    for (unsigned i = 0; i < CROWD; i++)
        close(fds[i]);
    zmq_close(late);
    zmq_close(s);
    broker_close(&b);
}

static long resident_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long pages = 0;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* One message of 256 MiB in frames of 64 KiB: ZeroMQ hands a message to the line only when it is
 * whole, but for the receiver it has no end in sight. In a process of its own, whose memory is not
 * ours. */
static void send_without_end(int endpoint_fd)
{
    static char frame[65536 - 64], endpoint[256];
    void *context, *s, *watch;
    int linger = 0;

    if (read(endpoint_fd, endpoint, sizeof(endpoint) - 1) <= 0)
        _exit(1);
    context = zmq_ctx_new();
    s = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, broker_keys.public_z85, 41);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, agent_keys.public_z85, 41);
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, agent_keys.secret_z85, 41);
    zmq_socket_monitor(s, "inproc://watch", ZMQ_EVENT_DISCONNECTED);
    watch = zmq_socket(context, ZMQ_PAIR);
    zmq_connect(watch, "inproc://watch");
    zmq_connect(s, endpoint);
    for (int i = 0; i < 4096; i++)
        zmq_send(s, frame, sizeof(frame), i < 4095 ? ZMQ_SNDMORE : 0);
    zmq_recv(watch, frame, sizeof(frame), 0); /* until we are cut */
    _exit(0);
}

static void catch_cut(void *arg, enum log_level level, const char *line)
{
    (void)level;
    if (strstr(line, "zport.endless.cut"))
        *(bool *)arg = true;
}

static void an_endless_message_is_cut_and_honest_peers_stay(void **state)
{
    struct zport_settings set = router_settings();
    int ends[2], child_status = -1;
    bool is_cut = false;
    struct broker b;
    struct agent a;
    long before;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork(); /* while this process has no thread but this one */
    if (child == 0)
        send_without_end(ends[0]);
    open_pair(&b, &a, &set);
    log_set_sink(catch_cut, &is_cut);
    before = resident_kib();
    assert_true(write(ends[1], zport_endpoint(b.port), strlen(zport_endpoint(b.port))) > 0);
    turn_until(b.loop, &is_cut);
    print_message("endless message: %ld KiB above idle when cut\n", resident_kib() - before);
    /* ZeroMQ's thread reads on until ours has its turn, on a busy machine tens of MiB. */
    assert_swift(resident_kib() - before < 131072);
    assert_int_equal(waitpid(child, &child_status, 0), child);
    assert_int_equal(child_status, 0);
    log_set_sink(NULL, NULL);
    assert_int_equal(b.messages + b.broken, 0);
    assert_int_equal(zport_send(a.port, NULL, "x", 1), ST_OK);
    turn_until(b.loop, &b.has_message);
    close_pair(&b, &a);
    close(ends[0]);
    close(ends[1]);
}

static void an_honest_flood_and_heartbeats_are_not_cut(void **state)
{
    static unsigned char block[32768];
    struct zport_settings set = router_settings();
    bool is_cut = false;
    unsigned sent = 0;
    struct broker b;
    struct agent a;

    (void)state;
    open_pair(&b, &a, &set);
    log_set_sink(catch_cut, &is_cut);
    while (sent < 1000) { /* 32 MiB, sixteen times the limit */
        if (zport_send(a.port, NULL, block, sizeof(block)) == ST_OK)
            sent++;
        else
            loop_turn(b.loop, 1);
    }
    turn_until_count(b.loop, &b.messages, sent);
    log_set_sink(NULL, NULL);
    assert_false(is_cut);
    close_pair(&b, &a);
}

/* --- why a link does not come up -------------------------------------------------------------- */

static void a_refused_key_is_told_in_a_sentence(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;

    (void)state;
    broker_open(&b, &set);
    b.verdict = "400";
    agent_open(&a, b.ctx, zport_endpoint(b.port));
    turn_until(b.loop, &a.is_down);
    assert_non_null(strstr(a.why, "refused this key"));
    assert_int_equal(a.ups, 0);
    close_pair(&b, &a);
}

static void a_wrong_pinned_key_is_told_in_a_sentence(void **state)
{
    struct zport_settings set = router_settings(), dealer;
    struct broker b;
    struct agent a;

    (void)state;
    broker_open(&b, &set);
    dealer = dealer_settings(zport_endpoint(b.port));
    dealer.server_z85 = other_keys.public_z85;
    agent_open_with(&a, b.ctx, &dealer);
    turn_until(b.loop, &a.is_down);
    assert_non_null(strstr(a.why, "pinned key"));
    assert_int_equal(a.ups, 0);
    close_pair(&b, &a);
}

static void a_lost_broker_is_told_and_its_return_too(void **state)
{
    struct zport_settings set = router_settings();
    struct zport_events events;
    char endpoint[256];
    struct broker b;
    struct agent a;

    (void)state;
    open_pair(&b, &a, &set);
    events = broker_events(&b);
    snprintf(endpoint, sizeof(endpoint), "%s", zport_endpoint(b.port));
    zport_destroy(b.port);
    b.port = NULL;
    turn_until(b.loop, &a.is_down);
    assert_non_null(strstr(a.why, "lost"));
    set.endpoint = endpoint;
    while (zport_create(&b.port, b.ctx, &set, &events) == ST_EXISTS)
        loop_turn(b.loop, 1); /* ZeroMQ's own thread closes the old one a moment later */
    assert_non_null(b.port);
    turn_until(b.loop, &a.is_up);
    assert_int_equal(a.ups, 2);
    close_pair(&b, &a);
}

/* --- life ------------------------------------------------------------------------------------- */

static void a_port_may_be_destroyed_in_its_own_callbacks(void **state)
{
    struct zport_settings set = router_settings();
    struct broker b;
    struct agent a;

    (void)state;
    open_pair(&b, &a, &set);
    b.destroys_itself = true;
    for (int i = 0; i < 10; i++)
        assert_int_equal(zport_send(a.port, NULL, "x", 1), ST_OK);
    turn_until(b.loop, &b.has_message);
    a.destroys_itself = true;
    turn_until(b.loop, &a.is_down);
    assert_null(a.port);
    turn_for(b.loop, 20); /* the other nine are on their way, and nobody may hear them any more */
    assert_int_equal(b.messages, 1);
    close_pair(&b, &a);
}

static void errors_say_what_kind_they_are(void **state)
{
    struct zport_settings set = router_settings(), dealer = dealer_settings("tcp://127.0.0.1:1");
    struct zport *second = NULL;
    struct zport_events events;
    struct broker b;

    (void)state;
    broker_open(&b, &set);
    events = broker_events(&b);
    set.endpoint = zport_endpoint(b.port);
    assert_int_equal(zport_create(&second, b.ctx, &set, &events), ST_EXISTS);
    set.endpoint = "tcp://198.51.100.7:5511"; /* documentation range: none of this machine's */
    assert_int_equal(zport_create(&second, b.ctx, &set, &events), ST_INVALID);
    set.endpoint = "udp:nonsense";
    assert_int_equal(zport_create(&second, b.ctx, &set, &events), ST_INVALID);
    set.endpoint = "tcp://127.0.0.1:*";
    set.secret_z85 = "too short";
    assert_int_equal(zport_create(&second, b.ctx, &set, &events), ST_INVALID);
    dealer.server_z85 = NULL;
    assert_int_equal(zport_create(&second, b.ctx, &dealer, &events), ST_INVALID);
    assert_null(second);
    broker_close(&b);
}

static void creating_survives_every_failed_allocation(void **state)
{
    struct zport_settings set = router_settings(), dealer = dealer_settings("tcp://127.0.0.1:1");
    struct broker b;

    (void)state;
    broker_open(&b, &set);
    for (unsigned kind = 0; kind < 3; kind++) {
        enum status st = ST_NOMEM;
        unsigned long n;

        for (n = 1; st != ST_OK && n < 20; n++) {
            struct zport_events events = broker_events(&b);
            struct zport *port = NULL;
            struct zctx *ctx = NULL;

            mem_fail_at(n);
            st = kind == 2 ? zctx_create(&ctx, b.loop)
                           : zport_create(&port, b.ctx, kind ? &dealer : &set, &events);
            mem_fail_at(0);
            assert_true(st == ST_OK || st == ST_NOMEM);
            zport_destroy(port);
            zctx_destroy(ctx);
        }
        assert_int_equal(st, ST_OK);
        assert_true(n > 2);
    }
    broker_close(&b);
}

static int make_keys(void **state)
{
    (void)state;
    return keys_generate(&broker_keys) != ST_OK || keys_generate(&agent_keys) != ST_OK ||
           keys_generate(&other_keys) != ST_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_router_listens_with_a_second_key_beside_the_first),
        cmocka_unit_test(a_quiet_link_answers_each_of_a_thousand_single_requests),
        cmocka_unit_test(a_quiet_link_delivers_each_of_a_thousand_single_messages),
        cmocka_unit_test(a_message_that_arrived_while_we_were_sending_is_heard),
        cmocka_unit_test(bursts_come_back_whole_and_in_order),
        cmocka_unit_test(a_full_peer_answers_full_and_invites_again_when_it_reads),
        cmocka_unit_test(an_agent_without_a_link_is_full_and_becomes_writable_with_it),
        cmocka_unit_test(a_paused_port_reads_nothing_and_loses_nothing),
        cmocka_unit_test(a_message_carries_the_authenticated_name_and_its_connection),
        cmocka_unit_test(tcp_pauses_are_kept_short_where_it_is_asked_for),
        cmocka_unit_test(an_empty_message_is_a_message),
        cmocka_unit_test(a_peer_that_left_is_not_found),
        cmocka_unit_test(a_message_of_several_frames_is_broken_once_and_the_next_is_heard),
        cmocka_unit_test(a_frame_of_the_limit_passes_and_one_a_little_larger_too),
        cmocka_unit_test(a_turn_ends_in_time_however_much_a_message_costs),
        cmocka_unit_test(who_has_spoken_stays_when_silent_connections_are_too_many),
        cmocka_unit_test(an_endless_message_is_cut_and_honest_peers_stay),
        cmocka_unit_test(an_honest_flood_and_heartbeats_are_not_cut),
        cmocka_unit_test(a_refused_key_is_told_in_a_sentence),
        cmocka_unit_test(a_wrong_pinned_key_is_told_in_a_sentence),
        cmocka_unit_test(a_lost_broker_is_told_and_its_return_too),
        cmocka_unit_test(a_port_may_be_destroyed_in_its_own_callbacks),
        cmocka_unit_test(errors_say_what_kind_they_are),
        cmocka_unit_test(creating_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, make_keys, NULL);
}
