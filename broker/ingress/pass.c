/* Whether an item is looked at now: by its size and the top level of its content alone, so that one
 * who sends a hundred times what it may costs little. An alarm that is news is looked at in any
 * case, as long as its sender has not cried too often; then it is a message like any other. */
#include <string.h>

#include "broker/ingress/room.h"

#include "proto/base/banned.h"

/* What the store may hold of one principal: an agent that said hello again may send a whole window
 * while the one before is still being stored. */
enum { PRINCIPAL_WINDOWS = 2 };

static bool window_has_room(const struct publishing *b, size_t len)
{
    const struct ingress_settings *set = &b->in->set;
    const struct sender *all = b->s->sender;

    if (all->items >= PRINCIPAL_WINDOWS * (size_t)set->window_items ||
        (all->bytes && all->bytes + len > PRINCIPAL_WINDOWS * set->window_bytes))
        return false;
    return b->s->unsettled_items < set->window_items &&
           (!b->s->unsettled_bytes || b->s->unsettled_bytes + len <= set->window_bytes);
}

/* Its time has passed; or it says none, and was sent so long ago by a clock that somebody sets. Of
 * a clock that nobody sets the sent time may be anything, so its alarms are always news. */
static bool is_over(const struct publishing *b, const struct peek *head)
{
    const struct clock_claim claim = {head->clock_source, head->clock_err_ms};
    int64_t not_after_us = clock_not_after(&b->s->clock, &claim, head->not_after_us);

    if (not_after_us)
        return not_after_us < b->received_us;
    return (head->clock_source == EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS ||
            head->clock_source == EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP) &&
           clock_is_late(&b->s->clock, head->sent_time_us, b->received_us);
}

/* Whose alarm it is: of what is carried for another, the other's, as where it is written down. */
static int32_t author_of(const struct publishing *b, const struct peek *head)
{
    const struct principal *author = NULL;
    char name[LIMIT_NAME_BYTES + 1];

    if (head->sender && head->sender_len < sizeof(name)) {
        memcpy(name, head->sender, head->sender_len);
        name[head->sender_len] = '\0';
        author = access_author(b->in->set.access, b->principal, name);
    }
    return author ? author->principal_id : b->principal->principal_id;
}

/* An alarm that is news: it is said at once, whatever becomes of it in the store. What comes from a
 * backlog, or too late, is stored as everything is and wakes nobody. */
static bool is_news(const struct publishing *b, const struct peek *head)
{
    return head->lane == EOCBUS__V1__LANE__LANE_FLASH &&
           !(head->flags & EOCBUS__V1__FLAG__FLAG_BACKFILL) && !is_over(b, head) &&
           !warned_has(&b->in->warned, author_of(b, head), head->epoch, head->lane_seq);
}

static void ask_to_sound(struct publishing *b, const struct peek *head, struct pass *pass)
{
    if (!is_news(b, head))
        return;
    pass->is_news = allowance_take_alarm(b->in->allowance, b->principal->principal_id,
                                         loop_now_us(b->in->set.loop));
    pass->is_unwarned = !pass->is_news;
}

/* An alarm that is sounded has paid with that. */
static void ask_quota(struct publishing *b, const struct peek *head, size_t len, struct pass *pass)
{
    if (pass->is_news)
        return;
    pass->is_paid = allowance_take(b->in->allowance, b->principal->principal_id, head->lane, len,
                                   loop_now_us(b->in->set.loop));
    if (!pass->is_paid)
        pass->cause = BUSY_QUOTA;
}

static bool lane_lets(struct publishing *b, const struct peek *head)
{
    return !head->lane || lane_gate_lets(&b->s->gates[head->lane], head->epoch, head->lane_seq,
                                         loop_now_us(b->in->set.loop));
}

static void close_lane(struct publishing *b, const struct peek *head)
{
    if (head->lane)
        lane_gate_close(&b->s->gates[head->lane], head->epoch, head->lane_seq,
                        loop_now_us(b->in->set.loop));
}

/* Before its turn: it may be said, and not stored. The lane's gate is left as it is, so nothing
 * passes what stands before it. */
static struct pass ask_ahead(struct publishing *b, const struct peek *head)
{
    struct pass pass = {.cause = BUSY_LANE};

    ask_to_sound(b, head, &pass);
    return pass;
}

struct pass ask_pass(struct publishing *b, const Eocbus__V1__Item *item, size_t place)
{
    struct pass pass = {.cause = place >= LIMIT_ITEMS                     ? BUSY_ITEMS
                                 : !window_has_room(b, item->content.len) ? BUSY_WINDOW
                                                                          : BUSY_NOT};
    struct peek head;

    (void)peek_content(&head, item->content.data, item->content.len);
    b->has_alarm = b->has_alarm || head.lane == EOCBUS__V1__LANE__LANE_FLASH;
    if (item->ahead)
        return ask_ahead(b, &head);
    ask_to_sound(b, &head, &pass);
    if (!pass.cause)
        ask_quota(b, &head, item->content.len, &pass);
    if (pass.cause)
        close_lane(b, &head);
    else if (!lane_lets(b, &head))
        pass.cause = BUSY_LANE;
    if (pass.cause && !pass.is_news)
        give_back_pass(b, item, &pass);
    return pass;
}

void give_back_pass(struct publishing *b, const Eocbus__V1__Item *item, struct pass *pass)
{
    if (pass->is_paid)
        allowance_give(b->in->allowance, b->principal->principal_id, item->content.len);
    pass->is_paid = false;
}
