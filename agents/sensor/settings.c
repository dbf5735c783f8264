/* settings - see settings.h. */
#include "agents/sensor/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/wire/limits.h"

#include "proto/base/banned.h"

#define STATION_BYTES (1u << 20)
#define ROW(member)   offsetof(struct sensor_settings, member)

const struct conf_row sensor_rows[] = {
    AGENT_CONF_ROWS(struct sensor_settings, agent),
    {"place", CONF_TEXT, ROW(place), "", 0,
     "P-code of the district or jamoat that the messages are about; topics come from it", 0, 0},
    {"status", CONF_TEXT, ROW(status), "actual", 0,
     "actual, exercise or test; replays are never actual", 0, 0},
    {"clock", CONF_TEXT, ROW(clock), "unknown", 0,
     "where this machine has its time from: gnss, ntp, rtc_holdover, free_running; unknown = as "
     "the kernel says, which knows of no GNSS",
     0, 0},
    {"hazard", CONF_TEXT, ROW(hazard), "mudflow", 0,
     "what a detection is taken for: mudflow, flash_flood, river_flood ...", 0, 0},
    {"thing", CONF_LIST, ROW(things), NULL, 0,
     "a station: ID LATITUDE LONGITUDE ALTITUDE_M NAME; one line each", 0, 0},
    {"sensor", CONF_LIST, ROW(sensors), NULL, 0,
     "an instrument: ID THING MODEL [serial=TEXT] [calibrated=YYYY-MM-DD] [certificate=TEXT]; one "
     "line each",
     0, 0},
    {"torrent", CONF_LIST, ROW(torrents), NULL, 0, "a torrent watched: ID NAME; one line each", 0,
     0},
    {"exposed", CONF_LIST, ROW(exposed), NULL, 0,
     "a place below a torrent: TORRENT POINT LATITUDE LONGITUDE DISTANCE_M PEOPLE NAME; one line "
     "each",
     0, 0},
    {"datastream", CONF_LIST, ROW(datastreams), NULL, 0,
     "a channel: NAME ID TYPE UNIT EXPONENT [sensor=ID] [step=SPAN] [normal=SPAN] "
     "[range=MIN..MAX] [torrent=ID] [offset=NUMBER] [gain=NUMBER] [height=METRES] [wire=NUMBER] "
     "[threshold=UM_PER_S] [band=LOW..HIGH] [raw]; what comes in becomes (reading + offset) * gain "
     "unless raw; normal=: one sample in so long is reported while "
     "nothing "
     "happens; types and units as in sensor.proto, in small letters",
     0, 0},
    {"detector", CONF_LIST, ROW(detectors), NULL, 0,
     "PROFILE VERSION DATASTREAM... [NAME=NUMBER]..., as in stage.rate 1 gusar.stage line=0.1; "
     "eocbus-sensor profiles lists the profiles with their numbers",
     0, 0},
    {"neighbour", CONF_LIST, ROW(neighbours), NULL, 0,
     "a gateway beside this one, one name a line: while it warns, a gauge of ours that fell silent "
     "counts. It needs the right to hear sensor_detection there",
     0, 0},
    {"quake.from", CONF_LIST, ROW(quakes), NULL, 0,
     "who tells of earthquakes (sensor_detection, hazard EARTHQUAKE): vibration of that time does "
     "not count. It needs that right, too",
     0, 0},
    {"quality", CONF_LIST, ROW(quality), NULL, 0,
     "what to look at in a channel beside range and times: DATASTREAM [rise=NUMBER] [spike=NUMBER] "
     "[stuck=SPAN]; rise in its unit a second, spike in its unit, 0 = not looked at. What is found "
     "is flagged and kept",
     0, 0},
    {"quality.ahead", CONF_MS, ROW(quality_ahead_ms), "1m", 0,
     "samples whose time is so far ahead of this machine's clock are flagged and alarm nobody; 0 = "
     "never",
     0, 86400000},
    {"detect.hold", CONF_MS, ROW(detect_hold_ms), "30m", 0,
     "a level is cleared when every detector was under its line for so long", 1000, 86400000},
    {"batch.samples", CONF_COUNT, ROW(batch_samples), "60", 0,
     "a message goes out when a channel has so many samples", 1, BATCH_SAMPLES},
    {"batch.period", CONF_MS, ROW(batch_period_ms), "1m", 0,
     "... or when its oldest sample is so old; the longest that a line waits for its ok", 100,
     43200000},
    {"event.period", CONF_MS, ROW(event_period_ms), "1s", 0,
     "while a level holds, or EVENT is ordered, a message goes out so often, with every sample",
     100, 3600000},
    {"event.before", CONF_MS, ROW(event_before_ms), "10m", 0,
     "of an event, so much of what normal= left out follows", 0, 3600000},
    {"event.after", CONF_MS, ROW(event_after_ms), "30m", 0, "an event lasts so long after clear", 0,
     86400000},
    {"backfill.after", CONF_MS, ROW(backfill_after_ms), "10m", 0,
     "samples older than that when they come in were recorded while this gateway was away: they "
     "are "
     "marked and page nobody; 0 = never",
     0, 86400000},
    {"device", CONF_LIST, ROW(inputs.devices), NULL, 0,
     "what sends in its own words: NAME FORMAT [eui=HEX] [time=FIELD] [zone=+HH:MM] [separator=C] "
     "FIELD:DATASTREAM[*N] ...; FORMAT is lines, csv, json, chirpstack, ttn or sensorthings",
     0, 0},
    {"mqtt.broker", CONF_TEXT, ROW(inputs.mqtt_broker), "", 0,
     "broker of the devices: mqtt://HOST:PORT, or mqtts://HOST:PORT with TLS; empty = none", 0, 0},
    {"mqtt.topic", CONF_LIST, ROW(inputs.mqtt_topics), NULL, 0,
     "TOPIC DEVICE...: what is read there, one line each; + and # as in MQTT", 0, 0},
    {"mqtt.protocol", CONF_TEXT, ROW(inputs.mqtt_protocol), "3.1.1", 0, "3.1.1 or 5", 0, 0},
    {"mqtt.client", CONF_TEXT, ROW(inputs.mqtt_client), "", 0,
     "identifier of the session, which nobody else has; empty = the gateway's name", 0, 0},
    {"mqtt.ca", CONF_PATH, ROW(inputs.mqtt_ca), "", 0,
     "file with the authority that signed the broker's certificate; empty = those of the system", 0,
     0},
    {"mqtt.cert", CONF_PATH, ROW(inputs.mqtt_cert), "", 0, "own certificate, if the broker asks", 0,
     0},
    {"mqtt.key", CONF_PATH, ROW(inputs.mqtt_key), "", 0, "key of mqtt.cert", 0, 0},
    {"mqtt.password", CONF_PATH, ROW(inputs.mqtt_password), "", 0,
     "file with two lines, user and password, that only its owner can read", 0, 0},
    {"mqtt.retry", CONF_MS, ROW(inputs.mqtt_retry_ms), "1s", 0,
     "first wait before connecting again; doubles up to 32 times of it", 1, 60000},
    {"udp", CONF_LIST, ROW(inputs.udp), NULL, 0,
     "ADDRESS:PORT DEVICE: datagrams; nobody is answered", 0, 0},
    {"udp.from", CONF_LIST, ROW(inputs.udp_from), NULL, 0,
     "who may send datagrams: ADDRESS or ADDRESS/BITS, one line each; without a line everybody", 0,
     0},
    {"serial", CONF_LIST, ROW(inputs.serial), NULL, 0,
     "PATH SPEED DEVICE: a line of text is a message, as in /dev/ttyUSB0 9600 logger", 0, 0},
    {"folder", CONF_LIST, ROW(inputs.folders), NULL, 0,
     "PATH DEVICE: files that are put there; moved to done/ in it when they are safe", 0, 0},
    {"folder.period", CONF_MS, ROW(inputs.folder_period_ms), "2s", 0, "how often to look there", 10,
     3600000},
    {"journal.path", CONF_PATH, ROW(inputs.journal_path), "", 0,
     "folder where samples are safe before their device is told so; empty = the outbox's path with "
     ".journal behind it",
     0, 0},
    {"journal.budget", CONF_BYTES, ROW(inputs.journal_budget), "256MiB", 0,
     "most bytes it may take; the oldest samples that are in messages go first", 4194304,
     1099511627776.0},
    {"journal.keep", CONF_COUNT, ROW(inputs.journal_keep_days), "30", 0,
     "days that samples are kept there, also after they were sent", 1, 3650},
    {"compact.command", CONF_TEXT, ROW(compact_command), "", 0,
     "PROGRAM [ARG...] that carries an alarm of at most 70 bytes by satellite or text message; it "
     "gets them in hexadecimal as its last argument, without a shell. Empty = there is none",
     0, 0},
    {"compact.key", CONF_PATH, ROW(compact_key), "", 0,
     "key file that it shares with whoever receives them; eocbus-sensor compact-key makes one", 0,
     0},
    {"compact.level", CONF_TEXT, ROW(compact_level), "alarm", 0,
     "from which level on: watch, warning or alarm", 0, 0},
    {"compact.after", CONF_MS, ROW(compact_after_ms), "20s", 0,
     "said when the bus has not stored the alarm so long after it; without a link at once", 0,
     3600000},
    {"compact.valid", CONF_MS, ROW(compact_valid_ms), "1h", 0,
     "forgotten by whoever gets it, and tried no more, so long after the alarm", 60000, 7620000},
    {"compact.timeout", CONF_MS, ROW(compact_timeout_ms), "2m", 0, "the program is killed after it",
     1000, 3600000},
    {"power.low", CONF_COUNT, ROW(power_low_mv), "11500", 0,
     "a battery (datastream of type batt_v) below so many millivolts is a trouble: logged, said at "
     "once, samples are marked; 0 = never",
     0, 100000},
    {"signal.low", CONF_COUNT, ROW(signal_low_dbm), "110", 0,
     "a signal (rssi) weaker than minus so many dBm is one; 0 = never", 0, 150},
    {"clock.off", CONF_MS, ROW(clock_off_ms), "2s", 0,
     "so is a clock that is further off the broker's; 0 = never", 0, 86400000},
    {"disk.low", CONF_BYTES, ROW(disk_low), "64MiB", 0,
     "and less free room under the outbox; 0 = never", 0, 1099511627776.0},
    {"status.period", CONF_MS, ROW(status_period_ms), "1m", 0,
     "how often the gateway says how it is", 1000, 86400000},
    {"listen", CONF_TEXT, ROW(inputs.listen), "", 0,
     "where readings come in as lines, as in 127.0.0.1:5520; empty = nowhere. There is no "
     "password: "
     "keep it on this machine or a closed network",
     0, 0},
    {"listen.from", CONF_LIST, ROW(inputs.listen_from), NULL, 0,
     "who may connect there: ADDRESS or ADDRESS/BITS, one line each, as in 10.20.0.0/16; without a "
     "line everybody",
     0, 0},
    {"listen.connections", CONF_COUNT, ROW(inputs.listen_connections), "16", 0,
     "most connections there at once", 1, 256},
    {"siren", CONF_TEXT, ROW(siren), "", 0,
     "the siren of this place: command PROGRAM [ARG...], run with on PATTERN SECONDS RECORDING, "
     "off or test; or a relay: gpio CHIP LINE [low] [ON/OFF], as in gpio /dev/gpiochip0 17; empty "
     "= "
     "none",
     0, 0},
    {"siren.sound", CONF_LIST, ROW(siren_sounds), NULL, 0,
     "what it sounds by itself: LEVEL PATTERN SPAN, one line a level; without a line alarm "
     "evacuate 3m",
     0, 0},
    {"siren.timeout", CONF_MS, ROW(siren_timeout_ms), "5s", 0,
     "the longest that its program may take; then it is killed, and tried again", 100, 60000},
    {"replay", CONF_LIST, ROW(replays), NULL, 0,
     "a record to play: FORMAT PATH [COLUMN:]DATASTREAM... [zone=+HH:MM] [shift=FROM=TO] "
     "[samples=N]; eocbus-sensor formats lists the formats",
     0, 0},
    {"replay.speed", CONF_TEXT, ROW(replay_speed), "max", 0,
     "max, or so many seconds of the record in one second, as in 60x", 0, 0},
    {"replay.backlog", CONF_COUNT, ROW(replay_backlog), "2000", 0,
     "the replay waits while so many messages are in the outbox", 1, 1000000},
};
const size_t sensor_row_count = ARRAY_LEN(sensor_rows);

