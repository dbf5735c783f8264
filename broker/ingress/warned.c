#include "broker/ingress/warned.h"

#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { NONE = WARNED_MOST, FLASH = 1 };

enum status warned_init(struct warned *w)
{
    memset(w, 0, sizeof(*w));
    w->keys = mem_zalloc(WARNED_MOST * sizeof(*w->keys));
    w->messages = mem_zalloc(WARNED_MOST * sizeof(*w->messages));
    return w->keys && w->messages ? ST_OK : ST_NOMEM;
}

void warned_free(struct warned *w)
{
    mem_free(w->keys);
    mem_free(w->messages);
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

static unsigned older(const struct warned *w, unsigned a, unsigned b)
{
    return a == NONE || w->keys[b].order < w->keys[a].order ? b : a;
}

static unsigned find_place(const struct warned *w, int32_t principal_id)
{
    unsigned own = NONE, own_count = 0, settled = NONE, any = NONE;

    for (unsigned i = 0; i < WARNED_MOST; i++) {
        const struct warned_key *k = &w->keys[i];

        any = older(w, any, i);
        if (!k->is_open) {
            settled = older(w, settled, i); /* a free one is the oldest of all */
        } else if (k->principal_id == principal_id) {
            own = older(w, own, i);
            own_count++;
        }
    }
    if (own_count >= WARNED_PER_SENDER)
        return own;
    return settled != NONE ? settled : any;
}

bool warned_add(struct warned *w, const struct parcel *p)
{
    struct warned_message *m;
    unsigned place;

    if (find(w, p) != NONE)
        return false;
    place = find_place(w, p->principal_id);
    w->keys[place] = (struct warned_key){.order = ++w->last_order,
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
    return true;
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
    w->keys[place].is_open = false;
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
