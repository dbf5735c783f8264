/* room_line - see room.h: one thing in some lines, as the page's queue.js and boards.js have it.
 *
 *   FLASH        14:05 · Alarm · mudflow · exercise
 *                Ayni · coes.tj3505203.gw07
 *                «water level: 2.4 m, the line is 2 m (channel stage), for 3 min»
 *                nobody has answered · asked: duty@3505203 · by 14:06 */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/room_parts.h"
#include "agents/ctl/wrap.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

enum { MARGIN = 14, NUMBER = 32 };

static bool is_what(const json_t *row, const char *what)
{
    return strcmp(room_field(row, "what"), what) == 0;
}

static bool has_object(const json_t *row, const char *key)
{
    return json_is_object(json_object_get(row, key));
}

/* A line below the first one of a thing; none if there is nothing to say. */
static void put_line(struct buf *out, size_t indent, struct buf *line)
{
    if (line->len) {
        buf_put(line, "", 1);
        wrap_pad(out, 0, indent);
        if (!line->failed)
            wrap_put(out, indent, indent, (const char *)line->data);
    }
    out->failed |= line->failed;
    buf_clear(line);
}

static void add(struct buf *line, const char *text)
{
    if (*text) {
        room_join(line, " · ");
        buf_puts(line, text);
    }
}

static void add_word(struct buf *line, enum lang lang, const char *group, const char *value)
{
    if (*value) {
        room_join(line, " · ");
        room_word(line, lang, group, value);
    }
}

static void add_said(struct buf *line, enum lang lang, const char *key, const char *name,
                     const char *value)
{
    room_join(line, " · ");
    room_say_of(line, lang, key, name, value);
}

static void add_time(struct buf *line, const struct room_eye *eye, const char *key, const char *at)
{
    struct buf when = {0};

    if (!*at)
        return;
    room_time(&when, eye->lang, at, eye->now_s);
    buf_put(&when, "", 1);
    if (!when.failed)
        add_said(line, eye->lang, key, "at", (const char *)when.data);
    buf_free(&when);
}

static void add_exercise(struct buf *line, const struct room_eye *eye, const json_t *row)
{
    if (strcmp(room_field(row, "status"), "ACTUAL") != 0)
        add_word(line, eye->lang, "status", room_field(row, "status"));
}

/* "EVACUATE IMMEDIATE" is two levels. */
static void add_levels(struct buf *line, enum lang lang, const char *levels)
{
    const char *between = " · ";

    for (levels += strspn(levels, " "); *levels; levels += strspn(levels, " ")) {
        char one[NUMBER];
        size_t len = strcspn(levels, " ");

        snprintf(one, sizeof(one), "%.*s", (int)len, levels);
        room_join(line, between);
        room_word(line, lang, "level", one);
        between = ", ";
        levels += len;
    }
}

/* An alarm whose level is ALARM is said once. */
static void add_title(struct buf *line, const struct room_eye *eye, const json_t *row)
{
    const char *detail = room_field(row, "detail");
    bool is_alert = is_what(row, "alert");

    add_word(line, eye->lang, "what", room_field(row, "what"));
    if (has_object(row, "flash"))
        add_word(line, eye->lang, "type", "flash_report");
    else if ((is_alert && strcmp(detail, "ALARM") != 0) ||
             (!is_alert && has_object(row, "detection")))
        add_levels(line, eye->lang, detail);
    add_word(line, eye->lang, "hazard", room_field(row, "hazard"));
    add_exercise(line, eye, row);
}

/* With one {who}. */
static void add_who(struct buf *line, const struct room_eye *eye, const char *key, const char *who)
{
    struct buf called = {0};

    room_put_who(&called, eye, who);
    buf_put(&called, "", 1);
    if (!called.failed)
        add_said(line, eye->lang, key, "who", (const char *)called.data);
    buf_free(&called);
}

/* Of what was taken down by telephone whose word it is. */
static void add_role(struct buf *line, const struct room_eye *eye, const json_t *flash)
{
    const char *role = room_field(flash, "reporter_role");
    struct buf word = {0};

    if (!*role ||
        (strcmp(role, "DISTRICT_DUTY") == 0 && strcmp(room_field(flash, "sender"), eye->me) != 0))
        return;
    room_word(&word, eye->lang, "role", role);
    buf_put(&word, "", 1);
    if (!word.failed)
        add_who(line, eye, "queue.told_by", (const char *)word.data);
    buf_free(&word);
}

static void add_where(struct buf *line, const struct room_eye *eye, const json_t *row)
{
    add(line, room_has(row, "place") ? room_field(row, "place") : room_field(row, "places"));
    if (!is_what(row, "alert") && !room_has(row, "headline") && !has_object(row, "detection") &&
        !has_object(row, "flash") && room_has(row, "detail")) {
        room_join(line, " · ");
        room_put_detail(line, eye, row);
    }
    if (room_has(row, "by")) {
        add_role(line, eye, json_object_get(row, "flash"));
        room_join(line, " · ");
        room_put_by(line, eye, row);
    }
}

