/* site - the siren as it stands here: its driver, the file that a power cut leaves, its reports.
 *
 * It sounds by itself for what the gateway concluded, before anything is written or said of it, and
 * for orders that control took. Each thing it did, or did not, is a SirenReport; reports wait here,
 * in order, while the outbox takes none. */
#ifndef EOCBUS_SENSOR_SIREN_SITE_H
#define EOCBUS_SENSOR_SIREN_SITE_H

#include "agents/sensor/report/say.h"
#include "agents/sensor/siren/decide.h"
#include "agents/sensor/siren/driver.h"

enum { SITE_OWED_H = 12 }; /* a working day of MAINTENANCE, and no more */

struct site;

struct site_settings { /* borrowed for its life, the texts and lists for the call */
    struct loop *loop;
    const char *driver; /* the setting siren; "" = there is none, and every order is refused */
    const struct conf_list *sounds;
    unsigned timeout_ms;
    const char *kept_path;
    const struct speaker *speaker; /* copied */
    /* What was concluded from samples older than that is no news, if the clock is known; 0 = all
     * is. */
    int64_t late_us;
    enum status (*publish)(void *arg, const char *topic, const void *bytes, size_t len);
    enum status (*put)(void *arg, Eocbus__V1__Envelope *m, struct refusal *why);
    enum status (*commit)(void *arg);
    bool (*clock_is_known)(void *arg);
    bool (*is_linked)(void *arg);
    void *arg;
};

/* ST_INVALID, ST_IO: `err` is a sentence. A sound that a power cut ended goes on. */
MUST_CHECK enum status site_create(struct site **out, const struct site_settings *set, char *err,
                                   size_t err_size);
void site_destroy(struct site *s); /* a siren that sounds is left to end by itself */

/* True: the siren was asked to sound. m carries a SensorDetection with this message_id. A level
 * that should sound and does not yet, because its samples are old, people work there or nobody saw
 * the flow, is owed: site_look sounds it, until a lower level is concluded, somebody says silence,
 * or it was owed for SITE_OWED_H hours by a clock that is known: who was switched off meanwhile
 * does not sound yesterday's alarm. What an exercise concludes neither ends nor sounds what is
 * owed. */
bool site_concluded(struct site *s, const Eocbus__V1__Envelope *m, const uint8_t message_id[16]);
/* holds: the level as it is now, by all detectors; one that is under what is owed sounds nothing.
 * flow_us: when the flow was seen last by a detector that warns of it now (detect_flow_us). Call it
 * after every sample, and as time passes. */
void site_look(struct site *s, Eocbus__V1__DetectionLevel holds, int64_t flow_us);
void site_maintenance(struct site *s, bool on);
/* An order that was signed, approved, for us and not over. Says itself what became of it. */
void site_obey(struct site *s, const Eocbus__V1__Envelope *m);
/* An order that was not. */
void site_refuse(struct site *s, const Eocbus__V1__Envelope *m, Eocbus__V1__SirenResult result,
                 const char *code);
bool site_has_siren(const struct site *s);
bool site_clock_is_known(const struct site *s);
/* This order went on after a start: the bus hands it over once more. */
bool site_goes_on_with(const struct site *s, const uint8_t message_id[16]);

#endif
