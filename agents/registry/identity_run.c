/* identity_run - the commands around sealed identities: put, open, share, erase, list.
 *
 * Names come from standard input or a file, never from the command line, which every program on the
 * machine can read; they are shown on a terminal and nowhere else. Opening one is said to the bus
 * first, and is in the outbox, on disk, before anything is shown; it needs no link. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/link/json_input.h"
#include "agents/link/print.h"
#include "agents/registry/identity.h"
#include "agents/registry/identity_asked.h"
#include "agents/registry/registry.h"
#include "agents/registry/vault.h"
#include "proto/wire/sealed.h"

#include "proto/base/banned.h"

static int take_options(struct office *o, struct asked *a)
{
    struct option_row own[OFFICE_OWN_OPTIONS + 7];
    char err[400];

    office_own(o, own);
    own[OFFICE_OWN_OPTIONS] = (struct option_row){"--purpose", OPTION_TEXT, &a->purpose};
    own[OFFICE_OWN_OPTIONS + 1] = (struct option_row){"--because", OPTION_TEXT, &a->because};
    own[OFFICE_OWN_OPTIONS + 2] = (struct option_row){"--request", OPTION_TEXT, &a->request};
    own[OFFICE_OWN_OPTIONS + 3] = (struct option_row){"--with", OPTION_TEXT, &a->with};
    own[OFFICE_OWN_OPTIONS + 4] = (struct option_row){"--place", OPTION_TEXT, &a->place};
    own[OFFICE_OWN_OPTIONS + 5] = (struct option_row){"--key", OPTION_TEXT, &a->key};
    own[OFFICE_OWN_OPTIONS + 6] = (struct option_row){"--check", OPTION_FLAG, &a->check};
    if (options_take(own, ARRAY_LEN(own), &o->argc, o->argv, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_USAGE, "%s", err);
    return -1;
}

static int take_household(struct office *o, struct asked *a)
{
    if (o->argc != 3 || !id_parse(a->household, o->argv[2]))
        return office_fail(o, EXIT_USAGE,
                           "identity %s HOUSEHOLD: its id and no other word; names are never typed "
                           "into a command line",
                           o->argv[1]);
    return -1;
}

enum status registry_set_place(struct office *o, Eocbus__V1__Envelope *m, const char *path,
                               const char *place)
{
    char err[200];

    return place ? form_set(&m->base, path, place, o->arena, err, sizeof(err)) : ST_OK;
}

/* --- put -------------------------------------------------------------------------------------- */