/* What a flash report counts. */
static void add_counts(struct buf *line, enum lang lang, const json_t *flash)
{
    static const char *const counted[] = {"deaths", "injured", "missing", "houses", "to_evacuate"};
    const char *cut = room_field(flash, "road_cut");
    size_t len = strlen(cut);

    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        char key[NUMBER], n[NUMBER];

        if (!json_is_number(json_object_get(flash, counted[i])))
            continue;
        snprintf(key, sizeof(key), "flash.%s", counted[i]);
        snprintf(n, sizeof(n), "%.0f", room_number(flash, counted[i]));
        add_said(line, lang, key, "n", n);
    }
    if (len >= 3 && strcmp(cut + len - 3, "YES") == 0)
        add_said(line, lang, "flash.road_cut", "", "");
}

static void add_spoken(struct buf *line, const struct room_eye *eye, const json_t *row)
{
    const json_t *flash = json_object_get(row, "flash");
    struct buf said = {0}, text = {0};

    if (room_has(flash, "text"))
        buf_puts(&text, room_field(flash, "text"));
    else if (has_object(row, "detection"))
        room_put_detected(&text, eye->lang, json_object_get(row, "detection"));
    else
        buf_puts(&text, room_field(row, room_has(row, "headline") ? "headline" : "text"));
    add_counts(&said, eye->lang, flash);
    buf_puts(line, room_field(flash, "village"));
    if (said.len) {
        room_join(line, " — ");
        buf_put(line, said.data, said.len);
    }
    if (text.len) {
        room_join(line, " — ");
        buf_printf(line, "«%.*s»", (int)text.len, (const char *)text.data);
    }
    buf_free(&said);
    buf_free(&text);
}

/* "NAME ANSWER" among the answers to an alarm. */
static bool is_mine(const json_t *row, const char *me)
{
    const json_t *answers = json_object_get(row, "answers");
    size_t len = strlen(me);

    for (size_t i = 0; *me && i < json_array_size(answers); i++) {
        const char *said = json_string_value(json_array_get(answers, i));

        if (said && strncmp(said, me, len) == 0 && said[len] == ' ')
            return true;
    }
    return false;
}

static void add_nobody(struct buf *line, const struct room_eye *eye, const json_t *offices)
{
    struct buf who = {0};

    for (size_t i = 0; i < json_array_size(offices); i++) {
        const char *one = json_string_value(json_array_get(offices, i));

        room_join(&who, ", ");
        buf_puts(&who, one ? one : "?");
    }
    buf_put(&who, "", 1);
    if (json_array_size(offices) && !who.failed)
        add_who(line, eye, "queue.nobody", (const char *)who.data);
    buf_free(&who);
}

/* Who was asked, who has answered, who has to. */
static void add_answers(struct buf *line, const struct room_eye *eye, const json_t *row)
{
    char n[NUMBER], of[NUMBER];

    if (is_what(row, "order")) {
        snprintf(n, sizeof(n), "%.0f", room_number(row, "amount"));
        add_said(line, eye->lang, "order.missing", "n", n);
    }
    if (room_number(row, "acks_needed") > 1) {
        snprintf(n, sizeof(n), "%.0f", room_number(row, "acks"));
        snprintf(of, sizeof(of), "%.0f", room_number(row, "acks_needed"));
        room_join(line, " · ");
        room_say(line, eye->lang, "queue.acks",
                 (const struct translate_value[]){{"n", n}, {"of", of}}, 2);
    }
    if (is_mine(row, eye->me))
        add_said(line, eye->lang, "queue.mine", "", "");
    if (is_what(row, "alert") && *eye->me && strcmp(room_field(row, "by"), eye->me) == 0)
        add_said(line, eye->lang, "queue.own", "", "");
    add_nobody(line, eye, json_object_get(row, "nobody_on_duty"));
}

static void add_notes(struct buf *line, const struct room_eye *eye, const json_t *row)
{
    const char *state = room_field(row, "state"), *asked = room_field(row, "asked");

    if (is_what(row, "report")) {
        add_said(line, eye->lang, *asked ? "queue.belongs" : "queue.belongs_to_none", "name",
                 asked);
        return;
    }
    if (strcmp(state, "UNANSWERED") == 0 && room_number(row, "acks") > 0)
        add_word(line, eye->lang, "event", "EXHAUST");
    else
        add_word(line, eye->lang, "state", state);
    if (*asked)
        add_who(line, eye, "queue.asked", asked);
    add_time(line, eye, "queue.due", room_field(row, "due_at"));
    add_answers(line, eye, row);
}

