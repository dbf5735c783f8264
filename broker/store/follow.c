/* follow - see follow.h. */
#include "broker/store/follow.h"

#include <string.h>

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

void follow_init(struct follow *f, const struct follow_exits *exits)
{
    memset(f, 0, sizeof(*f));
    f->exits = *exits;
}

static void read_on(struct follow *f);

static void on_page(void *arg, enum status st, struct parcel **take, uint64_t looked_at)
{
    struct follow *f = arg;

    if (*take) {
        f->is_ahead = f->is_ahead || (*take)->log_epoch > f->log_epoch;
        if (f->is_ahead || f->is_stale || (*take)->seq <= f->handed)
            return;
        f->handed = (*take)->seq;
        (*take)->history = false;
        f->exits.next(f->exits.arg, take);
        return;
    }
    f->is_reading = false;
    if (st == ST_OK && !f->is_stale && !f->is_ahead && looked_at > f->handed)
        f->handed = looked_at; /* a span that was taken away */
    f->is_stale = false;
    if (st == ST_OK)
        read_on(f);
}

static void read_on(struct follow *f)
{
    if (f->is_reading || f->is_ahead || f->handed >= f->head)
        return;
    f->is_reading = true;
    if (f->exits.read(f->exits.arg, f->handed, f->head, on_page, f) != ST_OK)
        f->is_reading = false;
}

static void begin(struct follow *f, uint32_t log_epoch, uint64_t head)
{
    if (f->is_started)
        log_warn("store.epoch", "from=%u to=%u handed=%llu head=%llu", f->log_epoch, log_epoch,
                 (unsigned long long)f->handed, (unsigned long long)head);
    f->is_started = true;
    f->is_stale = f->is_reading;
    f->is_ahead = false;
    f->log_epoch = log_epoch;
    f->handed = f->head = head;
}

void follow_seen(struct follow *f, uint32_t log_epoch, uint64_t head)
{
    if (!f->is_started || log_epoch != f->log_epoch)
        begin(f, log_epoch, head);
    if (head > f->head)
        f->head = head;
    if (!f->is_handing) /* our own numbers are on their way already */
        read_on(f);
}

static void drop_all(struct list *parcels)
{
    struct list *link;

    while ((link = list_pop(parcels))) {
        struct parcel *p = container_of(link, struct parcel, link);

        parcel_drop(&p);
    }
}

static void hand(struct follow *f, struct parcel **take)
{
    if ((*take)->refused || (*take)->repeated) {
        parcel_drop(take);
        return;
    }
    f->handed = (*take)->seq;
    f->exits.next(f->exits.arg, take);
    parcel_drop(take); /* NULL when it was taken */
}

/* Whom it reaches was found out when it was stored, and stands in the log. */
static bool must_be_read(const struct parcel *p)
{
    return !p->refused && !p->repeated && parcel_is_addressed(p);
}

void follow_own(struct follow *f, struct list *parcels, uint64_t before, uint64_t head)
{
    struct list *link;

    if (head > f->head)
        f->head = head;
    if (f->is_reading || f->handed != before) {
        drop_all(parcels);
        read_on(f);
        return;
    }
    f->is_handing = true;
    while ((link = list_pop(parcels))) {
        struct parcel *p = container_of(link, struct parcel, link);

        if (must_be_read(p)) {
            parcel_drop(&p);
            drop_all(parcels);
            break;
        }
        hand(f, &p);
    }
    f->is_handing = false;
    read_on(f);
}
