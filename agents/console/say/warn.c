/* warn - see warn.h. */
#include "agents/console/say/warn.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/say/parts.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

#define SECOND_US      INT64_C(1000000) /* CAP knows no parts of seconds */
#define TAJIKISTAN_MIN 300              /* no summer time */
#define LIFE_MOST_US   (INT64_C(8) * 86400 * SECOND_US)

static const char *meant_as(Eocbus__V1__Status room)
{
    return room == EOCBUS__V1__STATUS__STATUS_ACTUAL ? "eocbus:actual" : "eocbus:exercise";
}

/* What an exercise's headline begins with; people hear it first. */
static const char *exercise_word(const char *language)
{
    static const char *const words[][2] = {{"tg", "МАШҚ"}, {"ru", "УЧЕНИЕ"}, {"en", "EXERCISE"}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(language, words[i][0]) == 0)
            return words[i][1];
    return "EXERCISE";
}

static int64_t last_end(const Eocbus__V1__PublicAlert *a)
{
    int64_t end = 0;

    for (size_t i = 0; i < a->n_infos; i++)
        if (a->infos[i]->expires_us > end)
            end = a->infos[i]->expires_us;
    return end;
}

static bool is_below(const char *code, const char *place)
{
    size_t len = strlen(place);

    if (len == 7 && strcmp(place + 4, "000") == 0)
        len = 4; /* a region: its districts share four digits */
    return strncmp(code, place, len) == 0;
}

static bool is_within(const char *code, const Eocbus__V1__Area *places)
{
    for (size_t i = 0; places && i < places->n_pcodes; i++)
        if (is_below(code, places->pcodes[i]))
            return true;
    return false;
}

/* Rights are asked for the places of the envelope, and everybody is warned of the areas: they are
 * the same places, and no shape that somebody drew says otherwise. */
static bool is_area_ours(const Eocbus__V1__AlertArea *area, const Eocbus__V1__Area *places)
{
    for (size_t i = 0; i < area->n_geocodes; i++)
        if (strcmp(area->geocodes[i]->name, "PCODE") != 0 ||
            !is_within(area->geocodes[i]->value, places))
            return false;
    return area->n_geocodes && !area->n_polygons && !area->n_circles;
}

static bool is_web_page(const char *web)
{
    return !*web || strncmp(web, "https://", 8) == 0 || strncmp(web, "http://", 7) == 0;
}

static enum status look_at_where(const Eocbus__V1__AlertInfo *info, const Eocbus__V1__Area *places,
                                 char *err, size_t err_size)
{
    if (!is_web_page(info->web))
        return draft_refuse(err, err_size,
                            "public_alert.infos.web: an address begins with https://");
    if (!info->n_areas)
        return draft_refuse(err, err_size, "public_alert.infos.areas: it says nowhere");
    for (size_t i = 0; i < info->n_areas; i++)
        if (!is_area_ours(info->areas[i], places))
            return draft_refuse(
                err, err_size,
                "public_alert.infos.areas: each names P-codes of area.pcodes, no others "
                "and no shapes");
    return ST_OK;
}

static enum status look_at_infos(const Eocbus__V1__PublicAlert *a, const Eocbus__V1__Area *places,
                                 bool exercise, int64_t now_us, char *err, size_t err_size)
{
    if (!a->n_infos)
        return draft_refuse(err, err_size, "public_alert.infos: it says nothing in any language");
    for (size_t i = 0; i < a->n_infos; i++) {
        const Eocbus__V1__AlertInfo *info = a->infos[i];
        const char *word = exercise_word(info->language);
        enum status st = look_at_where(info, places, err, err_size);

        if (st != ST_OK)
            return st;
        if (exercise && strncmp(info->headline, word, strlen(word)) != 0) {
            snprintf(err, err_size, "public_alert.infos.headline: in an exercise it begins with %s",
                     word);
            return ST_INVALID;
        }
        if (info->expires_us <= now_us || info->expires_us > now_us + LIFE_MOST_US)
            return draft_refuse(
                err, err_size,
                "public_alert.infos.expires_us: it ends later than now, and within eight "
                "days");
    }
    return ST_OK;
}