/* The margin: how urgent it is. */
static void put_mark(struct buf *out, const struct room_eye *eye, int precedence)
{
    struct buf word = {0};
    char name[NUMBER];

    snprintf(name, sizeof(name), "%d", precedence);
    room_word(&word, eye->lang, "precedence", name);
    print_paint(out, eye->colour && precedence <= 2, precedence == 1 ? PAINT_RED : PAINT_YELLOW);
    buf_put(out, word.data, word.len);
    print_paint(out, eye->colour && precedence <= 2, PAINT_NONE);
    wrap_pad(out, print_width((const char *)word.data, word.len), MARGIN);
    buf_free(&word);
}

void room_put_item(struct buf *out, const struct room_eye *eye, const json_t *row)
{
    struct buf line = {0};

    put_mark(out, eye, (int)room_number(row, "precedence"));
    room_time(&line, eye->lang, room_field(row, "since"), eye->now_s);
    add_title(&line, eye, row);
    buf_put(&line, "", 1);
    if (!line.failed)
        wrap_put(out, MARGIN, MARGIN, (const char *)line.data);
    buf_clear(&line);
    add_where(&line, eye, row);
    put_line(out, MARGIN, &line);
    add_spoken(&line, eye, row);
    put_line(out, MARGIN, &line);
    add_notes(&line, eye, row);
    put_line(out, MARGIN, &line);
    buf_free(&line);
}

void room_put_taken(struct buf *out, const struct room_eye *eye, const json_t *row)
{
    struct buf line = {0}, when = {0}, who = {0};

    add_levels(&line, eye->lang, room_field(row, "detail"));
    add_word(&line, eye->lang, "hazard", room_field(row, "hazard"));
    add(&line, room_field(row, "place"));
    room_join(&line, " · ");
    room_time(&when, eye->lang, room_field(row, "since"), eye->now_s);
    buf_put(&when, "", 1);
    room_put_who(&who, eye, room_has(row, "taken_by") ? room_field(row, "taken_by") : "?");
    buf_put(&who, "", 1);
    if (!when.failed && !who.failed)
        room_say(&line, eye->lang, "queue.taken_by",
                 (const struct translate_value[]){{"who", (const char *)who.data},
                                                  {"at", (const char *)when.data}},
                 2);
    put_line(out, 2, &line);
    buf_free(&who);
    buf_free(&when);
    buf_free(&line);
}

/* --- resources -------------------------------------------------------------------------------- */

static void add_amounts(struct buf *line, enum lang lang, const json_t *row)
{
    static const char *const parts[] = {"wanted",    "open",     "promised",
                                        "under_way", "on_scene", "due_back"};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        double n = room_number(row, parts[i]);

        if (n == 0)
            continue;
        add_word(line, lang, "col", parts[i]);
        buf_puts(line, " ");
        room_figure(line, lang, n, 3);
    }
    add(line, room_field(row, "wanted_text"));
    if (json_is_true(json_object_get(row, "is_over_committed")))
        add_said(line, lang, "board.too_much", "", "");
}

static void put_supplier(struct buf *out, const struct room_eye *eye, const json_t *part)
{
    const char *at = room_has(part, "arrived_at") ? "" : room_field(part, "arrives_at");
    struct buf line = {0};

    room_put_who(&line, eye, room_field(part, "supplier"));
    buf_puts(&line, ": ");
    room_word(&line, eye->lang, "state", room_field(part, "state"));
    buf_puts(&line, " ");
    room_figure(&line, eye->lang, room_number(part, "quantity"), 3);
    add_time(&line, eye, "board.expected", at);
    if (json_is_true(json_object_get(part, "is_late")))
        add_word(&line, eye->lang, "col", "late");
    put_line(out, 4, &line);
    buf_free(&line);
}

void room_put_supply(struct buf *out, const struct room_eye *eye, const json_t *row)
{
    const json_t *parts = json_object_get(row, "parts");
    struct buf line = {0};

    add(&line, room_has(row, "place") ? room_field(row, "place") : room_field(row, "places"));
    room_join(&line, " · ");
    room_put_kind(&line, eye->lang, room_field(row, "kind"), room_field(row, "kind_name"));
    if (room_has(row, "unit") && strcmp(room_field(row, "unit"), "H87") != 0) {
        buf_puts(&line, ", ");
        room_word(&line, eye->lang, "unit", room_field(row, "unit"));
    }
    add_word(&line, eye->lang, "state", room_field(row, "state"));
    add_exercise(&line, eye, row);
    if (room_number(row, "late_now") > 0)
        add_word(&line, eye->lang, "col", "late");
    add_time(&line, eye, "queue.due", room_field(row, "needed_at"));
    put_line(out, 2, &line);
    add_amounts(&line, eye->lang, row);
    put_line(out, 4, &line);
    for (size_t i = 0; i < json_array_size(parts); i++)
        put_supplier(out, eye, json_array_get(parts, i));
    buf_free(&line);
}
