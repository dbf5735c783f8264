/* import - see import.h. */
#include "agents/link/import.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/json_input.h"
#include "agents/link/memory.h"
#include "agents/link/print.h"
#include "agents/link/summary.h"
#include "agents/link/speak.h"

#include "proto/base/banned.h"

#define VERSION_KEY "=version"

struct work {
    struct office *o;
    const struct import *im;
    const char *path;
    struct hxl table;
    struct memory *memory;
    struct speak *speak;
    const char **keys;               /* of every row that says something */
    Eocbus__V1__Envelope **messages; /* of those that changed */
    size_t key_count, count;
    uint32_t version;
};

/* --- cells ------------------------------------------------------------------------------------ */

const char *import_cell(const struct hxl *t, size_t r, const char *pattern)
{
    long column = hxl_find(t, pattern);

    return column < 0 ? "" : t->rows[r][column];
}

enum status import_cells(Eocbus__V1__Envelope *m, const struct form_row *rows, size_t n,
                         const struct hxl *t, size_t r, struct arena *arena, char *err,
                         size_t err_size)
{
    char why[1000];

    for (size_t i = 0; i < n; i++) {
        const char *cell = import_cell(t, r, rows[i].name);
        enum status st;

        if (!*cell)
            continue;
        st = form_set(&m->base, rows[i].path, cell, arena, why, sizeof(why));
        if (st != ST_OK) {
            snprintf(err, err_size, "%s: %s", rows[i].name, st == ST_NOMEM ? "out of memory" : why);
            return st;
        }
    }
    return ST_OK;
}

/* The value of the enum that one of the tag's attributes names; 0 if none does. */
static int word_in_tag(const ProtobufCEnumDescriptor *d, const char *tag)
{
    for (unsigned i = 1; i < d->n_values; i++) {
        struct buf word = {0};
        bool found;

        summary_word(&word, d, d->values[i].value);
        for (size_t k = 0; k < word.len; k++)
            if (word.data[k] == ' ')
                word.data[k] = '_';
        buf_put(&word, "", 1);
        found = !word.failed && hxl_has(tag, (const char *)word.data);
        buf_free(&word);
        if (found)
            return d->values[i].value;
    }
    return 0;
}

static enum status add_loss(Eocbus__V1__Envelope *m, const char *path, const char *tag,
                            const char *cell, struct arena *arena, char *err, size_t err_size)
{
    int asset = word_in_tag(&eocbus__v1__asset_class__descriptor, tag);
    int damage = word_in_tag(&eocbus__v1__damage_class__descriptor, tag);
    int species = word_in_tag(&eocbus__v1__species__descriptor, tag);
    struct buf text = {0};
    enum status st;

    if (!asset || !damage) {
        snprintf(err, err_size,
                 "%s: an #impact column names what and how badly: #impact+house+destroyed, "
                 "#impact+livestock+lost+cattle",
                 tag);
        return ST_INVALID;
    }
    summary_word(&text, &eocbus__v1__asset_class__descriptor, asset);
    buf_puts(&text, "/");
    summary_word(&text, &eocbus__v1__damage_class__descriptor, damage);
    buf_printf(&text, "/%s/", cell);
    if (species)
        summary_word(&text, &eocbus__v1__species__descriptor, species);
    buf_put(&text, "", 1);
    st = text.failed ? ST_NOMEM
                     : form_set(&m->base, path, (const char *)text.data, arena, err, err_size);
    buf_free(&text);
    return st;
}

enum status import_losses(Eocbus__V1__Envelope *m, const char *path, const struct hxl *t, size_t r,
                          struct arena *arena, char *err, size_t err_size)
{
    enum status st = ST_OK;

    for (size_t i = 0; i < t->column_count && st == ST_OK; i++) {
        const char *cell = t->rows[r][i];

        if (hxl_matches("#impact", t->columns[i].tag) && *cell && strcmp(cell, "0") != 0)
            st = add_loss(m, path, t->columns[i].tag, cell, arena, err, err_size);
    }
    return st;
}

/* --- the table -------------------------------------------------------------------------------- */

