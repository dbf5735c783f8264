/* api - see api.h. What every request goes through stands here: whose it is, and whether it came
 * from our own page. */
#include "agents/console/api/api.h"

#include <string.h>

#include "agents/console/api/answer.h"
#include "agents/console/api/doorman.h"
#include "agents/console/api/feed.h"
#include "agents/console/api/login.h"
#include "agents/console/api/shared.h"
#include "agents/console/api/taking.h"
#include "agents/console/api/view.h"
#include "agents/console/news/news.h"
#include "agents/console/page/page.h"

#include "proto/base/banned.h"

/* --- whose request ---------------------------------------------------------------------------- */

static struct session *who_asks(struct console *c, const struct exchange *x)
{
    struct session *s = sessions_find(c->sessions, cookie_of(x, "eocbus"));

    if (!s || person_may_stay(c, s))
        return s;
    sessions_end(c->sessions, s);
    return NULL;
}

/* "https://host:port" of the Origin against the Host that was asked: a page of somebody else can
 * send the cookie, but not lie about this. */
static bool is_from_our_page(const struct console *c, const struct exchange *x)
{
    const char *origin = exchange_header(x, "Origin"), *host = exchange_header(x, "Host"), *at;
    const char *site = exchange_header(x, "Sec-Fetch-Site");

    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    if (!origin)
        return true; /* not a browser, or an old one: the token tells */
    if (*c->set.origin)
        return strcmp(origin, c->set.origin) == 0;
    at = strstr(origin, "://");
    return host && at && strcmp(at + 3, host) == 0;
}

static bool has_token(const struct exchange *x, const struct session *who)
{
    const char *token = exchange_header(x, "X-Eocbus-Token");
    unsigned char differs = 0;

    if (!token || strlen(token) != SESSION_SECRET - 1)
        return false;
    for (unsigned i = 0; i < SESSION_SECRET - 1; i++)
        differs |= (unsigned char)(token[i] ^ who->token[i]);
    return !differs;
}

/* --- paths ------------------------------------------------------------------------------------ */

static void handle_post(struct console *c, struct exchange *x, const char *path)
{
    struct session *who;

    if (strcmp(path, "login") == 0) {
        login_begin(c, x);
        return;
    }
    who = who_asks(c, x);
    if (!who)
        answer_error(x, 401, "signed_out", "Sign in first.");
    else if (!has_token(x, who))
        answer_error(x, 403, "token", "Reload the page: its token is not the session's.");
    else if (strcmp(path, "logout") == 0)
        logout(c, x, who);
    else if (strcmp(path, "say") == 0)
        say_take(c, x, who);
    else if (strcmp(path, "approve") == 0)
        approve_take(c, x, who);
    else if (strcmp(path, "approve-order") == 0)
        approve_order_take(c, x, who);
    else
        answer_error(x, 404, "path", "There is no such path.");
}

static void open_news(struct console *c, struct exchange *x, const struct session *who)
{
    exchange_own(x, who->sha);
    news_open(c->news, x, who->person);
}

static void handle_get(struct console *c, struct exchange *x, const char *path)
{
    static const char view[] = "view/", csv[] = "csv/";
    struct session *who = who_asks(c, x);

    if (strcmp(path, "me") == 0)
        tell_me(c, x, who);
    else if (!who)
        answer_error(x, 401, "signed_out", "Sign in first.");
    else if (strcmp(path, "news") == 0)
        open_news(c, x, who);
    else if (strncmp(path, view, strlen(view)) == 0)
        view_ask(c, x, who, path + strlen(view));
    else if (strncmp(path, csv, strlen(csv)) == 0)
        file_ask(c, x, who, path + strlen(csv));
    else
        answer_error(x, 404, "path", "There is no such path.");
}

void api_request(void *arg, struct exchange *x)
{
    static const char api[] = "/api/", feed[] = "/feed/";
    struct console *c = arg;
    const char *method = exchange_method(x), *path = exchange_path(x);
    const bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

    if (strncmp(path, api, strlen(api)) != 0) {
        if (is_get && strncmp(path, feed, strlen(feed)) == 0)
            feed_ask(c, x, path + strlen(feed));
        else if (is_get)
            shelf_answer(c->shelf, x, path);
        else
            answer_error(x, 405, "method", "Pages are read with GET.");
    } else if (!is_from_our_page(c, x)) {
        answer_error(x, 403, "origin", "This did not come from the console's own page.");
    } else if (is_get) {
        handle_get(c, x, path + strlen(api));
    } else if (strcmp(method, "POST") == 0) {
        handle_post(c, x, path + strlen(api));
    } else {
        answer_error(x, 405, "method", "Legal are GET and POST.");
    }
}

void api_gone(void *arg, struct exchange *x)
{
    struct console *c = arg;

    login_gone(c, x);
    shared_gone(c->shared, x);
    feed_gone(c->feed, x);
    reader_forget(c->reader, x);
    say_gone(x);
}
