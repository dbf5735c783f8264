/* say - a gateway's messages: what each carries around its body. No I/O: `put` takes them. */
#ifndef EOCBUS_SENSOR_SAY_H
#define EOCBUS_SENSOR_SAY_H

#include "agents/sensor/detect/detect.h"
#include "agents/sensor/station/station.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/wire/observations.h"

/* What stays the same from message to message. Everything is borrowed. */
struct speaker {
    const char *gateway; /* principal */
    const char *place;   /* P-code; "" = none */
    Eocbus__V1__Status status;
    Eocbus__V1__ClockSource clock;
    Eocbus__V1__Hazard hazard;
    uint32_t flags; /* bits of Flag */
    uint32_t registry_version;
    /* Samples whose newest is older than that at now_us were recorded while the gateway was away:
     * their message is marked FLAG_BACKFILL and pages nobody. 0 in either = never (a replay). */
    int64_t backfill_us, now_us;
    Eocbus__V1__Lane lane; /* of samples; 0 = BULK */
    struct arena *arena;   /* for one message; reset by each say_... */
    /* ST_OK and ST_EXISTS (said in an earlier run) are both well. The message is borrowed. */
    enum status (*put)(void *arg, Eocbus__V1__Envelope *m, struct refusal *why);
    void *arg;
    struct refusal why; /* of the last ST_INVALID */
};

/* One batch of these channels; halves it while it is too large for a message. `*said`: channels
 * that went out, also when a later part failed. */
MUST_CHECK enum status say_observations(struct speaker *s, const struct channel *channels,
                                        size_t count, size_t *said);
/* What was concluded and not said; ST_NOTFOUND: nothing. Marks it as said. */
MUST_CHECK enum status say_detection(struct speaker *s, struct detect *d);
MUST_CHECK enum status say_registry(struct speaker *s, const struct station *station,
                                    int64_t now_us);
MUST_CHECK enum status say_status(struct speaker *s, const Eocbus__V1__SensorStatus *body,
                                  int64_t now_us);
/* What a siren did. event_us: when; linked: a broker hears it now, else it is told of later, and
 * marked as such. Its cause is what it answers. */
MUST_CHECK enum status say_siren_report(struct speaker *s, const Eocbus__V1__SirenReport *body,
                                        int64_t event_us, bool linked);

/* The answer to an order: ACCEPTED or REJECTED, with a stable word and a sentence. */
struct say_answer {
    const uint8_t *message_id; /* 16 bytes */
    Eocbus__V1__ReceiptLevel level;
    const char *to; /* who gave it */
    const char *code, *text;
};
MUST_CHECK enum status say_answer(struct speaker *s, const struct say_answer *a, int64_t now_us);
/* What was dropped, by whoever drops it: `thin` fills in and puts what it is given. Leaves the
 * arena alone, since it comes in the middle of other words. */
MUST_CHECK enum status say_thinned(const struct speaker *s, int64_t now_us,
                                   enum status (*thin)(void *arg, Eocbus__V1__Envelope *m,
                                                       struct refusal *why),
                                   void *arg);

/* The numbers of a detector, as they are in force. */
MUST_CHECK enum status say_numbers(struct speaker *s, const Eocbus__V1__SensorConfiguration *body,
                                   int64_t now_us);

#endif
