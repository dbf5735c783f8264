/* page - see page.h. */
#include "tests/lib/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/beside.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

enum { TEXT = 4096, PATIENCE_S = 60 };

static const char password[] = "tests-lib-page";

struct page {
    pid_t pid;
    unsigned port;
    char conf[TEXT / 2], log[TEXT / 2], people[TEXT / 2], cookie[200], token[64];
};

static void rest(void)
{
    const struct timespec ms20 = {.tv_nsec = 20000000};

    nanosleep(&ms20, NULL);
}

static void read_text(char *out, size_t size, const char *path)
{
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(out, 1, size - 1, f) : 0;

    out[n] = '\0';
    if (f)
        fclose(f);
}

static void make_login(struct bus *bus, const char *principal)
{
    char sql[400];

    pgserver_exec(bus_server(bus),
                  "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'page') "
                  "THEN CREATE ROLE page LOGIN IN ROLE bus_console, bus_reader; END IF; END $$");
    snprintf(sql, sizeof(sql), "SELECT bus.reader_set('page', '%s')", principal);
    pgserver_exec(bus_server(bus), sql);
}

static void write_conf(struct page *p, struct bus *bus, const char *agent_conf, const char *dir,
                       const char *settings)
{
    char text[2 * TEXT];
    size_t n;

    read_text(text, sizeof(text), agent_conf);
    assert_true(*text);
    n = strlen(text);
    snprintf(text + n, sizeof(text) - n,
             "\ndatabase = %s\npeople = %s/people\nlisten = 127.0.0.1:0\nleaflet =\n%s",
             pgserver_conninfo(bus_server(bus), "page"), dir, settings);
    snprintf(p->conf, sizeof(p->conf), "%s/console.conf", dir);
    snprintf(p->log, sizeof(p->log), "%s/console.log", dir);
    write_text_file(p->conf, text);
}

static void start_program(struct page *p)
{
    char program[BESIDE_PATH];

    find_beside(program, sizeof(program), "eocbus-console");
    unlink(p->log); /* of a run before */
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        int log = open(p->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log, STDERR_FILENO);
        execl(program, "eocbus-console", "-c", p->conf, "run", (char *)NULL);
        _exit(127);
    }
}

/* "... url=http://127.0.0.1:40123", and its database. */
static void wait_until_open(struct page *p)
{
    const time_t end = time(NULL) + PATIENCE_S * PATIENCE;
    static const char url[] = "://127.0.0.1:";
    char text[4 * TEXT];

    do {
        const char *at;

        assert_int_equal(waitpid(p->pid, NULL, WNOHANG), 0);
        rest();
        read_text(text, sizeof(text), p->log);
        at = strstr(text, "url=");
        at = at ? strstr(at, url) : NULL;
        p->port = at ? (unsigned)strtoul(at + strlen(url), NULL, 10) : 0;
    } while ((!p->port || !strstr(text, "console.database.up")) && time(NULL) < end);
    if (!p->port || !strstr(text, "console.database.up"))
        fail_msg("the console did not come up: %s", text);
}

/* Whatever stands behind `name` up to one of `ends`. */
static void cut_out(char *out, size_t size, const char *text, const char *name, const char *ends)
{
    const char *at = strstr(text, name);

    if (!at)
        fail_msg("no %s in: %s", name, text);
    at += strlen(name);
    snprintf(out, size, "%.*s", (int)strcspn(at, ends), at);
}

void page_sign_in(struct page *p, const char *principal)
{
    char form[400], text[TEXT];

    *p->cookie = '\0'; /* signing in again would end the session before */
    snprintf(form, sizeof(form), "name=%s&password=%s", principal, password);
    if (page_ask(p, "/api/login", form, text, sizeof(text)) != 200)
        fail_msg("signing in: %s", text);
    cut_out(p->cookie, sizeof(p->cookie), text, "eocbus=", ";");
    cut_out(p->token, sizeof(p->token), text, "\"token\":\"", "\"");
}

void page_enrol(struct bus *bus, const char *principal, char *out, size_t size)
{
    struct keys keys;
    char text[4096], key_file[200], err[512];

    bus_enrol(bus, principal, &keys);
    snprintf(out, size, "%s/desk.conf", bus_dir(bus));
    snprintf(key_file, sizeof(key_file), "%s/desk.key", bus_dir(bus));
    assert_int_equal(keys_save(&keys, key_file, principal, err, sizeof(err)), ST_OK);
    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/desk.db\nlink.profile = fiber\n",
             principal, key_file, bus_endpoint(bus), bus_broker_key(bus), bus_dir(bus));
    write_text_file(out, text);
}

struct page *page_start(struct bus *bus, const char *agent_conf, const char *principal,
                        const char *dir)
{
    struct page *p = page_start_with(bus, agent_conf, principal, dir, "");

    page_sign_in(p, principal);
    return p;
}

void page_add_person(const struct page *p, const char *principal)
{
    struct ran *ran = calloc(1, sizeof(*ran));

    assert_non_null(ran);
    run_type(password);
    run_program(ran, "eocbus-console", "-c", p->conf, "person", "add", principal, "en", NULL);
    run_expect(ran, 0, NULL);
    free(ran);
}

struct page *page_start_with(struct bus *bus, const char *agent_conf, const char *principal,
                             const char *dir, const char *settings)
{
    struct page *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    make_login(bus, principal);
    write_conf(p, bus, agent_conf, dir, settings);
    snprintf(p->people, sizeof(p->people), "%s/people", dir);
    unlink(p->people);
    page_add_person(p, principal);
    start_program(p);
    wait_until_open(p);
    return p;
}

unsigned page_port(const struct page *p)
{
    return p->port;
}

const char *page_conf(const struct page *p)
{
    return p->conf;
}

const char *page_log(const struct page *p)
{
    return p->log;
}

const char *page_password(void)
{
    return password;
}

const char *page_cookie(const struct page *p)
{
    return p->cookie;
}

const char *page_token(const struct page *p)
{
    return p->token;
}

void page_restart(struct page *p)
{
    kill(p->pid, SIGTERM);
    assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
    start_program(p);
    wait_until_open(p);
}

void page_end(struct page *p)
{
    int status;

    if (!p)
        return;
    kill(p->pid, SIGTERM);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        static char text[16 * TEXT];

        read_text(text, sizeof(text), p->log);
        fail_msg("the console ended with status %x: %s", (unsigned)status, text);
    }
    free(p);
}

pid_t page_process(const struct page *p)
{
    return p->pid;
}

static int dial(const struct page *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)p->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

int page_ask(struct page *p, const char *path, const char *body, char *out, size_t size)
{
    char head[TEXT];
    size_t n = 0;
    int fd = dial(p), status = 0;
    ssize_t got;

    snprintf(
        head, sizeof(head),
        "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: eocbus=%s\r\nX-Eocbus-Token: "
        "%s\r\nContent-Length: %zu\r\n\r\n",
        body ? "POST" : "GET", path, p->cookie, p->token, body ? strlen(body) : 0);
    assert_int_equal(send(fd, head, strlen(head), MSG_NOSIGNAL), strlen(head));
    if (body)
        assert_int_equal(send(fd, body, strlen(body), MSG_NOSIGNAL), strlen(body));
    while (n + 1 < size && (got = recv(fd, out + n, size - 1 - n, 0)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(fd);
    if (sscanf(out, "HTTP/1.1 %d", &status) != 1)
        fail_msg("%s: no answer: %s", path, out);
    return status;
}
