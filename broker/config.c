#include "broker/config.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/base/conninfo.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

#define AT(field) offsetof(struct config, field)

static const struct conf_row rows[] = {
    {"name", CONF_TEXT, AT(name), "broker", 0,
     "What this broker calls itself towards agents and in logs. Give each broker of a country "
     "its own name.",
     0, 0},
    {"hub", CONF_TEXT, AT(hub), "", 0,
     "The centre that people know this broker by: a P-code, which pages show by its name in each "
     "language, or a name. Brokers with the same hub are one centre. Empty = name.",
     0, 0},
    {"endpoint", CONF_TEXT, AT(endpoint), "tcp://127.0.0.1:5511", 0,
     "Where agents connect. tcp://127.0.0.1:5511 serves this machine only; tcp://*:5511 serves "
     "every network it is on. Connections are encrypted and known by key either way.",
     0, 0},
    {"key.file", CONF_PATH, AT(key_file), "/etc/eocbus/broker.key", 0,
     "The broker's key pair, made by `eocctl keygen`; mode 0600. Agents carry its public half.", 0,
     0},
    {"endpoint.next", CONF_TEXT, AT(endpoint_next), "", CONF_RELOAD,
     "While the broker changes its key: a second address to listen at, with key.next. Agents that "
     "know the new key come there, the others still come to `endpoint`. May be set while the "
     "broker "
     "runs.",
     0, 0},
    {"key.next", CONF_PATH, AT(key_next), "", CONF_RELOAD,
     "The new key pair, for endpoint.next. When every agent knows it, it becomes key.file.", 0, 0},
    {"trust.officers", CONF_PATH, AT(officers_file), "", CONF_RELOAD,
     "File with the enrolment officers whose word counts, one \"NAME KEY\" a line. Only principals "
     "whose record two of them signed are admitted then. Empty: everybody whom the database names. "
     "Read again with the settings.",
     0, 0},
    {"access.unsigned_enrolment", CONF_BOOL, AT(takes_unsigned), "no", CONF_RELOAD,
     "Admit principals without such a record as well, while an installation changes over. `eocctl "
     "status` counts them. A key without one, under a name that has one, gets the role `unvouched` "
     "alone.",
     0, 0},
    {"database", CONF_TEXT, AT(database), "dbname=eocbus user=bus_ingest", CONF_SECRET,
     "PostgreSQL connection string (libpq keywords or URI) of a user with the role bus_ingest. "
     "Peer or certificate: a password is not taken here, nor from the environment.",
     0, 0},
    {"access.cache_file", CONF_PATH, AT(cache_file), "/var/lib/eocbus/broker.rights", 0,
     "The one file a broker keeps: who may come in, as the database said last, signed by its own "
     "key. It is read when the broker starts and the database is away. Empty = none; then nobody "
     "comes in until the database answers.",
     0, 0},
    {"access.cache_age", CONF_MS, AT(cache_age_ms), "168h", CONF_RELOAD,
     "How long rights count that the database did not confirm. With older ones listeners get "
     "nothing but alarms (FLASH), and sirens their commands, until it answers; agents keep what "
     "they say.",
     1000, 4294967295.0},
    {"control.socket", CONF_PATH, AT(control_socket), "/run/eocbus/broker.sock", 0,
     "UNIX socket on which this machine asks for status and metrics (`eocctl status`); mode 0600.",
     0, 0},
    {"store.batch_rows", CONF_COUNT, AT(batch_rows), "512", 0,
     "Most messages that one commit takes; what arrives during a commit is the next one.", 1, 4096},
    {"store.queue_rows", CONF_COUNT, AT(queue_rows), "8192", 0,
     "Most messages that wait in memory for a commit, and an eighth more of FLASH. When it is "
     "full, "
     "agents are told to come back later and keep the messages in their outboxes.",
     1, 1000000},
    {"store.queue_bytes", CONF_BYTES, AT(queue_bytes), "32MiB", 0,
     "The same limit in bytes; whichever is reached first counts.", 1048576, 17179869184.0},
    {"store.commit_ms", CONF_MS, AT(commit_ms), "2s", 0,
     "How long the broker waits for the first commit before it drops the connection and sends the "
     "batch again; doubles up to 30 s while PostgreSQL stays slow.",
     100, 30000},
    {"store.follow_ms", CONF_MS, AT(follow_ms), "500ms", 0,
     "How often the log is asked for what other brokers wrote, and whether a key was revoked, in "
     "case "
     "the notice got lost.",
     50, 1000},
    {"store.standby", CONF_BOOL, AT(needs_standby), "no", 0,
     "Commits shall wait for a second PostgreSQL server. When they do not, or none is there, the "
     "broker "
     "says that it is degraded (`eocctl status`).",
     0, 0},
    {"access.unsigned", CONF_BOOL, AT(lets_unsigned), "no", CONF_RELOAD,
     "Take unsigned messages of principals that have a signing key, while old programs are "
     "replaced. Readers see that they are not signed, and those that pin officers do not believe "
     "them. A gateway that cannot sign at all is enrolled without a signing key instead.",
     0, 0},
    {"ingress.window_items", CONF_COUNT, AT(ingress_window_items), "256", CONF_RELOAD,
     "Messages that one agent may have sent and not yet got a receipt for.", 1, 65536},
    {"ingress.window_bytes", CONF_BYTES, AT(ingress_window_bytes), "1MiB", CONF_RELOAD,
     "The same in bytes of content. At least one largest message (64 KiB) must fit.",
     LIMIT_CONTENT_BYTES, 1073741824.0},
    {"ingress.sessions", CONF_COUNT, AT(sessions_max), "10000", 0,
     "Most agents connected at a time. Each idle one takes about 28 KiB and one file descriptor.",
     1, 1000000},
    {"ingress.sessions_per_principal", CONF_COUNT, AT(sessions_per_principal), "16", 0,
     "Most connections of one principal at a time; a newer one takes the place of the one that was "
     "silent longest. 0 = no bound of its own.",
     0, 1000000},
    {"ingress.quarantine_per_hour", CONF_COUNT, AT(quarantine_per_hour), "1000", CONF_RELOAD,
     "Refused messages kept for a person to look at, per sender and hour; the rest are counted "
     "and answered, but not kept.",
     0, 1000000},
    {"ingress.messages_per_second", CONF_COUNT, AT(messages_per_second), "5000", CONF_RELOAD,
     "Messages that one sender may have stored in a second, over all its connections; ten seconds' "
     "worth may come at once. Above it, it is told when to come back and keeps the rest in its "
     "outbox. The default is far above what a gateway says, and lets an office that was dark for a "
     "week send 600,000 messages in two minutes. 0 = no limit.",
     0, 1000000},
    {"ingress.bytes_per_second", CONF_BYTES, AT(bytes_per_second), "8MiB", CONF_RELOAD,
     "The same in bytes of content. At least one largest message (64 KiB).", LIMIT_CONTENT_BYTES,
     268435456.0},
    {"ingress.flash_per_minute", CONF_COUNT, AT(flash_per_minute), "60", CONF_RELOAD,
     "Alarms (FLASH) of one sender that are delivered before they are stored, in a minute; half of "
     "them may come at once. Nobody can listen to more, and a gateway that has gone mad would bury "
     "the alarms of all others. Those above it are stored and delivered as other messages are, and "
     "so not while the database is away. Alarms out of a backlog are not counted, and other "
     "messages never keep an alarm away.",
     1, 60000},
    {"egress.window_bytes", CONF_BYTES, AT(egress_window_bytes), "1MiB", CONF_RELOAD,
     "Bytes that one listener may have been sent and not yet acknowledged. A slow listener gets "
     "the rest from the log later.",
     LIMIT_CONTENT_BYTES, 1073741824.0},
    {"egress.page_rows", CONF_COUNT, AT(page_rows), "512", CONF_RELOAD,
     "Messages read from the log at a time for a listener that is behind.", 1, 10000},
    {"egress.horizon", CONF_MS, AT(horizon_ms), "5s", CONF_RELOAD,
     "How often an idle listener is told up to which number it has missed nothing.", 100, 3600000},
    {"heartbeat", CONF_MS, AT(heartbeat_ms), "30s", 0,
     "How often an idle connection is probed. More often finds dead links sooner and costs "
     "traffic on thin ones.",
     1000, 3600000},
    {"heartbeat.timeout", CONF_MS, AT(heartbeat_timeout_ms), "120s", 0,
     "A connection that answers no probe for so long is closed. Must exceed the longest stall of "
     "the links, and `heartbeat`.",
     1000, 3600000},
    {"audit.head", CONF_MS, AT(audit_head_ms), "60s", 0,
     "How often this broker says where the chain over the log stands, signed with its key, so that "
     "a "
     "log that is cut or made anew contradicts whoever heard it. Needs a principal of its own with "
     "the "
     "key of key.file. 0 = never.",
     0, 3600000},
    {"log.level", CONF_TEXT, AT(log_level), "info", CONF_RELOAD,
     "Least level that is logged: debug, info, warn or error.", 0, 0},
};

