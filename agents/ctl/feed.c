/* feed - see feed.h. */
#include "agents/ctl/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/print.h"
#include "agents/link/summary.h"
#include "proto/base/ids.h"
#include "proto/wire/json.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

uint64_t feed_digest(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t hash = 14695981039346656037u;

    while (len--)
        hash = (hash ^ *p++) * 1099511628211u;
    return hash;
}

static const char *lane_word(Eocbus__V1__Lane lane)
{
    static const char *const words[] = {"?", "FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE", "BULK"};

    return (unsigned)lane < ARRAY_LEN(words) ? words[lane] : "?";
}

static const char *status_word(Eocbus__V1__Status status)
{
    static const char *const words[] = {"?", "", "EXERCISE", "SYSTEM", "TEST"};

    return (unsigned)status < ARRAY_LEN(words) ? words[status] : "?";
}

static enum print_paint paint_of(const Eocbus__V1__Envelope *m)
{
    if (m->status != EOCBUS__V1__STATUS__STATUS_ACTUAL)
        return PAINT_GREEN;
    switch (m->lane) {
    case EOCBUS__V1__LANE__LANE_FLASH:
        return PAINT_RED;
    case EOCBUS__V1__LANE__LANE_IMMEDIATE:
        return PAINT_YELLOW;
    case EOCBUS__V1__LANE__LANE_BULK:
        return PAINT_DIM;
    default:
        return PAINT_NONE;
    }
}

static void put_time(struct buf *out, int64_t utc_us)
{
    char text[TIME_TEXT];

    time_format(text, utc_us);
    buf_printf(out, "%.8s", text + 11);
}

static void put_number(struct buf *out, const Eocbus__V1__Stamp *s)
{
    char text[32];

    if (s->provisional)
        buf_printf(out, " provisional ");
    else {
        snprintf(text, sizeof(text), "#%" PRIu64, s->seq);
        buf_printf(out, " %8s ", text);
    }
}

static void put_summary(struct buf *out, const Eocbus__V1__Envelope *m)
{
    struct buf raw = {0};

    summary_put(&raw, m);
    out->failed |= raw.failed;
    print_escaped(out, (const char *)raw.data, raw.len);
    buf_free(&raw);
}

static void put_padded(struct buf *out, const char *text, size_t width)
{
    size_t before = out->len;

    print_escaped(out, text, strlen(text));
    while (out->len - before < width && !out->failed)
        buf_puts(out, " ");
    buf_puts(out, " ");
}

/* The bus's own notes are never signed. */
static void put_doubt(struct buf *out, const Eocbus__V1__Envelope *m, enum proof proof)
{
    if (proof == PROOF_UNKNOWN)
        buf_puts(out, "unchecked! ");
    else if (proof == PROOF_UNSIGNED && m && strcmp(m->sender, "bus") != 0)
        buf_puts(out, "unsigned! ");
}

void feed_human(struct buf *out, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m,
                enum proof proof, bool colour)
{
    const struct type_info *type = m ? type_by_number((unsigned)m->body_case) : NULL;

    if (m)
        print_paint(out, colour, paint_of(m));
    put_time(out, d->stamp->received_time_us);
    put_number(out, d->stamp);
    if (d->stamp->late)
        buf_puts(out, "late ");
    if (d->stamp->clock_suspect)
        buf_puts(out, "clock? ");
    put_doubt(out, m, proof);
    if (m) {
        const char *status = status_word(m->status);

        put_padded(out, lane_word(m->lane), 9);
        if (*status)
            put_padded(out, status, 0);
        put_padded(out, type ? type->name : "?", 18);
        put_padded(out, m->area && m->area->n_pcodes ? m->area->pcodes[0] : "-", 7);
        put_padded(out, m->sender, 20);
    }
    put_summary(out, m);
    if (m)
        print_paint(out, colour, PAINT_NONE);
    buf_puts(out, "\n");
}

static void put_message(struct buf *out, const Eocbus__V1__Envelope *m)
{
    struct buf raw = {0};

    if (!m) {
        buf_puts(out, "null");
        return;
    }
    json_print(&raw, &m->base);
    out->failed |= raw.failed;
    print_escaped_json(out, (const char *)raw.data, raw.len);
    buf_free(&raw);
}

void feed_json(struct buf *out, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m,
               enum proof proof)
{
    const Eocbus__V1__Stamp *s = d->stamp;
    char time[TIME_TEXT];

    time_format(time, s->received_time_us);
    buf_printf(out,
               "{\"seq\":%" PRIu64 ",\"log_epoch\":%u,\"received\":\"%s\",\"clock_offset_ms\":%d,"
               "\"verdict\":%d,\"provisional\":%s,\"history\":%s,\"late\":%s,\"clock_suspect\":%s,"
               "\"sender\":",
               s->seq, s->log_epoch, time, s->clock_offset_ms, (int)s->verdict,
               s->provisional ? "true" : "false", d->history ? "true" : "false",
               s->late ? "true" : "false", s->clock_suspect ? "true" : "false");
    print_json_text(out, m ? m->sender : NULL);
    buf_puts(out, ",\"proof\":");
    print_json_text(out, proof == PROOF_OFF ? NULL : proof_word(proof));
    buf_puts(out, ",\"message\":");
    put_message(out, m);
    buf_puts(out, "}\n");
}

void feed_human_withdrawn(struct buf *out, const Eocbus__V1__Withdrawn *w, int64_t now_us,
                          bool colour)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    m.body_case = EOCBUS__V1__ENVELOPE__BODY_WITHDRAWN;
    m.withdrawn = (Eocbus__V1__Withdrawn *)w; /* only read */
    print_paint(out, colour, PAINT_RED);
    put_time(out, now_us);
    buf_puts(out, " ");
    put_summary(out, &m);
    print_paint(out, colour, PAINT_NONE);
    buf_puts(out, "\n");
}

void feed_json_withdrawn(struct buf *out, const Eocbus__V1__Withdrawn *w)
{
    struct buf raw = {0};

    json_print(&raw, &w->base);
    out->failed |= raw.failed;
    buf_puts(out, "{\"withdrawn\":");
    print_escaped_json(out, (const char *)raw.data, raw.len);
    buf_puts(out, "}\n");
    buf_free(&raw);
}

void feed_record(struct buf *out, const Eocbus__V1__Delivery *d)
{
    buf_printf(out, "%" PRIu64 " %u %016" PRIx64 "\n", d->stamp->seq, d->stamp->log_epoch,
               feed_digest(d->content.data, d->content.len));
}

bool feed_record_parse(struct feed_record *out, const char *line, size_t len)
{
    char text[80], *at = text;

    if (len == 0 || len >= sizeof(text) || line[len - 1] != '\n')
        return false;
    memcpy(text, line, len - 1);
    text[len - 1] = '\0';
    out->seq = strtoull(at, &at, 10);
    if (*at++ != ' ')
        return false;
    out->log_epoch = (uint32_t)strtoul(at, &at, 10);
    if (*at++ != ' ' || strlen(at) != 16)
        return false;
    out->digest = strtoull(at, &at, 16);
    return *at == '\0' && out->seq > 0;
}
