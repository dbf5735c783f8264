/* model_ask - every other statement, by its name in sql/queries. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "sql/sql_text.h"
#include "tests/sim/check.h"
#include "tests/sim/model_parts.h"

static void put_row(struct pg_rows *out, const struct model_row *m)
{
    rows_put_int(out, 8, (int64_t)m->seq);
    rows_put_int(out, 4, m->log_epoch);
    rows_put_int(out, 4, m->sender_id);
    rows_put_int(out, 8, (int64_t)m->epoch);
    rows_put_int(out, 2, m->lane);
    rows_put_int(out, 8, (int64_t)m->lane_seq);
    rows_put(out, m->message_id, ID_BYTES, false);
    rows_put_int(out, 2, m->type);
    rows_put_int(out, 2, m->status);
    rows_put_text(out, m->places);
    rows_put_time(out, m->event_us);
    rows_put_time(out, m->received_us);
    rows_put_time(out, m->not_after_us);
    rows_put_int(out, 4, m->offset_ms);
    rows_put_null(out);
    rows_put_int(out, 1, m->expired);
    rows_put_int(out, 2, m->marks);
    rows_put(out, m->content, m->content_len, false);
    rows_put_null(out);
    rows_put_null(out);
    rows_put_null(out);
    rows_end(out);
}

static void ask_replay(const struct model_params *p, struct pg_rows *out)
{
    uint64_t after = (uint64_t)model_param_int(p, 0), upto = (uint64_t)model_param_int(p, 1);
    uint32_t lanes;
    int64_t bytes = 0, most = model_param_int(p, 2);

    memcpy(&lanes, p->p[3].data, sizeof(lanes));
    lanes = be32toh(lanes);
    for (uint64_t seq = after + 1; seq <= upto && seq <= model_db.count && bytes < most; seq++) {
        if (!model_db.rows[seq - 1].seq || !(lanes >> model_db.rows[seq - 1].lane & 1))
            continue;
        put_row(out, &model_db.rows[seq - 1]);
        bytes += (int64_t)model_db.rows[seq - 1].content_len;
    }
}

/* As if nothing had been projected yet: then every batch may be the last one. */
static void ask_last_values(const struct model_params *p, struct pg_rows *out)
{
    enum { OBSERVATION_BATCH = 100 };
    uint64_t after = (uint64_t)model_param_int(p, 0), upto = (uint64_t)model_param_int(p, 1);
    uint32_t most;

    memcpy(&most, p->p[3].data, sizeof(most));
    most = be32toh(most);
    for (uint64_t seq = after + 1; seq <= upto && seq <= model_db.count && out->rows < most; seq++)
        if (model_db.rows[seq - 1].seq && model_db.rows[seq - 1].type == OBSERVATION_BATCH)
            put_row(out, &model_db.rows[seq - 1]);
}

static void ask_seq_at(const struct model_params *p, struct pg_rows *out)
{
    enum { MARGIN_US = 10000000 };
    int64_t time_us = model_param_int(p, 0) - MARGIN_US;
    uint64_t seq = 1;

    while (seq <= model_db.count &&
           (!model_db.rows[seq - 1].seq || model_db.rows[seq - 1].received_us < time_us))
        seq++;
    rows_put_int(out, 8, (int64_t)seq - 1);
    rows_end(out);
}

static void ask_schema(struct pg_rows *out)
{
    char timeline[16];

    snprintf(timeline, sizeof(timeline), "%08X", (unsigned)model_db.timeline);
    rows_put_int(out, 4, sql_version());
    rows_put_int(out, 1, 0);
    rows_put_text(out, timeline);
    rows_put_text(out, "model");
    rows_put_int(out, 1, sim.standby == STANDBY_SYNC);
    rows_put_int(out, 8, sql_digest("functions/"));
    rows_end(out);
}

static void ask_principals(struct pg_rows *out)
{
    static const char rules[] = "1 everyone allow say * any HOUSEHOLD_PERSONAL - 0 0\n"
                                "2 everyone allow hear * any HOUSEHOLD_PERSONAL - 0 0\n"
                                "3 everyone allow flash * any HOUSEHOLD_PERSONAL - 0 0";
    bool first = true;

    for (unsigned i = 0; i < sim.nodes; i++) {
        const struct node *n = &sim.node[i];
        uint8_t key[32];

        if (n->kind != NODE_AGENT || model_db.revoked[i])
            continue;
        check_key(key, n->name);
        rows_put_int(out, 4, (int64_t)n->index + 1);
        rows_put_text(out, n->name);
        rows_put_text(out, "");
        rows_put_text(out, "");
        rows_put_text(out, "");
        rows_put(out, key, sizeof(key), false);
        rows_put_null(out); /* not_after */
        rows_put_null(out); /* sign_key */
        rows_put_int(out, 8, 0);
        rows_put_null(out); /* enrolment */
        rows_put_int(out, 1, 0);
        if (first)
            rows_put_text(out, rules);
        else
            rows_put_null(out);
        rows_put_null(out); /* revoked_at */
        rows_put_null(out); /* revocation */
        first = false;
        rows_end(out);
    }
}

bool model_ask(const char *query, const struct model_params *p, struct pg_rows *out)
{
    if (!strcmp(query, "head")) {
        model_ask_head(out);
    } else if (!strcmp(query, "place")) {
        model_ask_place(out);
    } else if (!strcmp(query, "replay")) {
        ask_replay(p, out);
    } else if (!strcmp(query, "last_values")) {
        ask_last_values(p, out);
    } else if (!strcmp(query, "seq_at")) {
        ask_seq_at(p, out);
    } else if (!strcmp(query, "replay_to")) { /* nothing is addressed here */
    } else if (!strcmp(query, "schema")) {
        ask_schema(out);
    } else if (!strcmp(query, "cursor_open")) {
        model_ask_cursor_open(p, out);
    } else if (!strcmp(query, "cursor_move")) {
        model_ask_cursor_move(p, out);
    } else if (!strcmp(query, "principals")) {
        ask_principals(out);
    } else if (!strcmp(query, "raise_epoch")) {
        model_ask_raise(p, out);
    } else if (!strcmp(query, "tick")) { /* nothing is addressed here, so nothing is due */
        for (unsigned i = 0; i < 3; i++)
            rows_put_int(out, 4, 0);
        rows_put_int(out, 1, 0);
        rows_end(out);
    } else if (!strcmp(query, "project_place")) {
        rows_put_int(out, 8, (int64_t)model_db.projected);
        rows_put_int(out, 8, (int64_t)model_db.count);
        rows_end(out);
    } else if (!strcmp(query, "project_put")) {
        model_db.projected = (uint64_t)model_param_int(p, 1);
        rows_put_int(out, 1, 1);
        rows_end(out);
    } else {
        return !strcmp(query, "project_page") || !strcmp(query, "summarize") ||
               !strcmp(query, "session") || !strcmp(query, "settings") ||
               !strcmp(query, "broker_here") || !strncmp(query, "listen_", 7);
    }
    return true;
}
