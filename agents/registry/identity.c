/* identity - see identity.h */
#include "agents/registry/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/print.h"
#include "agents/registry/blind.h"
#include "proto/wire/sealed.h"

#include "proto/base/banned.h"

enum { PERSONS_MOST = 32, LIST_MOST = 8 };

enum status sealing_open(struct sealing *out, struct office *o, const char *key_file, char *err,
                         size_t err_size)
{
    enum status st;
    const char *key = key_file ? key_file : o->set.seal_key;

    out->own = out->blind = NULL;
    if (!key || !*key) {
        snprintf(err, err_size,
                 "seal.key is empty: identities are opened with a seal key; make one with: eocctl "
                 "keygen --seal FILE");
        return ST_NOTFOUND;
    }
    st = seal_reader_load(&out->own, key, err, err_size);
    if (st == ST_OK)
        st = readers_load(&out->readers, o->set.readers ? o->set.readers : "", err, err_size);
    if (st == ST_OK && o->set.blind_key && *o->set.blind_key)
        st = seal_reader_load(&out->blind, o->set.blind_key, err, err_size);
    if (st != ST_OK)
        sealing_close(out);
    return st;
}

void sealing_close(struct sealing *s)
{
    seal_reader_destroy(s->own);
    seal_reader_destroy(s->blind);
    s->own = s->blind = NULL;
}

/* --- sealing ---------------------------------------------------------------------------------- */

static enum status wrap_for(struct sealed_identity *out, const uint8_t public_key[SEAL_KEY_BYTES],
                            const uint8_t key[SEAL_KEY_BYTES])
{
    uint8_t id[SEAL_ID_BYTES], *at = out->keys + out->keys_len;

    seal_id_of(id, public_key);
    if (sealed_key_for(out->keys, out->keys_len, id))
        return ST_OK;
    if (out->keys_len == sizeof(out->keys))
        return ST_FULL;
    memcpy(at, id, SEAL_ID_BYTES);
    out->keys_len += WRAPPED_BYTES;
    return seal_wrap(at + SEAL_ID_BYTES, public_key, key);
}

static enum status wrap_for_all(struct sealed_identity *out, const struct sealing *s,
                                const char *place, const struct reader *with,
                                const uint8_t key[SEAL_KEY_BYTES], char *err, size_t err_size)
{
    enum status st = wrap_for(out, seal_reader_public(s->own), key);

    for (unsigned i = 0; i < s->readers.count && st == ST_OK; i++) {
        const struct reader *r = &s->readers.list[i];

        if (r != with && !r->is_escrow && !reader_is_for(r, place))
            continue;
        st = wrap_for(out, r->key, key);
        if (st != ST_OK)
            snprintf(err, err_size,
                     st == ST_FULL ? "%s: more than 16 readers of one identity"
                                   : "%s: that is no seal key",
                     r->name);
    }
    return st;
}

static enum status fill_message(struct office *o, Eocbus__V1__Envelope *m,
                                const uint8_t household[ID_BYTES], const struct buf *box,
                                const uint8_t key[SEAL_KEY_BYTES])
{
    Eocbus__V1__HouseholdIdentity *h = arena_alloc(o->arena, sizeof(*h));
    uint8_t *bytes = arena_alloc(o->arena, ID_BYTES + SEAL_NAME_BYTES + box->len);

    if (!h || !bytes)
        return ST_NOMEM;
    eocbus__v1__household_identity__init(h);
    memcpy(bytes, household, ID_BYTES);
    seal_name_of(bytes + ID_BYTES, key);
    memcpy(bytes + ID_BYTES + SEAL_NAME_BYTES, box->data, box->len);
    h->household_id = (ProtobufCBinaryData){ID_BYTES, bytes};
    h->key_name = (ProtobufCBinaryData){SEAL_NAME_BYTES, bytes + ID_BYTES};
    h->sealed = (ProtobufCBinaryData){box->len, bytes + ID_BYTES + SEAL_NAME_BYTES};
    m->label = EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY;
    m->household_identity = h;
    return ST_OK;
}

static enum status add_marks(struct office *o, Eocbus__V1__HouseholdIdentity *h,
                             const struct seal_reader *key,
                             const Eocbus__V1__HouseholdIdentityClear *clear)
{
    uint8_t(*marks)[BLIND_BYTES] = arena_alloc(o->arena, BLINDS_MOST * sizeof(*marks));
    ProtobufCBinaryData *list = arena_alloc(o->arena, BLINDS_MOST * sizeof(*list));

    if (!marks || !list)
        return ST_NOMEM;
    h->n_blind_indexes = blind_marks(marks, key, clear);
    h->blind_indexes = list;
    for (size_t i = 0; i < h->n_blind_indexes; i++)
        list[i] = (ProtobufCBinaryData){BLIND_BYTES, marks[i]};
    return ST_OK;
}

enum status identity_seal(struct sealed_identity *out, struct office *o, const struct sealing *s,
                          const uint8_t household[ID_BYTES],
                          const Eocbus__V1__HouseholdIdentityClear *clear, const char *place,
                          const struct reader *with, char *err, size_t err_size)
{
    size_t len = eocbus__v1__household_identity_clear__get_packed_size(clear);
    uint8_t key[SEAL_KEY_BYTES] = {0}, *bytes = mem_alloc(len + 1);
    struct buf box = {0};
    enum status st = ST_NOMEM;

    snprintf(err, err_size, "out of memory");
    *out = (struct sealed_identity){.message = office_message(o, EOCBUS__V1__KIND__KIND_UPDATE,
                                                              EOCBUS__V1__LANE__LANE_ROUTINE)};
    if (bytes && out->message) {
        eocbus__v1__household_identity_clear__pack(clear, bytes);
        st = seal_box(&box, key, bytes, len, household, ID_BYTES);
        explicit_bzero(bytes, len);
    }
    if (st == ST_OK)
        st = wrap_for_all(out, s, place, with, key, err, err_size);
    if (st == ST_OK)
        st = fill_message(o, out->message, household, &box, key);
    if (st == ST_OK && s->blind)
        st = add_marks(o, out->message->household_identity, s->blind, clear);
    explicit_bzero(key, sizeof(key));
    buf_free(&box);
    mem_free(bytes);
    return st;
}

