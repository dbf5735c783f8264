/* event - see event.h. */
#include "agents/console/news/event.h"

#include <inttypes.h>

#include "agents/console/api/answer.h"
#include "proto/base/ids.h"
#include "proto/wire/json.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

static void put_id(struct buf *out, const char *key, const ProtobufCBinaryData *id)
{
    char text[ID_TEXT];

    if (id->len != ID_BYTES)
        return;
    id_format(text, id->data);
    buf_printf(out, ",\"%s\":\"%s\"", key, text);
}

static void put_places(struct buf *out, const Eocbus__V1__Area *area)
{
    buf_puts(out, ",\"places\":[");
    for (size_t i = 0; area && i < area->n_pcodes; i++) {
        buf_puts(out, i ? "," : "");
        put_json(out, area->pcodes[i]);
    }
    buf_puts(out, "]");
}

static void put_incidents(struct buf *out, const Eocbus__V1__Envelope *m)
{
    char text[ID_TEXT];

    buf_puts(out, ",\"incidents\":[");
    for (size_t i = 0; i < m->n_incident_ids; i++) {
        id_format(text, m->incident_ids[i].data);
        buf_printf(out, "%s\"%s\"", i ? "," : "", text);
    }
    buf_puts(out, "]");
}

void event_message(struct buf *out, const Eocbus__V1__Stamp *s, const Eocbus__V1__Envelope *m)
{
    const struct type_info *type = type_by_number((unsigned)m->body_case);

    buf_printf(out,
               "{\"seq\":%" PRIu64 ",\"provisional\":%s,\"verdict\":%d,\"type\":\"%s\",\"lane\":%d,"
               "\"status\":%d,\"event_time_us\":%" PRId64 ",\"sender\":",
               s->seq, s->provisional ? "true" : "false", (int)s->verdict, type ? type->name : "",
               (int)m->lane, (int)m->status, m->event_time_us);
    put_json(out, m->sender);
    buf_puts(out, ",\"author\":");
    put_json(out, m->author);
    put_id(out, "message_id", &m->message_id);
    put_id(out, "preceding_id", &m->preceding_id);
    put_places(out, m->area);
    put_incidents(out, m);
    if (m->lane <= EOCBUS__V1__LANE__LANE_IMMEDIATE &&
        m->label <= EOCBUS__V1__LABEL__LABEL_INTERNAL) {
        buf_puts(out, ",\"message\":");
        json_print(out, &m->base);
    }
    buf_puts(out, "}");
}

void event_withdrawn(struct buf *out, const Eocbus__V1__Withdrawn *w)
{
    buf_puts(out, "{\"what\":\"withdrawn\"");
    put_id(out, "message_id", &w->message_id);
    buf_puts(out, "}");
}

static void put_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, ",\"%s\":", key);
    put_json(out, text ? text : "");
}

void event_settled(struct buf *out, const uint8_t id[16], const char *person,
                   const struct outbox_outcome *oc)
{
    char text[ID_TEXT];

    id_format(text, id);
    buf_printf(out, "{\"message_id\":\"%s\",\"stored\":%s,\"seq\":%" PRIu64 ",\"verdict\":%u", text,
               oc->stored ? "true" : "false", oc->seq, oc->verdict);
    put_text(out, "person", person);
    put_text(out, "code", oc->code);
    put_text(out, "path", oc->path);
    put_text(out, "text", oc->text);
    buf_puts(out, "}");
}
