/* room_detail - see room_parts.h. What the page's called.js says. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/room_parts.h"

#include "proto/base/banned.h"

enum { TEXT = 200, EVIDENCE_MOST = 3 };

/* --- detectors -------------------------------------------------------------------------------- */

static const char *bare(const char *text, const char *head)
{
    size_t len = strlen(head);

    return strncmp(text, head, len) == 0 ? text + len : text;
}

/* PostgreSQL's JSON of a message has 64-bit integers as text. */
static double number_of(const json_t *row, const char *key)
{
    return room_has(row, key) ? strtod(room_field(row, key), NULL) : room_number(row, key);
}

/* Three figures that tell something: 250, 4.56, 0.0267. */
static int digits_of(double value)
{
    return (int)fmin(6, fmax(0, 2 - floor(log10(value != 0 ? fabs(value) : 1))));
}

static void put_measure(char out[TEXT], enum lang lang, double value, const char *unit)
{
    struct buf b = {0};

    room_figure(&b, lang, value, digits_of(value));
    if (*unit && strcmp(unit, "ONE") != 0) {
        buf_puts(&b, "\u00a0");
        room_word(&b, lang, "measure", unit);
    }
    snprintf(out, TEXT, "%.*s", (int)b.len, b.len ? (const char *)b.data : "");
    buf_free(&b);
}

static void put_lasted(struct buf *line, enum lang lang, double seconds)
{
    char text[TEXT];

    if (seconds <= 0)
        return;
    put_measure(text, lang, fmax(1, round(seconds / 60)), "");
    room_say_of(line, lang, "detected.lasted", "n", text);
}

static void put_evidence(struct buf *line, enum lang lang, const json_t *one)
{
    const char *type = bare(room_field(one, "type"), "OBSERVATION_TYPE_"),
               *unit = bare(room_field(one, "unit"), "UNIT_"), *what = room_text(lang, "obs", type);
    double scale = pow(10, number_of(one, "exponent")), number = number_of(one, "datastream_id");
    char value[TEXT], border[TEXT], channel[TEXT] = "?";

    if (number > 0)
        snprintf(channel, sizeof(channel), "%.0f", number);
    if (strcmp(type, "TRIPWIRE") == 0) {
        room_say_of(line, lang, "detected.wire", "channel", channel);
        return;
    }
    put_measure(value, lang, number_of(one, "value") * scale, unit);
    put_measure(border, lang, number_of(one, "threshold") * scale, unit);
    room_say(
        line, lang, "detected.over",
        (const struct translate_value[]){
            {"what", what ? what : type}, {"channel", channel}, {"value", value}, {"line", border}},
        4);
    put_lasted(line, lang, number_of(one, "duration_s"));
}

/* Without evidence what it said itself: somebody typed that, or it is cleared. */
static void put_own_text(struct buf *line, enum lang lang, const json_t *d)
{
    const char *text = room_field(d, "text");
    bool is_clear = strcmp(bare(room_field(d, "level"), "DETECTION_LEVEL_"), "CLEAR") == 0;

    if (is_clear && strncmp(text, "every detector under", 20) == 0)
        room_say(line, lang, "detected.clear", NULL, 0);
    else if (is_clear && strcmp(text, "cleared by hand") == 0)
        room_say(line, lang, "detected.by_hand", NULL, 0);
    else
        buf_puts(line, text);
}

void room_put_detected(struct buf *line, enum lang lang, const json_t *d)
{
    const json_t *evidence = json_object_get(d, "evidence");
    double speed = number_of(d, "front_speed_m_s");
    struct buf all = {0};
    char text[TEXT];

    if (!json_array_size(evidence)) {
        put_own_text(line, lang, d);
        return;
    }
    if (strncmp(room_field(d, "text"), "maintenance", 11) == 0)
        room_say(&all, lang, "detected.maintenance", NULL, 0);
    for (size_t i = 0; i < json_array_size(evidence) && i < EVIDENCE_MOST; i++) {
        room_join(&all, "; ");
        put_evidence(&all, lang, json_array_get(evidence, i));
    }
    if (speed != 0) {
        struct buf figure = {0};

        room_figure(&figure, lang, speed, 1);
        snprintf(text, sizeof(text), "%.*s", (int)figure.len, (const char *)figure.data);
        buf_free(&figure);
        room_join(&all, "; ");
        room_say_of(&all, lang, "detected.front", "speed", text);
    }
    buf_put(line, all.data, all.len);
    buf_free(&all);
}