static int read_table(struct work *w)
{
    struct buf input = {0};
    char err[600];
    int code = -1;

    if (input_read(&input, w->path, err, sizeof(err)) != ST_OK)
        code = office_fail(w->o, EXIT_MACHINE, "%s", err);
    else if (hxl_parse(&w->table, (const char *)input.data, input.len, w->o->arena, err,
                       sizeof(err)) != ST_OK)
        code = office_fail(w->o, EXIT_REFUSED, "%s: %s", w->path, err);
    buf_free(&input);
    return code;
}

static int check_columns(struct work *w)
{
    for (size_t i = 0; i < w->table.column_count; i++) {
        const struct hxl_column *c = &w->table.columns[i];

        if (c->personal)
            office_fail(w->o, 0, "%s (%s): %s", c->tag, c->header,
                        lang_say(w->o->lang, w->im->seals ? SAY_SEALED : SAY_PERSONAL));
    }
    for (const char *const *p = w->im->needed; p && *p; p++)
        if (hxl_find(&w->table, *p) < 0)
            return office_fail(w->o, EXIT_REFUSED, "%s: no column is tagged %s", w->path, *p);
    return -1;
}

static int fail_row(struct work *w, size_t r, const char *why)
{
    return office_fail(w->o, EXIT_REFUSED, "%s:%u: %s: %s", w->path, w->table.lines[r],
                       lang_say(w->o->lang, SAY_ROW_NOT_TAKEN), why);
}

/* FNV-1a over the message as it would be packed, without what the outbox adds: nobody attacks it,
 * and two contents of one row must only differ. */
static enum status hash_message(char out[17], const Eocbus__V1__Envelope *m)
{
    size_t len = eocbus__v1__envelope__get_packed_size(m);
    uint64_t hash = 14695981039346656037u;
    uint8_t *bytes = mem_alloc(len + 1);

    if (!bytes)
        return ST_NOMEM;
    eocbus__v1__envelope__pack(m, bytes);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    mem_free(bytes);
    snprintf(out, 17, "%016" PRIx64, hash);
    return ST_OK;
}

/* A key is one word in the file of what is remembered. */
static const char *key_word(struct arena *arena, const char *key)
{
    char *copy = arena_printf(arena, "%s", key);

    for (char *p = copy; p && *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            *p = '_';
    return copy;
}

static bool is_known_key(const struct work *w, const char *key)
{
    for (size_t i = 0; i < w->key_count; i++)
        if (strcmp(w->keys[i], key) == 0)
            return true;
    return false;
}

static enum status mint_id(struct work *w, Eocbus__V1__Envelope *m)
{
    uint8_t *id = arena_alloc(w->o->arena, ID_BYTES), random[10];

    if (!id)
        return ST_NOMEM;
    loop_random(speak_loop(w->speak), random, sizeof(random));
    id_make(id, loop_utc_us(speak_loop(w->speak)), random);
    m->message_id = (ProtobufCBinaryData){ID_BYTES, id};
    return ST_OK;
}

/* -1 to go on. */
static int keep_change(struct work *w, Eocbus__V1__Envelope *m, const char *key, size_t r)
{
    const char *known = memory_get(w->memory, key);
    struct refusal why;
    char hash[17];

    if (hash_message(hash, m) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "out of memory");
    if (known && strcmp(known, hash) == 0)
        return -1;
    if (w->im->finish)
        w->im->finish(w->im->arg, m, w->version + 1);
    if (speak_check(w->speak, m, &why) != ST_OK) {
        char text[600];

        snprintf(text, sizeof(text), "%s %s: %s", why.code, why.path, why.text);
        return fail_row(w, r, text);
    }
    if (mint_id(w, m) != ST_OK || memory_intend(w->memory, key, hash, m->message_id.data) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "out of memory");
    w->messages[w->count++] = m;
    return -1;
}

static int take_row(struct work *w, size_t r)
{
    Eocbus__V1__Envelope *m = NULL;
    const char *key = NULL;
    char err[1200] = "out of memory";
    enum status st = w->im->row(w->im->arg, w->o, &w->table, r, &m, &key, err, sizeof(err));

    if (st == ST_NOTFOUND)
        return -1;
    if (st != ST_OK)
        return fail_row(w, r, err);
    key = key_word(w->o->arena, key);
    if (!key)
        return office_fail(w->o, EXIT_MACHINE, "out of memory");
    if (!*key)
        return fail_row(w, r, "the row has no id");
    if (is_known_key(w, key)) {
        snprintf(err, sizeof(err), "%s stands here a second time", key);
        return fail_row(w, r, err);
    }
    w->keys[w->key_count++] = key;
    return keep_change(w, m, key, r);
}

/* --- what was said ---------------------------------------------------------------------------- */

static bool each_in_outbox(void *arg, const struct outbox_row *row, int state,
                           const struct outbox_outcome *oc)
{
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);

    (void)state;
    (void)oc;
    if (m && m->message_id.len == ID_BYTES)
        memory_was_said(arg, m->message_id.data);
    if (m)
        eocbus__v1__envelope__free_unpacked(m, NULL);
    return true;
}

