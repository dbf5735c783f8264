/* uplink_publish - see uplink_parts.h */
#include "agents/link/uplink_parts.h"

#include "proto/base/log.h"
#include "proto/wire/sealed.h"
#include "proto/base/banned.h"

void publish_begin(struct uplink *u, size_t room)
{
    u->room = room;
    u->item_count = 0;
    u->item_bytes = 0;
    buf_clear(&u->bytes);
}

bool publish_take(struct uplink *u, const struct outbox_row *row, bool is_ahead)
{
    Eocbus__V1__Item *item = &u->items[u->item_count];
    size_t len = row->content_len + row->signature_len + row->keys_len;

    if (u->item_bytes + len > u->room)
        return false;
    eocbus__v1__item__init(item);
    item->tag = row->tag;
    item->ahead = is_ahead;
    item->content.len = row->content_len;
    item->signature.len = row->signature_len;
    buf_put(&u->bytes, row->content, row->content_len);
    if (row->signature_len)
        buf_put(&u->bytes, row->signature, row->signature_len);
    u->keys_len[u->item_count] = row->keys_len;
    if (row->keys_len)
        buf_put(&u->bytes, row->keys, row->keys_len);
    if (u->bytes.failed)
        return false;
    u->item_list[u->item_count++] = item;
    u->item_bytes += len;
    return true;
}

bool publish_is_ready(struct uplink *u, enum status read)
{
    if (read == ST_AGAIN) /* it is being mended */
        return false;
    if (read != ST_OK) {
        u->outbox_is_broken = read == ST_IO || read == ST_INVALID;
        log_error("outbox.read.failed", "status=%s %s", status_name(read),
                  outbox_trouble(u->set.outbox));
        return false;
    }
    if (u->bytes.failed) { /* no memory: it is tried again in the next turn */
        u->bytes.failed = 0;
        return false;
    }
    return u->item_count > 0;
}

static bool point_keys(struct uplink *u, unsigned i, const uint8_t *at)
{
    enum { KEYS_ARENA = 1 << 20 }; /* LIMIT_ITEMS messages with LIMIT_READERS keys take a third */

    if (!u->keys_len[i])
        return true;
    if (!u->keys && arena_create(&u->keys, KEYS_ARENA) != ST_OK)
        return false;
    u->items[i].keys = sealed_keys(at, u->keys_len[i], &u->items[i].n_keys, u->keys);
    return u->items[i].keys;
}

/* The rows were copied into one buffer that moved as it grew. */
static bool point_items(struct uplink *u)
{
    uint8_t *at = u->bytes.data;

    if (u->keys)
        arena_reset(u->keys);
    for (unsigned i = 0; i < u->item_count; i++) {
        u->items[i].content.data = at;
        at += u->items[i].content.len;
        u->items[i].signature.data = at;
        at += u->items[i].signature.len;
        if (!point_keys(u, i, at))
            return false;
        at += u->keys_len[i];
    }
    return true;
}

/* Another line may have told of a newer log than this session's broker knew. What is said here is
 * of this session all the same, and is thrown away with the rest of it when it arrives in the next
 * one: else what is said last would be taken without what came before (simulator, seed 9000056). */
static uint32_t spoken_under(const struct uplink *u, const struct path *p)
{
    uint32_t own = outbox_log_epoch(u->set.outbox), here = p->log_epoch ? p->log_epoch : 1;

    return own < here ? own : here;
}

bool publish_send(struct uplink *u, struct path *p)
{
    Eocbus__V1__Publish publish = EOCBUS__V1__PUBLISH__INIT;
    Eocbus__V1__Frame frame = EOCBUS__V1__FRAME__INIT;

    if (!point_items(u))
        return false; /* no memory: it is tried again in the next turn */
    publish.n_items = u->item_count;
    publish.items = u->item_list;
    publish.log_epoch = spoken_under(u, p);
    frame.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    frame.publish = &publish;
    if (u->set.send(u->set.arg, (unsigned)(p - u->paths), &frame) != ST_OK)
        return false;
    for (unsigned i = 0; i < u->item_count; i++) {
        const Eocbus__V1__Item *item = &u->items[i];

        path_take_off(u, p, item->tag, item->content.len + item->signature.len + u->keys_len[i],
                      item->ahead);
    }
    return true;
}
