/* inputs - see inputs.h. */
#include "agents/sensor/input/inputs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/input/feed.h"
#include "agents/sensor/input/folder.h"
#include "agents/sensor/input/listen.h"
#include "agents/sensor/input/mqtt.h"
#include "agents/sensor/input/serial.h"
#include "agents/sensor/input/udp.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

#define TICK_MS       1000
#define SEGMENT_BYTES (1u << 20)
#define TEXT_BYTES    (1u << 20)
#define DAY_US        INT64_C(86400000000)
enum { DOORS = 16, TOPICS = 64, WORDS_MAX = DEVICES + 1 };

struct inputs {
    struct inputs_settings set;
    struct arena *texts; /* of the devices */
    struct devices devices;
    struct journal *journal;
    struct intake *intake;
    struct feed feed;
    struct loop_hook *hook;
    struct loop_timer *timer;
    struct listener *listener;
    struct sources listen_from, udp_from;
    struct udp *udp[DOORS];
    struct serial *serial[DOORS];
    struct folder *folder[DOORS];
    struct mqtt *mqtt, *speaks; /* speaks: only publishes */
    struct intake_waiter mqtt_waiter;
    char *topic[TOPICS];
    struct conf_list topics;
    struct feed_route route[TOPICS];
    uint64_t messages;
    bool repeated; /* a message came that is kept already: nothing to commit, but somebody waits */
};

/* --- the intake ------------------------------------------------------------------------------- */

static int before_wait(void *arg)
{
    struct inputs *in = arg;
    char why[INTAKE_ANSWER_BYTES];

    /* Who waits is told; what went wrong is logged. */
    if (in->repeated || intake_pending(in->intake) || intake_is_due(in->intake) ||
        journal_has_news(in->journal))
        (void)!intake_commit(in->intake, why);
    in->repeated = false;
    return 0;
}

static void after_wait(void *arg)
{
    (void)arg;
}

static void on_tick(void *arg)
{
    struct inputs *in = arg;

    intake_tick(in->intake, loop_utc_us(in->set.loop));
}

static enum status open_journal(struct inputs *in, char *err, size_t err_size)
{
    const struct inputs_conf *conf = in->set.conf;
    struct journal_settings set = {.budget_bytes = conf->journal_budget,
                                   .segment_bytes = SEGMENT_BYTES,
                                   .keep_us = conf->journal_keep_days * DAY_US,
                                   .now_us = loop_utc_us(in->set.loop)};
    char path[1024];

    set.path = inputs_journal_path(conf, in->set.outbox_path, path, sizeof(path));
    return journal_open(&in->journal, &set, err, err_size);
}

const char *inputs_journal_path(const struct inputs_conf *conf, const char *outbox_path, char *out,
                                size_t size)
{
    if (*conf->journal_path)
        return conf->journal_path;
    snprintf(out, size, "%s.journal", outbox_path);
    return out;
}

static enum status open_intake(struct inputs *in, char *err, size_t err_size)
{
    struct intake_settings set = in->set.intake;
    struct journal_counts counts;
    enum status st;

    set.journal = in->journal;
    set.now_us = loop_utc_us(in->set.loop);
    st = intake_create(&in->intake, &set, err, err_size);
    if (st != ST_OK)
        return st;
    in->feed.intake = in->intake;
    in->feed.journal = in->journal;
    journal_counts(in->journal, &counts);
    if (counts.damaged)
        log_error("sensor.journal.damaged",
                  "stretches=%" PRIu64 " next=\"what could be read is used\"", counts.damaged);
    st = loop_hook_create(&in->hook, in->set.loop, before_wait, after_wait, in);
    if (st == ST_OK)
        st = loop_timer_create(&in->timer, in->set.loop, on_tick, in);
    if (st == ST_OK)
        loop_timer_start(in->timer, TICK_MS, TICK_MS);
    return st;
}

/* --- lines, datagrams, serial lines, folders -------------------------------------------------- */

static enum status open_listener(struct inputs *in, char *err, size_t err_size)
{
    const struct listener_settings door = {.loop = in->set.loop,
                                           .intake = in->intake,
                                           .address = in->set.conf->listen,
                                           .connections = in->set.conf->listen_connections,
                                           .period_ms = TICK_MS,
                                           .from = &in->listen_from};
    enum status st;

    if (!*door.address)
        return ST_OK;
    st = listener_create(&in->listener, &door, err, err_size);
    if (st == ST_OK)
        log_info("sensor.listen", "address=%s port=%u", door.address, listener_port(in->listener));
    return st;
}

static enum status check_count(const char *row, const struct conf_list *list, char *err,
                               size_t err_size)
{
    if (list->count <= DOORS)
        return ST_OK;
    snprintf(err, err_size, "more than %d lines %s", DOORS, row);
    return ST_INVALID;
}