/* The program's words on it, whatever the page said. */
static enum status sign_off(Eocbus__V1__PublicAlert *a, const uint8_t id[16],
                            Eocbus__V1__Status room, const char *cap_sender, int64_t now_us,
                            struct arena *arena)
{
    char name[ID_TEXT];

    id_format(name, id);
    a->identifier = arena_printf(arena, "%s", name);
    a->cap_sender = arena_printf(arena, "%s", cap_sender);
    a->codes = arena_alloc(arena, sizeof(*a->codes));
    if (!a->identifier || !a->cap_sender || !a->codes)
        return ST_NOMEM;
    a->codes[0] = arena_printf(arena, "%s", meant_as(room));
    a->n_codes = 1;
    a->status = EOCBUS__V1__CAP_STATUS__CAP_STATUS_DRAFT;
    a->scope = EOCBUS__V1__CAP_SCOPE__CAP_SCOPE_PUBLIC;
    a->sent_us = now_us - now_us % SECOND_US;
    a->sent_offset_min = TAJIKISTAN_MIN;
    for (size_t i = 0; i < a->n_infos; i++)
        a->infos[i]->expires_us -= a->infos[i]->expires_us % SECOND_US;
    return a->codes[0] ? ST_OK : ST_NOMEM;
}

enum status warn_draft(Eocbus__V1__Envelope *m, Eocbus__V1__Status room, const char *cap_sender,
                       int64_t now_us, struct arena *arena, char *err, size_t err_size)
{
    Eocbus__V1__PublicAlert *a = m->public_alert;
    enum status st;

    if (a->status != EOCBUS__V1__CAP_STATUS__CAP_STATUS_DRAFT)
        return draft_refuse(
            err, err_size,
            "public_alert.status: one person writes a draft and another approves it");
    st = look_at_infos(a, m->area, room == EOCBUS__V1__STATUS__STATUS_EXERCISE, now_us, err,
                       err_size);
    if (st == ST_OK)
        st = sign_off(a, m->message_id.data, room, cap_sender, now_us, arena);
    if (st != ST_OK)
        return st;
    m->status = EOCBUS__V1__STATUS__STATUS_SYSTEM;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->not_after_us = last_end(a);
    return ST_OK;
}

static bool is_meant(const Eocbus__V1__PublicAlert *a, Eocbus__V1__Status room)
{
    for (size_t i = 0; i < a->n_codes; i++)
        if (strcmp(a->codes[i], meant_as(room)) == 0)
            return true;
    return false;
}

enum status warn_approve(Eocbus__V1__Envelope *m, Eocbus__V1__Status room, const char *person,
                         const uint8_t draft_id[16], const uint8_t id[16], int64_t now_us,
                         struct arena *arena, char *err, size_t err_size)
{
    Eocbus__V1__PublicAlert *a = m->public_alert;

    if (!is_meant(a, room))
        return draft_refuse(
            err, err_size,
            "The draft is not meant for this room: an exercise and reality never mix.");
    if (last_end(a) <= now_us)
        return draft_refuse(err, err_size, "Its time is over; write a new one.");
    m->author = arena_printf(arena, "%s", person);
    if (!m->author || !draft_set_id(&m->message_id, id, arena) ||
        !draft_set_id(&m->preceding_id, draft_id, arena))
        return ST_NOMEM;
    m->status = room;
    m->kind = EOCBUS__V1__KIND__KIND_DISPATCH;
    m->lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    m->label = EOCBUS__V1__LABEL__LABEL_PUBLIC;
    m->event_time_us = now_us;
    m->not_after_us = last_end(a);
    a->status = room == EOCBUS__V1__STATUS__STATUS_ACTUAL
                    ? EOCBUS__V1__CAP_STATUS__CAP_STATUS_ACTUAL
                    : EOCBUS__V1__CAP_STATUS__CAP_STATUS_EXERCISE;
    a->sent_us = now_us - now_us % SECOND_US;
    return ST_OK;
}
