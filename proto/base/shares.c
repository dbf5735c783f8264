/* shares - see shares.h */
#include "proto/base/shares.h"

#include <libgfshare.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/base/banned.h"

enum { FILE_BYTES = 1024 };

/* libgfshare asks for bytes piece by piece and takes no answer but them. */
static void fill_random(unsigned char *out, unsigned int len)
{
    while (len) {
        ssize_t n = getrandom(out, len, 0);

        if (n > 0) {
            out += n;
            len -= (unsigned int)n;
        }
    }
}

enum status shares_make(struct share *out, unsigned count, unsigned needed,
                        const uint8_t secret[SHARE_BYTES], const char key_z85[KEY_Z85])
{
    unsigned char numbers[SHARES_MOST], copy[SHARE_BYTES];
    gfshare_ctx *ctx;

    if (needed < 2 || needed > count || count > SHARES_MOST)
        return ST_INVALID;
    for (unsigned i = 0; i < count; i++)
        numbers[i] = (unsigned char)(i + 1);
    gfshare_fill_rand = fill_random;
    ctx = gfshare_ctx_init_enc(numbers, count, (unsigned char)needed, SHARE_BYTES);
    if (!ctx)
        return ST_NOMEM;
    memcpy(copy, secret, sizeof(copy));
    gfshare_ctx_enc_setsecret(ctx, copy);
    for (unsigned i = 0; i < count; i++) {
        out[i] = (struct share){.needed = needed, .count = count, .number = i + 1};
        memcpy(out[i].key_z85, key_z85, KEY_Z85);
        gfshare_ctx_enc_getshare(ctx, (unsigned char)i, out[i].bytes);
    }
    gfshare_ctx_free(ctx); /* wipes */
    explicit_bzero(copy, sizeof(copy));
    return ST_OK;
}

static enum status say(char *err, size_t err_size, const char *what)
{
    snprintf(err, err_size, "%s", what);
    return ST_INVALID;
}

static enum status check_together(const struct share *shares, unsigned count, char *err,
                                  size_t err_size)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(shares[i].key_z85, shares[0].key_z85) != 0)
            return say(err, err_size, "these shares are of different keys");
        for (unsigned k = 0; k < i; k++)
            if (shares[k].number == shares[i].number)
                return say(err, err_size, "the same share is here twice");
    }
    if (count && count >= shares[0].needed)
        return ST_OK;
    snprintf(err, err_size, "%u shares are here and %u are needed", count,
             count ? shares[0].needed : 2);
    return ST_INVALID;
}

enum status shares_join(uint8_t secret[SHARE_BYTES], const struct share *shares, unsigned count,
                        char *err, size_t err_size)
{
    unsigned char numbers[SHARES_MOST], copy[SHARE_BYTES];
    gfshare_ctx *ctx;

    if (count > SHARES_MOST)
        return say(err, err_size, "too many shares");
    if (check_together(shares, count, err, err_size) != ST_OK)
        return ST_INVALID;
    for (unsigned i = 0; i < count; i++)
        numbers[i] = (unsigned char)shares[i].number;
    gfshare_fill_rand = fill_random; /* it wipes with them */
    ctx = gfshare_ctx_init_dec(numbers, count, SHARE_BYTES);
    if (!ctx)
        return ST_NOMEM;
    for (unsigned i = 0; i < count; i++) {
        memcpy(copy, shares[i].bytes, sizeof(copy));
        gfshare_ctx_dec_giveshare(ctx, (unsigned char)i, copy);
    }
    gfshare_ctx_dec_extract(ctx, secret);
    gfshare_ctx_free(ctx);
    explicit_bzero(copy, sizeof(copy));
    return ST_OK;
}

/* --- files ------------------------------------------------------------------------------------ */

enum status share_save(const struct share *s, const char *path, char *err, size_t err_size)
{
    char text[FILE_BYTES], share[KEY_Z85];
    enum status st;
    int n;

    keys_z85_encode(share, s->bytes);
    n = snprintf(text, sizeof(text),
                 "# eocbus share %u of %u (any %u recover the key) - secret, keep mode 0600\n"
                 "seal_public = %s\n"
                 "needed = %u\n"
                 "number = %u\n"
                 "share = %s\n",
                 s->number, s->count, s->needed, s->key_z85, s->needed, s->number, share);
    st = keys_write_file(path, text, (size_t)n, err, err_size);
    explicit_bzero(text, sizeof(text));
    explicit_bzero(share, sizeof(share));
    return st;
}

static bool find_number(unsigned *out, const char *text, const char *name)
{
    const char *value = keys_value(text, name);

    *out = value ? (unsigned)strtoul(value, NULL, 10) : 0;
    return *out >= 1 && *out <= SHARES_MOST;
}

enum status share_load(struct share *out, const char *path, char *err, size_t err_size)
{
    char text[FILE_BYTES], share[KEY_Z85];
    enum status st = keys_read_file(text, sizeof(text), path, err, err_size);

    if (st != ST_OK)
        return st;
    *out = (struct share){0};
    if (!keys_find_value(out->key_z85, text, "seal_public") ||
        !keys_find_value(share, text, "share") || !find_number(&out->needed, text, "needed") ||
        !find_number(&out->number, text, "number") || keys_z85_decode(out->bytes, share) != ST_OK) {
        snprintf(err, err_size,
                 "%s is no share of a key: lines seal_public, needed, number and "
                 "share are expected",
                 path);
        st = ST_INVALID;
    }
    explicit_bzero(text, sizeof(text));
    explicit_bzero(share, sizeof(share));
    return st;
}