static enum status open_doors(struct inputs *in, char *err, size_t err_size)
{
    const struct inputs_conf *conf = in->set.conf;
    enum status st = check_count("udp", &conf->udp, err, err_size);

    if (st == ST_OK)
        st = check_count("serial", &conf->serial, err, err_size);
    if (st == ST_OK)
        st = check_count("folder", &conf->folders, err, err_size);
    for (size_t i = 0; st == ST_OK && i < conf->udp.count; i++)
        st = udp_create(&in->udp[i], in->set.loop, &in->feed, &in->udp_from, &in->devices,
                        conf->udp.items[i], err, err_size);
    for (size_t i = 0; st == ST_OK && i < conf->serial.count; i++)
        st = serial_create(&in->serial[i], in->set.loop, &in->feed, &in->devices,
                           conf->serial.items[i], err, err_size);
    for (size_t i = 0; st == ST_OK && i < conf->folders.count; i++)
        st = folder_create(&in->folder[i], in->set.loop, &in->feed, &in->devices,
                           conf->folders.items[i], conf->folder_period_ms, err, err_size);
    return st;
}

/* --- MQTT ------------------------------------------------------------------------------------- */

static uint64_t message_hash(const struct mqtt_message *m)
{
    uint64_t h = text_hash(0, m->topic, strlen(m->topic) + 1);

    h = text_hash(h, &m->id, sizeof(m->id));
    return text_hash(h, m->payload, m->len);
}

/* Each time we ask for its topic it comes again, and says nothing about now. */
static bool is_stale(const struct mqtt_message *m, const struct feed_route *route)
{
    const struct device *d = route->device[0];

    return m->retained && !*d->time && (d->format == DEVICE_JSON || d->format == DEVICE_CSV);
}

static void on_message(void *arg, const struct mqtt_message *m)
{
    struct inputs *in = arg;
    int64_t now_us = loop_utc_us(in->set.loop);
    uint64_t hash = message_hash(m);
    char source[256];
    struct feed_from from = {.source = source, .topic = m->topic};

    in->messages++;
    if (m->id && m->maybe_again && intake_knows(in->intake, hash)) {
        in->repeated = true;
        return;
    }
    if (m->id)
        intake_took(in->intake, hash);
    snprintf(source, sizeof(source), "mqtt %.240s", m->topic);
    if (m->subscription >= in->topics.count) {
        feed_unknown(&in->feed, source, "no mqtt.topic of the settings fits", m->payload, m->len,
                     now_us);
        return;
    }
    from.devices = in->route[m->subscription].device;
    from.count = in->route[m->subscription].count;
    if (is_stale(m, &in->route[m->subscription]))
        feed_unknown(&in->feed, source, "retained, and says no time: not taken", m->payload, m->len,
                     now_us);
    else
        feed_take(&in->feed, &from, m->payload, m->len, now_us);
}

static void on_mqtt_settled(void *arg, const char *why)
{
    mqtt_release(((struct inputs *)arg)->mqtt, why == NULL);
}

static enum status read_topic(struct inputs *in, const char *line, char *err, size_t err_size)
{
    struct slice words[WORDS_MAX];
    int count = words_split(words, WORDS_MAX, line);
    size_t i = in->topics.count;

    if (count < 2 || i == TOPICS) {
        snprintf(err, err_size, "mqtt.topic = %s: legal is TOPIC DEVICE..., as in gusar/+/up radar",
                 line);
        return ST_INVALID;
    }
    in->topic[i] = arena_printf(in->texts, "%.*s", (int)words[0].len, words[0].at);
    if (!in->topic[i])
        return ST_NOMEM;
    in->topics.items = in->topic;
    in->topics.count++;
    return feed_route_read(&in->route[i], &in->devices, words, 1, count, "mqtt.topic", line, err,
                           err_size);
}

static enum status read_devices(struct inputs *in, const struct station *station, char *err,
                                size_t err_size)
{
    const struct inputs_conf *conf = in->set.conf;
    enum status st = arena_create(&in->texts, TEXT_BYTES);

    if (st == ST_OK)
        st = devices_read(&in->devices, station, &conf->devices, in->texts, err, err_size);
    for (size_t i = 0; st == ST_OK && i < conf->mqtt_topics.count; i++)
        st = read_topic(in, conf->mqtt_topics.items[i], err, err_size);
    if (st == ST_OK)
        st = sources_read(&in->listen_from, "listen.from", &conf->listen_from, err, err_size);
    if (st == ST_OK)
        st = sources_read(&in->udp_from, "udp.from", &conf->udp_from, err, err_size);
    if (st == ST_OK && conf->mqtt_topics.count && !*conf->mqtt_broker) {
        snprintf(err, err_size, "mqtt.topic is set and mqtt.broker is not");
        return ST_INVALID;
    }
    return st;
}

