/* check - see check.h. */
#include "tests/sim/check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/agent.h"
#include "broker/hall.h"
#include "eocbus/v1/session.pb-c.h"

enum { TRACKS = 12, BOXES = 256, EPOCHS = 2048 };

enum fate { FATE_NONE, FATE_PUT, FATE_DURABLE, FATE_STORED, FATE_REFUSED };

struct said {
    uint64_t hash, len;
    uint8_t *content; /* of what may be refused, to be looked for in quarantine */
    enum fate fate;
    bool may_be_refused, is_told;
    bool is_acknowledged; /* a broker has sent a receipt for it */
    bool was_lost;        /* by a restore: comes again, behind what was under way then */
    uint64_t seq;
};

/* One outbox file: what was said through it, by track (lane, and lane put raw) and number. */
struct box {
    struct node *node;
    uint64_t epoch;
    bool is_lost;
    struct said *said[TRACKS];
    size_t count[TRACKS], cap[TRACKS];
    uint64_t last_stored[TRACKS]; /* highest lane_seq in the log */
};

static struct {
    struct box box[BOXES];
    unsigned boxes;
    struct {
        struct box *box;
        uint64_t tag;
    } * open; /* put, and not durable yet */
    size_t open_count, open_cap;
    bool may_have_lost_refusals;  /* with a primary that did not wait for its standby */
    uint64_t common_upto[EPOCHS]; /* by epoch: the log is the same as before it up to here */
    /* Gone from the log of an epoch: what was behind `upto`, as far as `end`; of that somebody has
     * heard of numbers up to `head`. end 0: nothing is gone. */
    struct lost {
        uint64_t upto, head, end;
    } lost[EPOCHS];
    size_t unsettled; /* durable, and the sender does not know yet what became of it */
} all;

