/* sources - see sources.h. */
#include "agents/sensor/input/sources.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agents/sensor/station/text.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

#define MINUTE_US INT64_C(60000000)
enum { V4_BITS = 32, V6_BITS = 128, TEXT = 64 };

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool read_address(uint8_t out[16], const char *text, unsigned *bits)
{
    *bits = V6_BITS;
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    *bits = V4_BITS;
    memcpy(out, v4_mapped, sizeof(v4_mapped));
    return inet_pton(AF_INET, text, out + sizeof(v4_mapped)) == 1;
}

static bool read_net(struct sources *s, const char *line)
{
    struct slice text = slice_trim(slice_of(line));
    const char *slash = memchr(text.at, '/', text.len);
    size_t len = slash ? (size_t)(slash - text.at) : text.len;
    char address[TEXT];
    uint64_t bits;
    unsigned most;

    if (s->count == SOURCES || !len || len >= sizeof(address))
        return false;
    snprintf(address, sizeof(address), "%.*s", (int)len, text.at);
    if (!read_address(s->net[s->count].address, address, &most))
        return false;
    bits = most;
    if (slash && !count_read(&bits, (struct slice){slash + 1, text.len - len - 1}, most))
        return false;
    s->net[s->count++].bits = (unsigned)bits + (V6_BITS - most);
    return true;
}

enum status sources_read(struct sources *out, const char *row, const struct conf_list *lines,
                         char *err, size_t err_size)
{
    *out = (struct sources){.row = row};
    for (size_t i = 0; lines && i < lines->count; i++) {
        if (read_net(out, lines->items[i]))
            continue;
        snprintf(err, err_size,
                 "%s = %s: legal is ADDRESS or ADDRESS/BITS, as in 10.20.0.0/16, at most %d lines",
                 row, lines->items[i], SOURCES);
        return ST_INVALID;
    }
    return ST_OK;
}

static bool take_address(uint8_t out[16], const struct sockaddr_storage *from)
{
    if (from->ss_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
        return true;
    }
    memcpy(out, v4_mapped, sizeof(v4_mapped));
    memcpy(out + sizeof(v4_mapped), &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    return from->ss_family == AF_INET;
}

static bool is_within(const uint8_t address[16], const uint8_t net[16], unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(address, net, whole) == 0 &&
           (!rest || (address[whole] ^ net[whole]) >> (8 - rest) == 0);
}

static void refuse(struct sources *s, const uint8_t address[16], int64_t now_us)
{
    char text[INET6_ADDRSTRLEN] = "?";

    s->refused++;
    if (s->refused > 1 && now_us - s->logged_us < MINUTE_US)
        return;
    s->logged_us = now_us;
    (void)inet_ntop(AF_INET6, address, text, sizeof(text));
    log_warn("sensor.stranger", "setting=%s from=%s count=%" PRIu64 " next=\"not listened to\"",
             s->row, text, s->refused);
}

bool sources_allow(struct sources *s, const struct sockaddr_storage *from, int64_t now_us)
{
    uint8_t address[16] = {0};
    bool is_known = take_address(address, from);

    if (!s->count)
        return true;
    for (unsigned i = 0; is_known && i < s->count; i++)
        if (is_within(address, s->net[i].address, s->net[i].bits))
            return true;
    refuse(s, address, now_us);
    return false;
}

bool sources_are_others(const char *address)
{
    static const uint8_t one[16] = {[15] = 1};
    const char *colon = strrchr(address, ':');
    char text[TEXT];
    uint8_t bytes[16];
    unsigned bits;

    if (!colon || (size_t)(colon - address) >= sizeof(text))
        return true;
    if (address[0] == '[' && colon - address >= 2)
        snprintf(text, sizeof(text), "%.*s", (int)(colon - address - 2), address + 1);
    else
        snprintf(text, sizeof(text), "%.*s", (int)(colon - address), address);
    if (!read_address(bytes, text, &bits))
        return true;
    return bits == V4_BITS ? bytes[12] != 127 : memcmp(bytes, one, sizeof(one)) != 0;
}
