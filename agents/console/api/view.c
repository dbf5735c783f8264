/* view - what a page shows, and what leaves as a file: one question to the database, one answer. */
#include <stdio.h>
#include <string.h>

#include "agents/console/api/answer.h"
#include "agents/console/api/shared.h"
#include "agents/console/api/view.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

static const char file_query[] = "csv_";

static void answer_trouble(struct exchange *x, enum status st, const char *why)
{
    log_warn("console.view", "path=%s status=%s why=\"%s\"", exchange_path(x), status_name(st),
             why);
    if (st == ST_INVALID)
        answer_error(x, 400, "question", "The database does not take this question.");
    else
        answer_later(x, 503, "store_away", "The database does not answer now.", 2);
}

static void on_view(void *arg, enum status st, const char *json, const char *why)
{
    struct exchange *x = arg;

    if (st != ST_OK)
        answer_trouble(x, st, why);
    else
        http_answer(
            x, &(struct answer){
                   .status = 200, .type = "application/json", .body = json, .len = strlen(json)});
}

/* The name is one of our queries', so it is safe in a header. */
static void on_file(void *arg, enum status st, const char *text, const char *why)
{
    struct exchange *x = arg;
    const char *name = strrchr(exchange_path(x), '/') + 1;
    char disposition[120];

    if (st != ST_OK) {
        answer_trouble(x, st, why);
        return;
    }
    snprintf(disposition, sizeof(disposition), "attachment; filename=\"eocbus-%s.csv\"", name);
    http_answer(x, &(struct answer){.status = 200,
                                    .type = "text/csv; charset=utf-8",
                                    .body = text,
                                    .len = strlen(text),
                                    .disposition = disposition});
}

/* The query's words in the order the page's SQL has them; `person` is who is signed in, whatever it
 * says. */
static unsigned take_params(const struct exchange *x, const char *takes, const char *person,
                            char names[][64], const char *params[])
{
    unsigned n = 0;
    int used;

    while (n < READER_PARAMS && sscanf(takes, " %63s%n", names[n], &used) == 1) {
        takes += used;
        params[n] = strcmp(names[n], "person") == 0 ? person : exchange_query(x, names[n]);
        if (params[n] && !*params[n])
            params[n] = NULL;
        n++;
    }
    return n;
}

static void ask(struct console *c, struct exchange *x, const struct session *who, const char *name,
                reader_done_fn done)
{
    char names[READER_PARAMS][64];
    const char *params[READER_PARAMS], *takes = reader_takes(name);
    unsigned n;
    enum status st;

    if (!takes) {
        answer_error(x, 404, "view", "There is no such view.");
        return;
    }
    n = take_params(x, takes, who->person, names, params);
    st = shared_ask(c->shared, who->person, name, params, n, done, x);
    if (st == ST_CLOSED)
        answer_later(x, 503, "store_away", "The database is away.", 2);
    else if (st == ST_INVALID)
        answer_error(x, 400, "question", "A value of the question is too long.");
    else if (st != ST_OK)
        answer_later(x, 503, "busy", "Too many ask at once; try again.", 1);
}

void view_ask(struct console *c, struct exchange *x, const struct session *who, const char *name)
{
    if (!reader_is_for_pages(name) || strncmp(name, file_query, strlen(file_query)) == 0)
        answer_error(x, 404, "view", "There is no such view.");
    else
        ask(c, x, who, name, on_view);
}

void file_ask(struct console *c, struct exchange *x, const struct session *who, const char *name)
{
    char query[64];

    if (snprintf(query, sizeof(query), "%s%s", file_query, name) >= (int)sizeof(query))
        answer_error(x, 404, "view", "There is no such file.");
    else
        ask(c, x, who, query, on_file);
}