uint64_t check_hash(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = UINT64_C(1469598103934665603) ^ len;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

void check_key(uint8_t out[32], const char *name)
{
    struct rng r = {check_hash(name, strlen(name))};

    for (unsigned i = 0; i < 32; i++)
        out[i] = (uint8_t)rng_u64(&r);
}

void check_reset(void)
{
    for (unsigned i = 0; i < all.boxes; i++)
        for (unsigned t = 0; t < TRACKS; t++) {
            for (size_t j = 0; j < all.box[i].count[t]; j++)
                mem_free(all.box[i].said[t][j].content);
            mem_free(all.box[i].said[t]);
        }
    mem_free(all.open);
    memset(&all, 0, sizeof(all));
    for (unsigned e = 0; e < EPOCHS; e++)
        all.common_upto[e] = UINT64_MAX;
}

static struct lost *lost_now(void)
{
    assert(model_log_epoch() < EPOCHS);
    return &all.lost[model_log_epoch()];
}

/* --- what was said ---------------------------------------------------------------------------- */

static unsigned track_of(uint64_t tag)
{
    return (unsigned)(tag >> 56) * 2 + (unsigned)(tag >> 55 & 1);
}

static uint64_t number_of(uint64_t tag)
{
    return tag & ((UINT64_C(1) << 55) - 1);
}

static struct box *find_box(const struct node *n, uint64_t epoch)
{
    for (unsigned i = all.boxes; i-- > 0;)
        if (all.box[i].node == n && all.box[i].epoch == epoch)
            return &all.box[i];
    return NULL;
}

static struct said *find_said(struct box *b, uint64_t tag)
{
    unsigned track = track_of(tag);
    uint64_t number = number_of(tag);

    if (!b || track >= TRACKS || !number || number > b->count[track])
        return NULL;
    return &b->said[track][number - 1];
}

static struct said *make_said(struct box *b, uint64_t tag)
{
    unsigned track = track_of(tag);
    uint64_t number = number_of(tag);

    assert(track < TRACKS && number);
    if (number > b->cap[track]) {
        size_t cap = number * 2 + 16;

        b->said[track] = mem_realloc(b->said[track], cap * sizeof(struct said));
        assert(b->said[track]);
        memset(b->said[track] + b->cap[track], 0, (cap - b->cap[track]) * sizeof(struct said));
        b->cap[track] = cap;
    }
    if (number > b->count[track])
        b->count[track] = number;
    return &b->said[track][number - 1];
}

void check_put(struct node *n, uint64_t epoch, uint64_t tag, const void *content, size_t len,
               bool may_be_refused)
{
    struct box *b = find_box(n, epoch);
    struct said *s;

    if (!b) {
        assert(all.boxes < BOXES);
        b = &all.box[all.boxes++];
        *b = (struct box){.node = n, .epoch = epoch};
    }
    s = make_said(b, tag);
    if (s->fate > FATE_PUT)
        sim_violate("%s: the outbox gives place %llu of lane %u to a second message", n->name,
                    (unsigned long long)number_of(tag), (unsigned)(tag >> 56));
    mem_free(s->content);
    *s = (struct said){.hash = check_hash(content, len),
                       .len = len,
                       .fate = FATE_PUT,
                       .may_be_refused = may_be_refused};
    if (may_be_refused) {
        s->content = mem_alloc(len + 1);
        memcpy(s->content, content, len);
    }
    if (all.open_count == all.open_cap) {
        all.open_cap = all.open_cap ? all.open_cap * 2 : 64;
        all.open = mem_realloc(all.open, all.open_cap * sizeof(*all.open));
        assert(all.open);
    }
    all.open[all.open_count].box = b;
    all.open[all.open_count++].tag = tag;
    sim.result->put++;
}

void check_committed(struct node *n, bool is_kept)
{
    size_t left = 0;

    for (size_t i = 0; i < all.open_count; i++) {
        if (all.open[i].box->node != n) {
            all.open[left++] = all.open[i];
            continue;
        }
        find_said(all.open[i].box, all.open[i].tag)->fate = is_kept ? FATE_DURABLE : FATE_NONE;
        all.unsettled += is_kept;
    }
    all.open_count = left;
}

void check_outbox_lost(struct node *n)
{
    check_committed(n, false);
    for (unsigned i = 0; i < all.boxes; i++) {
        struct box *b = &all.box[i];

        if (b->node != n || b->is_lost)
            continue;
        b->is_lost = true;
        for (unsigned t = 0; t < TRACKS; t++)
            for (size_t j = 0; j < b->count[t]; j++)
                all.unsettled -= b->said[t][j].fate >= FATE_DURABLE && !b->said[t][j].is_told;
    }
}

/* --- the log ---------------------------------------------------------------------------------- */

void check_stored(const struct model_row *row)
{
    struct node *n = sim_agent((unsigned)row->sender_id - 1);
    struct box *b = find_box(n, row->epoch);
    uint64_t tag = (uint64_t)row->lane << 56 | row->lane_seq;
    struct said *s = find_said(b, tag);

    sim.result->stored++;
    sim_say("  %llu is %s epoch %llu lane %u number %llu", (unsigned long long)row->seq, n->name,
            (unsigned long long)row->epoch, row->lane, (unsigned long long)row->lane_seq);
    sim_note(row->seq ^ row->lane_seq << 20 ^ row->epoch);
    if (!s || s->fate < FATE_DURABLE) {
        sim_violate("number %llu of the log was never durably said: %s epoch %llu lane %u number "
                    "%llu",
                    (unsigned long long)row->seq, n->name, (unsigned long long)row->epoch,
                    row->lane, (unsigned long long)row->lane_seq);
        return;
    }
    if (row->seq <= lost_now()->head)
        sim_violate("number %llu of epoch %u is given again: the log was %llu long",
                    (unsigned long long)row->seq, row->log_epoch,
                    (unsigned long long)lost_now()->head);
    if (s->len != row->content_len || s->hash != check_hash(row->content, row->content_len))
        sim_violate("number %llu of the log is not what %s said", (unsigned long long)row->seq,
                    n->name);
    if (s->seq)
        sim_violate("%s lane %u number %llu is in the log twice: %llu and %llu", n->name, row->lane,
                    (unsigned long long)row->lane_seq, (unsigned long long)s->seq,
                    (unsigned long long)row->seq);
    if (row->lane_seq <= b->last_stored[row->lane * 2])
        sim_violate("%s lane %u: number %llu is stored after %llu", n->name, row->lane,
                    (unsigned long long)row->lane_seq,
                    (unsigned long long)b->last_stored[row->lane * 2]);
    if (row->lane_seq > b->last_stored[row->lane * 2])
        b->last_stored[row->lane * 2] = row->lane_seq;
    s->seq = row->seq;
}

/* --- receipts --------------------------------------------------------------------------------- */

static void expect_stored(const char *who, const struct node *n, const struct model_row *row,
                          uint64_t tag, uint64_t seq)
{
    struct said *s = row ? find_said(find_box(n, row->epoch), tag) : NULL;

    if (s)
        s->is_acknowledged = true;
    if (!row || row->sender_id != (int32_t)n->index + 1 || row->lane != tag >> 56 ||
        row->lane_seq != number_of(tag))
        sim_violate("%s: lane %u number %llu of %s is acknowledged as %llu, and the log %s", who,
                    (unsigned)(tag >> 56), (unsigned long long)number_of(tag), n->name,
                    (unsigned long long)seq,
                    row ? "holds another message there" : "does not hold it");
}

/* A broker had it from a primary that did not wait for its standby, and says it when that one is
 * gone, and nobody has noticed yet: it is said again under the next epoch. */
static bool is_of_what_is_gone(uint64_t seq)
{
    struct lost *lost = lost_now();
    bool is_gone = sim.standby == STANDBY_ASYNC && lost->end && seq > lost->upto && !model_row(seq);

    if (is_gone && seq > lost->head)
        lost->head = seq;
    return is_gone;
}

void check_receipts(const char *user, const uint8_t *frame, size_t len)
{
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, len, frame);
    struct node *n = NULL;

    for (unsigned i = 0; i < sim.agents; i++)
        if (!strcmp(sim_agent(i)->name, user))
            n = sim_agent(i);
    assert(f && n);
    for (size_t i = 0; i < f->receipts->n_settled; i++) {
        const Eocbus__V1__Settled *s = f->receipts->settled[i];

        sim.result->repeated += s->repeated;
        if (s->outcome == EOCBUS__V1__OUTCOME__OUTCOME_STORED &&
            s->log_epoch == model_log_epoch() && !is_of_what_is_gone(s->seq))
            expect_stored("receipt", n, model_row(s->seq), s->tag, s->seq);
    }
    eocbus__v1__frame__free_unpacked(f, NULL);
}

