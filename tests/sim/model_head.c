/* model_head - the row of the head: the epoch of the log, the timeline it was last written on, and
 * the past that goes with it (bus.log_past, bus.see_timeline, bus.raise_epoch). */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/wire/log_past.h"
#include "tests/sim/check.h"
#include "tests/sim/model_parts.h"

struct head *model_last_head(void)
{
    return &model_db.heads[model_db.head_count - 1];
}

void model_change_head(uint32_t log_epoch, int32_t timeline, uint64_t same_upto)
{
    assert(model_db.head_count < HEADS_MOST);
    model_db.heads[model_db.head_count++] =
        (struct head){.log_epoch = log_epoch, .timeline = timeline, .same_upto = same_upto};
    model_db.head_is_new = true;
    if (log_epoch > model_db.log_epoch)
        check_raised(model_db.log_epoch, log_epoch);
    model_db.log_epoch = log_epoch;
}

bool model_head_is_new(void)
{
    return model_db.head_is_new;
}

void model_keep_head(uint64_t lsn)
{
    for (unsigned i = model_db.head_count; --i > 0 && !model_db.heads[i].lsn;)
        model_db.heads[i].lsn = lsn;
    model_db.head_is_new = false;
}

/* An epoch that was raised, and is not on the standby, was never raised. */
void model_shorten_heads(uint64_t lsn, uint64_t upto)
{
    while (model_db.head_count > 1 && model_last_head()->lsn > lsn)
        model_db.head_count--;
    if (model_last_head()->log_epoch < model_db.log_epoch)
        check_lowered(model_db.log_epoch, model_last_head()->log_epoch, upto);
    model_db.log_epoch = model_last_head()->log_epoch;
}

/* bus.log_past */
static void put_past(struct pg_rows *out)
{
    struct log_past past = {0};
    char text[LOG_PAST_MOST * 32] = "";

    for (unsigned i = 0; i < model_db.head_count; i++)
        if (!past.count || past.at[past.count - 1].log_epoch < model_db.heads[i].log_epoch)
            log_past_add(&past, model_db.heads[i].log_epoch, model_db.heads[i].same_upto);
    for (unsigned i = 0; i < past.count; i++) {
        size_t at = strlen(text);

        snprintf(text + at, sizeof(text) - at, "%s%" PRIu32 ":%" PRIu64, i ? " " : "",
                 past.at[i].log_epoch, past.at[i].same_upto);
    }
    rows_put_text(out, text);
}

/* bus.see_timeline. True: it has raised the epoch. */
static bool see_timeline(void)
{
    int32_t was = model_last_head()->timeline;
    bool raised = was && was != model_db.timeline && sim.plant != PLANT_TIMELINE_UNSEEN;
    uint32_t above = model_db.log_epoch + 1;

    if (raised)
        above = above > (uint32_t)model_db.timeline * 16 ? above : (uint32_t)model_db.timeline * 16;
    if (was != model_db.timeline && sim.plant != PLANT_TIMELINE_UNSEEN)
        model_change_head(raised ? above : model_db.log_epoch, model_db.timeline,
                          raised ? model_db.count : 0);
    return raised;
}

void model_ask_place(struct pg_rows *out)
{
    bool raised = see_timeline();

    rows_put_int(out, 4, model_db.log_epoch);
    rows_put_int(out, 8, (int64_t)model_db.count);
    rows_put_int(out, 1, raised);
    put_past(out);
    rows_end(out);
}

void model_ask_head(struct pg_rows *out)
{
    rows_put_int(out, 4, model_db.log_epoch);
    rows_put_int(out, 8, (int64_t)model_db.count);
    rows_put_int(out, 8, model_db.principals_version);
    rows_put_int(out, 1, 0);
    rows_put_int(out, 4, 0);
    put_past(out);
    rows_end(out);
}

void model_ask_raise(const struct model_params *p, struct pg_rows *out)
{
    uint32_t expected = (uint32_t)model_param_int(p, 0), above = (uint32_t)model_param_int(p, 1);
    bool seen = see_timeline();
    bool raised = (seen && model_db.log_epoch <= above) || expected == model_db.log_epoch;

    if (raised)
        model_change_head((above > model_db.log_epoch ? above : model_db.log_epoch) + 1,
                          model_last_head()->timeline, 0);
    rows_put_int(out, 4, model_db.log_epoch);
    rows_put_int(out, 1, raised || seen);
    rows_end(out);
}