const struct conf_row *config_rows(size_t *count)
{
    *count = ARRAY_LEN(rows);
    return rows;
}

static bool is_set(const char *text)
{
    return text && *text;
}

enum status config_check(const struct config *c, char *err, size_t err_size)
{
    enum log_level level;

    if (c->database && conninfo_check(c->database, err, err_size) != ST_OK)
        return ST_INVALID;
    if (log_level_parse(c->log_level, &level))
        snprintf(err, err_size, "log.level is \"%s\"; legal are debug, info, warn, error",
                 c->log_level);
    else if (!c->name[0] || strlen(c->name) > LIMIT_NAME_BYTES)
        snprintf(err, err_size, "name has %zu characters; legal are 1 to %d", strlen(c->name),
                 LIMIT_NAME_BYTES);
    else if (is_set(c->hub) &&
             (strlen(c->hub) > LIMIT_NAME_BYTES || !gate_utf8_is_valid(c->hub, strlen(c->hub))))
        snprintf(err, err_size, "hub is too long or no UTF-8; legal are up to %d bytes",
                 LIMIT_NAME_BYTES);
    else if (is_set(c->endpoint_next) != is_set(c->key_next))
        snprintf(err, err_size, "endpoint.next and key.next are set together or not at all");
    else if (c->heartbeat_timeout_ms <= c->heartbeat_ms)
        snprintf(err, err_size,
                 "heartbeat.timeout (%u ms) must be longer than heartbeat (%u ms), or every idle "
                 "connection is cut",
                 c->heartbeat_timeout_ms, c->heartbeat_ms);
    else if (c->batch_rows > c->queue_rows)
        snprintf(err, err_size,
                 "store.batch_rows (%u) must not exceed store.queue_rows (%u): a commit takes its "
                 "messages from the queue",
                 c->batch_rows, c->queue_rows);
    else
        return ST_OK;
    return ST_INVALID;
}