/* --- resources -------------------------------------------------------------------------------- */

void room_put_kind(struct buf *line, enum lang lang, const char *kind, const char *kind_name)
{
    const char *ours = *kind_name ? kind_name : room_text(lang, "kind", kind);

    buf_puts(line, ours ? ours : kind);
}

/* The unit in front of a kind, of those that eoc.asked_kind knows; 0: none. */
static size_t unit_length(const char *at)
{
    static const char *const units[] = {"KGM", "TNE", "LTR", "hour", "person"};

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t len = strlen(units[i]);

        if (strncmp(at, units[i], len) == 0 && at[len] == ' ')
            return len;
    }
    return 0;
}

void room_put_wanted(struct buf *line, enum lang lang, const char *detail, const char *kind_name)
{
    size_t amount = strspn(detail, "0123456789."), unit;
    struct buf much = {0};
    char name[TEXT];

    if (amount && detail[amount] == ' ') {
        room_figure(&much, lang, strtod(detail, NULL), 3);
        detail += amount + 1;
    }
    unit = unit_length(detail);
    if (unit) {
        snprintf(name, sizeof(name), "%.*s", (int)unit, detail);
        room_join(&much, " ");
        room_word(&much, lang, "unit", name);
        detail += unit + 1;
    }
    room_put_kind(line, lang, detail, kind_name);
    if (much.len) {
        room_join(line, ": ");
        buf_put(line, much.data, much.len);
    }
    buf_free(&much);
}

/* --- what waits for a decision ---------------------------------------------------------------- */

/* "The household is MOVING; legal now: ARRIVE (fact), RETURN (fact)." */
static void put_moves(struct buf *moves, enum lang lang, const char *at, const char *end)
{
    while (at < end) {
        size_t len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        char name[TEXT];
        const char *word;

        if (len < 3 || at[len] != ' ' || at[len + 1] != '(') {
            at += len ? len : 1;
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)len, at);
        word = room_text(lang, "move", name);
        if (word) {
            room_join(moves, ", ");
            buf_puts(moves, word);
        }
        at += len;
    }
}

static void put_now(struct buf *line, enum lang lang, const char *why)
{
    const char *state = strstr(why, " is "), *legal = strstr(why, "; legal now: "), *end;
    char name[TEXT], list[TEXT * 2];
    struct buf moves = {0}, said = {0};

    end = legal ? strrchr(legal, '.') : NULL;
    if (!state || !end || state > legal)
        return;
    snprintf(name, sizeof(name), "%.*s", (int)(legal - state - 4), state + 4);
    room_word(&said, lang, "state", name);
    snprintf(name, sizeof(name), "%.*s", (int)said.len, (const char *)said.data);
    put_moves(&moves, lang, legal, end);
    snprintf(list, sizeof(list), "%.*s", (int)moves.len, moves.len ? (const char *)moves.data : "");
    buf_puts(line, " ");
    room_say(line, lang, moves.len ? "refused.now" : "refused.now_nothing",
             (const struct translate_value[]){{"state", name}, {"moves", list}}, 2);
    buf_free(&said);
    buf_free(&moves);
}

static void put_undecided(struct buf *line, enum lang lang, const json_t *row)
{
    const char *code = room_field(row, "code"), *why = room_field(row, "why"),
               *means = room_text(lang, "refused", code);

    if (!*code) {
        buf_puts(line, room_field(row, "detail"));
        return;
    }
    room_word(line, lang, "type", room_field(row, "type"));
    buf_printf(line, ": %s", means ? means : why);
    if (means && strcmp(code, "state") == 0)
        put_now(line, lang, why);
}

/* --- who and which machine -------------------------------------------------------------------- */

