/* agent_parts - what agent.c, agent_make.c and the files of lines share: the agent's inside. Nobody
 * else includes it. */
#ifndef EOCBUS_LINK_AGENT_PARTS_H
#define EOCBUS_LINK_AGENT_PARTS_H

#include "agents/link/agent.h"
#include "agents/link/downlink.h"
#include "agents/link/forged.h"
#include "agents/link/line.h"
#include "agents/link/obeyed.h"
#include "agents/link/profile.h"
#include "agents/link/uplink.h"
#include "proto/base/keys.h"
#include "proto/base/sign.h"
#include "proto/base/zport.h"
#include "proto/wire/log_past.h"

enum { LINES_MOST = UPLINK_LINES, NO_LINE = LINES_MOST, BROKER_PINS = 2 };

/* On links with two lines (profile.h): the first goes through the endpoints, the second stands
 * beside it. On others line n stands with endpoint n. */
enum { THIN_LINE = 0, URGENT_LINE = 1 };

/* What a line's broker said of its database. */
struct store_news {
    bool is_away;
    uint64_t since_us, told_us; /* when that became so; when it was said last */
};

struct agent {
    struct log_past past;     /* of the newest log that a broker told of */
    uint32_t known_log_epoch; /* the highest number we were told or delivered; 0 = none */
    uint64_t known_seq;
    struct loop *loop; /* borrowed, outlives us */
    struct agent_events events;
    const struct link_profile *profile;
    char *program;
    char *pins[BROKER_PINS]; /* keys that a broker may have */
    unsigned pin_count;
    unsigned pin_of[LINES_MOST]; /* by line: the one that it tries */
    char **endpoints;
    unsigned endpoint_count;
    struct keys keys;      /* without sign_secret: the signer has it */
    struct signer *signer; /* NULL: this device does not sign */

    struct loop_hook *hook;
    struct loop_timer *tick;
    struct zctx *zctx;

    struct outbox *outbox; /* NULL if it only listens */
    struct uplink *uplink; /* NULL with it */
    struct downlink *downlink;
    struct trust *trust;
    struct obeyed *obeyed;
    struct forgeries forgeries;

    struct line *lines[LINES_MOST];
    unsigned line_count;
    unsigned endpoint_of[LINES_MOST];  /* by line */
    uint32_t log_epoch_of[LINES_MOST]; /* as its Welcome said */
    struct store_news store_of[LINES_MOST];
    unsigned main; /* the line that carries the bulk and the subscriptions, or NO_LINE */
    bool told_up;

    struct loop_timer *watch; /* lines_watch.c */
    uint64_t began_us;        /* when the lines were opened */
    uint64_t owed_since_us;   /* something is due on the main line; 0 = nothing is */
    uint64_t asked_us;        /* it was asked why; 0 = it was not */
    uint64_t main_since_us;
    unsigned back_ms; /* how long a better line must have stood */
    uint64_t urgent_not_before_us;

    struct loop_timer *again; /* the next step of offering again */
    bool offers_again;        /* there is one */
    bool listens;             /* it has a subscription */
    bool sends;               /* the outbox lock is ours */
    bool want_pump, want_commit, drained;
    bool outbox_trouble_told;
    unsigned ticks;
    struct agent_state seen; /* what the broker said */
    char trouble[256];
};

/* --- lines.c: what comes of each line -----------------------------------------------------------
 */
MUST_CHECK enum status lines_create(struct agent *a);
void lines_destroy(struct agent *a);
void lines_open(struct agent *a);
/* Every session ends, and another one begins in its place. */
void lines_dial_again(struct agent *a, const char *why);

/* --- lines_role.c: what each line does ----------------------------------------------------------
 */
/* The outbox is ours to send from now. */
void lines_send_from_outbox(struct agent *a);
/* As zport_send, on the main line; ST_CLOSED when there is none. arg is the agent. */
MUST_CHECK enum status lines_send(void *arg, const Eocbus__V1__Frame *f);
MUST_CHECK enum status lines_send_on(void *arg, unsigned line, const Eocbus__V1__Frame *f);
/* The main line from now on is `to`; the one before, if it stands, stands by. */
void lines_move(struct agent *a, unsigned to);
/* If there is no main line: the best one that stands becomes it. */
void lines_choose(struct agent *a);
const char *lines_endpoint(const struct agent *a, unsigned line);
/* Each line carries what is its to carry now; who loses lanes, first. */
void lines_assign(struct agent *a);
/* Before anything is offered to a log that is newer than the outbox knows. */
void lines_offer_again(struct agent *a);
void lines_offer_more(void *arg); /* on_again */
/* Thin links: beside the main line, if it is wanted; later while it gives way. */
void lines_open_urgent(struct agent *a);
void lines_tell_down(struct agent *a, const char *why);

/* --- lines_hello.c ------------------------------------------------------------------------------
 */
void lines_greet(void *arg, Eocbus__V1__Hello *m);
void lines_learn_number(struct agent *a, uint32_t log_epoch, uint64_t seq);
/* Of a broker that has not heard of the newest epoch yet it learns nothing. */
void lines_learn_past(struct agent *a, const Eocbus__V1__Welcome *w);
void lines_learn_receipts(struct agent *a, const Eocbus__V1__Receipts *m);

/* --- lines_watch.c: when to leave a line that stands --------------------------------------------
 */
void lines_watch_begin(struct agent *a);
void lines_watch(void *arg);
/* The preferred broker is waited for a little, when the agent starts. */
bool lines_are_early(const struct agent *a);
void lines_main_fell(struct agent *a);
void lines_learn_store(struct agent *a, unsigned line, bool is_away);

/* --- agent.c ------------------------------------------------------------------------------------
 */
uint64_t agent_waiting(struct agent *a); /* rows that wait in the outbox */
void agent_note_trouble(struct agent *a, const char *why);
#define AGENT_TICK_MS 200u /* how soon a daemon sees what a command put beside it */
void agent_on_tick(void *arg);
int agent_on_turn(void *arg); /* before each turn of the loop waits */

#endif
