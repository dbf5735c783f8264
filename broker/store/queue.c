/* queue - see queue.h. */
#include "broker/store/queue.h"

#include "proto/base/banned.h"

void queue_init(struct queue *q, unsigned rows_max, size_t bytes_max)
{
    *q = (struct queue){.rows_max = rows_max, .bytes_max = bytes_max};
    for (unsigned i = 0; i < QUEUE_LANES; i++)
        list_init(&q->lane[i]);
    list_init(&q->again);
}

static struct list *lane_of(struct queue *q, const struct parcel *p)
{
    unsigned lane = p->id.lane;

    /* Refused parcels may say anything; nobody waits for them. */
    return &q->lane[lane >= 1 && lane <= QUEUE_LANES ? lane - 1 : QUEUE_LANES - 1];
}

static void count(struct queue *q, const struct parcel *p, bool in)
{
    size_t size = parcel_size_bytes(p);

    q->rows = in ? q->rows + 1 : q->rows - 1;
    q->bytes = in ? q->bytes + size : q->bytes - size;
}

/* An eighth on top is for FLASH alone: one sender of PRIORITY can keep a queue full, and an alarm
 * was told "later" 57 times in four seconds (six connections of one principal, measured). */
bool queue_has_room(const struct queue *q, const struct parcel *p)
{
    bool is_flash = !p->refused && p->id.lane == QUEUE_LANE_FLASH;
    size_t rows = q->rows_max, bytes = q->bytes_max;

    if (is_flash) {
        rows += rows / 8;
        bytes += bytes / 8;
    }
    return q->rows < rows && q->bytes + parcel_size_bytes(p) <= bytes;
}

void queue_put(struct queue *q, struct parcel *p)
{
    count(q, p, true);
    list_add_tail(lane_of(q, p), &p->link);
}

void queue_put_back(struct queue *q, struct list *parcels)
{
    struct list *pos;

    list_each(pos, parcels)
        count(q, container_of(pos, struct parcel, link), true);
    list_move(parcels, &q->again);
    list_move(&q->again, parcels);
}

/* While anything stands in `again` nothing passes it. */
static struct list *next_list(struct queue *q)
{
    if (!list_empty(&q->again))
        return &q->again;
    for (unsigned i = 0; i < QUEUE_LANES; i++)
        if (!list_empty(&q->lane[i]))
            return &q->lane[i];
    return NULL;
}

static struct parcel *take_from(struct queue *q, struct list *from)
{
    struct parcel *p = container_of(list_pop(from), struct parcel, link);

    count(q, p, false);
    return p;
}

struct parcel *queue_take(struct queue *q)
{
    struct list *from = next_list(q);

    return from ? take_from(q, from) : NULL;
}

void queue_fill(struct queue *q, struct batch *b, unsigned limit)
{
    bool from_again = !list_empty(&q->again);
    struct list *from;

    while (batch_rows(b) < limit && (from = next_list(q))) {
        struct parcel *p = container_of(list_first(from), struct parcel, link);

        if (from_again != (from == &q->again))
            return;
        if (batch_add(b, &p) != ST_OK)
            return; /* its place is in this batch: it and what is behind it wait for the next */
        (void)take_from(q, from); /* the batch's now */
    }
}
