/* console - what the rooms of the dispatchers' page share. Who is connected to what:
 *
 *   api/     paths of the web server: signing in, views, saying, news
 *   people/  who may sign in, who is signed in
 *   read/    the database's answers for the views
 *   say/     what a page may cause
 *   news/    what comes by the bus, to every open page
 *   cap/     public alerts as CAP documents: written, read, signed
 *   page/    the pages themselves, compiled in
 */
#ifndef EOCBUS_CONSOLE_CONSOLE_H
#define EOCBUS_CONSOLE_CONSOLE_H

#include "agents/console/people/guesses.h"
#include "agents/console/people/sessions.h"
#include "agents/console/read/reader.h"
#include "agents/link/agent.h"
#include "agents/web/http.h"
#include "proto/base/program.h"

struct console_settings {
    struct agent_settings agent;
    char *place, *status, *listen, *cert, *key, *people, *database, *origin, *proxy, *leaflet;
    char *cap_sender, *cap_key, *cap_cert;
    unsigned idle_ms, connections, connections_each;
    bool secure; /* behind a proxy that speaks TLS */
};

extern const struct conf_row console_rows[];
extern const size_t console_row_count;
/* What the rows cannot say each for itself. ST_INVALID; ST_DENIED: others may read the key. `err`
 * is a sentence with what to do. */
MUST_CHECK enum status console_check(const struct console_settings *set, char *err,
                                     size_t err_size);

struct news;
struct logins;
struct shelf;
struct feed;
struct doorman;
struct shared;
struct book;
struct said;
struct orders;
struct order_desk;
struct console {
    struct console_settings set;
    const struct program *program;
    struct loop *loop;
    struct agent *agent;
    struct http *http;
    struct reader *reader;
    struct sessions *sessions;
    struct logins *logins;
    struct news *news;
    struct shelf *shelf;
    struct feed *feed;
    struct doorman *doorman;
    struct shared *shared;
    struct book *book;
    struct said *said;
    struct orders *orders;
    struct order_desk *order_desk;
    int argc;
    char **argv;
};

int console_run(struct console *c);
int console_person(struct console *c);
int console_cap(struct console *c);

#endif
