/* devices - see devices.h. */
#include "agents/console/people/devices.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/digest.h"
#include "proto/base/file.h"

#include "proto/base/banned.h"

enum { NUMBER_DIGITS = 32 };

enum status devices_begin(struct devices *d, struct loop *loop, const char *path)
{
    struct buf text = {0};
    enum status st = file_read(path, &text, DEVICE_KEY);

    if (st == ST_OK && text.len == DEVICE_KEY) {
        memcpy(d->key, text.data, DEVICE_KEY);
    } else {
        loop_random(loop, d->key, DEVICE_KEY);
        st = st == ST_NOTFOUND || st == ST_OK ? file_replace(path, d->key, DEVICE_KEY) : st;
    }
    buf_free(&text);
    return st;
}

static void mark(const struct devices *d, const char *name, const char *number,
                 char out[DIGEST_HEX])
{
    uint8_t digest[DIGEST_BYTES];
    char text[200];
    int len = snprintf(text, sizeof(text), "%.*s %s", NUMBER_DIGITS, number, name);

    if (len >= (int)sizeof(text))
        len = (int)sizeof(text) - 1;
    digest_keyed(digest, d->key, DEVICE_KEY, text, (size_t)len);
    digest_hex(out, digest);
}

void devices_make(const struct devices *d, struct loop *loop, const char *name,
                  char out[DEVICE_TEXT])
{
    uint64_t number[2];
    char digits[NUMBER_DIGITS + 1], hex[DIGEST_HEX];

    loop_random(loop, number, sizeof(number));
    snprintf(digits, sizeof(digits), "%016llx%016llx", (unsigned long long)number[0],
             (unsigned long long)number[1]);
    mark(d, name, digits, hex);
    snprintf(out, DEVICE_TEXT, "%s.%s", digits, hex);
}

bool devices_know(const struct devices *d, const char *name, const char *cookie)
{
    unsigned char differs = 0;
    char hex[DIGEST_HEX];

    if (!cookie || strlen(cookie) != DEVICE_TEXT - 1 || cookie[NUMBER_DIGITS] != '.')
        return false;
    mark(d, name, cookie, hex);
    for (unsigned i = 0; i < DIGEST_HEX - 1; i++)
        differs |= (unsigned char)(hex[i] ^ cookie[NUMBER_DIGITS + 1 + i]);
    return !differs;
}