static void check_refused(struct node *n, const struct said *s, uint64_t tag)
{
    sim.result->refused++;
    if (!s->may_be_refused)
        sim_violate("%s: lane %u number %llu is refused, and nothing is wrong with it", n->name,
                    (unsigned)(tag >> 56), (unsigned long long)number_of(tag));
    else if (!all.may_have_lost_refusals &&
             !model_has_quarantined((int32_t)n->index + 1, s->content, s->len))
        sim_violate("%s: lane %u number %llu is refused, and quarantine does not hold it", n->name,
                    (unsigned)(tag >> 56), (unsigned long long)number_of(tag));
}

/* Said of what is gone from the log since: it is to be said again. */
static bool is_outdated(const struct outbox_outcome *oc, const struct said *s)
{
    struct lost *lost = lost_now();
    bool is_gone = oc->log_epoch == model_log_epoch() && lost->end && oc->seq > lost->upto;

    if (!oc->stored || oc->seq == s->seq)
        return false;
    if (is_gone && oc->seq > lost->head)
        lost->head = oc->seq;
    return is_gone || oc->log_epoch != model_log_epoch();
}

void check_settled(struct node *n, uint64_t epoch, uint64_t tag, const struct outbox_outcome *oc)
{
    struct said *s = find_said(find_box(n, epoch), tag);

    if (!s || s->fate < FATE_DURABLE) {
        sim_violate("%s: a receipt for what was never durably said", n->name);
        return;
    }
    if (is_outdated(oc, s))
        return;
    if (!s->is_told)
        all.unsettled--;
    s->is_told = true;
    sim.result->told++;
    s->fate = oc->stored ? FATE_STORED : FATE_REFUSED;
    if (!oc->stored)
        check_refused(n, s, tag);
    else if (oc->seq != s->seq)
        sim_violate("%s: lane %u number %llu is settled as %llu and stored as %llu", n->name,
                    (unsigned)(tag >> 56), (unsigned long long)number_of(tag),
                    (unsigned long long)oc->seq, (unsigned long long)s->seq);
}

