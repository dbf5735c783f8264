/* draft - see draft.h. */
#include "agents/console/api/draft.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/say/command.h"
#include "agents/console/say/parts.h"
#include "proto/base/keys.h"
#include "proto/base/sign.h"
#include "proto/wire/approval.h"
#include "proto/wire/json.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

bool draft_read(struct draft *d, const char *text)
{
    int read = 0;

    d->message = strchr(text, '\n');
    if (!d->message || sscanf(text, "%15s %127s%n", d->state, d->author, &read) != 2)
        return false;
    d->rest = text + read;
    return true;
}

enum status draft_message(Eocbus__V1__Envelope **out, const struct draft *d, struct arena *arena,
                          char *err, size_t err_size)
{
    ProtobufCMessage *parsed = NULL;
    enum status st = json_parse(&parsed, &eocbus__v1__envelope__descriptor, d->message,
                                strlen(d->message), arena, err, err_size);

    *out = (Eocbus__V1__Envelope *)parsed;
    return st;
}

bool order_draft_read(struct order_draft *f, const char *text)
{
    int read = 0;

    if (!draft_read(&f->d, text) ||
        sscanf(f->d.rest, "%127s %15s %u %llu %7s %263s %n", f->desk, f->meant, &f->needed, &f->seq,
               f->may, f->keys, &read) != 6)
        return false;
    f->givers = f->d.rest + read;
    f->giver_keys = f->givers + strcspn(f->givers, " \n");
    return read && f->givers < f->d.message;
}

bool order_draft_is_meant(const struct order_draft *f, Eocbus__V1__Status room)
{
    const bool actual = room == EOCBUS__V1__STATUS__STATUS_ACTUAL;

    return strcmp(f->meant, actual ? "ACTUAL" : "EXERCISE") == 0;
}

/* --- which approvals are true ----------------------------------------------------------------- */

static bool read_key(uint8_t key[KEY_BYTES], const char *hex)
{
    unsigned byte;

    for (size_t i = 0; i < KEY_BYTES; i++) {
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        key[i] = (uint8_t)byte;
    }
    return true;
}

/* Behind its "="; NULL: nobody of that name. */
static const char *keys_of(const char *all, const char *name)
{
    const size_t len = strlen(name);

    for (const char *at = all; *at == ' '; at += strcspn(at, " \n")) {
        at++;
        if (strncmp(at, name, len) == 0 && at[len] == '=')
            return at + len + 1;
    }
    return NULL;
}

static enum approval_key find_key(void *arg, const Eocbus__V1__Approval *a, const void *bytes,
                                  size_t len, struct approval_party *person)
{
    const char *hex = keys_of(arg, a->principal);
    uint8_t key[KEY_BYTES];

    if (!hex)
        return APPROVAL_KEY_UNKNOWN;
    person->name = a->principal;
    for (; strspn(hex, "0123456789abcdef") == 2 * KEY_BYTES; hex += hex[2 * KEY_BYTES] == ',') {
        if (read_key(key, hex) && sign_is_good(key, DOMAIN_APPROVAL, bytes, len, a->signature.data))
            return APPROVAL_KEY_GOOD;
        hex += 2 * KEY_BYTES;
    }
    return APPROVAL_KEY_FORGED;
}

/* One after the other, as the broker and the machine judge them. */
static enum status keep_true(Eocbus__V1__Envelope *m, const char *keys, int64_t now_us,
                             struct arena *arena)
{
    const struct approval_question q = {
        .m = m, .now_us = now_us, .arg = (void *)(uintptr_t)keys, .find = find_key};
    Eocbus__V1__Approval **rows = NULL, **kept;
    size_t count = order_approvals(m, &rows), n = 0;
    struct refusal why;
    enum status st;

    kept = arena_alloc(arena, (APPROVALS_MOST + 1) * sizeof(*kept));
    if (!kept)
        return ST_NOMEM;
    st = order_set_approvals(m, kept, 0);
    for (size_t i = 0; i < count && n < APPROVALS_MOST && st == ST_OK; i++) {
        kept[n] = rows[i];
        st = order_set_approvals(m, kept, n + 1);
        if (st == ST_OK && approval_judge(&q, &why) == ST_OK)
            n++;
    }
    return st == ST_OK ? order_set_approvals(m, kept, n) : st;
}

enum status order_draft_become(Eocbus__V1__Envelope **out, const struct order_draft *f,
                               Eocbus__V1__Status room, const uint8_t id[16], int64_t now_us,
                               struct arena *arena, char *err, size_t err_size)
{
    enum status st = draft_message(out, &f->d, arena, err, err_size);

    if (st != ST_OK)
        return st;
    if (!order_is_for_a_machine(*out))
        return draft_refuse(err, err_size, "This is no order to a machine.");
    if (command_misfit(*out, room))
        return draft_refuse(err, err_size, command_misfit(*out, room));
    st = command_of_draft(*out, room, f->desk, id, arena);
    return st == ST_OK ? keep_true(*out, f->giver_keys, now_us, arena) : st;
}
