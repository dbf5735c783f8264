/* thin - see thin.h. */
#include "agents/sensor/report/thin.h"

#include <string.h>

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word
#define TYPE(word) EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word

enum { REMEMBERED_MOST = 3600, REMEMBERED_UNKNOWN = 600 };
enum how { HOW_LAST, HOW_LARGEST, HOW_SUM, HOW_CHANGE };

struct thin {
    enum how how;
    int64_t every_us;
    bool open, any_value; /* a while has begun; something of it is a value */
    int64_t began_us;
    size_t taken, ended; /* samples of this while, of the one before */
    struct sample one;   /* that stands for it so far */
    bool has_said;
    int64_t said; /* the value reported last */
    struct sample *ring;
    unsigned size, first, count;
};

static enum how how_of(Eocbus__V1__ObservationType type)
{
    switch (type) {
    case TYPE(RAIN_ACC):
        return HOW_SUM;
    case TYPE(TRIPWIRE):
        return HOW_CHANGE;
    case TYPE(RAIN_INT):
    case TYPE(GV_RMS):
    case TYPE(GV_PEAK):
    case TYPE(GV_IMP):
    case TYPE(INFRA_RMS_LF):
    case TYPE(INFRA_RMS_HF):
    case TYPE(SURF_VEL):
    case TYPE(SEIS_PGA):
        return HOW_LARGEST;
    default:
        return HOW_LAST;
    }
}

enum status thin_create(struct thin **out, const struct datastream *from, int64_t before_us)
{
    struct thin *t = mem_zalloc(sizeof(*t));
    int64_t wanted = from->step_us ? before_us / from->step_us : REMEMBERED_UNKNOWN;

    if (!t)
        return ST_NOMEM;
    t->how = how_of(from->type);
    t->every_us = from->normal_us;
    t->size = wanted < REMEMBERED_MOST ? (unsigned)wanted + 1 : REMEMBERED_MOST;
    t->ring = mem_alloc(t->size * sizeof(*t->ring));
    if (!t->ring) {
        mem_free(t);
        return ST_NOMEM;
    }
    *out = t;
    return ST_OK;
}

void thin_destroy(struct thin *t)
{
    if (!t)
        return;
    mem_free(t->ring);
    mem_free(t);
}

void thin_reset(struct thin *t)
{
    t->open = t->has_said = false;
    t->taken = t->ended = 0;
    t->count = 0;
}

static void remember(struct thin *t, const struct sample *s)
{
    if (t->how == HOW_SUM)
        return;
    if (t->count == t->size)
        thin_take_before(t);
    t->ring[(t->first + t->count++) % t->size] = *s;
}

const struct sample *thin_before(const struct thin *t)
{
    return t->count ? &t->ring[t->first] : NULL;
}

void thin_take_before(struct thin *t)
{
    t->first = (t->first + 1) % t->size;
    t->count--;
}

static void begin(struct thin *t, const struct sample *s)
{
    t->open = true;
    t->taken = 1;
    t->any_value = !(s->flags & FLAG(MISSING));
    /* Whiles begin at whole ones of the clock, so that gateways and days can be compared. */
    t->began_us = s->time_us - s->time_us % t->every_us;
    t->one = *s;
}

/* A value beats none; then as the kind of the channel wants it. */
static void join(struct thin *t, const struct sample *s)
{
    uint32_t flags = t->one.flags | s->flags;
    int64_t value = t->one.value;

    t->taken++;
    if (!(s->flags & FLAG(MISSING))) {
        if (!t->any_value || t->how == HOW_LAST || t->how == HOW_CHANGE)
            value = s->value;
        else if (t->how == HOW_SUM)
            value += s->value;
        else if (s->value > value)
            value = s->value;
        t->any_value = true;
    }
    t->one = (struct sample){s->time_us, value, t->any_value ? flags & ~FLAG(MISSING) : flags};
}

bool thin_end(struct thin *t, struct sample *out)
{
    if (!t->open)
        return false;
    t->open = false;
    t->ended = t->taken;
    t->has_said = true;
    t->said = t->one.value;
    *out = t->one;
    return true;
}

size_t thin_open(const struct thin *t)
{
    return t->open ? t->taken : 0;
}

size_t thin_ended(const struct thin *t)
{
    return t->ended;
}

bool thin_add(struct thin *t, const struct sample *s, struct sample *out)
{
    bool over = t->open && s->time_us - t->began_us >= t->every_us;
    bool ready = over && thin_end(t, out);

    remember(t, s);
    if (!t->open)
        begin(t, s);
    else
        join(t, s);
    /* A wire that is cut is said at once; the while before it, if it ended just now, is of the same
     * news and gives way. */
    if (t->how == HOW_CHANGE && !(s->flags & FLAG(MISSING)) &&
        (!t->has_said || s->value != t->said)) {
        t->taken += ready ? t->ended : 0;
        return thin_end(t, out);
    }
    return ready;
}
