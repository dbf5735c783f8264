/* room_list - see room.h: which rows, in which order, and how many. */
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/room_parts.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

/* As the page's waiting.js: where hundreds of alarms are open, one that came within a minute stands
 * above them. */
enum { FIRST = 30, NEW_S = 60, PAST_S = 86400, ROUTINE = 4 };

/* Words to a person stand among the rest, by their lane. */
static int precedence_of(const json_t *message)
{
    static const char *const lanes[] = {"LANE_FLASH", "LANE_IMMEDIATE", "LANE_PRIORITY"};

    for (size_t i = 0; i < ARRAY_LEN(lanes); i++)
        if (strcmp(room_field(message, "lane"), lanes[i]) == 0)
            return (int)i + 1;
    return ROUTINE;
}

static int compare(const void *a, const void *b)
{
    const json_t *one = *(json_t *const *)a, *other = *(json_t *const *)b;
    double by_precedence = room_number(one, "precedence") - room_number(other, "precedence");
    double by_turn = room_number(one, "turn") - room_number(other, "turn");

    if (by_precedence != 0)
        return by_precedence < 0 ? -1 : 1;
    if (by_turn != 0)
        return by_turn < 0 ? -1 : 1;
    return strcmp(room_field(one, "since"), room_field(other, "since"));
}

/* Any of the places of a row begins so. */
static bool is_there(const json_t *row, const char *place)
{
    const char *at = room_field(row, "places");

    for (size_t len = strlen(place); *at; at += strspn(at, " ")) {
        if (strncmp(at, place, len) == 0)
            return true;
        at += strcspn(at, " ");
    }
    return !*place;
}

/* Of an exercise of another day. What is real never ages. */
static bool is_past(const json_t *row, const struct room_eye *eye)
{
    const char *since = room_has(row, "since") ? "since" : "asked_at";

    return strcmp(room_field(row, "status"), "EXERCISE") == 0 &&
           room_instant(room_field(row, since)) < eye->now_s - PAST_S;
}

static bool is_new(const json_t *row, const struct room_eye *eye)
{
    return room_number(row, "precedence") == 1 && room_number(row, "turn") < 0 &&
           room_instant(room_field(row, "since")) > eye->now_s - NEW_S;
}

static int sort_rows(json_t *rows)
{
    size_t n = json_array_size(rows);
    json_t **sorted = calloc(n ? n : 1, sizeof(json_t *));

    if (!sorted)
        return -1;
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_incref(json_array_get(rows, i));
    qsort(sorted, n, sizeof(*sorted), compare);
    json_array_clear(rows);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(rows, sorted[i]);
    free((void *)sorted);
    return 0;
}

static void raise_new(json_t *rows, const struct room_eye *eye)
{
    for (size_t i = FIRST; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);

        if (!is_new(row, eye))
            continue;
        json_incref(row);
        json_array_remove(rows, i);
        json_array_insert_new(rows, 0, row);
    }
}

static void add_rows(struct room_list *l, json_t *from, const struct room_eye *eye)
{
    size_t i;
    json_t *row;

    json_array_foreach(from, i, row) if (is_there(row, eye->place))
        json_array_append(is_past(row, eye) ? l->past : l->now, row);
}

static void add_messages(json_t *items, json_t *messages)
{
    size_t i;
    json_t *row;

    json_array_foreach(messages, i, row)
    {
        json_object_set_new(row, "precedence", json_integer(precedence_of(row)));
        json_array_append(items, row);
    }
}

static size_t count_past(const json_t *rows, const struct room_eye *eye)
{
    size_t n = 0, i;
    json_t *row;

    json_array_foreach(rows, i, row) n += is_past(row, eye);
    return n;
}

static enum status take_answer(struct room_list *l, json_t *answer, const struct room_eye *eye)
{
    json_t *items = json_object_get(answer, "items"), *total = json_object_get(answer, "total");
    json_t *messages = json_object_get(answer, "messages");

    if (!json_is_array(items))
        return ST_INVALID;
    add_messages(items, messages);
    /* Resources have no count, and come in the order of their page. */
    if (total && sort_rows(items) != 0)
        return ST_NOMEM;
    add_rows(l, items, eye);
    raise_new(l->now, eye);
    l->total = json_array_size(l->now);
    l->past_total = json_array_size(l->past);
    if (total && !*eye->place) {
        size_t past = count_past(messages, eye);

        l->past_total = (size_t)room_number(answer, "past") + past;
        l->total = (size_t)json_integer_value(total) + json_array_size(messages) - l->past_total;
    }
    return ST_OK;
}

static void take_taken(struct room_list *l, json_t *answer, const struct room_eye *eye)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(answer, "taken"), i, row) if (is_there(row, eye->place))
        json_array_append(l->taken, row);
}

enum status room_read(struct room_list *out, const char *text, const struct room_eye *eye)
{
    struct room_list l = {json_array(), json_array(), json_array(), 0, 0};
    json_t *answer = json_loads(text, 0, NULL);
    enum status st = ST_NOMEM;

    if (l.now && l.past && l.taken)
        st = take_answer(&l, answer, eye);
    if (st == ST_OK)
        take_taken(&l, answer, eye);
    json_decref(answer);
    if (st != ST_OK)
        room_free(&l);
    else
        *out = l;
    return st;
}

void room_free(struct room_list *l)
{
    json_decref(l->now);
    json_decref(l->past);
    json_decref(l->taken);
    *l = (struct room_list){0};
}

json_t *room_read_names(const char *text)
{
    json_t *answer = json_loads(text, 0, NULL);
    json_t *names = json_incref(json_object_get(answer, "names"));

    json_decref(answer);
    return names;
}

void room_free_names(json_t *names)
{
    json_decref(names);
}

size_t room_count_of(const json_t *rows)
{
    return json_array_size(rows);
}

void room_put_rows(struct buf *out, const struct room_eye *eye, const json_t *rows, size_t most,
                   room_put_fn put)
{
    for (size_t i = 0; i < json_array_size(rows) && i < most; i++)
        put(out, eye, json_array_get(rows, i));
}

void room_put_json(struct buf *out, const json_t *rows, const char *list)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        char *text;

        json_object_set_new(row, "list", json_string(list));
        text = json_dumps(row, JSON_COMPACT);
        if (text)
            print_escaped_json(out, text, strlen(text));
        buf_puts(out, "\n");
        out->failed |= !text;
        free(text);
    }
}
