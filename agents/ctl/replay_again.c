#include "agents/ctl/replay_again.h"

#include <string.h>

#include "proto/base/digest.h"
#include "proto/wire/edxl.h"
#include "proto/wire/renumber.h"

#include "proto/base/banned.h"

#define LEAST_US INT64_C(60000000)

const char *replay_leaves_out(unsigned type)
{
    switch (type) {
    case EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION:
    case EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL:
    case EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND:
        return "orders to machines";
    case EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY:
        return "sealed names";
    case EOCBUS__V1__ENVELOPE__BODY_BLOB_CHUNK:
        return "parts of files";
    case EOCBUS__V1__ENVELOPE__BODY_RECEIPT:
    case EOCBUS__V1__ENVELOPE__BODY_ESCALATION_EVENT:
    case EOCBUS__V1__ENVELOPE__BODY_DECISION:
    case EOCBUS__V1__ENVELOPE__BODY_WITHDRAWN:
    case EOCBUS__V1__ENVELOPE__BODY_THINNED:
    case EOCBUS__V1__ENVELOPE__BODY_LOG_HEAD:
    case EOCBUS__V1__ENVELOPE__BODY_AUDIT_EVENT:
        return "what the bus answered";
    case EOCBUS__V1__ENVELOPE__BODY_DUTY_ROSTER:
    case EOCBUS__V1__ENVELOPE__BODY_SHARING_AGREEMENT:
    case EOCBUS__V1__ENVELOPE__BODY_KEY_REVOCATION:
    case EOCBUS__V1__ENVELOPE__BODY_DENY_LIST:
    case EOCBUS__V1__ENVELOPE__BODY_GAZETTEER_UPDATE:
        return "who is on duty, and what brokers obey";
    default:
        return NULL;
    }
}

/* The first six bytes, the time of its birth, stay: ids sort as they did. */
void replay_id(const struct exercise *e, uint8_t id[ID_BYTES])
{
    uint8_t both[2 * ID_BYTES], digest[DIGEST_BYTES];

    memcpy(both, e->run, ID_BYTES);
    memcpy(both + ID_BYTES, id, ID_BYTES);
    digest_of(digest, both, sizeof(both));
    memcpy(id + 6, digest, ID_BYTES - 6);
    id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

static void change_id(void *arg, uint8_t id[ID_BYTES])
{
    replay_id(arg, id);
}

/* --- names: what stands in two plays at once is not the same thing ---------------------------- */

static bool rename_one(char **name, const struct exercise *e, struct arena *arena)
{
    struct buf out = {0};
    const char *at = *name;

    while (*at) { /* "EX-07, EX-09" */
        size_t gap = strspn(at, ", "), len = strcspn(at + gap, ",");

        buf_put(&out, at, gap + len);
        if (len)
            buf_printf(&out, "~%02x%02x", e->run[14], e->run[15]);
        at += gap + len;
    }
    buf_put(&out, "", 1);
    *name = out.failed ? NULL : arena_printf(arena, "%s", (const char *)out.data);
    buf_free(&out);
    return *name != NULL;
}

static bool rename_items(Eocbus__V1__Envelope *m, const struct exercise *e, struct arena *arena)
{
    Eocbus__V1__RequestResource b;
    bool fits = true;

    edxl_body(&b, m);
    for (size_t i = 0; i < b.n_lines; i++)
        if (b.lines[i]->resource)
            fits &= rename_one(&b.lines[i]->resource->resource_id, e, arena);
    return fits;
}

static bool rename_things(Eocbus__V1__Envelope *m, const struct exercise *e, struct arena *arena)
{
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_PLOT_SITE)
        return rename_one(&m->plot_site->site_id, e, arena);
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_PLOT_OFFER)
        return rename_one(&m->plot_offer->site_id, e, arena);
    return !edxl_name((unsigned)m->body_case) || rename_items(m, e, arena);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int64_t last_moment(const Eocbus__V1__Envelope *m, const struct exercise *e, int64_t now_us)
{
    int64_t had_us = m->not_after_us - m->event_time_us;
    int64_t has_us = (int64_t)((double)had_us / e->speed);

    if (!m->not_after_us)
        return 0;
    return now_us + (has_us < LEAST_US ? LEAST_US : has_us);
}

enum status replay_as_exercise(Eocbus__V1__Envelope *m, const struct exercise *e, uint64_t seq,
                               int64_t now_us, Eocbus__V1__Played *played, struct arena *arena)
{
    struct exercise world = *e;

    renumber(&m->base, change_id, &world);
    eocbus__v1__played__init(played);
    played->sender = m->played ? m->played->sender : m->sender;
    played->seq = seq;
    m->played = played;
    m->status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    m->not_after_us = last_moment(m, e, now_us);
    m->n_to = e->to->count;
    m->to = (char **)(uintptr_t)e->to->items;
    return rename_things(m, e, arena) ? ST_OK : ST_NOMEM;
}