static enum status read_word(int *out, const ProtobufCEnumDescriptor *d, const char *name,
                             const char *word, char *err, size_t err_size)
{
    if (enum_read(out, d, slice_of(word)))
        return ST_OK;
    snprintf(err, err_size,
             "%s = %s: legal are the words of %s in sensor.proto and common.proto, "
             "in small letters",
             name, word, d->short_name);
    return ST_INVALID;
}

static enum status read_speaker(struct sensor *s, char *err, size_t err_size)
{
    int status = 0, clock = 0, hazard = 0;
    enum status st;

    if (*s->set.place && !gate_pcode_is_valid(s->set.place)) {
        snprintf(err, err_size, "place = %s is no P-code: 7 to 13 digits, as in 3505203",
                 s->set.place);
        return ST_INVALID;
    }
    st =
        read_word(&status, &eocbus__v1__status__descriptor, "status", s->set.status, err, err_size);
    if (st == ST_OK && strcmp(s->set.clock, "unknown") != 0)
        st = read_word(&clock, &eocbus__v1__clock_source__descriptor, "clock", s->set.clock, err,
                       err_size);
    if (st == ST_OK)
        st = read_word(&hazard, &eocbus__v1__hazard__descriptor, "hazard", s->set.hazard, err,
                       err_size);
    s->speaker = (struct speaker){
        .gateway = s->set.agent.name,
        .place = s->set.place,
        .status = (Eocbus__V1__Status)status,
        .clock = (Eocbus__V1__ClockSource)clock,
        .hazard = (Eocbus__V1__Hazard)hazard,
        .backfill_us = s->set.backfill_after_ms * INT64_C(1000),
        .registry_version = 1,
        .arena = s->message,
    };
    return st;
}

