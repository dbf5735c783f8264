/* checker - see checker.h. One record a message, by (sender, lane, lane_seq); the log's numbers
 * point to them. What comes in order is judged as it comes, what can only be known at the end in
 * checker_judge. */
#include "tests/lib/checker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

enum {
    PUT = 1,
    SAFE = 2,
    GAVE_UP = 4,
    ACKNOWLEDGED = 8,
    REFUSED = 16,
    STORED = 32,
    EXPIRES = 64,
    EXPIRED = 128
};

struct message {
    uint64_t digest, receipt_seq, seq;
    uint32_t turn[CHECKER_LISTENERS]; /* in which it was handed over; 0 = it was not */
    uint8_t flags, wanted_by;
};

struct lane {
    struct message *items; /* [lane_seq - 1] */
    uint64_t count, cap;
    uint64_t last_stored; /* lane_seq */
};

struct sender {
    uint64_t epoch;
    struct lane lanes[CHECKER_LANES];
    struct place {
        unsigned lane; /* 0: raw, lane_seq is its digest */
        uint64_t lane_seq;
    } * open; /* put, and neither safe nor given up */
    size_t open_count, open_cap;
};

struct listener {
    bool numbered_copies;
    uint32_t turn, first_turn;                              /* of this life */
    uint64_t last_seq;                                      /* of this life */
    uint64_t most_seq;                                      /* of all lives */
    uint64_t last_lane_seq[CHECKER_SENDERS][CHECKER_LANES]; /* of this life, with a number */
};

struct digests {
    uint64_t *items;
    size_t count, cap;
};

struct checker {
    unsigned sender_count, listener_count;
    struct sender senders[CHECKER_SENDERS];
    struct listener listeners[CHECKER_LISTENERS];
    struct digests raw, kept;
    uint64_t last_seq, head;
    struct verdict v;
    size_t words_used;
};

static void die(const char *why)
{
    fprintf(stderr, "checker: %s\n", why);
    abort();
}

static void *grow(void *items, size_t *cap, size_t need, size_t size)
{
    size_t next = *cap ? *cap : 1024;

    if (need <= *cap)
        return items;
    while (next < need)
        next *= 2;
    items = realloc(items, next * size);
    if (!items)
        die("memory");
    memset((char *)items + *cap * size, 0, (next - *cap) * size);
    *cap = next;
    return items;
}