enum status import_settle(struct memory *memory, struct outbox *o, char *err, size_t err_size)
{
    enum status st = outbox_each(o, each_in_outbox, memory);

    if (st == ST_OK)
        return memory_keep(memory, err, err_size);
    snprintf(err, err_size, "%s", outbox_trouble(o));
    return st;
}

/* An import before this one ended between its promise and its end. */
static int settle_promise(struct work *w)
{
    char err[600];

    if (!memory_has_promise(w->memory))
        return -1;
    if (import_settle(w->memory, speak_outbox(w->speak), err, sizeof(err)) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "%s", err);
    return -1;
}

static enum status promise(struct work *w, char *err, size_t err_size)
{
    char version[16];

    snprintf(version, sizeof(version), "%" PRIu32, w->version + 1);
    if (w->im->finish &&
        memory_intend(w->memory, VERSION_KEY, version, w->messages[0]->message_id.data) != ST_OK) {
        snprintf(err, err_size, "out of memory");
        return ST_NOMEM;
    }
    return memory_promise(w->memory, err, err_size);
}

static int say_changes(struct work *w)
{
    char err[600], id[ID_TEXT] = "";
    int code = -1;

    printf("%zu %s, %zu %s\n", w->count, lang_say(w->o->lang, SAY_CHANGED), w->key_count - w->count,
           lang_say(w->o->lang, SAY_UNCHANGED));
    if (w->count == 0)
        return EXIT_DONE;
    if (promise(w, err, sizeof(err)) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "%s", err);
    code = office_speak_put(w->o, w->speak, w->messages, w->count, id);
    if (code >= 0)
        return code;
    memory_said_all(w->memory);
    if (memory_keep(w->memory, err, sizeof(err)) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "%s", err);
    return office_speak_report(w->o, w->speak, "");
}

static int take_rows(struct work *w)
{
    const char *version;
    int code = settle_promise(w);

    if (code >= 0)
        return code;
    version = memory_get(w->memory, VERSION_KEY);
    w->version = version ? (uint32_t)strtoul(version, NULL, 10) : 0;
    for (size_t r = 0; r < w->table.row_count; r++) {
        code = take_row(w, r);
        if (code >= 0)
            return code;
    }
    return say_changes(w);
}

static int with_memory(struct work *w)
{
    const char *path = office_file(w->o, arena_printf(w->o->arena, ".%s.memory", w->im->name));
    char err[600];
    int code;

    if (!path)
        return office_fail(w->o, EXIT_MACHINE, "out of memory");
    if (memory_open(&w->memory, path, err, sizeof(err)) != ST_OK)
        return office_fail(w->o, EXIT_MACHINE, "%s", err);
    code = office_speak_open(w->o, &w->speak);
    if (code < 0) {
        code = take_rows(w);
        speak_destroy(w->speak);
    }
    memory_close(w->memory);
    return code;
}

int import_table(struct office *o, const struct import *im, const char *path)
{
    struct work w = {.o = o, .im = im, .path = path};
    int code = read_table(&w);

    if (code < 0)
        code = check_columns(&w);
    if (code >= 0)
        return code;
    w.keys = mem_alloc((w.table.row_count + 1) * sizeof(*w.keys));
    w.messages = mem_alloc((w.table.row_count + 1) * sizeof(*w.messages));
    if (w.keys && w.messages)
        code = with_memory(&w);
    else
        code = office_fail(o, EXIT_MACHINE, "out of memory");
    mem_free(w.keys);
    mem_free(w.messages);
    return code;
}
