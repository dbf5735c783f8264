/* room_parts - what the files of the room's lists share: rows of the page's SQL, as JSON. Only
 * agents/ctl/room_*.c may include this header. */
#ifndef EOCBUS_CTL_ROOM_PARTS_H
#define EOCBUS_CTL_ROOM_PARTS_H

#include <jansson.h>

#include "agents/ctl/room.h"
#include "agents/ctl/room_words.h"

/* "" if there is none. */
static inline const char *room_field(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));

    return text ? text : "";
}

static inline bool room_has(const json_t *row, const char *key)
{
    return *room_field(row, key) != '\0';
}

static inline double room_number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

/* Between two pieces of a line, none before the first. */
static inline void room_join(struct buf *line, const char *between)
{
    if (line->len)
        buf_puts(line, between);
}

/* Appends what a detector concluded: from what was measured and where its line is, not from its own
 * text. */
void room_put_detected(struct buf *line, enum lang lang, const json_t *detection);
/* What a row says of itself, in the reader's language where it is not people's own words. */
void room_put_detail(struct buf *line, const struct room_eye *eye, const json_t *row);
/* A text with codes (`coes.ayni.office`, `duty@3505203`) as people call them; what is none stays.
 */
void room_put_who(struct buf *line, const struct room_eye *eye, const char *text);
/* Whose word a row is, without its place: "Gateway gw12", not "Gateway gw12, Ayni". */
void room_put_by(struct buf *line, const struct room_eye *eye, const json_t *row);
/* "fuel: 4 kg": an amount, its unit and a kind of resource. */
void room_put_wanted(struct buf *line, enum lang lang, const char *detail, const char *kind_name);
/* "excavator", as the list of kinds has it, else as people wrote it. */
void room_put_kind(struct buf *line, enum lang lang, const char *kind, const char *kind_name);

#endif
