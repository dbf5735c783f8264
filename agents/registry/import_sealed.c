/* import_sealed - the columns of a table of households that name people: each row becomes a sealed
 * identity, and nothing of them leaves in any other way.
 *
 * What was sealed before is remembered as a mark that only our seal key can make, so that the
 * memory tells nobody who is in the table. A kill between outbox and memory seals a row once more:
 * the later identity takes the place of the earlier one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/import.h"
#include "agents/link/json_input.h"
#include "agents/link/memory.h"
#include "agents/registry/identity.h"
#include "agents/registry/registry.h"

#include "proto/base/banned.h"

struct sealed_import {
    struct office *o;
    struct sealing sealing;
    struct hxl table;
    struct memory *memory;
    size_t sealed;
};

static void put_line(struct buf *text, const char *word, const char *cell)
{
    if (!*cell)
        return;
    buf_printf(text, "%s: ", word);
    for (; *cell; cell++)
        buf_put(text, *cell == '\n' || *cell == '\r' ? " " : cell, 1);
    buf_puts(text, "\n");
}

static const char *word_of(const char *tag)
{
    static const struct {
        const char *attribute, *word;
    } words[] = {{"birth", "born"},        {"birthdate", "born"}, {"document", "document"},
                 {"passport", "document"}, {"phone", "phone"},    {"address", "address"}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (hxl_has(tag, words[i].attribute))
            return words[i].word;
    if (hxl_matches("#passport", tag))
        return "document";
    if (hxl_matches("#phone", tag))
        return "phone";
    return hxl_matches("#email", tag) || hxl_has(tag, "email") ? "note" : "name";
}

static void put_columns(struct buf *text, const struct hxl *t, size_t r, bool names)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const char *word = word_of(t->columns[i].tag);

        if (t->columns[i].personal && (strcmp(word, "name") == 0) == names)
            put_line(text, word, t->rows[r][i]);
    }
}

/* The lines a person would type. The name comes first: what follows is of that person. */
static void write_lines(struct buf *text, const struct hxl *t, size_t r)
{
    const char *lat = import_cell(t, r, "#geo+lat"), *lon = import_cell(t, r, "#geo+lon");

    put_columns(text, t, r, true);
    put_columns(text, t, r, false);
    if (text->len && *lat && *lon)
        buf_printf(text, "position: %s,%s\n", lat, lon);
    buf_put(text, "", 1);
}

static void mark_of(struct sealed_import *w, const struct buf *text, char out[40])
{
    uint8_t mark[SEAL_NAME_BYTES];

    seal_mark(mark, w->sealing.own, text->data, text->len);
    for (size_t i = 0; i < sizeof(mark); i++)
        snprintf(out + 2 * i, 3, "%02x", mark[i]);
}

static bool is_kept(int code)
{
    return code == EXIT_DONE || code == EXIT_UNREACHABLE;
}

static int say_promised(struct sealed_import *w, struct sealed_identity *box, const char *key,
                        const char *mark)
{
    char err[600] = "out of memory";
    int code;

    if (registry_mint_id(w->o, box->message) != ST_OK ||
        memory_intend(w->memory, key, mark, box->message->message_id.data) != ST_OK ||
        memory_promise(w->memory, err, sizeof(err)) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "%s", err);
    code = registry_say_identity(w->o, box);
    if (!is_kept(code))
        return code;
    memory_said_all(w->memory);
    if (memory_keep(w->memory, err, sizeof(err)) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "%s", err);
    return code;
}

static int seal_row(struct sealed_import *w, size_t r, const uint8_t household[ID_BYTES],
                    const char *text, const char *mark)
{
    const char *place = import_cell(&w->table, r, "#adm3+code");
    Eocbus__V1__HouseholdIdentityClear *clear;
    struct sealed_identity box;
    char err[600];

    if (!*place)
        place = import_cell(&w->table, r, "#adm2+code");
    if (!*place)
        place = w->o->set.place;
    if (identity_parse(&clear, w->o, text, err, sizeof(err)) != ST_OK)
        return office_fail(w->o, EXIT_REFUSED, "line %u: the columns that name people: %s",
                           w->table.lines[r], err);
    if (identity_seal(&box, w->o, &w->sealing, household, clear, place, NULL, err, sizeof(err)) !=
            ST_OK ||
        form_set(&box.message->base, "area.pcodes[0]", place, w->o->arena, err, sizeof(err)) !=
            ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "line %u: %s", w->table.lines[r], err);
    w->sealed++;
    return say_promised(w, &box, import_cell(&w->table, r, "#household+id"), mark);
}

static int take_row(struct sealed_import *w, size_t r)
{
    const char *key = import_cell(&w->table, r, "#household+id"), *known;
    uint8_t household[ID_BYTES];
    struct buf text = {0};
    char mark[40];
    int code = EXIT_DONE;

    write_lines(&text, &w->table, r);
    if (text.failed || text.len <= 1 || !id_parse(household, key)) {
        seal_wipe(&text);
        return EXIT_DONE;
    }
    known = memory_get(w->memory, key);
    mark_of(w, &text, mark);
    if (!known || strcmp(known, mark) != 0)
        code = seal_row(w, r, household, (const char *)text.data, mark);
    seal_wipe(&text);
    return code;
}

/* An import before this one ended between its promise and its end. */
static int settle_promise(struct sealed_import *w)
{
    const struct agent_settings *a = &w->o->set.agent;
    const struct outbox_settings set = {
        .path = a->outbox_path, .sender = a->name, .budget_bytes = a->outbox_budget};
    struct outbox *box;
    char err[600];
    enum status st;

    if (!memory_has_promise(w->memory))
        return EXIT_DONE;
    st = outbox_open(&box, &set, err, sizeof(err));
    if (st == ST_OK) {
        st = import_settle(w->memory, box, err, sizeof(err));
        outbox_close(box);
    }
    return st == ST_OK ? EXIT_DONE : office_fail(w->o, EXIT_MACHINE, "%s", err);
}

static int take_rows(struct sealed_import *w)
{
    char err[600];
    int code;

    if (memory_open(&w->memory, office_file(w->o, ".identities.memory"), err, sizeof(err)) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "%s", err);
    code = settle_promise(w);
    /* Without a link they wait in the outbox, all of them. */
    for (size_t r = 0; r < w->table.row_count && is_kept(code); r++) {
        int of_row = take_row(w, r);

        code = of_row == EXIT_DONE ? code : of_row;
    }
    memory_close(w->memory);
    return code;
}

int registry_import_sealed(struct office *o, const char *path)
{
    struct sealed_import w = {.o = o};
    struct buf input = {0};
    char err[600];
    int code;

    if (sealing_open(&w.sealing, o, NULL, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    if (input_read(&input, path, err, sizeof(err)) != ST_OK ||
        hxl_parse_personal(&w.table, (const char *)input.data, input.len, o->arena, err,
                           sizeof(err)) != ST_OK)
        code = office_fail(o, EXIT_MACHINE, "%s", err);
    else
        code = take_rows(&w);
    seal_wipe(&input);
    sealing_close(&w.sealing);
    return code;
}
