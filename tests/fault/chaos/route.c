/* route - see route.h. One loop of poll over all sockets; a chunk is read only when the one before
 * it has been written, so that a slow side slows the other as a wire would. */
#include "tests/fault/chaos/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/banned.h"

enum { WIRES_MAX = 512, CHUNK = 65536, LOOK_MS = 20 };

struct door {
    int fd;
    struct sockaddr_storage to;
    socklen_t to_len;
    unsigned cuts, answers; /* done */
};

struct way { /* one direction of a wire */
    size_t len, off;
    uint64_t due_ms;
    bool ended; /* nothing more comes from this side */
    char *chunk;
};

struct wire {
    unsigned route;
    int fd[2];         /* [0] who connected, [1] whom to; -1 = free */
    struct way way[2]; /* [0] from fd[0] to fd[1] */
    bool asked;        /* an append went through */
};

struct routes {
    struct route *shared;
    unsigned count;
    struct door door[ROUTES_MAX];
    pid_t pid;
};

static void die(const char *what)
{
    fprintf(stderr, "route: %s: %s\n", what, strerror(errno));
    abort();
}

struct routes *routes_create(void)
{
    struct routes *r = calloc(1, sizeof(*r));

    if (!r)
        die("memory");
    r->shared = mmap(NULL, ROUTES_MAX * sizeof(*r->shared), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r->shared == MAP_FAILED)
        die("memory");
    return r;
}

static struct door *next_door(struct routes *r, int family)
{
    struct door *d = &r->door[r->count];

    if (r->count == ROUTES_MAX)
        die("too many routes");
    d->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0)
        die("socket");
    return d;
}

unsigned routes_add_tcp(struct routes *r, const char *listen_address, unsigned *port,
                        unsigned to_port)
{
    struct door *d = next_door(r, AF_INET);
    struct sockaddr_in at = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);

    inet_pton(AF_INET, listen_address, &at.sin_addr);
    if (bind(d->fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(d->fd, 64) != 0 ||
        getsockname(d->fd, (struct sockaddr *)&at, &len) != 0)
        die(listen_address);
    *port = ntohs(at.sin_port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)to_port);
    memcpy(&d->to, &to, sizeof(to));
    d->to_len = sizeof(to);
    return r->count++;
}

