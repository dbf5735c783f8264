/* mqtt_settings - where the broker of the devices is, and how it knows us; see mqtt.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/sensor/input/mqtt_parts.h"
#include "proto/base/file.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* "mqtts://host:port" */
static bool split_broker(struct mqtt *m, const char *text)
{
    const char *colon;
    size_t len;

    m->tls = strncmp(text, "mqtts://", 8) == 0;
    if (!m->tls && strncmp(text, "mqtt://", 7) != 0)
        return false;
    text += m->tls ? 8 : 7;
    colon = strrchr(text, ':');
    len = colon ? (size_t)(colon - text) : 0;
    if (!colon || !len || !colon[1] || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    if (text[0] == '[' && colon[-1] == ']') {
        text++;
        len -= 2;
    }
    if (!len || len >= sizeof(m->host))
        return false;
    snprintf(m->host, sizeof(m->host), "%.*s", (int)len, text);
    snprintf(m->port, sizeof(m->port), "%s", colon + 1);
    return true;
}

static enum status read_password(struct mqtt *m, char *err, size_t err_size)
{
    const char *path = m->set.password_file;
    struct buf text = {0};
    struct stat about;
    enum status st;

    if (!*path)
        return ST_OK;
    if (stat(path, &about) == 0 && (about.st_mode & 077)) {
        snprintf(err, err_size, "mqtt.password = %s: others can read it; chmod 600 %s", path, path);
        return ST_INVALID;
    }
    st = file_read(path, &text, 1024);
    buf_put(&text, "", 1);
    if (st != ST_OK) {
        snprintf(err, err_size, "mqtt.password = %s: %s", path,
                 st == ST_INVALID ? "it is longer than 1024 bytes" : strerror(errno));
    } else if (sscanf((const char *)text.data, "%127[^\n]\n%255[^\n]", m->user, m->password) != 2) {
        snprintf(err, err_size,
                 "mqtt.password = %s: legal are two lines, the user and the password", path);
        st = ST_INVALID;
    }
    buf_free(&text);
    return st;
}

static enum status check_file(const char *row, const char *path, char *err, size_t err_size)
{
    if (!*path || access(path, R_OK) == 0)
        return ST_OK;
    snprintf(err, err_size, "%s = %s: %s", row, path, strerror(errno));
    return ST_IO;
}

enum status mqtt_take_settings(struct mqtt *m, char *err, size_t err_size)
{
    const struct mqtt_settings *set = &m->set;
    enum status st = ST_INVALID;

    m->five = strcmp(set->protocol, "5") == 0;
    if (!split_broker(m, set->broker))
        snprintf(err, err_size,
                 "mqtt.broker = %s: legal is mqtt://HOST:PORT, or mqtts://HOST:PORT with TLS",
                 set->broker);
    else if (!m->five && strcmp(set->protocol, "3.1.1") != 0)
        snprintf(err, err_size, "mqtt.protocol = %s: legal are 3.1.1 and 5", set->protocol);
    else if (!m->tls && (*set->ca || *set->cert || *set->key))
        snprintf(err, err_size,
                 "mqtt.ca, mqtt.cert and mqtt.key are for TLS: mqtt.broker = "
                 "mqtts://HOST:PORT");
    else if (!*set->cert != !*set->key)
        snprintf(err, err_size, "mqtt.cert and mqtt.key are given together");
    else
        st = check_file("mqtt.ca", set->ca, err, err_size);
    if (st == ST_OK)
        st = check_file("mqtt.cert", set->cert, err, err_size);
    if (st == ST_OK)
        st = check_file("mqtt.key", set->key, err, err_size);
    for (size_t i = 0; st == ST_OK && set->topics && i < set->topics->count; i++) {
        if (mosquitto_sub_topic_check(set->topics->items[i]) == MOSQ_ERR_SUCCESS)
            continue;
        snprintf(err, err_size, "mqtt.topic %s: legal are levels with /, + for one, # at the end",
                 set->topics->items[i]);
        st = ST_INVALID;
    }
    return st == ST_OK ? read_password(m, err, err_size) : st;
}

enum status mqtt_check(const struct mqtt_settings *set, char *err, size_t err_size)
{
    struct mqtt *m = mem_zalloc(sizeof(*m));
    enum status st = ST_NOMEM;

    snprintf(err, err_size, "out of memory");
    if (m) {
        m->set = *set;
        st = mqtt_take_settings(m, err, err_size);
    }
    mem_free(m);
    return st;
}
