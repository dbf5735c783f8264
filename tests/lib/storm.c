/* storm - see storm.h. */
#include "tests/lib/storm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

enum { MANY = 4000, PART_BYTES = 65536, PARTS = 1024, SUBSCRIPTIONS = 16, SESSIONS = 16 };

/* --- the process ------------------------------------------------------------------------------ */

void storm_fork(struct storm *s, struct storm_target *t, void (*attack)(struct storm_target *t))
{
    int ends[2];
    char go;

    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
    s->pid = fork();
    if (s->pid < 0)
        abort();
    s->go = ends[1];
    if (s->pid) {
        close(ends[0]);
        return;
    }
    close(ends[1]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    if (read(ends[0], &go, 1) == 1)
        attack(t);
    _exit(0);
}

void storm_begin(struct storm *s)
{
    if (write(s->go, "", 1) != 1)
        abort();
}

void storm_end(struct storm *s)
{
    if (s->pid <= 0)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    close(s->go);
    s->pid = 0;
}

static void pause_ms(unsigned ms)
{
    (void)usleep(ms * 1000); /* an attacker may wait by the clock */
}

static void allow_files(rlim_t n)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < n) {
        limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* --- bare TCP --------------------------------------------------------------------------------- */

static int open_tcp(const struct storm_target *t)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)strtoul(strrchr(t->endpoint, ':') + 1, NULL, 10));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

void storm_silent_connections(struct storm_target *t)
{
    allow_files(MANY + 100);
    for (unsigned open = 0; open < MANY;) {
        if (open_tcp(t) < 0)
            pause_ms(1);
        else
            t->said = ++open;
    }
    pause();
}

void storm_garbage_handshakes(struct storm_target *t)
{
    uint8_t noise[700];

    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)(i * 31);
    for (;;) {
        int fd = open_tcp(t);

        if (fd < 0) { /* out of ports for a moment */
            pause_ms(1);
            continue;
        }
        if (write(fd, noise, sizeof(noise)) > 0)
            t->said++;
        close(fd);
    }
}

/* --- sessions --------------------------------------------------------------------------------- */

static void *open_socket(void *context, const struct storm_target *t, unsigned who)
{
    void *s = zmq_socket(context, ZMQ_DEALER);
    int zero = 0, few = 4, small = 4096;

    if (!s)
        return NULL;
    zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof(zero));
    zmq_setsockopt(s, ZMQ_SNDHWM, &few, sizeof(few));
    zmq_setsockopt(s, ZMQ_RCVHWM, &few, sizeof(few));
    zmq_setsockopt(s, ZMQ_RCVBUF, &small, sizeof(small));
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, t->broker_key, KEY_Z85);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, t->keys[who].public_z85, KEY_Z85);
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, t->keys[who].secret_z85, KEY_Z85);
    if (zmq_connect(s, t->endpoint) != 0)
        abort();
    return s;
}

static void *open_context(int sockets)
{
    void *context = zmq_ctx_new();

    allow_files((rlim_t)sockets * 3 + 100);
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, sockets + 10);
    return context;
}

/* Waits while the socket is full. */
static void say(struct storm_target *t, void *s, const Eocbus__V1__Frame *f)
{
    static uint8_t bytes[LIMIT_FRAME_BYTES];
    size_t len = eocbus__v1__frame__pack(f, bytes);

    if (zmq_send(s, bytes, len, 0) >= 0)
        t->said++;
}

static void hello(struct storm_target *t, void *s)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    h.protocol_min = h.protocol_max = PROTOCOL_VERSION;
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    say(t, s, &f);
}

static void ping(struct storm_target *t, void *s)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Ping p = EOCBUS__V1__PING__INIT;

    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &p;
    say(t, s, &f);
}

/* `patterns` of them, all different in `turn`, the last of them everything. */
static void subscribe(struct storm_target *t, void *s, unsigned number, unsigned patterns,
                      uint64_t turn)
{
    static char text[LIMIT_PATTERNS][64];
    char *list[LIMIT_PATTERNS], all[] = "**";
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Subscribe m = EOCBUS__V1__SUBSCRIBE__INIT;

    for (unsigned i = 0; i < patterns; i++) {
        snprintf(text[i], sizeof(text[i]), "actual.report.x%llu.y%u.*", (unsigned long long)turn,
                 i);
        list[i] = text[i];
    }
    list[patterns - 1] = all;
    m.subscription = number;
    m.patterns = list;
    m.n_patterns = patterns;
    m._after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
    m.after = 0;
    m.credit = 65536;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &m;
    say(t, s, &f);
}