static bool is_text(const struct conf_row *row)
{
    return row->kind == CONF_TEXT || row->kind == CONF_PATH;
}

static size_t size_of(const struct conf_row *row)
{
    switch (row->kind) {
    case CONF_COUNT:
    case CONF_MS:
        return sizeof(unsigned);
    case CONF_BYTES:
        return sizeof(size_t);
    case CONF_BOOL:
        return sizeof(bool);
    case CONF_REAL:
        return sizeof(double);
    case CONF_TEXT:
    case CONF_PATH:
        return sizeof(char *);
    case CONF_LIST:
        break;
    }
    return sizeof(struct conf_list);
}

static bool is_same(const struct conf_row *row, const void *a, const void *b)
{
    if (!is_text(row))
        return !memcmp(a, b, size_of(row));
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    return x && y ? !strcmp(x, y) : x == y;
}

/* Both stay whole, so that conf_free of either is right whatever was swapped. */
static void swap_setting(const struct conf_row *row, void *a, void *b)
{
    unsigned char kept[sizeof(struct conf_list)];

    memcpy(kept, a, size_of(row));
    memcpy(a, b, size_of(row));
    memcpy(b, kept, size_of(row));
}

static void take_over(struct config *now, struct config *next, char *waiting, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        void *old = (char *)now + rows[i].offset, *new = (char *)next + rows[i].offset;

        if (is_same(&rows[i], old, new))
            continue;
        if (rows[i].flags & CONF_RELOAD)
            swap_setting(&rows[i], old, new);
        else if (used < size)
            used += (size_t)snprintf(waiting + used, size - used, "%s%s", used ? " " : "",
                                     rows[i].name);
    }
}

enum status config_adopt(struct config *now, struct config *next, char *waiting,
                         size_t waiting_size)
{
    enum status st = config_check(next, waiting, waiting_size);

    if (st)
        return st;
    waiting[0] = 0;
    take_over(now, next, waiting, waiting_size);
    return ST_OK;
}
