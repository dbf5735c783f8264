#include "broker/ingress/warned.h"

#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { NONE = WARNED_MOST, FLASH = 1 };

enum status warned_init(struct warned *w)
{
    memset(w, 0, sizeof(*w));
    list_init(&w->standing);
    w->keys = mem_zalloc(WARNED_MOST * sizeof(*w->keys));
    w->messages = mem_zalloc(WARNED_MOST * sizeof(*w->messages));
    w->senders = mem_zalloc((WARNED_MOST + 1) * sizeof(*w->senders)); /* and who comes next */
    return w->keys && w->messages && w->senders ? ST_OK : ST_NOMEM;
}

void warned_free(struct warned *w)
{
    struct list *link;

    while (w->messages && (link = list_pop(&w->standing))) {
        struct parcel *p = container_of(link, struct parcel, link);

        parcel_drop(&p);
    }
    mem_free(w->keys);
    mem_free(w->messages);
    mem_free(w->senders);
    memset(w, 0, sizeof(*w));
}

/* FNV-1a. Who finds two contents with one digest betrays only itself. */
static uint64_t digest_of(const struct parcel *p)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < p->content_len; i++)
        hash = (hash ^ p->content[i]) * 1099511628211u;
    return hash;
}

static unsigned find_at(const struct warned *w, int32_t principal_id, uint64_t epoch,
                        uint64_t lane_seq)
{
    for (unsigned i = 0; i < WARNED_MOST; i++) {
        const struct warned_key *k = &w->keys[i];

        if (k->lane_seq == lane_seq && k->epoch == epoch && k->order &&
            k->principal_id == principal_id)
            return i;
    }
    return NONE;
}

static unsigned find(const struct warned *w, const struct parcel *p)
{
    return find_at(w, p->principal_id, p->id.epoch, p->id.lane_seq);
}

bool warned_has(const struct warned *w, int32_t principal_id, uint64_t epoch, uint64_t lane_seq)
{
    return find_at(w, principal_id, epoch, lane_seq) != NONE;
}

/* --- shares ----------------------------------------------------------------------------------- */

/* As many as there are unsettled ones, and who is about to add one. */
static struct warned_sender *sender_of(struct warned *w, int32_t principal_id)
{
    unsigned i = 0;

    while (i < w->sender_count && w->senders[i].principal_id != principal_id)
        i++;
    if (i == w->sender_count)
        w->senders[w->sender_count++] = (struct warned_sender){.principal_id = principal_id};
    return &w->senders[i];
}

static void leave_parcel(struct warned *w, unsigned place, struct warned_sender *s)
{
    struct warned_message *m = &w->messages[place];
    size_t len;

    if (!m->kept)
        return;
    len = parcel_size_bytes(m->kept);
    s->bytes -= len;
    w->bytes -= len;
    list_remove(&m->kept->link);
    parcel_drop(&m->kept);
}

static void close_one(struct warned *w, unsigned place)
{
    struct warned_key *k = &w->keys[place];
    struct warned_sender *s;

    if (!k->is_open)
        return;
    s = sender_of(w, k->principal_id);
    leave_parcel(w, place, s);
    k->is_open = false;
    if (!--s->count)
        *s = w->senders[--w->sender_count];
}

static void leave_oldest_of(struct warned *w, struct warned_sender *s)
{
    struct list *link;

    list_each(link, &w->standing) {
        const struct parcel *p = container_of(link, struct parcel, link);

        if (p->principal_id != s->principal_id)
            continue;
        leave_parcel(w, find(w, p), s);
        return;
    }
}

static struct warned_sender *who_holds_most(struct warned *w, bool bytes)
{
    struct warned_sender *most = &w->senders[0];

    for (unsigned i = 1; i < w->sender_count; i++)
        if (bytes ? w->senders[i].bytes > most->bytes : w->senders[i].count > most->count)
            most = &w->senders[i];
    return most;
}