unsigned routes_add_unix(struct routes *r, const char *listen_path, const char *to_path)
{
    struct door *d = next_door(r, AF_UNIX);
    struct sockaddr_un at = {.sun_family = AF_UNIX}, to = {.sun_family = AF_UNIX};

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", listen_path);
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", to_path);
    if (bind(d->fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(d->fd, 64) != 0)
        die(listen_path);
    memcpy(&d->to, &to, sizeof(to));
    d->to_len = sizeof(to);
    return r->count++;
}

struct route *routes_get(struct routes *r, unsigned number)
{
    return &r->shared[number];
}

/* --- the relaying process --------------------------------------------------------------------- */

static struct wire wires[WIRES_MAX];

static uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void close_wire(struct wire *w, bool reset)
{
    const struct linger now = {1, 0};

    for (unsigned i = 0; i < 2; i++) {
        if (reset)
            setsockopt(w->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close(w->fd[i]);
        w->fd[i] = -1;
        free(w->way[i].chunk);
        w->way[i] = (struct way){0};
    }
    w->asked = false;
}

static void speed_up(int fd)
{
    const int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a UNIX socket refuses; let it */
}

static void take_in(struct routes *r, unsigned route)
{
    struct door *d = &r->door[route];
    int from = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct wire *w = NULL;

    for (unsigned i = 0; i < WIRES_MAX && !w; i++)
        if (wires[i].fd[0] < 0)
            w = &wires[i];
    if (from < 0)
        return;
    if (!w)
        die("too many wires");
    w->fd[0] = from;
    w->fd[1] = socket(d->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    w->route = route;
    for (unsigned i = 0; i < 2; i++) {
        w->way[i].chunk = malloc(CHUNK);
        if (!w->way[i].chunk)
            die("memory");
    }
    if (w->fd[1] < 0 ||
        (connect(w->fd[1], (struct sockaddr *)&d->to, d->to_len) != 0 && errno != EINPROGRESS)) {
        close_wire(w, true);
        return;
    }
    speed_up(w->fd[0]);
    speed_up(w->fd[1]);
}

/* True: the wire is gone. */
static bool lose_answer(struct routes *r, struct wire *w, unsigned side)
{
    struct route *route = &r->shared[w->route];
    struct door *d = &r->door[w->route];

    /* Bind: the name of the portal, which is empty, then that of the statement. */
    if (side == 0 && memmem(w->way[0].chunk, w->way[0].len, "\0append", 7))
        w->asked = true;
    if (side == 0 || !w->asked || d->answers == atomic_load(&route->answers))
        return false;
    d->answers = atomic_load(&route->answers);
    atomic_fetch_add(&route->answers_lost, 1);
    close_wire(w, true);
    return true;
}

static void read_side(struct routes *r, struct wire *w, unsigned side)
{
    struct way *way = &w->way[side];
    ssize_t n = read(w->fd[side], way->chunk, CHUNK);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        if (n < 0 || w->way[!side].ended) {
            close_wire(w, n < 0);
            return;
        }
        way->ended = true;
        shutdown(w->fd[!side], SHUT_WR);
        return;
    }
    way->len = (size_t)n;
    way->off = 0;
    way->due_ms = clock_ms() + atomic_load(&r->shared[w->route].delay_ms);
    lose_answer(r, w, side);
}

static void write_side(struct wire *w, unsigned side)
{
    struct way *way = &w->way[side];
    ssize_t n;

    if (way->off == way->len || way->due_ms > clock_ms())
        return;
    n = send(w->fd[!side], way->chunk + way->off, way->len - way->off, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        close_wire(w, true);
    else if (n > 0)
        way->off += (size_t)n;
}

static void obey(struct routes *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        unsigned cuts = atomic_load(&r->shared[i].cuts);

        if (cuts == r->door[i].cuts)
            continue;
        r->door[i].cuts = cuts;
        for (unsigned k = 0; k < WIRES_MAX; k++)
            if (wires[k].fd[0] >= 0 && wires[k].route == i)
                close_wire(&wires[k], true);
    }
}

struct asked {         /* what one entry of poll is about */
    struct wire *wire; /* NULL: a door */
    unsigned side;
};

static unsigned ask_wire(struct wire *w, struct pollfd *p, struct asked *about, int *wait_ms)
{
    unsigned n = 0;

    for (unsigned side = 0; side < 2; side++) {
        struct way *way = &w->way[side];
        uint64_t now_ms = clock_ms();

        about[n] = (struct asked){w, side};
        if (way->off < way->len && way->due_ms <= now_ms)
            p[n++] = (struct pollfd){.fd = w->fd[!side], .events = POLLOUT};
        else if (way->off < way->len && way->due_ms - now_ms < (uint64_t)*wait_ms)
            *wait_ms = (int)(way->due_ms - now_ms);
        else if (way->off == way->len && !way->ended)
            p[n++] = (struct pollfd){.fd = w->fd[side], .events = POLLIN};
    }
    return n;
}

static void turn(struct routes *r)
{
    static struct pollfd p[ROUTES_MAX + 2 * WIRES_MAX];
    static struct asked about[ROUTES_MAX + 2 * WIRES_MAX];
    unsigned n = 0;
    int wait_ms = LOOK_MS;

    obey(r);
    for (unsigned i = 0; i < r->count; i++)
        if (!atomic_load(&r->shared[i].stalled)) {
            about[n] = (struct asked){NULL, i};
            p[n++] = (struct pollfd){.fd = r->door[i].fd, .events = POLLIN};
        }
    for (unsigned i = 0; i < WIRES_MAX; i++)
        if (wires[i].fd[0] >= 0 && !atomic_load(&r->shared[wires[i].route].stalled))
            n += ask_wire(&wires[i], p + n, about + n, &wait_ms);
    if (poll(p, n, wait_ms) <= 0)
        return;
    for (unsigned i = 0; i < n; i++) {
        struct wire *w = about[i].wire;

        if (!p[i].revents)
            continue;
        if (!w)
            take_in(r, about[i].side);
        else if (w->fd[0] >= 0 && p[i].events == POLLIN && p[i].fd == w->fd[about[i].side])
            read_side(r, w, about[i].side);
        if (w && w->fd[0] >= 0)
            write_side(w, about[i].side);
    }
}

void routes_start(struct routes *r)
{
    pid_t parent = getpid();

    r->pid = fork();
    if (r->pid < 0)
        die("fork");
    if (r->pid)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    if (getppid() != parent)
        _exit(0);
    for (unsigned i = 0; i < WIRES_MAX; i++)
        wires[i].fd[0] = wires[i].fd[1] = -1;
    for (;;)
        turn(r);
}

void routes_end(struct routes *r)
{
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    for (unsigned i = 0; i < r->count; i++)
        close(r->door[i].fd);
    munmap(r->shared, ROUTES_MAX * sizeof(*r->shared));
    free(r);
}