static void unsubscribe(struct storm_target *t, void *s, unsigned number)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Unsubscribe m = EOCBUS__V1__UNSUBSCRIBE__INIT;

    m.subscription = number;
    f.what_case = EOCBUS__V1__FRAME__WHAT_UNSUBSCRIBE;
    f.unsubscribe = &m;
    say(t, s, &f);
}

static void throw_answers_away(void *s)
{
    char answer[512];

    while (zmq_recv(s, answer, sizeof(answer), ZMQ_DONTWAIT) >= 0)
        ;
}

void storm_mute_sessions(struct storm_target *t)
{
    void *context = open_context(3000);

    for (unsigned i = 0; i < 3000; i++) {
        if (!open_socket(context, t, i % STORM_KEYS))
            break;
        t->said++;
    }
    pause();
}

void storm_strangers(struct storm_target *t)
{
    void *context = open_context(3000);

    for (unsigned i = 0; i < 3000; i++) {
        void *s = open_socket(context, t, i % STORM_KEYS);

        if (!s)
            break;
        ping(t, s);
    }
    pause();
}

void storm_subscriptions(struct storm_target *t)
{
    void *context = open_context(STORM_KEYS * SESSIONS);

    for (unsigned i = 0; i < STORM_KEYS * SESSIONS; i++) {
        void *s = open_socket(context, t, i / SESSIONS);

        hello(t, s);
        for (unsigned n = 1; n <= SUBSCRIPTIONS; n++)
            subscribe(t, s, n, LIMIT_PATTERNS, i);
    }
    pause();
}

void storm_unread_connections(struct storm_target *t)
{
    enum { AT_ONCE = 400 };
    void *context = open_context(AT_ONCE), *sockets[AT_ONCE] = {NULL};

    for (unsigned i = 0;; i = (i + 1) % AT_ONCE) {
        if (sockets[i])
            zmq_close(sockets[i]);
        /* What was closed is let go by another thread, on a busy machine somewhat later. */
        while (!(sockets[i] = open_socket(context, t, 0)))
            pause_ms(1);
        hello(t, sockets[i]);
        for (unsigned n = 1; n <= 4; n++)
            subscribe(t, sockets[i], n, 1, 0);
    }
}

void storm_frozen_listener(struct storm_target *t)
{
    void *context = open_context(SESSIONS);
    char answer[64];

    for (unsigned i = 0; i < SESSIONS; i++) {
        void *s = open_socket(context, t, 0);

        hello(t, s);
        for (unsigned n = 1; n <= SUBSCRIPTIONS; n++)
            subscribe(t, s, n, 1, 0);
        (void)zmq_recv(s, answer, sizeof(answer), 0);
    }
    kill(getpid(), SIGSTOP);
}

void storm_endless_multipart(struct storm_target *t)
{
    static uint8_t part[PART_BYTES];
    void *context = open_context(2), *s = open_socket(context, t, 0);

    for (;;) {
        for (unsigned i = 0; i < PARTS; i++)
            (void)zmq_send(s, part, sizeof(part), i + 1 < PARTS ? ZMQ_SNDMORE : 0);
        t->said++;
    }
}

void storm_oversized_frames(struct storm_target *t)
{
    static const size_t sizes[] = {LIMIT_FRAME_BYTES + 1, LIMIT_FRAME_BYTES + 8192, 16 << 20};
    void *context = open_context(4), *sockets[3];
    uint8_t *bytes = calloc(1, sizes[2]);

    for (unsigned i = 0; i < 3; i++)
        sockets[i] = open_socket(context, t, i);
    for (unsigned i = 0;; i = (i + 1) % 3)
        if (zmq_send(sockets[i], bytes, sizes[i], ZMQ_DONTWAIT) >= 0)
            t->said++;
        else
            throw_answers_away(sockets[i]);
}

