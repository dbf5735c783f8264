/* screen_bench - how long an alarm takes from a sender's hands until it is drawn on a dispatcher's
 * screen, beside ordinary load and with twenty consoles open (room.h), each of another person; and
 * how long the first view of the queue takes in a browser with nothing in its cache.
 *
 * SCREENS of the consoles are real pages in Debian's Chromium (screen.mjs: MutationObserver, and
 * the frame painted), the others do what a page does, a stream of news and the same questions after
 * it (tab.h). Twenty browsers on the machine of the broker are not what anybody has: each
 * dispatcher sits at a PC of his own, and two cores that draw for twenty would be measured instead
 * of the bus. As it is, Chromium, broker, PostgreSQL, console and senders share them; times are of
 * one clock. Bars: 300 ms p99 for a FLASH, 1 s for the first view with 10,000 open things (with a
 * last word `busy` the database holds ten years and those). usage: screen_bench [SECONDS [CONSOLES
 * [RATE [SCREENS]]]] [busy] */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/ids.h"
#include "tests/bench/room.h"

#include "proto/base/banned.h"

enum { SCREENS_MOST = 8, FIRST_VIEWS = 10, OPEN_S = 180, REST_S = 10, LINE = 1 << 16 };

/* The browser, and what it has said. */
static struct screens {
    struct room room;
    pid_t pid;
    int in, out; /* its standard input and output */
    unsigned count;
    char text[LINE];
    size_t len;
    bool is_ready;
    size_t drawn; /* alarms drawn, on all screens together */
    struct samples first, usable, screen;
} screens;

static void die(const char *what)
{
    fprintf(stderr, "screen_bench: %s\n", what);
    exit(1);
}

/* --- the browser's process ----------------------------------------------------------------------
 */

static void become_browser(int in, int out)
{
    char url[64], views[16];
    const char *argv[8 + SCREENS_MOST] = {"bash", "tests/e2e/browser.sh", "tests/bench/screen.mjs"};
    size_t n = 3;

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", page_port(screens.room.page));
    snprintf(views, sizeof(views), "%u", FIRST_VIEWS);
    argv[n++] = url;
    argv[n++] = views;
    for (unsigned i = 0; i < screens.count; i++)
        argv[n++] = screens.room.cookies[i];
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* node ends Chromium then */
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void start_browser(void)
{
    int to[2], from[2];

    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        die("no pipe");
    screens.pid = fork();
    if (screens.pid < 0)
        die("no process");
    if (screens.pid == 0)
        become_browser(to[0], from[1]);
    close(to[0]);
    close(from[1]);
    screens.in = to[1];
    screens.out = from[0];
}

static void end_browser(void)
{
    int how;

    close(screens.in);
    waitpid(screens.pid, &how, 0);
    close(screens.out);
}

/* --- what it says -------------------------------------------------------------------------------
 */

static void on_drawn(const char *id, double at_ms)
{
    const struct client *c = &screens.room.alarms;
    char text[ID_TEXT];
    uint8_t raw[ID_BYTES];

    for (uint64_t row = c->count; row > 0; row--) {
        client_id_of(c, row, raw);
        id_format(text, raw);
        if (strcmp(text, id) != 0)
            continue;
        screens.drawn++;
        samples_add(&screens.screen, at_ms - (double)c->rows[row].said_us / 1000);
        return;
    }
}

static void on_line(const char *line)
{
    char id[64];
    double a, b;

    if (sscanf(line, "drawn %63s %lf", id, &a) == 2) {
        on_drawn(id, a);
    } else if (sscanf(line, "first %lf %lf", &a, &b) == 2) {
        samples_add(&screens.first, a);
        samples_add(&screens.usable, b);
    } else if (sscanf(line, "items %lf %lf", &a, &b) == 2) {
        printf("         a screen is open: %.0f items, %.0f elements\n", a, b);
    } else if (strcmp(line, "ready") == 0) {
        screens.is_ready = true;
    } else {
        fprintf(stderr, "screen_bench: the browser says: %.400s\n", line);
    }
}

/* Every turn of the room. */
static void hear_browser(void *arg)
{
    struct pollfd p = {.fd = screens.out, .events = POLLIN};
    ssize_t n;
    char *end, *at = screens.text;

    (void)arg;
    if (!screens.pid || poll(&p, 1, 0) <= 0)
        return;
    n = read(screens.out, screens.text + screens.len, sizeof(screens.text) - 1 - screens.len);
    if (n <= 0)
        die("the browser ended; are node, npm and chromium installed (deploy/packages.txt)?");
    screens.len += (size_t)n;
    screens.text[screens.len] = '\0';
    while ((end = strchr(at, '\n')) != NULL) {
        *end = '\0';
        on_line(at);
        at = end + 1;
    }
    screens.len -= (size_t)(at - screens.text);
    memmove(screens.text, at, screens.len);
}

/* --- the run ------------------------------------------------------------------------------------
 */

static void open_screens(void)
{
    room_doing(OPEN_S, "the browser is started: ten first views, then a page for each screen");
    start_browser();
    while (!screens.is_ready)
        room_turn(&screens.room, 5);
}

static void wait_for_screens(void)
{
    const uint64_t until_us = loop_exact_us(screens.room.loop) + REST_S * UINT64_C(1000000);

    room_doing(4 * REST_S, "the last alarms are drawn");
    while (screens.drawn < screens.room.said_alarms * screens.count &&
           loop_exact_us(screens.room.loop) < until_us)
        room_turn(&screens.room, 5);
}

static void print(void)
{
    const size_t due = (size_t)screens.room.said_alarms * screens.count;

    room_print(&screens.room);
    printf("%u of the consoles were pages in Chromium, 1280 x 800\n", screens.count);
    samples_print(&screens.first, "first view: an item is drawn");
    samples_print(&screens.usable, "first view: a key is obeyed");
    samples_print(&screens.screen, "FLASH drawn on a screen");
    if (screens.drawn < due)
        printf("NOT DRAWN: %zu of %zu\n", due - screens.drawn, due);
}

static unsigned number(int argc, char **argv, int i, unsigned otherwise)
{
    return i < argc ? (unsigned)strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    const bool busy = argc > 1 && strcmp(argv[argc - 1], "busy") == 0;
    const int numbers = argc - busy;
    struct room_settings set = {.seconds = number(numbers, argv, 1, 20),
                                .persons = number(numbers, argv, 2, 20),
                                .rate = number(numbers, argv, 3, 300),
                                .elsewhere = number(numbers, argv, 4, 3),
                                .busy = busy,
                                .turn = hear_browser};

    screens.count = set.elsewhere;
    if (!set.seconds || set.seconds > 600 || set.persons > ROOM_PERSONS || !screens.count ||
        screens.count > SCREENS_MOST || screens.count > set.persons) {
        fprintf(stderr, "usage: screen_bench [SECONDS [CONSOLES [RATE [SCREENS]]]] [busy]\n");
        return 2;
    }
    room_open(&screens.room, &set);
    open_screens();
    room_measure(&screens.room);
    wait_for_screens();
    print();
    end_browser();
    room_close(&screens.room);
    return 0;
}