static void restore_box(struct box *b, uint64_t upto)
{
    for (unsigned t = 0; t < TRACKS; t++) {
        b->last_stored[t] = 0;
        for (size_t j = 0; j < b->count[t]; j++) {
            struct said *s = &b->said[t][j];

            if (s->seq > upto) {
                s->seq = 0;
                s->was_lost = true;
                all.unsettled += s->is_told && !b->is_lost;
                s->is_told = s->is_acknowledged = false;
                s->fate = FATE_DURABLE;
            } else if (s->seq) {
                b->last_stored[t] = j + 1;
            }
        }
    }
}

/* The last number that anybody outside has heard of: a listener, or the sender of it. */
static uint64_t last_known(void)
{
    uint64_t last = 0;

    for (unsigned i = 0; i < sim.agents; i++)
        for (unsigned j = 0; j < sim_agent(i)->heard_count; j++) {
            const struct heard *h = &sim_agent(i)->heard[j];

            if (h->log_epoch == model_log_epoch() && h->last > last)
                last = h->last;
        }
    for (unsigned i = 0; i < all.boxes; i++)
        for (unsigned t = 0; t < TRACKS; t++)
            for (size_t j = 0; j < all.box[i].count[t]; j++) {
                const struct said *s = &all.box[i].said[t][j];

                if (s->is_acknowledged && s->seq > last)
                    last = s->seq;
            }
    return last;
}

void check_lost(uint64_t upto, uint64_t head)
{
    uint64_t known = last_known();
    struct lost *lost = lost_now();

    if (upto == head)
        return;
    known = known < head ? known : head;
    if (known > upto && known > lost->head)
        lost->head = known;
    lost->upto = !lost->end || upto < lost->upto ? upto : lost->upto;
    lost->end = head > lost->end ? head : lost->end;
    for (unsigned i = 0; i < all.boxes; i++)
        restore_box(&all.box[i], upto);
}

static void note_common(uint32_t from, uint32_t to, uint64_t upto)
{
    assert(to < EPOCHS);
    for (uint32_t e = from + 1; e <= to; e++)
        if (upto < all.common_upto[e])
            all.common_upto[e] = upto;
}

void check_raised(uint32_t from, uint32_t to)
{
    note_common(from, to, all.lost[from].end ? all.lost[from].upto : UINT64_MAX);
}

void check_lowered(uint32_t from, uint32_t to, uint64_t upto)
{
    note_common(to, from, upto);
}

static const struct said *find_acknowledged(const struct box *b, uint64_t behind)
{
    for (unsigned t = 0; t < TRACKS; t++)
        for (size_t j = 0; j < b->count[t]; j++)
            if (b->said[t][j].is_acknowledged && b->said[t][j].seq > behind)
                return &b->said[t][j];
    return NULL;
}

void check_promoted(uint64_t upto)
{
    all.may_have_lost_refusals |= sim.standby == STANDBY_ASYNC;
    for (unsigned i = 0; i < all.boxes && sim.standby == STANDBY_SYNC; i++) {
        const struct said *s = find_acknowledged(&all.box[i], upto);

        if (s)
            sim_violate("number %llu of %s was acknowledged, and the standby that was promoted "
                        "ends with %llu",
                        (unsigned long long)s->seq, all.box[i].node->name,
                        (unsigned long long)upto);
    }
}

