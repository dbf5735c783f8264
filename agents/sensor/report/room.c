/* room - see room.h. */
#include "agents/sensor/report/room.h"

#include "proto/base/banned.h"

#define LANE(word) EOCBUS__V1__LANE__LANE_##word

/* One word for a hundred minutes of a quiet gateway; of an event, as few as make room. */
enum { BULK_ROWS = 100, ROUTINE_ROWS = 10 };

struct thinning {
    struct outbox *outbox;
    unsigned lane, rows;
};

static enum status thin(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    const struct thinning *t = arg;

    return outbox_thin(t->outbox, t->lane, t->rows, m, why);
}

enum status room_make(struct outbox *o, const struct speaker *s, unsigned lane, int64_t now_us)
{
    struct thinning t = {o, LANE(BULK), BULK_ROWS};
    enum status st = say_thinned(s, now_us, thin, &t);

    if (st != ST_NOTFOUND || lane >= LANE(ROUTINE))
        return st;
    t = (struct thinning){o, LANE(ROUTINE), ROUTINE_ROWS};
    return say_thinned(s, now_us, thin, &t);
}