bool speed_read(double *out, const char *text)
{
    struct slice s = slice_trim(slice_of(text));
    struct decimal d;

    *out = 0;
    if (slice_is(s, "max"))
        return true;
    if (s.len && s.at[s.len - 1] == 'x')
        s.len--;
    if (!decimal_read(&d, s) || d.m <= 0)
        return false;
    *out = decimal_real(d);
    return *out >= 1e-3 && *out <= 1e9;
}

/* Detectors are made anew by whoever uses them; here a wrong line is found at once. */
static enum status try_detectors(struct sensor *s, char *err, size_t err_size)
{
    struct detect *d = mem_zalloc(sizeof(*d));
    struct arena *a = NULL;
    enum status st = d ? arena_create(&a, STATION_BYTES) : ST_NOMEM;

    if (st == ST_OK)
        st = detect_read(d, &s->station, &s->set.detectors, 1, a, err, err_size);
    arena_destroy(a);
    mem_free(d);
    return st;
}

static enum status try_quality(struct sensor *s, char *err, size_t err_size)
{
    struct quality *q = mem_alloc(sizeof(*q));
    enum status st = q ? ST_OK : ST_NOMEM;

    if (st == ST_OK)
        st = quality_read(q, &s->station, &s->set.quality, 0, 0, err, err_size);
    mem_free(q);
    return st;
}