void storm_patterns(struct storm_target *t)
{
    void *context = open_context(2), *s = open_socket(context, t, 0);

    hello(t, s);
    for (uint64_t turn = 0;; turn++) {
        unsigned number = 1 + (unsigned)(turn % SUBSCRIPTIONS);

        if (turn >= SUBSCRIPTIONS)
            unsubscribe(t, s, number);
        subscribe(t, s, number, LIMIT_PATTERNS, turn);
        throw_answers_away(s);
    }
}

void storm_hellos(struct storm_target *t)
{
    void *context = open_context(2), *s = open_socket(context, t, 0);

    for (;;)
        hello(t, s);
}

/* --- publishing ------------------------------------------------------------------------------- */

enum { ITEMS = 256, CONTENT = 512 };

static size_t pack_report(uint8_t *out, unsigned who, uint64_t of_epoch, bool alarm, uint64_t seq)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__GeneralMessage body = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    uint8_t id[16] = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x80};
    char name[32], text[64];

    memcpy(id + 9, &seq, 7);
    snprintf(name, sizeof(name), "storm.n%u", who);
    snprintf(text, sizeof(text), "storm %llu", (unsigned long long)seq);
    m.message_id.data = id;
    m.message_id.len = sizeof(id);
    m.schema = SCHEMA_VERSION;
    m.sender = name;
    m.epoch = of_epoch;
    m.lane = alarm ? EOCBUS__V1__LANE__LANE_FLASH : EOCBUS__V1__LANE__LANE_BULK;
    m.lane_seq = seq;
    m.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.event_time_us = m.sent_time_us = 1789400000000000;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    body.from_role = body.subject = (char *)"storm";
    body.text = text;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    m.general_message = &body;
    return eocbus__v1__envelope__pack(&m, out);
}

/* As if from another outbox each time, so that no lane waits for what was turned away before. */
static uint64_t epoch = UINT64_C(1789400000000000);

static void publish(struct storm_target *t, void *s, unsigned count, bool alarm, uint64_t *seq)
{
    static uint8_t contents[ITEMS][CONTENT];
    static Eocbus__V1__Item items[ITEMS];
    static Eocbus__V1__Item *list[ITEMS];
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Publish p = EOCBUS__V1__PUBLISH__INIT;

    for (unsigned i = 0; i < count; i++) {
        /* Every other alarm is another content under a known place: refused, and withdrawn. */
        uint64_t place = alarm ? *seq / 2 + 1 : *seq;

        eocbus__v1__item__init(&items[i]);
        items[i].tag = *seq;
        items[i].content.data = contents[i];
        items[i].content.len = pack_report(contents[i], 0, epoch, alarm, place);
        if (alarm && *seq % 2)
            contents[i][items[i].content.len - 1] ^= 1; /* a digit of the text */
        list[i] = &items[i];
        ++*seq;
    }
    p.items = list;
    p.n_items = count;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    f.publish = &p;
    say(t, s, &f);
}

void storm_flash(struct storm_target *t)
{
    void *context = open_context(2), *s = open_socket(context, t, 0);
    uint64_t seq = 2;

    hello(t, s);
    for (;;) {
        publish(t, s, 64, true, &seq);
        throw_answers_away(s);
    }
}

void storm_publishes(struct storm_target *t)
{
    void *context = open_context(2), *s = open_socket(context, t, 0);
    uint64_t seq = 1;

    hello(t, s);
    for (;;)
        publish(t, s, ITEMS, false, &seq);
}

void storm_busy(struct storm_target *t)
{
    void *context = open_context(2), *s = open_socket(context, t, 0);
    uint64_t seq = 1;

    hello(t, s);
    for (;;) {
        publish(t, s, ITEMS, false, &seq);
        throw_answers_away(s);
    }
}

/* What was missed while it was stopped is not made up for. */
void storm_steady(struct storm_target *t)
{
    enum { AT_ONCE = 200, EVERY_MS = 10 };
    void *context = open_context(2), *s = open_socket(context, t, 0);
    uint64_t seq = 1;

    hello(t, s);
    for (;;) {
        publish(t, s, AT_ONCE, false, &seq);
        epoch++;
        throw_answers_away(s);
        pause_ms(EVERY_MS);
    }
}
