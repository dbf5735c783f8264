/* crew - see crew.h. */
#include "tests/lib/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/wire/json.h"

#include "proto/base/banned.h"

static void put_key(const struct crew *c, const char *name, const struct keys *keys,
                    const char *path)
{
    struct keys made;
    char err[512];

    if (access(path, F_OK) == 0)
        return;
    if (!keys)
        bus_enrol(c->bus, name, &made);
    if (keys_save(keys ? keys : &made, path, name, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

struct agent *crew_start(const struct crew *c, const char *name, const struct keys *keys,
                         const char *outbox_end)
{
    const struct agent_events events = {.arg = c->arg, .settled = c->settled};
    char key_file[128], outbox[128], err[512];
    char *endpoints[] = {(char *)bus_endpoint(c->bus),
                         c->beside ? (char *)bus_endpoint(c->beside) : NULL};
    struct agent_settings set = {.name = (char *)name,
                                 .key_file = key_file,
                                 .broker_key = (char *)bus_broker_key(c->bus),
                                 .outbox_path = outbox_end ? outbox : NULL,
                                 .link_profile = (char *)"fiber"};
    struct agent *a = NULL;

    snprintf(key_file, sizeof(key_file), "%s/%s.key", c->dir, name);
    snprintf(outbox, sizeof(outbox), "%s/%s%s", c->dir, name, outbox_end ? outbox_end : "");
    put_key(c, name, keys, key_file);
    set.endpoints.items = endpoints;
    set.endpoints.count = c->beside ? 2 : 1;
    if (agent_create(&a, c->loop, &set, "crew 0", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return a;
}

void crew_tell(struct agent *a, struct arena *arena, const char *json)
{
    ProtobufCMessage *m = NULL;
    struct refusal why = {0};
    char err[600];

    arena_reset(arena);
    if (json_parse(&m, &eocbus__v1__envelope__descriptor, json, strlen(json), arena, err,
                   sizeof(err)) != ST_OK)
        fail_msg("%s: %s", err, json);
    if (agent_put(a, (Eocbus__V1__Envelope *)m, NULL, &why) != ST_OK)
        fail_msg("%s: %s: %s", why.path, why.text, json);
}

void crew_say(const struct crew *c, struct agent *a, const char *text, unsigned count,
              unsigned lanes)
{
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    struct refusal why = {0};

    entry.position = (char *)"duty officer";
    entry.text = (char *)text;
    for (unsigned i = 0; i < count * lanes; i++) {
        Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

        m.lane = lanes == 1 ? EOCBUS__V1__LANE__LANE_ROUTINE
                            : (Eocbus__V1__Lane)(EOCBUS__V1__LANE__LANE_BULK - i % lanes);
        m.status = EOCBUS__V1__STATUS__STATUS_TEST;
        m.kind = EOCBUS__V1__KIND__KIND_REPORT;
        m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
        m.event_time_us = loop_utc_us(c->loop);
        m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
        m.activity_log_entry = &entry;
        if (agent_put(a, &m, NULL, &why) != ST_OK)
            fail_msg("%s: %s", why.path, why.text);
    }
    assert_int_equal(agent_flush(a), ST_OK);
}
