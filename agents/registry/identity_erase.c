/* identity_erase - identities are destroyed: it is said first, with the places that the boxes went
 * to, then the boxes here and the keys in our own outbox go. */
#include <stdio.h>
#include <string.h>

#include "agents/registry/identity_asked.h"
#include "agents/registry/registry.h"
#include "agents/registry/vault.h"

#include "proto/base/banned.h"

static bool names_place(const Eocbus__V1__Envelope *m, const char *place)
{
    for (size_t i = 0; m->area && i < m->area->n_pcodes; i++)
        if (strcmp(m->area->pcodes[i], place) == 0)
            return true;
    return false;
}

/* Who has the box hears that it is erased: the places it went to are those of the word as well. */
static enum status add_places(struct office *o, Eocbus__V1__Envelope *m, const uint8_t *household,
                              const uint8_t *id)
{
    enum { PLACES_MOST = 8 };
    struct vault_box box;
    enum status st = ST_OK;
    char path[40];

    if (vault_read(o, household, id, &box) != ST_OK || !box.message->area)
        return ST_OK;
    for (size_t i = 0; i < box.message->area->n_pcodes && st == ST_OK; i++) {
        size_t n = m->area ? m->area->n_pcodes : 0;

        if (n == PLACES_MOST || names_place(m, box.message->area->pcodes[i]))
            continue;
        snprintf(path, sizeof(path), "area.pcodes[%zu]", n);
        st = registry_set_place(o, m, path, box.message->area->pcodes[i]);
    }
    return st;
}

static int say_erased(struct office *o, const struct asked *a, uint8_t ids[][ID_BYTES], unsigned n)
{
    Eocbus__V1__Envelope *m = registry_begin_event(o, a);
    char text[ID_TEXT], path[80], err[400] = "out of memory";
    enum status st = m ? ST_OK : ST_NOMEM;

    for (unsigned i = 0; i < n && st == ST_OK; i++) {
        id_format(text, ids[i]);
        snprintf(path, sizeof(path), "household_event.erased.identity_ids[%u]", i);
        st = form_set(&m->base, path, text, o->arena, err, sizeof(err));
        if (st == ST_OK)
            st = add_places(o, m, a->household, ids[i]);
    }
    if (st == ST_OK && a->request)
        st = form_set(&m->base, "household_event.erased.request_id", a->request, o->arena, err,
                      sizeof(err));
    if (st == ST_OK)
        st =
            form_set(&m->base, "household_event.authority", a->because, o->arena, err, sizeof(err));
    return st == ST_OK ? office_say(o, &m, 1) : office_fail(o, EXIT_USAGE, "%s", err);
}

static bool is_this_box(void *arg, const uint8_t *content, size_t len)
{
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, len, content);
    bool yes = m && m->message_id.len == ID_BYTES && memcmp(m->message_id.data, arg, ID_BYTES) == 0;

    if (m)
        eocbus__v1__envelope__free_unpacked(m, NULL);
    return yes;
}

enum status registry_drop_keys(struct outbox *box, const uint8_t id[ID_BYTES])
{
    unsigned dropped;

    return outbox_drop_keys(box, is_this_box, (void *)(uintptr_t)id, &dropped);
}

static enum status drop_own_keys(struct office *o, uint8_t ids[][ID_BYTES], unsigned n, char *err,
                                 size_t err_size)
{
    const struct outbox_settings set = {.path = o->set.agent.outbox_path,
                                        .sender = o->set.agent.name,
                                        .budget_bytes = o->set.agent.outbox_budget};
    struct outbox *box;
    enum status st = outbox_open(&box, &set, err, err_size);

    if (st != ST_OK)
        return st;
    for (unsigned i = 0; i < n && st == ST_OK; i++)
        st = registry_drop_keys(box, ids[i]);
    if (st != ST_OK)
        snprintf(err, err_size, "%s", outbox_trouble(box));
    outbox_close(box);
    return st;
}

int registry_erase(struct office *o, const struct asked *a)
{
    uint8_t ids[VAULT_IDS][ID_BYTES];
    unsigned n = vault_boxes(o, a->household, ids);
    char why[400], now[TIME_TEXT], err[600];
    int code;

    if (!a->because)
        return office_fail(o, EXIT_USAGE, "--because says why, without names");
    if (n == 0)
        return office_fail(o, EXIT_REFUSED, "no identity of this household is here to be erased");
    code = say_erased(o, a, ids, n);
    if (code != EXIT_DONE && code != EXIT_UNREACHABLE)
        return code;
    time_format(now, registry_now_us());
    snprintf(why, sizeof(why), "%s by %s: %.200s", now, o->set.agent.name, a->because);
    for (unsigned i = 0; i < n; i++)
        if (vault_erase(o, a->household, ids[i], why, err, sizeof(err)) != ST_OK)
            return office_fail(o, EXIT_MACHINE, "%s", err);
    if (drop_own_keys(o, ids, n, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    return code;
}