/* After a restore: what an outbox had dropped to stay within its budget cannot come again. */
static void forgive_dropped(void)
{
    for (unsigned i = 0; i < all.boxes; i++) {
        struct box *b = &all.box[i];
        struct outbox *o = b->node->is_up ? agent_outbox(b->node->agent) : NULL;

        for (unsigned t = 0; o && !b->is_lost && t < TRACKS; t++)
            for (size_t j = 0; j < b->count[t]; j++) {
                struct said *s = &b->said[t][j];
                uint64_t tag = (uint64_t)(t / 2) << 56 | (uint64_t)(t & 1) << 55 | (j + 1);
                int state;

                if (s->fate != FATE_DURABLE || s->is_told ||
                    outbox_state(o, tag, &state, NULL, NULL) != ST_NOTFOUND)
                    continue;
                s->is_told = true;
                all.unsettled--;
            }
    }
}

void check_restarted(struct node *n, struct outbox *o)
{
    struct box *b = find_box(n, outbox_epoch(o));

    for (unsigned t = 0; b && t < TRACKS; t++)
        for (size_t j = 0; j < b->count[t]; j++) {
            uint64_t tag = (uint64_t)(t / 2) << 56 | (uint64_t)(t & 1) << 55 | (j + 1);
            struct outbox_outcome oc;
            struct arena *texts;
            int state;

            if (b->said[t][j].fate != FATE_DURABLE)
                continue;
            if (arena_create(&texts, 65536) != ST_OK)
                return;
            if (outbox_state(o, tag, &state, &oc, texts) != ST_OK && b->said[t][j].was_lost)
                state = OUTBOX_WAITING; /* dropped while it was stored: forgive_dropped */
            else if (outbox_state(o, tag, &state, &oc, texts) != ST_OK)
                sim_violate("%s: lane %u number %zu was durably said, and its outbox has lost it",
                            n->name, t / 2, j + 1);
            else if (state != OUTBOX_WAITING)
                check_settled(n, b->epoch, tag, &oc);
            arena_destroy(texts);
        }
}

/* --- listeners -------------------------------------------------------------------------------- */

static bool matches(const struct heard *h, const struct model_row *row)
{
    struct topics t;

    topics_of_row(&t, row->status, row->type, row->places);
    return pattern_matches_any(h->pattern, &t);
}

/* The first number behind `after`, up to `upto`, that the listener must hear; 0 = none. What
 * expired may be left out. */
static uint64_t next_due(const struct heard *h, uint64_t after, uint64_t upto)
{
    for (uint64_t seq = after + 1; seq <= upto; seq++)
        if (model_row(seq) && !model_row(seq)->expired && matches(h, model_row(seq)))
            return seq;
    return 0;
}

/* Up to this number the logs of the two epochs are one. */
static uint64_t common_upto(uint32_t one, uint32_t other)
{
    uint32_t from = one < other ? one : other, to = one < other ? other : one;
    uint64_t upto = UINT64_MAX;

    for (uint32_t e = from + 1; e <= to && e < EPOCHS; e++)
        upto = all.common_upto[e] < upto ? all.common_upto[e] : upto;
    return upto;
}

void check_subscribed(struct heard *h, uint32_t log_epoch, uint64_t after)
{
    uint64_t common = common_upto(h->log_epoch, log_epoch);

    if (log_epoch == h->log_epoch)
        return;
    /* A name may have come further in the new log, as far as there was nothing for it. */
    if (after > common && next_due(h, common, after))
        sim_violate("%s %s goes on after %llu of epoch %u in the log of epoch %u", h->node->name,
                    h->pattern, (unsigned long long)after, h->log_epoch, log_epoch);
    h->last = h->last < after ? h->last : after;
    h->log_epoch = log_epoch;
}

/* Of a log that has been replaced since, and of the part that is gone: nobody can say what was due.
 */
