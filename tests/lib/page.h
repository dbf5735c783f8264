/* page - eocbus-console beside a test's bus: started, somebody signed in, asked like a browser
 * asks. Every failure here fails the test. */
#ifndef EOCBUS_TESTS_LIB_PAGE_H
#define EOCBUS_TESTS_LIB_PAGE_H

#include <stddef.h>
#include <sys/types.h>

#include "tests/lib/bus.h"

struct page;

/* Enrols `principal` and writes the settings that page_start wants, with its key and outbox beside
 * them in the bus's folder; their path into out[size]. */
void page_enrol(struct bus *bus, const char *principal, char *out, size_t size);
/* With the settings of an enrolled agent (its file, without database, people and listen) and a
 * login of the database that reads what `principal` hears. `dir` is an existing folder for its
 * files; what it logs goes to dir/console.log. The person who signs in is the principal itself. */
struct page *page_start(struct bus *bus, const char *agent_conf, const char *principal,
                        const char *dir);
/* The same with further settings ("tls.cert = ...\n"), and nobody signed in. */
struct page *page_start_with(struct bus *bus, const char *agent_conf, const char *principal,
                             const char *dir, const char *settings);
/* Another enrolled principal who may sign in, with the same password. */
void page_add_person(const struct page *p, const char *principal);
unsigned page_port(const struct page *p);
const char *page_conf(const struct page *p);   /* its settings file, for commands about people */
const char *page_log(const struct page *p);    /* the file it logs to */
const char *page_password(void);               /* of the person */
const char *page_cookie(const struct page *p); /* value of the session's cookie */
const char *page_token(const struct page *p);
/* POST /api/login anew; the cookie and token of before are forgotten here. */
void page_sign_in(struct page *p, const char *principal);
void page_restart(
    struct page *p);           /* told to end, and started again; whoever was in signs in anew */
void page_end(struct page *p); /* tells it to end, and waits; NULL is allowed */
pid_t page_process(const struct page *p);
/* Answer with headers, cut to `size`; the number is the status. body NULL: GET, else POST with the
 * token. */
int page_ask(struct page *p, const char *path, const char *body, char *out, size_t size);

#endif
