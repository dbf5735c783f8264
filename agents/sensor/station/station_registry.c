/* station_registry - the SensorRegistry message of a station; see station.h. */
#include <string.h>

#include "agents/sensor/station/station.h"

#include "proto/base/banned.h"

/* An array of `count` new messages of one kind, each filled in by `fill`. */
static void *make_list(struct arena *a, const struct station *s, unsigned count, size_t size,
                       void (*fill)(const struct station *s, unsigned i, void *m, struct arena *a))
{
    void **list = arena_alloc(a, (count ? count : 1) * sizeof(*list));

    for (unsigned i = 0; list && i < count; i++) {
        list[i] = arena_alloc(a, size);
        if (!list[i])
            return NULL;
        fill(s, i, list[i], a);
    }
    return list;
}

static void fill_thing(const struct station *s, unsigned i, void *m, struct arena *a)
{
    Eocbus__V1__Thing *t = m;
    Eocbus__V1__Position *p = arena_alloc(a, sizeof(*p));

    eocbus__v1__thing__init(t);
    t->thing_id = s->things[i].id;
    t->name = (char *)s->things[i].name;
    t->altitude_cm = s->things[i].altitude_cm;
    if (!p)
        return; /* the gate refuses a thing without a place */
    eocbus__v1__position__init(p);
    p->lat_e7 = s->things[i].lat_e7;
    p->lon_e7 = s->things[i].lon_e7;
    t->position = p;
}

static void fill_sensor(const struct station *s, unsigned i, void *m, struct arena *a)
{
    Eocbus__V1__Sensor *e = m;

    (void)a;
    eocbus__v1__sensor__init(e);
    e->sensor_id = s->sensors[i].id;
    e->thing_id = s->sensors[i].thing_id;
    e->model = (char *)s->sensors[i].model;
    e->serial = (char *)s->sensors[i].serial;
    e->calibrated_us = s->sensors[i].calibrated_us;
    e->calibration_ref = (char *)s->sensors[i].certificate;
}

static void fill_stream(const struct station *s, unsigned i, void *m, struct arena *a)
{
    const struct datastream *from = &s->streams[i];
    Eocbus__V1__Datastream *d = m;

    (void)a;
    eocbus__v1__datastream__init(d);
    d->datastream_id = from->id;
    d->sensor_id = from->sensor_id;
    d->type = from->type;
    d->unit = from->unit;
    d->exponent = from->exponent;
    d->raw = from->raw;
    d->offset = from->offset;
    d->gain_ppm = from->gain_ppm;
    d->height_mm = from->height_mm;
    d->wire_index = from->wire;
    d->threshold_um_s = from->threshold_um_s;
    d->band_low_dhz = from->band_low_dhz;
    d->band_high_dhz = from->band_high_dhz;
    d->valid_min = from->bounded ? from->low : 0;
    d->valid_max = from->bounded ? from->high : 0;
    d->dt_ms = (uint32_t)((from->normal_us ? from->normal_us : from->step_us) / 1000);
    d->torrent_id = from->torrent_id;
}

static Eocbus__V1__ExposedPoint *exposed_point(const struct station_exposed *from, struct arena *a)
{
    Eocbus__V1__ExposedPoint *e = arena_alloc(a, sizeof(*e));
    Eocbus__V1__Position *p = arena_alloc(a, sizeof(*p));

    if (!e || !p)
        return NULL;
    eocbus__v1__position__init(p);
    p->lat_e7 = from->lat_e7;
    p->lon_e7 = from->lon_e7;
    eocbus__v1__exposed_point__init(e);
    e->point_id = from->point_id;
    e->name = (char *)from->name;
    e->position = p;
    e->distance_m = from->distance_m;
    e->people = from->people;
    return e;
}

static void fill_torrent(const struct station *s, unsigned i, void *m, struct arena *a)
{
    Eocbus__V1__Torrent *t = m;

    eocbus__v1__torrent__init(t);
    t->torrent_id = s->torrents[i].id;
    t->name = (char *)s->torrents[i].name;
    t->exposed = arena_alloc(a, STATION_EXPOSED * sizeof(*t->exposed));
    for (unsigned k = 0; t->exposed && k < s->exposed_count; k++) {
        if (s->exposed[k].torrent_id != t->torrent_id)
            continue;
        t->exposed[t->n_exposed] = exposed_point(&s->exposed[k], a);
        if (t->exposed[t->n_exposed])
            t->n_exposed++;
    }
}

Eocbus__V1__SensorRegistry *station_registry(const struct station *s, const char *gateway,
                                             uint32_t version, const char *pcode, struct arena *a)
{
    Eocbus__V1__SensorRegistry *r = arena_alloc(a, sizeof(*r));

    if (!r)
        return NULL;
    eocbus__v1__sensor_registry__init(r);
    r->version = version;
    r->gateway = (char *)gateway;
    r->n_things = s->thing_count;
    r->n_sensors = s->sensor_count;
    r->n_datastreams = s->stream_count;
    r->n_torrents = s->torrent_count;
    r->things = make_list(a, s, s->thing_count, sizeof(**r->things), fill_thing);
    r->sensors = make_list(a, s, s->sensor_count, sizeof(**r->sensors), fill_sensor);
    r->datastreams = make_list(a, s, s->stream_count, sizeof(**r->datastreams), fill_stream);
    r->torrents = make_list(a, s, s->torrent_count, sizeof(**r->torrents), fill_torrent);
    if (!r->things || !r->sensors || !r->datastreams || !r->torrents)
        return NULL;
    for (size_t i = 0; i < r->n_things && pcode; i++)
        r->things[i]->pcode = (char *)pcode;
    return r;
}