static void note(struct checker *c, uint64_t *count, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void note(struct checker *c, uint64_t *count, const char *fmt, ...)
{
    va_list args;
    int n;

    ++*count;
    va_start(args, fmt);
    if (c->words_used < CHECKER_WORDS - 256) {
        n = vsnprintf(c->v.words + c->words_used, 254, fmt, args);
        c->words_used += n > 253 ? 253 : (size_t)n;
        c->v.words[c->words_used++] = '\n';
        c->v.words[c->words_used] = 0;
    }
    va_end(args);
}

#define U(x) ((unsigned long long)(x))

static struct message *find(struct checker *c, unsigned sender, unsigned lane, uint64_t lane_seq)
{
    struct lane *l;
    size_t cap;

    if (sender >= c->sender_count || lane >= CHECKER_LANES || !lane_seq || lane_seq > 1ull << 32)
        die("a book names a place that cannot be");
    l = &c->senders[sender].lanes[lane];
    cap = l->cap;
    l->items = grow(l->items, &cap, lane_seq, sizeof(*l->items));
    l->cap = cap;
    if (l->count < lane_seq)
        l->count = lane_seq;
    return &l->items[lane_seq - 1];
}

struct checker *checker_create(unsigned senders, unsigned listeners)
{
    struct checker *c = calloc(1, sizeof(*c));

    if (!c || senders > CHECKER_SENDERS || listeners > CHECKER_LISTENERS)
        die("memory, or too many");
    c->sender_count = senders;
    c->listener_count = listeners;
    return c;
}

void checker_destroy(struct checker *c)
{
    for (unsigned s = 0; s < c->sender_count; s++) {
        for (unsigned lane = 0; lane < CHECKER_LANES; lane++)
            free(c->senders[s].lanes[lane].items);
        free(c->senders[s].open);
    }
    free(c->raw.items);
    free(c->kept.items);
    free(c);
}

uint64_t checker_digest(const void *bytes, size_t len)
{
    const unsigned char *b = bytes;
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        h = (h ^ b[i]) * UINT64_C(1099511628211);
    return h;
}

/* --- a sender's book -------------------------------------------------------------------------- */

void checker_sender(struct checker *c, unsigned sender, uint64_t epoch)
{
    struct sender *s = &c->senders[sender];

    if (s->epoch && s->epoch != epoch)
        note(c, &c->v.lost, "sender %u has a new epoch %llu: its outbox was made anew", sender,
             U(epoch));
    s->epoch = epoch;
}

void checker_sender_born(struct checker *c, unsigned sender)
{
    c->senders[sender].open_count = 0;
}

static void open_place(struct sender *s, unsigned lane, uint64_t lane_seq)
{
    s->open = grow(s->open, &s->open_cap, s->open_count + 1, sizeof(*s->open));
    s->open[s->open_count++] = (struct place){lane, lane_seq};
}

void checker_put(struct checker *c, unsigned sender, unsigned lane, uint64_t lane_seq,
                 uint64_t digest)
{
    struct message *m = find(c, sender, lane, lane_seq);

    if (m->flags & (SAFE | ACKNOWLEDGED))
        note(c, &c->v.foreign, "sender %u lane %u number %llu was given to two messages", sender,
             lane, U(lane_seq));
    m->flags = PUT; /* what had this number before was never durable */
    m->digest = digest;
    open_place(&c->senders[sender], lane, lane_seq);
    c->v.put++;
}

void checker_put_raw(struct checker *c, unsigned sender, uint64_t digest)
{
    open_place(&c->senders[sender], 0, digest);
    c->v.put++;
}

static void add_digest(struct digests *d, uint64_t digest)
{
    d->items = grow(d->items, &d->cap, d->count + 1, sizeof(*d->items));
    d->items[d->count++] = digest;
}

void checker_safe(struct checker *c, unsigned sender, uint64_t first)
{
    struct sender *s = &c->senders[sender];
    size_t n = first < s->open_count ? (size_t)first : s->open_count;

    for (size_t i = 0; i < n; i++)
        if (s->open[i].lane)
            find(c, sender, s->open[i].lane, s->open[i].lane_seq)->flags |= SAFE;
        else
            add_digest(&c->raw, s->open[i].lane_seq);
    c->v.safe += n;
    s->open_count -= n;
    if (n)
        memmove(s->open, s->open + n, s->open_count * sizeof(*s->open));
}

void checker_gave_up(struct checker *c, unsigned sender)
{
    struct sender *s = &c->senders[sender];

    for (size_t i = 0; i < s->open_count; i++)
        if (s->open[i].lane)
            find(c, sender, s->open[i].lane, s->open[i].lane_seq)->flags |= GAVE_UP;
    s->open_count = 0;
}

void checker_acknowledged(struct checker *c, unsigned sender, unsigned lane, uint64_t lane_seq,
                          uint64_t seq)
{
    struct message *m = find(c, sender, lane, lane_seq);

    c->v.acknowledged += !(m->flags & ACKNOWLEDGED);
    if (!(m->flags & PUT))
        note(c, &c->v.foreign, "sender %u lane %u number %llu has a receipt and was not put",
             sender, lane, U(lane_seq));
    m->flags |= ACKNOWLEDGED;
    m->receipt_seq = seq;
}

void checker_refused(struct checker *c, unsigned sender, unsigned lane, uint64_t lane_seq)
{
    c->v.refused++;
    if (lane_seq)
        find(c, sender, lane, lane_seq)->flags |= REFUSED;
}

/* --- the log ---------------------------------------------------------------------------------- */

static void check_number(struct checker *c, uint64_t seq)
{
    if (seq <= c->last_seq)
        note(c, &c->v.reordered, "the log's number %llu comes after %llu", U(seq), U(c->last_seq));
    else if (seq != c->last_seq + 1)
        note(c, &c->v.gaps, "the log has nothing between %llu and %llu", U(c->last_seq), U(seq));
    c->last_seq = seq;
}

static bool is_as_put(struct checker *c, unsigned sender, uint64_t epoch, const struct message *m,
                      uint64_t digest)
{
    return epoch == c->senders[sender].epoch && m->flags & PUT && !(m->flags & GAVE_UP) &&
           m->digest == digest;
}

void checker_stored(struct checker *c, const struct checker_row *row)
{
    struct message *m = find(c, row->sender, row->lane, row->lane_seq);
    struct lane *l = &c->senders[row->sender].lanes[row->lane];

    check_number(c, row->seq);
    c->v.stored++;
    if (m->flags & STORED) {
        note(c, &c->v.duplicated, "sender %u lane %u number %llu is stored as %llu and as %llu",
             row->sender, row->lane, U(row->lane_seq), U(m->seq), U(row->seq));
        return;
    }
    if (!is_as_put(c, row->sender, row->epoch, m, row->digest))
        note(c, &c->v.foreign, "the log's %llu (sender %u lane %u number %llu) is not what was put",
             U(row->seq), row->sender, row->lane, U(row->lane_seq));
    if (row->lane_seq <= l->last_stored)
        note(c, &c->v.reordered, "the log's %llu: sender %u lane %u number %llu comes after %llu",
             U(row->seq), row->sender, row->lane, U(row->lane_seq), U(l->last_stored));
    else
        l->last_stored = row->lane_seq;
    m->flags |= STORED | (row->expires ? EXPIRES : 0) | (row->expired ? EXPIRED : 0);
    m->seq = row->seq;
    m->wanted_by = (uint8_t)row->wanted_by;
}

void checker_head(struct checker *c, uint64_t seq)
{
    if (seq != c->last_seq)
        note(c, &c->v.gaps, "the log's head is %llu and its last message %llu", U(seq),
             U(c->last_seq));
}

void checker_quarantined(struct checker *c, uint64_t digest, bool conflict)
{
    if (conflict)
        note(c, &c->v.foreign, "a conflict is in quarantine, digest %016llx", U(digest));
    add_digest(&c->kept, digest);
}

/* --- a listener's book ------------------------------------------------------------------------ */

void checker_listener(struct checker *c, unsigned listener, bool numbered_copies)
{
    c->listeners[listener].numbered_copies = numbered_copies;
}

void checker_listener_born(struct checker *c, unsigned listener)
{
    struct listener *l = &c->listeners[listener];

    l->first_turn = ++l->turn;
    l->last_seq = 0;
    memset(l->last_lane_seq, 0, sizeof(l->last_lane_seq));
}

void checker_turn(struct checker *c, unsigned listener)
{
    c->listeners[listener].turn++;
}

/* Handed over in an earlier life, so late that its place may not have been durable. */
static bool may_come_again(const struct listener *l, uint32_t turn)
{
    return turn < l->first_turn && turn + CHECKER_TURNS_AGAIN >= l->first_turn;
}

/* may_go_back: to before what was heard in an earlier life. */
static void check_copy_order(struct checker *c, unsigned listener, const struct checker_copy *copy,
                             bool may_go_back)
{
    struct listener *l = &c->listeners[listener];
    uint64_t *last = &l->last_lane_seq[copy->sender][copy->lane];
    uint64_t least = may_go_back ? l->last_seq : l->most_seq;

    if (copy->seq <= least)
        note(c, &c->v.reordered, "listener %u got %llu after %llu", listener, U(copy->seq),
             U(least));
    else if (copy->lane_seq <= *last)
        note(c, &c->v.reordered, "listener %u got sender %u lane %u number %llu after %llu",
             listener, copy->sender, copy->lane, U(copy->lane_seq), U(*last));
    else
        *last = copy->lane_seq;
    l->last_seq = copy->seq;
    if (l->most_seq < copy->seq)
        l->most_seq = copy->seq;
}

void checker_handed(struct checker *c, unsigned listener, const struct checker_copy *copy)
{
    struct listener *l = &c->listeners[listener];
    struct message *m = find(c, copy->sender, copy->lane, copy->lane_seq);
    uint32_t turn = m->turn[listener];
    bool is_again = turn && may_come_again(l, turn);

    if (!is_as_put(c, copy->sender, copy->epoch, m, copy->digest) ||
        (copy->seq && m->seq != copy->seq))
        note(c, &c->v.foreign,
             "listener %u got sender %u lane %u number %llu as %llu, which is not what is stored",
             listener, copy->sender, copy->lane, U(copy->lane_seq), U(copy->seq));
    c->v.provisional += !copy->seq;
    if (!copy->seq && l->numbered_copies)
        return;
    c->v.handed++;
    if (is_again)
        c->v.again++;
    else if (turn)
        note(c, &c->v.duplicated, "listener %u got sender %u lane %u number %llu (%llu) twice",
             listener, copy->sender, copy->lane, U(copy->lane_seq), U(copy->seq));
    /* What had expired was not shown as live; to a listener that comes back it is history. */
    if (copy->seq)
        check_copy_order(c, listener, copy, turn || m->flags & EXPIRES);
    if (copy->seq && !copy->history && m->flags & EXPIRED)
        note(c, &c->v.late, "listener %u got %llu as live, it had expired", listener, U(copy->seq));
    m->turn[listener] = l->turn ? l->turn : 1;
}

/* --- the verdict ------------------------------------------------------------------------------ */

static void judge_message(struct checker *c, unsigned sender, unsigned lane, uint64_t lane_seq,
                          const struct message *m)
{
    if (m->flags & (SAFE | ACKNOWLEDGED) && !(m->flags & (STORED | REFUSED)))
        note(c, &c->v.lost, "sender %u lane %u number %llu was %s and is not in the log", sender,
             lane, U(lane_seq), m->flags & ACKNOWLEDGED ? "acknowledged" : "safe in the outbox");
    else if (m->flags & ACKNOWLEDGED && m->receipt_seq != m->seq)
        note(c, &c->v.lost, "sender %u lane %u number %llu was acknowledged as %llu and is %llu",
             sender, lane, U(lane_seq), U(m->receipt_seq), U(m->seq));
    if (m->flags & REFUSED)
        add_digest(&c->raw, m->digest);
    if (!(m->flags & STORED) || m->flags & EXPIRES)
        return;
    for (unsigned l = 0; l < c->listener_count; l++)
        if (m->wanted_by & 1u << l && !m->turn[l])
            note(c, &c->v.gaps, "listener %u never got %llu (sender %u lane %u number %llu)", l,
                 U(m->seq), sender, lane, U(lane_seq));
}

static int compare_digests(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void judge_refusals(struct checker *c)
{
    struct digests *want = &c->raw, *kept = &c->kept;
    size_t k = 0;

    if (want->count)
        qsort(want->items, want->count, sizeof(*want->items), compare_digests);
    if (kept->count)
        qsort(kept->items, kept->count, sizeof(*kept->items), compare_digests);
    for (size_t i = 0; i < want->count; i++) {
        while (k < kept->count && kept->items[k] < want->items[i])
            k++;
        if (k == kept->count || kept->items[k] != want->items[i])
            note(c, &c->v.unkept, "refused, and not in quarantine: digest %016llx",
                 U(want->items[i]));
    }
}

void checker_judge(struct checker *c, struct verdict *out)
{
    for (unsigned s = 0; s < c->sender_count; s++)
        for (unsigned lane = 1; lane < CHECKER_LANES; lane++)
            for (uint64_t i = 0; i < c->senders[s].lanes[lane].count; i++)
                judge_message(c, s, lane, i + 1, &c->senders[s].lanes[lane].items[i]);
    judge_refusals(c);
    *out = c->v;
}

bool verdict_is_clean(const struct verdict *v)
{
    return !(v->lost | v->duplicated | v->reordered | v->gaps | v->foreign | v->late | v->unkept);
}
