/* model - the log itself: rows, what was seen, and what becomes of it when a server is lost or a
 * backup comes back. See model.h. */
#include <assert.h>
#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/model_parts.h"

struct model_db model_db;

static uint64_t hash_identity(const struct model_row *m)
{
    struct rng r = {(uint64_t)(uint32_t)m->sender_id << 32 ^ (uint64_t)m->lane << 28 ^ m->lane_seq};

    if (sim.plant != PLANT_EPOCH_IGNORED)
        r.state ^= m->epoch * UINT64_C(0x9e3779b97f4a7c15);
    return rng_u64(&r);
}

bool model_is_same_place(const struct model_row *a, const struct model_row *b)
{
    return a->sender_id == b->sender_id && a->lane == b->lane && a->lane_seq == b->lane_seq &&
           (a->epoch == b->epoch || sim.plant == PLANT_EPOCH_IGNORED);
}

const struct model_row *model_find_seen(const struct model_row *m)
{
    for (size_t i = hash_identity(m); model_db.slots && model_db.slot[i & (model_db.slots - 1)];
         i++) {
        const struct model_row *seen = &model_db.rows[model_db.slot[i & (model_db.slots - 1)] - 1];

        if (model_is_same_place(seen, m))
            return seen;
    }
    return NULL;
}

static void add_slot(uint64_t seq)
{
    size_t i = hash_identity(&model_db.rows[seq - 1]);

    while (model_db.slot[i & (model_db.slots - 1)])
        i++;
    model_db.slot[i & (model_db.slots - 1)] = seq;
}

static void fill_slots(void)
{
    for (uint64_t seq = 1; seq <= model_db.count; seq++)
        if (model_db.rows[seq - 1].seq)
            add_slot(seq);
}

static void grow_slots(void)
{
    if ((model_db.count + 1) * 2 < model_db.slots)
        return;
    model_db.slots = model_db.slots ? model_db.slots * 2 : 4096;
    mem_free(model_db.slot);
    model_db.slot = mem_zalloc(model_db.slots * sizeof(*model_db.slot));
    assert(model_db.slot);
    fill_slots();
}

static void make_room(void)
{
    grow_slots();
    if (model_db.count < model_db.cap)
        return;
    model_db.cap = model_db.cap ? model_db.cap * 2 : 1024;
    model_db.rows = mem_realloc(model_db.rows, model_db.cap * sizeof(*model_db.rows));
    assert(model_db.rows);
}

const struct model_row *model_add_row(struct model_row *m)
{
    uint64_t seq = m->seq;

    while (model_db.count <
           seq) { /* behind a plain sequence there are numbers that nobody has used yet */
        make_room();
        memset(&model_db.rows[model_db.count++], 0, sizeof(*model_db.rows));
    }
    model_db.rows[seq - 1] = *m;
    m->content = NULL; /* the log has it now */
    add_slot(seq);
    return &model_db.rows[seq - 1];
}

void model_free_row(struct model_row *m)
{
    mem_free(m->content);
    m->content = NULL;
}

void model_set_principal(int32_t id, bool is_revoked)
{
    model_db.revoked[sim.brokers + (unsigned)id - 1] = is_revoked;
    model_db.principals_version++;
}

uint64_t model_head(void)
{
    return model_db.count;
}

uint32_t model_log_epoch(void)
{
    return model_db.log_epoch;
}

/* What is behind `upto` is gone; the epoch is as it was. */
static void shorten_log(uint64_t upto)
{
    uint64_t head = model_db.count;

    while (model_db.count > upto)
        model_free_row(&model_db.rows[--model_db.count]);
    if (model_db.slots)
        memset(model_db.slot, 0, model_db.slots * sizeof(*model_db.slot));
    fill_slots();
    model_clip_places();
    if (model_db.projected > upto)
        model_db.projected = upto;
    check_lost(upto, head);
}

void model_restore(uint64_t upto, uint64_t lsn)
{
    shorten_log(upto);
    model_change_head(model_db.log_epoch + 1, model_last_head()->timeline,
                      0); /* whoever brings it back does that */
    model_keep_head(lsn);
}

void model_promote(uint64_t lsn)
{
    uint64_t upto = model_db.count;
    size_t kept = 0;

    model_db.timeline++;
    while (upto && model_db.rows[upto - 1].lsn > lsn)
        upto--;
    for (size_t i = 0; i < model_db.kept_count; i++)
        if (model_db.kept[i].lsn <= lsn)
            model_db.kept[kept++] = model_db.kept[i];
    model_db.kept_count = kept;
    check_promoted(upto);
    model_shorten_heads(lsn, upto);
    if (upto < model_db.count)
        shorten_log(upto);
}

const struct model_row *model_row(uint64_t seq)
{
    return seq && seq <= model_db.count && model_db.rows[seq - 1].seq ? &model_db.rows[seq - 1]
                                                                      : NULL;
}

bool model_has_quarantined(int32_t sender_id, const void *content, size_t len)
{
    uint64_t hash = check_hash(content, len);

    for (size_t i = 0; i < model_db.kept_count; i++)
        if (model_db.kept[i].sender_id == sender_id && model_db.kept[i].hash == hash &&
            model_db.kept[i].len == len)
            return true;
    return false;
}

void model_reset(void)
{
    for (size_t i = 0; i < model_db.count; i++)
        model_free_row(&model_db.rows[i]);
    mem_free(model_db.rows);
    mem_free(model_db.slot);
    mem_free(model_db.kept);
    memset(&model_db, 0, sizeof(model_db));
    model_db.log_epoch = 1;
    model_db.timeline = 1;
    model_db.heads[model_db.head_count++] = (struct head){.log_epoch = 1, .timeline = 1};
    model_db.principals_version = 1;
}