/* --- reading ---------------------------------------------------------------------------------- */

static Eocbus__V1__HouseholdPerson *add_person(Eocbus__V1__HouseholdIdentityClear *c,
                                               struct office *o)
{
    Eocbus__V1__HouseholdPerson *p = arena_alloc(o->arena, sizeof(*p));

    if (!p || c->n_persons == PERSONS_MOST)
        return NULL;
    eocbus__v1__household_person__init(p);
    p->documents = arena_alloc(o->arena, LIST_MOST * sizeof(char *));
    p->phones = arena_alloc(o->arena, LIST_MOST * sizeof(char *));
    if (!p->documents || !p->phones)
        return NULL;
    return c->persons[c->n_persons++] = p;
}

static enum status add_text(char **list, size_t *n, char *text)
{
    if (*n == LIST_MOST)
        return ST_INVALID;
    list[(*n)++] = text;
    return ST_OK;
}

static enum status take_person_line(struct office *o, Eocbus__V1__HouseholdIdentityClear *c,
                                    const char *word, char *value)
{
    Eocbus__V1__HouseholdPerson *p =
        c->n_persons && strcmp(word, "name") != 0 ? c->persons[c->n_persons - 1] : add_person(c, o);

    if (!p)
        return ST_INVALID;
    if (strcmp(word, "document") == 0)
        return add_text(p->documents, &p->n_documents, value);
    if (strcmp(word, "phone") == 0)
        return add_text(p->phones, &p->n_phones, value);
    if (strcmp(word, "born") == 0)
        p->born_year = (uint32_t)strtoul(value, NULL, 10);
    else
        p->name = value;
    return ST_OK;
}

static enum status take_line(struct office *o, Eocbus__V1__HouseholdIdentityClear *c,
                             const char *word, char *value)
{
    static const char *const of_person[] = {"name", "document", "phone", "born"};
    char err[200];

    for (size_t i = 0; i < ARRAY_LEN(of_person); i++)
        if (strcmp(word, of_person[i]) == 0)
            return take_person_line(o, c, word, value);
    if (strcmp(word, "position") == 0)
        return form_set(&c->base, "position", value, o->arena, err, sizeof(err));
    if (strcmp(word, "address") == 0)
        c->address = value;
    else if (strcmp(word, "note") == 0)
        c->note = value;
    else
        return ST_INVALID;
    return ST_OK;
}

static void trim_end(char *text)
{
    size_t len = strlen(text);

    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        text[--len] = '\0';
}

enum status identity_parse(Eocbus__V1__HouseholdIdentityClear **out, struct office *o,
                           const char *text, char *err, size_t err_size)
{
    Eocbus__V1__HouseholdIdentityClear *c =
        form_new(&eocbus__v1__household_identity_clear__descriptor, o->arena);
    char *copy = arena_printf(o->arena, "%s", text), *line, *save = NULL;

    snprintf(err, err_size, "out of memory");
    if (!c || !copy)
        return ST_NOMEM;
    c->persons = arena_alloc(o->arena, PERSONS_MOST * sizeof(*c->persons));
    if (!c->persons)
        return ST_NOMEM;
    for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strchr(line, ':');

        trim_end(line);
        if (!*line || *line == '#')
            continue;
        if (value)
            *value++ = '\0';
        /* What stands in the line is not said again: errors end in logs. */
        if (!value || take_line(o, c, line, value + strspn(value, " \t")) != ST_OK) {
            snprintf(err, err_size,
                     "lines are \"name: ...\", then born, document, phone of that person; "
                     "\"position: LAT,LON\", \"address: ...\", \"note: ...\"; one of yours is not, "
                     "or there are too many");
            return ST_INVALID;
        }
    }
    if (c->n_persons == 0) {
        snprintf(err, err_size, "nobody is named: the first line is \"name: ...\"");
        return ST_INVALID;
    }
    *out = c;
    return ST_OK;
}

/* --- showing ---------------------------------------------------------------------------------- */

static void put_line(struct buf *out, const char *word, const char *value)
{
    if (!value || !*value)
        return;
    buf_printf(out, "%s: ", word);
    print_escaped(out, value, strlen(value));
    buf_puts(out, "\n");
}

static void put_person(struct buf *out, const Eocbus__V1__HouseholdPerson *p)
{
    put_line(out, "name", p->name);
    if (p->born_year)
        buf_printf(out, "born: %" PRIu32 "\n", p->born_year);
    for (size_t i = 0; i < p->n_documents; i++)
        put_line(out, "document", p->documents[i]);
    for (size_t i = 0; i < p->n_phones; i++)
        put_line(out, "phone", p->phones[i]);
}

void identity_print(struct buf *out, const Eocbus__V1__HouseholdIdentityClear *clear)
{
    for (size_t i = 0; i < clear->n_persons; i++)
        put_person(out, clear->persons[i]);
    if (clear->position)
        buf_printf(out, "position: %.7f,%.7f\n", clear->position->lat_e7 / 1e7,
                   clear->position->lon_e7 / 1e7);
    put_line(out, "address", clear->address);
    put_line(out, "note", clear->note);
}
