/* crowd - who makes room when a house is full. See http.h.
 *
 *   full ─▶ somebody of the largest network, longest idle ─▶ nobody idle there: whose request is
 *           longest not there whole, of a network that has more than the newcomer's ─▶ nobody: the
 *           newcomer stays out
 *
 * Who is answered or hears news is never put out. A browser whose idle connection is closed opens
 * another with its next request; it does so all day. Only a network that has most of the house
 * loses any, so a crowd of one or of many addresses pays for itself, and an office whose people
 * share one address (NAT) goes on with as many as are at work. */
#include <string.h>
#include <sys/socket.h>

#include "agents/web/http_parts.h"

#include "proto/base/banned.h"

static unsigned count_of(const struct http *h, const char *network)
{
    unsigned has = 0;
    struct list *pos;

    list_each(pos, &h->callers) {
        const struct caller *c = container_of(pos, struct caller, link);

        has += !c->leaves && (!network || strcmp(c->network, network) == 0);
    }
    return has;
}

/* Its next request has not begun, also none that nobody has looked at yet. */
static bool is_idle(const struct caller *c)
{
    return !c->leaves && !c->busy && !c->since_us && caller_received(c) <= c->received;
}

static bool is_coming(const struct caller *c)
{
    return !c->leaves && !c->busy && c->since_us;
}

/* Callers stand in the order in which they came; of the idle ones who was answered longest ago. */
static struct caller *find_oldest(const struct http *h, const char *network,
                                  bool (*is_one)(const struct caller *c))
{
    struct caller *oldest = NULL;
    struct list *pos;

    list_each(pos, &h->callers) {
        struct caller *c = container_of(pos, struct caller, link);

        if (strcmp(c->network, network) == 0 && (!oldest || c->idle_us < oldest->idle_us) &&
            is_one(c))
            oldest = c;
    }
    return oldest;
}

static bool put_out(struct caller *c)
{
    if (!c)
        return false;
    c->leaves = true;
    shutdown(c->fd, SHUT_RDWR);
    return true;
}

static const char *largest_network(const struct http *h, unsigned *most)
{
    const char *largest = "";
    struct list *pos;

    *most = 0;
    list_each(pos, &h->callers) {
        const struct caller *c = container_of(pos, struct caller, link);
        unsigned has = strcmp(c->network, largest) == 0 ? 0 : count_of(h, c->network);

        if (has > *most) {
            *most = has;
            largest = c->network;
        }
    }
    return largest;
}

static bool make_room(const struct http *h, unsigned newcomers)
{
    unsigned most;
    const char *largest = largest_network(h, &most);

    return put_out(find_oldest(h, largest, is_idle)) ||
           (most > newcomers && put_out(find_oldest(h, largest, is_coming)));
}

bool crowd_lets_in(const struct http *h, const char *network, bool is_proxy)
{
    const unsigned has = count_of(h, network);

    if (!is_proxy && has >= h->set.connections_each && !put_out(find_oldest(h, network, is_idle)))
        return false;
    return count_of(h, NULL) < h->set.connections || make_room(h, has);
}