static void mqtt_settings(struct inputs *in, struct mqtt_settings *out)
{
    const struct inputs_conf *conf = in->set.conf;

    *out = (struct mqtt_settings){
        .loop = in->set.loop,
        .broker = conf->mqtt_broker,
        .protocol = conf->mqtt_protocol,
        .client = *conf->mqtt_client ? conf->mqtt_client : in->set.name,
        .ca = conf->mqtt_ca,
        .cert = conf->mqtt_cert,
        .key = conf->mqtt_key,
        .password_file = conf->mqtt_password,
        .topics = &in->topics,
        .retry_ms = conf->mqtt_retry_ms,
        .message = on_message,
        .arg = in,
    };
}

static enum status open_mqtt(struct inputs *in, char *err, size_t err_size)
{
    struct mqtt_settings set;
    enum status st;

    if (!*in->set.conf->mqtt_broker)
        return ST_OK;
    mqtt_settings(in, &set);
    if (in->topics.count) {
        st = mqtt_create(&in->mqtt, &set, err, err_size);
        if (st != ST_OK)
            return st;
        in->mqtt_waiter = (struct intake_waiter){.settled = on_mqtt_settled, .arg = in};
        intake_wait(in->intake, &in->mqtt_waiter);
    }
    if (!in->set.publishes)
        return ST_OK;
    set.topics = NULL;
    set.client = NULL; /* one for each connection */
    return mqtt_create(&in->speaks, &set, err, err_size);
}

enum status inputs_publish(void *arg, const char *topic, const void *bytes, size_t len)
{
    struct inputs *in = arg;

    return in->speaks ? mqtt_publish(in->speaks, topic, bytes, len) : ST_NOTFOUND;
}

/* --- the door --------------------------------------------------------------------------------- */

enum status inputs_create(struct inputs **out, const struct inputs_settings *set, char *err,
                          size_t err_size)
{
    struct inputs *in = mem_zalloc(sizeof(*in));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!in)
        return ST_NOMEM;
    in->set = *set;
    st = read_devices(in, set->intake.station, err, err_size);
    if (st == ST_OK)
        st = open_journal(in, err, err_size);
    if (st == ST_OK)
        st = open_intake(in, err, err_size);
    if (st == ST_OK)
        st = open_listener(in, err, err_size);
    if (st == ST_OK)
        st = open_doors(in, err, err_size);
    if (st == ST_OK)
        st = open_mqtt(in, err, err_size);
    if (st != ST_OK) {
        inputs_destroy(in);
        return st;
    }
    *out = in;
    return ST_OK;
}

enum status inputs_check(const struct inputs_conf *conf, const struct station *station,
                         const char *name, char *err, size_t err_size)
{
    struct inputs *in = mem_zalloc(sizeof(*in));
    struct mqtt_settings mqtt;
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!in)
        return ST_NOMEM;
    in->set.conf = conf;
    in->set.name = name;
    st = read_devices(in, station, err, err_size);
    if (st == ST_OK && *conf->mqtt_broker) {
        mqtt_settings(in, &mqtt);
        st = mqtt_check(&mqtt, err, err_size);
    }
    arena_destroy(in->texts);
    mem_free(in);
    return st;
}

const char *inputs_open_door(const struct inputs_conf *conf)
{
    if (*conf->listen && !conf->listen_from.count && sources_are_others(conf->listen))
        return "listen";
    for (size_t i = 0; i < conf->udp.count && !conf->udp_from.count; i++) {
        const char *line = conf->udp.items[i];
        char address[80];

        snprintf(address, sizeof(address), "%.*s", (int)strcspn(line, " \t"), line);
        if (sources_are_others(address))
            return "udp";
    }
    return NULL;
}

static void close_doors(struct inputs *in)
{
    if (in->mqtt)
        intake_unwait(&in->mqtt_waiter);
    mqtt_destroy(in->mqtt);
    mqtt_destroy(in->speaks);
    for (unsigned i = 0; i < DOORS; i++) {
        udp_destroy(in->udp[i]);
        serial_destroy(in->serial[i]);
        folder_destroy(in->folder[i]);
    }
    listener_destroy(in->listener);
}

void inputs_destroy(struct inputs *in)
{
    if (!in)
        return;
    /* Commits, which answers who waits, before they go. */
    if (in->intake)
        intake_flush(in->intake, loop_utc_us(in->set.loop));
    close_doors(in);
    loop_hook_destroy(in->hook);
    loop_timer_destroy(in->timer);
    intake_destroy(in->intake);
    journal_close(in->journal);
    arena_destroy(in->texts);
    mem_free(in);
}

struct intake *inputs_intake(struct inputs *in)
{
    return in->intake;
}

void inputs_counts(const struct inputs *in, struct inputs_counts *out)
{
    *out = (struct inputs_counts){.unknown = in->feed.unknown,
                                  .mqtt = in->messages,
                                  .mqtt_linked = in->mqtt && mqtt_is_linked(in->mqtt)};
    intake_counts(in->intake, &out->intake);
    journal_counts(in->journal, &out->journal);
}
