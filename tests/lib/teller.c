/* teller - see teller.h. */
#include "tests/lib/teller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "proto/wire/json.h"

#include "proto/base/banned.h"

enum { BROKERS_MAX = 4 };

void teller_start(struct teller *t, struct bus *const *buses, unsigned count, unsigned first,
                  struct loop *loop, const char *name,
                  void (*settled)(void *arg, uint64_t tag, const struct outbox_outcome *oc),
                  void *arg)
{
    const struct agent_events events = {.arg = arg, .settled = settled};
    const char *dir = bus_dir(buses[0]);
    char *endpoints[BROKERS_MAX], err[600];
    struct agent_settings set = {0};
    struct keys keys;

    assert_in_range(count, 1, BROKERS_MAX);
    for (unsigned b = 0; b < count; b++)
        endpoints[b] = (char *)(uintptr_t)bus_endpoint(buses[(b + first) % count]);
    snprintf(t->name, sizeof(t->name), "%s", name);
    snprintf(t->outbox, sizeof(t->outbox), "%s/%s.db", dir, name);
    snprintf(t->key_file, sizeof(t->key_file), "%s/%s.key", dir, name);
    bus_enrol(buses[0], name, &keys);
    if (keys_save(&keys, t->key_file, name, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    set.name = t->name;
    set.key_file = t->key_file;
    set.endpoints.items = endpoints;
    set.endpoints.count = count;
    set.broker_key = (char *)(uintptr_t)bus_broker_key(buses[0]);
    set.outbox_path = t->outbox;
    set.outbox_budget = (size_t)256 * 1024 * 1024;
    set.link_profile = (char[]){"fiber"};
    set.log_level = (char[]){"error"};
    if (agent_create(&t->agent, loop, &set, "teller 1", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

void teller_end(struct teller *t)
{
    agent_destroy(t->agent);
    t->agent = NULL;
}

void teller_put(struct teller *t, struct arena *arena, const char *json)
{
    ProtobufCMessage *m = NULL;
    struct refusal why = {0};
    char err[600];

    arena_reset(arena);
    if (json_parse(&m, &eocbus__v1__envelope__descriptor, json, strlen(json), arena, err,
                   sizeof(err)) != ST_OK)
        fail_msg("%s: %s", err, json);
    if (agent_put(t->agent, (Eocbus__V1__Envelope *)m, NULL, &why) != ST_OK)
        fail_msg("%s: %s: %s", why.path, why.text, json);
}
