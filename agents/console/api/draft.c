/* draft - see draft.h. */
#include "agents/console/api/draft.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/say/command.h"
#include "agents/console/say/drafts.h"
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
    return read && f->givers < f->d.message;
}

bool order_draft_is_meant(const struct order_draft *f, Eocbus__V1__Status room)
{
    const bool actual = room == EOCBUS__V1__STATUS__STATUS_ACTUAL;

    return strcmp(f->meant, actual ? "ACTUAL" : "EXERCISE") == 0;
}

enum status order_draft_become(Eocbus__V1__Envelope **out, const struct order_draft *f,
                               Eocbus__V1__Status room, const uint8_t id[16], struct arena *arena,
                               char *err, size_t err_size)
{
    enum status st = draft_message(out, &f->d, arena, err, err_size);

    if (st != ST_OK)
        return st;
    if (!order_is_for_a_machine(*out))
        return draft_refuse(err, err_size, "This is no order to a machine.");
    if (command_misfit(*out, room))
        return draft_refuse(err, err_size, command_misfit(*out, room));
    return command_of_draft(*out, room, f->desk, id, arena);
}