static int keep_own(struct office *o, const struct sealed_identity *box)
{
    Eocbus__V1__Delivery d = EOCBUS__V1__DELIVERY__INIT;
    size_t len = eocbus__v1__envelope__get_packed_size(box->message);
    uint8_t *bytes = arena_alloc(o->arena, len + 1);
    char err[400] = "out of memory";

    d.keys = sealed_keys(box->keys, box->keys_len, &d.n_keys, o->arena);
    if (!bytes || !d.keys)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    d.content = (ProtobufCBinaryData){eocbus__v1__envelope__pack(box->message, bytes), bytes};
    if (vault_keep(o, &d, box->message, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    return -1;
}

/* With an id of its own, so that the copy kept here has the one that travels. */
enum status registry_mint_id(struct office *o, Eocbus__V1__Envelope *m)
{
    uint8_t *id = arena_alloc(o->arena, ID_BYTES);

    if (!id || registry_random(id, ID_BYTES) != ST_OK)
        return ST_NOMEM;
    id_make(id, registry_now_us(), id + 6);
    m->message_id = (ProtobufCBinaryData){ID_BYTES, id};
    m->sender = o->set.agent.name;
    m->sent_time_us = m->event_time_us = registry_now_us();
    return ST_OK;
}

int registry_say_identity(struct office *o, struct sealed_identity *box)
{
    int code;

    if (!box->message->message_id.len && registry_mint_id(o, box->message) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "no randomness");
    code = office_say_sealed(o, box->message, box->keys, box->keys_len);
    if (code != EXIT_DONE && code != EXIT_UNREACHABLE)
        return code;
    box->message->sender = o->set.agent.name; /* it was lent by an outbox that is closed */
    return keep_own(o, box) < 0 ? code : EXIT_MACHINE;
}

static int seal_and_say(struct office *o, const struct asked *a, const struct sealing *s,
                        const Eocbus__V1__HouseholdIdentityClear *clear, const struct reader *with)
{
    const char *place = a->place ? a->place : o->set.place;
    struct sealed_identity box;
    char err[400], with_place[16] = "";

    if (identity_seal(&box, o, s, a->household, clear, place, with, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    if (with)
        memcpy(with_place, with->places, strnlen(with->places, sizeof(with_place) - 1));
    with_place[strcspn(with_place, " ")] = '\0';
    if (registry_set_place(o, box.message, "area.pcodes[0]", *place ? place : NULL) != ST_OK ||
        registry_set_place(o, box.message, "area.pcodes[1]", *with_place ? with_place : NULL) !=
            ST_OK)
        return office_fail(o, EXIT_USAGE, "--place %s is no P-code", place);
    return registry_say_identity(o, &box);
}

/* A slip in the id would hide names where nobody looks for them; another office may know it. */
static bool is_known(struct office *o, const struct asked *a)
{
    const ProtobufCBinaryData household = {ID_BYTES, (uint8_t *)(uintptr_t)a->household};
    Eocbus__V1__HouseholdState is = 0;
    char err[600];

    return registry_state(o, &household, &is, err, sizeof(err)) != ST_OK || is;
}

static void say_unknown(struct office *o, const struct asked *a)
{
    char id[ID_TEXT];

    id_format(id, a->household);
    (void)office_fail_filled(o, EXIT_DONE, SAY_HOUSEHOLD_UNKNOWN,
                             &(struct translate_value){"id", id}, 1);
}

static int put_identity(struct office *o, const struct asked *a)
{
    Eocbus__V1__HouseholdIdentityClear *clear;
    struct sealing s;
    struct buf input = {0};
    bool known = is_known(o, a);
    char err[600];
    int code;

    if (sealing_open(&s, o, NULL, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    if (!o->file && isatty(STDIN_FILENO))
        fprintf(stderr, "name: ..., born: ..., document: ..., phone: ..., position: LAT,LON; end "
                        "with ctrl-D\n");
    if (input_read(&input, o->file ? o->file : "-", err, sizeof(err)) != ST_OK)
        code = office_fail(o, EXIT_MACHINE, "%s", err);
    else if (identity_parse(&clear, o, (const char *)input.data, err, sizeof(err)) != ST_OK)
        code = office_fail(o, EXIT_REFUSED, "%s", err);
    else
        code = seal_and_say(o, a, &s, clear, NULL);
    if (!known && (code == EXIT_DONE || code == EXIT_UNREACHABLE))
        say_unknown(o, a);
    seal_wipe(&input);
    sealing_close(&s);
    return code;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int find_key(struct office *o, struct sealing *s, const struct asked *a,
                    const struct vault_box *box, const uint8_t **wrapped)
{
    char err[600];

    if (sealing_open(s, o, a->key, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    *wrapped = sealed_key_for(box->keys, box->keys_len, seal_reader_id(s->own));
    if (*wrapped)
        return -1;
    sealing_close(s);
    return office_fail(o, EXIT_REFUSED, "this identity was not sealed for our key");
}

/* What is inside, unpacked into o->arena. */
static enum status open_box(struct office *o, const struct sealing *s, const struct vault_box *box,
                            const uint8_t *wrapped, Eocbus__V1__HouseholdIdentityClear **clear)
{
    const Eocbus__V1__HouseholdIdentity *h = box->message->household_identity;
    uint8_t key[SEAL_KEY_BYTES];
    struct buf text = {0};
    enum status st = seal_unwrap(key, s->own, wrapped);

    if (st == ST_OK)
        st = seal_open(&text, key, h->sealed.data, h->sealed.len, h->household_id.data,
                       h->household_id.len);
    explicit_bzero(key, sizeof(key));
    if (st == ST_OK) {
        *clear = eocbus__v1__household_identity_clear__unpack(arena_allocator(o->arena), text.len,
                                                              text.data);
        st = *clear ? ST_OK : ST_INVALID;
    }
    seal_wipe(&text);
    return st;
}

Eocbus__V1__Envelope *registry_begin_event(struct office *o, const struct asked *a)
{
    Eocbus__V1__Envelope *m =
        office_message(o, EOCBUS__V1__KIND__KIND_UPDATE, EOCBUS__V1__LANE__LANE_PRIORITY);
    char id[ID_TEXT], err[400];
    ProtobufCBinaryData household = {ID_BYTES, (uint8_t *)(uintptr_t)a->household};

    id_format(id, a->household);
    if (!m || form_set(&m->base, "household_event.household_id", id, o->arena, err, sizeof(err)) ||
        form_set(&m->base, "household_event.actor", o->set.agent.name, o->arena, err, sizeof(err)))
        return NULL;
    m->label = EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    /* Nothing moves. */
    if (registry_state(o, &household, &m->household_event->from_state, err, sizeof(err)) != ST_OK)
        m->household_event->from_state = 0;
    m->household_event->to_state = m->household_event->from_state;
    return m;
}

/* Exit code; EXIT_DONE: it is on disk that this identity is opened, and what for. */
static int say_read(struct office *o, const struct asked *a, const struct vault_box *box)
{
    Eocbus__V1__Envelope *m = registry_begin_event(o, a);
    char id[ID_TEXT], err[400] = "out of memory";

    id_format(id, box->message_id);
    if (!m || form_set(&m->base, "household_event.identity_read.reader", o->set.agent.name,
                       o->arena, err, sizeof(err)))
        return office_fail(o, EXIT_MACHINE, "%s", err);
    if (form_set(&m->base, "household_event.identity_read.purpose", a->purpose, o->arena, err,
                 sizeof(err)) ||
        form_set(&m->base, "household_event.identity_read.identity_id", id, o->arena, err,
                 sizeof(err)))
        return office_fail(o, EXIT_USAGE, "--purpose: %s", err);
    return office_say(o, &m, 1);
}

static int open_and(struct office *o, const struct asked *a,
                    int (*then)(struct office *o, const struct asked *a, const struct sealing *s,
                                const Eocbus__V1__HouseholdIdentityClear *clear))
{
    Eocbus__V1__HouseholdIdentityClear *clear;
    const uint8_t *wrapped = NULL;
    struct vault_box box;
    struct sealing s;
    char err[800];
    int code;

    if (vault_newest(o, a->household, &box, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_REFUSED, "%s", err);
    code = find_key(o, &s, a, &box, &wrapped);
    if (code >= 0)
        return code;
    code = say_read(o, a, &box);
    if (code != EXIT_DONE && code != EXIT_UNREACHABLE)
        ; /* not on disk: it stays closed */
    else if (open_box(o, &s, &box, wrapped, &clear) != ST_OK)
        code = office_fail(o, EXIT_MACHINE, "the box does not open: it is damaged");
    else
        code = then(o, a, &s, clear);
    sealing_close(&s);
    return code;
}

static int show(struct office *o, const struct asked *a, const struct sealing *s,
                const Eocbus__V1__HouseholdIdentityClear *clear)
{
    struct buf text = {0};

    (void)s;
    if (a->check) {
        office_print(lang_say(o->lang, SAY_IT_OPENS), "");
        return EXIT_DONE;
    }
    identity_print(&text, clear);
    (void)!print_flush(&text);
    seal_wipe(&text);
    return EXIT_DONE;
}

static int open_identity(struct office *o, const struct asked *a)
{
    if (!a->purpose)
        return office_fail(o, EXIT_USAGE,
                           "--purpose says what for: rescue, assistance, assessment, relocation, "
                           "family_tracing, subject_request, audit");
    if (!a->check && !isatty(STDOUT_FILENO))
        return office_fail(o, EXIT_USAGE,
                           "names are shown on a terminal, and standard output is none");
    return open_and(o, a, show);
}

/* --- share ------------------------------------------------------------------------------------ */

static int share_with(struct office *o, const struct asked *a, const struct sealing *s,
                      const Eocbus__V1__HouseholdIdentityClear *clear)
{
    const struct reader *with = readers_find(&s->readers, a->with);

    if (!with)
        return office_fail(o, EXIT_REFUSED, "%s is not among registry.readers", a->with);
    return seal_and_say(o, a, s, clear, with);
}

static bool has_accepted(Eocbus__V1__HouseholdState state)
{
    return state >= EOCBUS__V1__HOUSEHOLD_STATE__HOUSEHOLD_STATE_ACCEPTED &&
           state <= EOCBUS__V1__HOUSEHOLD_STATE__HOUSEHOLD_STATE_RETURNED;
}

/* The district where a family goes gets its name when the family has said yes, not before. */
static int share_identity(struct office *o, struct asked *a)
{
    ProtobufCBinaryData household = {ID_BYTES, a->household};
    Eocbus__V1__HouseholdState state;
    char err[600];

    if (!a->with)
        return office_fail(o, EXIT_USAGE, "--with names the registry, as in registry.readers");
    if (registry_state(o, &household, &state, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    if (!has_accepted(state))
        return office_fail(o, EXIT_REFUSED,
                           "this household has accepted no plot: its name stays here");
    a->purpose = "relocation";
    return open_and(o, a, share_with);
}

/* --- list, and the command -------------------------------------------------------------------- */

static void put_box(void *arg, const char *household, const char *message)
{
    buf_printf(arg, "%s  %s\n", household, message);
}

static int list_identities(struct office *o)
{
    struct buf b = {0};
    char err[400];

    if (vault_each(o, put_box, &b, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    print_flush(&b);
    buf_free(&b);
    return EXIT_DONE;
}

int registry_identity(struct office *o)
{
    struct asked a = {.purpose = NULL};
    int code = take_options(o, &a);

    if (code >= 0)
        return code;
    if (o->argc == 2 && strcmp(o->argv[1], "list") == 0)
        return list_identities(o);
    code = o->argc >= 2 ? take_household(o, &a)
                        : office_fail(o, EXIT_USAGE, "identity put|open|share|erase|list");
    if (code >= 0)
        return code;
    if (strcmp(o->argv[1], "put") == 0)
        return put_identity(o, &a);
    if (strcmp(o->argv[1], "open") == 0)
        return open_identity(o, &a);
    if (strcmp(o->argv[1], "share") == 0)
        return share_identity(o, &a);
    if (strcmp(o->argv[1], "erase") == 0)
        return registry_erase(o, &a);
    return office_fail(o, EXIT_USAGE, "identity put|open|share|erase|list");
}

void registry_identity_help(struct buf *out, enum lang lang, const char *name, const char *word)
{
    (void)word;
    buf_printf(out, "%s\n", office_help_text(lang, name));
}
