/* configure - the numbers of a detector as a message, and from one. See detect.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/detect/detect.h"
#include "agents/sensor/detect/profiles.h"

#include "proto/base/banned.h"

/* --- telling ---------------------------------------------------------------------------------- */

static unsigned count_of_profile(const struct detect *d, const struct profile *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < d->count; i++)
        n += d->detector[i].profile == p;
    return n;
}

static const char *first_stream(const struct detect *d, const struct detector *one)
{
    return one->stream_count ? d->station->streams[one->stream[0]].name : "";
}

static char *name_of(const struct detect *d, const struct detector *one, struct arena *arena)
{
    if (count_of_profile(d, one->profile) < 2)
        return arena_printf(arena, "%s", one->profile->name);
    return arena_printf(arena, "%s@%s", one->profile->name, first_stream(d, one));
}

static Eocbus__V1__ProfileParameter *tell_number(const struct detector *one, unsigned i,
                                                 struct arena *arena)
{
    Eocbus__V1__ProfileParameter *p = arena_alloc(arena, sizeof(*p));

    if (!p)
        return NULL;
    eocbus__v1__profile_parameter__init(p);
    p->name = (char *)one->profile->parameters[i].name;
    p->value = one->exact[i].m;
    p->exponent = one->exact[i].e;
    p->unit = one->profile->parameters[i].unit;
    return p;
}

enum status detect_parameters(const struct detect *d, unsigned i, struct arena *arena,
                              Eocbus__V1__SensorConfiguration **out)
{
    const struct detector *one = i < d->count ? &d->detector[i] : &d->fusion;
    unsigned count = profile_parameters(one->profile);
    Eocbus__V1__SensorConfiguration *c;

    if (i > d->count)
        return ST_NOTFOUND;
    c = arena_alloc(arena, sizeof(*c));
    if (!c)
        return ST_NOMEM;
    eocbus__v1__sensor_configuration__init(c);
    c->profile = name_of(d, one, arena);
    c->profile_version = one->version;
    c->parameters = arena_alloc(arena, count * sizeof(*c->parameters));
    if (!c->profile || !c->parameters)
        return ST_NOMEM;
    for (; c->n_parameters < count; c->n_parameters++) {
        c->parameters[c->n_parameters] = tell_number(one, (unsigned)c->n_parameters, arena);
        if (!c->parameters[c->n_parameters])
            return ST_NOMEM;
    }
    *out = c;
    return ST_OK;
}

/* --- being told ------------------------------------------------------------------------------- */

struct complaint {
    const char *profile;
    char *err;
    size_t err_size;
};

static enum status complain(const struct complaint *c, const char *legal)
{
    snprintf(c->err, c->err_size, "%s: %s", c->profile, legal);
    return ST_INVALID;
}

static enum status find_detector(struct detect *d, const struct complaint *c, struct detector **out)
{
    struct slice rest = slice_of(c->profile), name, stream = {NULL, 0};
    unsigned found = 0;

    (void)slice_next(&rest, '@', &name);
    stream = rest;
    *out = NULL;
    if (slice_is(name, profile_fusion.name) && !stream.at) {
        *out = &d->fusion;
        return ST_OK;
    }
    for (unsigned i = 0; i < d->count; i++) {
        struct detector *one = &d->detector[i];

        if (!slice_is(name, one->profile->name) ||
            (stream.at && !slice_is(stream, first_stream(d, one))))
            continue;
        *out = one;
        found++;
    }
    if (found == 1)
        return ST_OK;
    return complain(c, found ? "several detectors have this profile; legal is PROFILE@DATASTREAM "
                               "with a first datastream that one of them has"
                             : "no detector of this gateway has this profile");
}

/* All of them into `fresh`, a copy, and nothing but them. */
static enum status take_numbers(struct detector *fresh, const Eocbus__V1__SensorConfiguration *c,
                                const struct complaint *to)
{
    bool given[DETECTOR_NUMBERS] = {false};
    char why[300];

    for (size_t k = 0; k < c->n_parameters; k++) {
        const Eocbus__V1__ProfileParameter *p = c->parameters[k];
        int i = profile_parameter(fresh->profile, slice_of(p->name));
        struct decimal number = {p->value, p->exponent};

        if (i < 0 || given[i]) {
            snprintf(why, sizeof(why), "%.48s is %s", p->name,
                     i < 0 ? "no parameter of this profile" : "given twice");
            return complain(to, why);
        }
        if (p->unit != fresh->profile->parameters[i].unit) {
            snprintf(why, sizeof(why), "%s has another unit here; detect_parameters tells which",
                     p->name);
            return complain(to, why);
        }
        if (profile_accepts(fresh->profile, (unsigned)i, number, why, sizeof(why)) != ST_OK)
            return complain(to, why);
        given[i] = true;
        fresh->exact[i] = number;
        fresh->number[i] = decimal_real(number);
    }
    for (unsigned i = 0; i < profile_parameters(fresh->profile); i++) {
        if (given[i])
            continue;
        snprintf(why, sizeof(why), "%s is missing; every parameter has to be given",
                 fresh->profile->parameters[i].name);
        return complain(to, why);
    }
    return ST_OK;
}

enum status detect_configure(struct detect *d, const Eocbus__V1__SensorConfiguration *c, char *err,
                             size_t err_size)
{
    const struct complaint to = {c->profile, err, err_size};
    struct detector *one, fresh;
    const char *why;
    char text[120];
    enum status st = find_detector(d, &to, &one);

    if (st != ST_OK)
        return st;
    if (c->profile_version <= one->version) {
        snprintf(text, sizeof(text), "version %" PRIu32 " is in force; legal is a higher one",
                 one->version);
        return complain(&to, text);
    }
    fresh = *one;
    st = take_numbers(&fresh, c, &to);
    if (st != ST_OK)
        return st;
    why = fresh.profile->check ? fresh.profile->check(fresh.number) : NULL;
    if (why)
        return complain(&to, why);
    fresh.version = c->profile_version;
    *one = fresh;
    if (one->profile->ready)
        one->profile->ready(one);
    return ST_OK;
}