/* An exercise may be called one, a record played again may not be called real. */
static enum status check_replays(struct sensor *s, char *err, size_t err_size)
{
    if (!speed_read(&s->replay_speed, s->set.replay_speed)) {
        snprintf(err, err_size, "replay.speed = %s: legal are max, and numbers like 60x",
                 s->set.replay_speed);
        return ST_INVALID;
    }
    if (!s->set.replays.count || s->says_nothing ||
        s->speaker.status == EOCBUS__V1__STATUS__STATUS_EXERCISE ||
        s->speaker.status == EOCBUS__V1__STATUS__STATUS_TEST)
        return ST_OK;
    snprintf(err, err_size, "a replay is never %s: set status = exercise or status = test",
             s->set.status);
    return ST_INVALID;
}

enum status sensor_begin(struct sensor *s, char *err, size_t err_size)
{
    const struct station_lines lines = {&s->set.things, &s->set.sensors, &s->set.torrents,
                                        &s->set.datastreams, &s->set.exposed};
    enum status st = arena_create(&s->arena, STATION_BYTES);

    snprintf(err, err_size, "out of memory");
    if (st == ST_OK)
        st = arena_create(&s->message, LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = read_speaker(s, err, err_size);
    if (st == ST_OK)
        st = station_read(&s->station, &lines, s->arena, err, err_size);
    if (st == ST_OK && !s->station.stream_count) {
        snprintf(err, err_size,
                 "no datastream is described: add lines like datastream = "
                 "gusar.stage 3 stage metre -3");
        st = ST_INVALID;
    }
    if (st == ST_OK)
        st = try_detectors(s, err, err_size);
    if (st == ST_OK)
        st = try_quality(s, err, err_size);
    if (st == ST_OK)
        st = inputs_check(&s->set.inputs, &s->station, s->set.agent.name, err, err_size);
    return st == ST_OK ? check_replays(s, err, err_size) : st;
}

void sensor_end(struct sensor *s)
{
    arena_destroy(s->arena);
    arena_destroy(s->message);
    s->arena = s->message = NULL;
}

void sensor_replay_settings(const struct sensor *s, struct replay_settings *out)
{
    *out = (struct replay_settings){
        .station = &s->station,
        .replays = &s->set.replays,
        .detectors = &s->set.detectors,
        .quality = &s->set.quality,
        .speaker = &s->speaker,
        .batch_samples = s->set.batch_samples,
        .batch_period_us = s->set.batch_period_ms * INT64_C(1000),
        .hold_us = s->set.detect_hold_ms * INT64_C(1000),
        .speed = s->replay_speed,
    };
}

/* --- the registry's version ------------------------------------------------------------------- */

static bool read_version(const char *path, uint32_t *version, uint64_t *hash)
{
    FILE *f = fopen(path, "re");
    bool ok = f && fscanf(f, "%" SCNu32 " %" SCNx64, version, hash) == 2;

    if (f)
        fclose(f);
    return ok;
}

/* Written aside, synced and renamed: a version that was said must not be said again for others. */
static bool write_version(const char *path, uint32_t version, uint64_t hash)
{
    char aside[1100];
    FILE *f;
    bool ok;

    snprintf(aside, sizeof(aside), "%s.new.%d", path, (int)getpid());
    f = fopen(aside, "we");
    if (!f)
        return false;
    ok = fprintf(f, "%" PRIu32 " %016" PRIx64 "\n", version, hash) > 0 && fflush(f) == 0 &&
         fsync(fileno(f)) == 0;
    ok = fclose(f) == 0 && ok;
    return ok && rename(aside, path) == 0;
}

enum status sensor_registry_version(struct sensor *s, char *err, size_t err_size)
{
    uint32_t version = 0;
    uint64_t hash = 0, now = text_hash(s->station.hash, s->set.place, strlen(s->set.place));
    char path[1024];
    int n = snprintf(path, sizeof(path), "%s.registry", s->set.agent.outbox_path);

    if (n < 0 || (size_t)n >= sizeof(path)) {
        snprintf(err, err_size, "outbox.path is too long");
        return ST_INVALID;
    }
    if (!read_version(path, &version, &hash) || hash != now) {
        version++;
        if (!write_version(path, version, now)) {
            snprintf(err, err_size, "%s: %s", path, strerror(errno));
            return ST_IO;
        }
    }
    s->speaker.registry_version = version;
    return ST_OK;
}
