/* forged - see forged.h */
#include "agents/link/forged.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/agent_parts.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

/* One who forges forges many; each is counted. */
#define SPACE_US UINT64_C(60000000)

void forged_note(struct agent *a, const Eocbus__V1__Delivery *m, const Eocbus__V1__Envelope *e,
                 const char *why)
{
    struct forgeries *f = &a->forgeries;
    uint64_t now_us = loop_now_us(a->loop);

    f->total++;
    f->untold++;
    snprintf(f->sender, sizeof(f->sender), "%s", e->sender ? e->sender : "");
    snprintf(f->why, sizeof(f->why), "%s", why);
    f->has_id = e->message_id.len == sizeof(f->message_id);
    if (f->has_id)
        memcpy(f->message_id, e->message_id.data, sizeof(f->message_id));
    if (f->logged_us && now_us < f->logged_us + SPACE_US && f->total > 10)
        return;
    f->logged_us = now_us;
    log_error("agent.forged",
              "sender=%s type=%d log_epoch=%" PRIu32 " seq=%" PRIu64 " total=%" PRIu64
              " why=\"%s\" next=\"not handed on\"",
              f->sender, (int)e->body_case, m->stamp->log_epoch, m->stamp->seq, f->total, why);
}

static enum status put_event(struct agent *a)
{
    struct forgeries *f = &a->forgeries;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__AuditEvent event = EOCBUS__V1__AUDIT_EVENT__INIT;
    struct refusal why = {0};
    enum status st;

    event.what = (char *)"forged";
    event.subject = f->sender;
    event.via = a->program;
    event.because = f->why;
    event.times = f->untold;
    if (f->has_id) {
        event.message_id.data = f->message_id;
        event.message_id.len = sizeof(f->message_id);
    }
    m.lane = EOCBUS__V1__LANE__LANE_PRIORITY;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = loop_utc_us(a->loop);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_AUDIT_EVENT;
    m.audit_event = &event;
    st = agent_put(a, &m, NULL, &why);
    if (st == ST_INVALID)
        log_error("agent.forged.unsaid", "code=%s path=%s", why.code, why.path);
    return st;
}

void forged_say(struct agent *a)
{
    struct forgeries *f = &a->forgeries;
    uint64_t now_us = loop_now_us(a->loop);

    if (!f->untold || !a->outbox || (f->told_us && now_us < f->told_us + SPACE_US))
        return;
    f->told_us = now_us ? now_us : 1;
    if (put_event(a) == ST_OK)
        f->untold = 0;
}

void forged_save(struct agent *a)
{
    a->forgeries.told_us = 0;
    forged_say(a);
    if (trust_is_on(a->trust) && trust_save(a->trust) != ST_OK)
        log_warn("agent.records.unsaved", "errno=%s next=\"asked for again\"", strerror(errno));
}