static size_t word_length(const char *at, const char *more)
{
    size_t n = 0;

    while (isalnum((unsigned char)at[n]) || at[n] == '_' || (at[n] && strchr(more, at[n])))
        n++;
    return n;
}

/* "coes.ayni.office"; 0: here stands none. */
static size_t office_length(const char *at)
{
    size_t n = word_length(at, "") ? word_length(at, "-") : 0, end = 0;

    while (n && at[n] == '.' && word_length(at + n + 1, "-")) {
        n += 1 + word_length(at + n + 1, "-");
        end = n;
    }
    return end;
}

/* "duty@3505203"; *duty: with its @. */
static size_t duty_length(const char *at, size_t *duty)
{
    size_t n = word_length(at, ""), digits;

    digits = n && at[n] == '@' ? strspn(at + n + 1, "0123456789") : 0;
    *duty = digits ? n + 1 : 0;
    return *duty + digits;
}

static const char *name_of(const struct room_eye *eye, const char *code, size_t len)
{
    char key[TEXT];

    snprintf(key, sizeof(key), "%.*s", (int)len, code);
    return room_field(eye->names, key);
}

/* The district's if the place itself has no name. */
static void put_duty_place(struct buf *line, const struct room_eye *eye, const char *pcode,
                           size_t len)
{
    const char *name = name_of(eye, pcode, len);

    name = *name ? name : name_of(eye, pcode, len < 7 ? len : 7);
    if (*name)
        buf_printf(line, ", %s", name);
    else
        buf_printf(line, ", %.*s", (int)len, pcode);
}

void room_put_who(struct buf *line, const struct room_eye *eye, const char *text)
{
    const char *whole = room_field(eye->names, text);

    if (*whole) {
        buf_puts(line, whole);
        return;
    }
    while (*text) {
        size_t next = strncmp(text, ", ", 2) == 0 ? 2 : 0, duty = 0,
               len = duty_length(text + next, &duty);
        const char *name;

        len = len ? len : office_length(text + next);
        if (next && len && *name_of(eye, text + next, duty ? duty : len)) {
            buf_puts(line, "; ");
            text += next;
        } else if (next) {
            len = 0;
        }
        name = name_of(eye, text, duty ? duty : len);
        if (!len || !*name) {
            len = len ? len : 1;
            buf_put(line, text, len);
        } else {
            buf_puts(line, name);
            if (duty)
                put_duty_place(line, eye, text + duty, len - duty);
        }
        text += len;
    }
}

void room_put_by(struct buf *line, const struct room_eye *eye, const json_t *row)
{
    const char *place = room_field(row, "place");
    size_t len = strlen(place), all = len + 2;

    room_put_who(line, eye, room_field(row, "by"));
    if (!line->failed && len && line->len > all &&
        memcmp(line->data + line->len - all, ", ", 2) == 0 &&
        memcmp(line->data + line->len - len, place, len) == 0)
        line->len -= all;
}

/* "coes.tj3505203.gw07 SOUND EVACUATE": the machine and what it is to do, as eoc.order_draft has
 * them. */
static void put_order(struct buf *line, const struct room_eye *eye, const char *detail)
{
    size_t machine = strcspn(detail, " ");
    char what[TEXT], name[TEXT];

    snprintf(what, sizeof(what), "%s", detail[machine] ? detail + machine + 1 : "numbers");
    for (char *c = what; *c; c++)
        *c = *c == ' ' ? '.' : *c;
    snprintf(name, sizeof(name), "%.*s", (int)machine, detail);
    room_word(line, eye->lang, "order.do", what);
    buf_puts(line, " · ");
    room_put_who(line, eye, name);
}

void room_put_detail(struct buf *line, const struct room_eye *eye, const json_t *row)
{
    const char *what = room_field(row, "what"), *detail = room_field(row, "detail");

    if (strcmp(what, "order") == 0)
        put_order(line, eye, detail);
    else if (strcmp(what, "undecided") == 0)
        put_undecided(line, eye->lang, row);
    else if (*detail && (strcmp(what, "request") == 0 || strcmp(what, "late") == 0))
        room_put_wanted(line, eye->lang, detail, room_field(row, "kind_name"));
    else
        buf_puts(line, detail);
}