static bool is_of_the_past(struct heard *h, uint64_t seq)
{
    struct lost *lost = lost_now();
    bool is_gone =
        h->log_epoch == model_log_epoch() && lost->end && seq > lost->upto && !model_row(seq);

    if (!is_gone && seq <= common_upto(h->log_epoch, model_log_epoch()))
        return false;
    if (is_gone && seq > lost->head)
        lost->head = seq;
    h->last = seq;
    return true;
}

void check_delivered(struct heard *h, uint64_t seq, const void *content, size_t len)
{
    const struct model_row *row = model_row(seq);
    uint64_t missed;

    sim.result->delivered++;
    sim_note(seq << 8 | h->node->index);
    if (is_of_the_past(h, seq))
        return;
    if (!row || row->content_len != len || memcmp(row->content, content, len) != 0) {
        sim_violate("%s %s hears number %llu, and the log %s", h->node->name, h->pattern,
                    (unsigned long long)seq, row ? "holds other bytes" : "does not hold it");
        return;
    }
    if (seq <= h->last)
        sim_violate("%s %s hears %llu after %llu", h->node->name, h->pattern,
                    (unsigned long long)seq, (unsigned long long)h->last);
    else if (!matches(h, row))
        sim_violate("%s %s hears %llu, which does not match", h->node->name, h->pattern,
                    (unsigned long long)seq);
    else if ((missed = next_due(h, h->last, seq - 1)) != 0)
        sim_violate("%s %s hears %llu and has missed %llu", h->node->name, h->pattern,
                    (unsigned long long)seq, (unsigned long long)missed);
    h->last = seq;
}

void check_live(const struct heard *h, int64_t received_us, int64_t not_after_us)
{
    if (not_after_us && not_after_us <= received_us)
        sim_violate("%s %s hears as live what came %.3f s after its time", h->node->name,
                    h->pattern, (double)(received_us - not_after_us) / 1e6);
}

/* --- queues ----------------------------------------------------------------------------------- */

void check_broker(struct node *n)
{
    struct store_counters c;

    store_counters(n->broker->store, &c);
    /* What is in the batch was in the queue: a whole batch may stand in front of a full queue. */
    if (c.queued_rows > n->config.queue_rows + 2 * n->config.batch_rows)
        sim_violate("%s keeps %llu rows, and its queue has room for %u", n->name,
                    (unsigned long long)c.queued_rows, n->config.queue_rows);
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool find_unsettled(char *why, size_t size)
{
    for (unsigned i = 0; i < all.boxes; i++)
        for (unsigned t = 0; t < TRACKS; t++)
            for (size_t j = 0; j < all.box[i].count[t]; j++) {
                const struct said *s = &all.box[i].said[t][j];

                if (all.box[i].is_lost || s->fate < FATE_DURABLE || s->is_told)
                    continue;
                snprintf(why, size, "%s: lane %u%s number %zu was durably said and %s",
                         all.box[i].node->name, t / 2, t & 1 ? " (raw)" : "", j + 1,
                         s->seq ? "is stored, and its sender never heard"
                                : "never became stored or refused");
                return true;
            }
    return false;
}

bool check_is_done(char *why, size_t size)
{
    if (all.unsettled && model_log_epoch() > 1)
        forgive_dropped();
    if (all.open_count || all.unsettled) {
        if (!find_unsettled(why, size))
            snprintf(why, size, "%zu puts are not committed", all.open_count);
        return false;
    }
    for (unsigned i = 0; i < sim.agents; i++)
        for (unsigned j = 0; j < sim_agent(i)->heard_count; j++) {
            struct heard *h = &sim_agent(i)->heard[j];
            bool is_past = h->last > common_upto(h->log_epoch, model_log_epoch());
            uint64_t last = is_past ? 0 : h->last;
            uint64_t due = next_due(h, last, model_head());

            if (!due)
                continue;
            snprintf(why, size, "%s %s never hears number %llu", h->node->name, h->pattern,
                     (unsigned long long)due);
            return false;
        }
    return true;
}
