/* relay - see relay.h. One process, one select loop: a packet read from one side gets a time at
 * which it is due on the other and waits in a heap. Settings, counts and darkness are in memory
 * that it shares with its parent. */
#include "tests/lib/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/banned.h"

enum { PACKET_MAX = 2048, HEAP_MAX = 4096 };

struct shared {
    struct relay_settings set;
    struct relay_count count[2]; /* [0] A to B, [1] B to A */
    atomic_bool dark;
};

struct relay {
    struct shared *shared;
    int home, place[2], tun[2]; /* [0] A, [1] B */
    pid_t pid;
};

static void die(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    abort();
}

/* --- the link --------------------------------------------------------------------------------- */

struct packet {
    uint64_t due_us, order;
    unsigned to; /* 0 = A, 1 = B */
    unsigned len;
    uint8_t *bytes;
};

struct line {
    struct shared *shared;
    int tun[2];
    struct packet heap[HEAP_MAX];
    unsigned waiting;
    uint64_t orders, random;
    uint64_t free_us[2], last_due_us[2]; /* by direction: [0] A to B */
};

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static double draw(struct line *l) /* xorshift64*, 0 <= x < 1 */
{
    l->random ^= l->random >> 12;
    l->random ^= l->random << 25;
    l->random ^= l->random >> 27;
    return (double)((l->random * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

static bool is_sooner(const struct packet *p, const struct packet *q)
{
    return p->due_us != q->due_us ? p->due_us < q->due_us : p->order < q->order;
}

static void swap(struct packet *p, struct packet *q)
{
    struct packet t = *p;

    *p = *q;
    *q = t;
}

static void heap_push(struct line *l, struct packet p)
{
    unsigned i = l->waiting;

    if (l->waiting == HEAP_MAX) {
        free(p.bytes);
        return;
    }
    l->heap[l->waiting++] = p;
    for (; i && is_sooner(&l->heap[i], &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&l->heap[i], &l->heap[(i - 1) / 2]);
}

static struct packet heap_pop(struct line *l)
{
    struct packet first = l->heap[0];
    unsigned i = 0, child;

    l->heap[0] = l->heap[--l->waiting];
    while ((child = 2 * i + 1) < l->waiting) {
        child += child + 1 < l->waiting && is_sooner(&l->heap[child + 1], &l->heap[child]);
        if (!is_sooner(&l->heap[child], &l->heap[i]))
            break;
        swap(&l->heap[child], &l->heap[i]);
        i = child;
    }
    return first;
}

/* When the last byte leaves the bottleneck; 0 = its queue is full. */
static uint64_t pass_bottleneck(struct line *l, unsigned way, const struct relay_way *w,
                                unsigned len, uint64_t now_us)
{
    if (!w->bytes_per_s)
        return now_us;
    if (l->free_us[way] < now_us)
        l->free_us[way] = now_us;
    if ((l->free_us[way] - now_us) * w->bytes_per_s / 1000000 + len > w->queue_bytes)
        return 0;
    l->free_us[way] += (uint64_t)len * 1000000 / w->bytes_per_s;
    return l->free_us[way];
}

static uint64_t choose_due(struct line *l, unsigned way, const struct relay_way *w, uint64_t out_us)
{
    double jitter_ms = (2 * draw(l) - 1) * w->jitter_ms;
    uint64_t due_us = out_us + (uint64_t)((w->delay_ms + jitter_ms) * 1000);

    if (draw(l) < w->reorder)
        return due_us;
    if (due_us < l->last_due_us[way])
        due_us = l->last_due_us[way];
    l->last_due_us[way] = due_us;
    return due_us;
}

static void send_later(struct line *l, unsigned way, const uint8_t *bytes, unsigned len,
                       uint64_t due_us)
{
    struct packet p = {.due_us = due_us, .order = l->orders++, .to = !way, .len = len};

    p.bytes = malloc(len);
    if (!p.bytes)
        die("memory");
    memcpy(p.bytes, bytes, len);
    heap_push(l, p);
}

static void take_packet(struct line *l, unsigned way, const uint8_t *bytes, unsigned len)
{
    const struct relay_way *w = way ? &l->shared->set.b_to_a : &l->shared->set.a_to_b;
    struct relay_count *n = &l->shared->count[way];
    uint64_t now_us = clock_us(), out_us;

    n->packets++;
    n->bytes += len;
    out_us = pass_bottleneck(l, way, w, len, now_us);
    if (!out_us) {
        n->overflowed++;
        return;
    }
    if (atomic_load(&l->shared->dark) || draw(l) < w->loss) {
        n->lost++;
        return;
    }
    n->arrived_bytes += len;
    send_later(l, way, bytes, len, choose_due(l, way, w, out_us));
    if (draw(l) < w->duplicate) {
        n->doubled++;
        send_later(l, way, bytes, len, choose_due(l, way, w, out_us));
    }
}

static void deliver_due(struct line *l)
{
    while (l->waiting && l->heap[0].due_us <= clock_us()) {
        struct packet p = heap_pop(l);

        if (!atomic_load(&l->shared->dark))
            (void)!write(l->tun[p.to], p.bytes, p.len); /* a full device loses, as links do */
        free(p.bytes);
    }
}

static void wait_for_work(struct line *l, fd_set *readable)
{
    uint64_t now_us = clock_us(), wait_us = 200000;
    struct timeval t;

    if (l->waiting)
        wait_us = l->heap[0].due_us > now_us ? l->heap[0].due_us - now_us : 0;
    t.tv_sec = (time_t)(wait_us / 1000000);
    t.tv_usec = (suseconds_t)(wait_us % 1000000);
    FD_ZERO(readable);
    FD_SET(l->tun[0], readable);
    FD_SET(l->tun[1], readable);
    if (select((l->tun[0] > l->tun[1] ? l->tun[0] : l->tun[1]) + 1, readable, NULL, NULL, &t) < 0)
        FD_ZERO(readable);
}

_Noreturn static void run_line(struct shared *shared, const int tun[2])
{
    static struct line l;
    uint8_t bytes[PACKET_MAX];
    fd_set readable;

    l.shared = shared;
    l.random = shared->set.seed * 2 + 1;
    for (unsigned i = 0; i < 2; i++)
        l.tun[i] = tun[i];
    for (;;) {
        wait_for_work(&l, &readable);
        for (unsigned way = 0; way < 2; way++) {
            ssize_t n = FD_ISSET(l.tun[way], &readable) ? read(l.tun[way], bytes, PACKET_MAX) : 0;

            if (n > 0 && bytes[0] >> 4 == 4) /* IPv6 only looks for routers that are not here */
                take_packet(&l, way, bytes, (unsigned)n);
        }
        deliver_due(&l);
    }
}

/* --- the namespaces --------------------------------------------------------------------------- */

static bool bring_up(const char *device, const char *address)
{
    struct ifreq ask = {0};
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0;

    snprintf(ask.ifr_name, sizeof(ask.ifr_name), "%s", device);
    if (ok && address) {
        inet_pton(AF_INET, address, &at.sin_addr);
        memcpy(&ask.ifr_addr, &at, sizeof(at));
        ok = ioctl(fd, SIOCSIFADDR, &ask) == 0;
        inet_pton(AF_INET, "255.255.255.0", &at.sin_addr);
        memcpy(&ask.ifr_netmask, &at, sizeof(at));
        ok = ok && ioctl(fd, SIOCSIFNETMASK, &ask) == 0;
    }
    ask.ifr_flags = IFF_UP | IFF_RUNNING;
    ok = ok && ioctl(fd, SIOCSIFFLAGS, &ask) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static int open_tun(const char *address)
{
    struct ifreq ask = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    snprintf(ask.ifr_name, sizeof(ask.ifr_name), "link");
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &ask) == 0 && bring_up("link", address))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int open_namespace(void)
{
    return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static bool make_place(struct relay *r, unsigned i)
{
    if (unshare(CLONE_NEWNET) != 0)
        return false;
    r->place[i] = open_namespace();
    r->tun[i] = open_tun(i ? RELAY_ADDRESS_B : RELAY_ADDRESS_A);
    return r->place[i] >= 0 && r->tun[i] >= 0 && bring_up("lo", NULL);
}

static bool make_places(struct relay *r)
{
    bool ok;
    int error;

    r->home = open_namespace();
    ok = r->home >= 0 && make_place(r, 0) && make_place(r, 1);
    error = errno;
    /* Where nothing was made there is no way back, and none is needed. */
    if (r->place[0] >= 0 && setns(r->home, CLONE_NEWNET) != 0)
        die("the way home");
    errno = error;
    return ok;
}

static void forget_place(struct relay *r)
{
    const int fds[] = {r->home, r->place[0], r->place[1], r->tun[0], r->tun[1]};

    for (unsigned i = 0; i < 5; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    munmap(r->shared, sizeof(*r->shared));
    free(r);
}

struct relay *relay_start(const struct relay_settings *set, char *why, size_t why_size)
{
    struct relay *r = malloc(sizeof(*r));
    pid_t parent = getpid();

    if (!r)
        die("memory");
    *r = (struct relay){.home = -1, .place = {-1, -1}, .tun = {-1, -1}};
    r->shared =
        mmap(NULL, sizeof(*r->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r->shared == MAP_FAILED)
        die("memory");
    r->shared->set = *set;
    if (!make_places(r)) {
        snprintf(why, why_size, "needs root, network namespaces and /dev/net/tun: %s",
                 strerror(errno));
        forget_place(r);
        return NULL;
    }
    r->pid = fork();
    if (r->pid < 0)
        die("fork");
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        if (getppid() == parent)
            run_line(r->shared, r->tun);
        _exit(0);
    }
    return r;
}

void relay_end(struct relay *r)
{
    if (!r)
        return;
    relay_enter(r, RELAY_HOME);
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    forget_place(r);
}

int relay_fd(const struct relay *r, enum relay_place place)
{
    return place == RELAY_HOME ? r->home : r->place[place == RELAY_B];
}

void relay_enter(struct relay *r, enum relay_place place)
{
    if (setns(relay_fd(r, place), CLONE_NEWNET) != 0)
        die("setns");
}

void relay_dark(struct relay *r, bool dark)
{
    atomic_store(&r->shared->dark, dark);
}

void relay_set(struct relay *r, const struct relay_settings *set)
{
    r->shared->set = *set;
}

void relay_count(const struct relay *r, struct relay_count *a_to_b, struct relay_count *b_to_a)
{
    *a_to_b = r->shared->count[0];
    *b_to_a = r->shared->count[1];
}

void relay_forget(struct relay *r)
{
    memset(r->shared->count, 0, sizeof(r->shared->count));
}

/* --- profiles --------------------------------------------------------------------------------- */

bool relay_profile(struct relay_settings *out, const char *name)
{
    static const struct {
        const char *name;
        unsigned up_bits, down_bits, delay_ms, jitter_ms, queue_bytes;
        double loss;
    } rows[] = {
        {"fiber", 20000000, 20000000, 30, 0, 262144, 0},
        {"4g", 2000000, 2000000, 80, 0, 131072, 0.005},
        {"2g", 20000, 40000, 800, 600, 32768, 0.03},
        {"vsat", 128000, 128000, 650, 0, 65536, 0.01},
        {"radio", 4800, 4800, 500, 0, 16384, 0.05},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct relay_way way = {.delay_ms = rows[i].delay_ms / 2,
                                .jitter_ms = rows[i].jitter_ms / 2,
                                .loss = rows[i].loss,
                                .queue_bytes = rows[i].queue_bytes};

        if (strcmp(rows[i].name, name) != 0)
            continue;
        out->a_to_b = out->b_to_a = way;
        out->a_to_b.bytes_per_s = rows[i].down_bits / 8;
        out->b_to_a.bytes_per_s = rows[i].up_bits / 8;
        return true;
    }
    return false;
}