static void make_room(struct warned *w, struct warned_sender *s, size_t len)
{
    while (s->bytes && s->bytes + len > WARNED_SENDER_BYTES)
        leave_oldest_of(w, s);
    while (w->bytes && w->bytes + len > WARNED_BYTES)
        leave_oldest_of(w, who_holds_most(w, true));
}

/* --- places ----------------------------------------------------------------------------------- */

static unsigned older(const struct warned *w, unsigned a, unsigned b)
{
    return a == NONE || w->keys[b].order < w->keys[a].order ? b : a;
}

static unsigned oldest_of(const struct warned *w, int32_t principal_id)
{
    unsigned oldest = NONE;

    for (unsigned i = 0; i < WARNED_MOST; i++)
        if (w->keys[i].is_open && w->keys[i].principal_id == principal_id)
            oldest = older(w, oldest, i);
    return oldest;
}

static unsigned find_place(struct warned *w, int32_t principal_id)
{
    unsigned settled = NONE;

    if (sender_of(w, principal_id)->count >= WARNED_PER_SENDER)
        return oldest_of(w, principal_id);
    for (unsigned i = 0; i < WARNED_MOST; i++)
        if (!w->keys[i].is_open)
            settled = older(w, settled, i); /* a free one is the oldest of all */
    return settled != NONE ? settled : oldest_of(w, who_holds_most(w, false)->principal_id);
}

const struct parcel *warned_add(struct warned *w, struct parcel **take)
{
    struct parcel *p = *take;
    struct warned_message *m;
    struct warned_sender *s;
    unsigned place;

    if (find(w, p) != NONE)
        return NULL;
    place = find_place(w, p->principal_id);
    close_one(w, place);
    p->warning = ++w->last_order;
    w->keys[place] = (struct warned_key){.order = p->warning,
                                         .epoch = p->id.epoch,
                                         .lane_seq = p->id.lane_seq,
                                         .principal_id = p->principal_id,
                                         .is_open = true};
    m = &w->messages[place];
    m->digest = digest_of(p);
    m->type = p->type;
    m->status = p->status;
    memcpy(m->message_id, p->message_id, ID_BYTES);
    memcpy(m->places, p->places, PLACES_TEXT);
    s = sender_of(w, p->principal_id);
    s->count++;
    make_room(w, s, parcel_size_bytes(p));
    s->bytes += parcel_size_bytes(p);
    w->bytes += parcel_size_bytes(p);
    m->kept = p;
    list_add_tail(&w->standing, &p->link);
    *take = NULL;
    return p;
}

static bool stands(const struct parcel *p, int64_t utc_us)
{
    return utc_us <= (p->not_after_us ? p->not_after_us : p->received_time_us + WARNED_STANDS_US);
}

void warned_each(const struct warned *w, uint64_t after, int64_t utc_us,
                 bool (*each)(void *arg, const struct parcel *p), void *arg)
{
    struct list *link;

    list_each(link, &w->standing) {
        const struct parcel *p = container_of(link, struct parcel, link);

        if (p->warning > after && stands(p, utc_us) && !each(arg, p))
            return;
    }
}

bool warned_settle(struct warned *w, const struct parcel *p, struct parcel *out)
{
    unsigned place = p->id.lane == FLASH ? find(w, p) : NONE;
    const struct warned_message *m;

    if (place == NONE || !w->keys[place].is_open)
        return false;
    m = &w->messages[place];
    if (m->digest != digest_of(p))
        return false; /* another content under the same place */
    close_one(w, place);
    if (!p->refused)
        return false;
    memset(out, 0, sizeof(*out));
    memcpy(out->message_id, m->message_id, ID_BYTES);
    memcpy(out->places, m->places, PLACES_TEXT);
    out->type = m->type;
    out->status = m->status;
    out->refused = p->refused;
    out->content = p->content;
    out->content_len = p->content_len;
    parcel_peek(out);
    return true;
}
