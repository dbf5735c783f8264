/* Requests and records as files, and what of them people read. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/enrol.h"
#include "agents/link/print.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

enum { HEX_PER_LINE = 32, PAPER_BYTES = 16384 };

/* --- files ------------------------------------------------------------------------------------ */

static void put_paper(struct buf *out, const char *kind, const char *about, const struct buf *bytes)
{
    buf_printf(out, "# %s\n%s\n", about, kind);
    for (size_t i = 0; i < bytes->len; i++)
        buf_printf(out, "%02x%s", bytes->data[i],
                   (i + 1) % HEX_PER_LINE == 0 || i + 1 == bytes->len ? "\n" : "");
}

static enum status write_file(const char *path, const struct buf *text, char *err, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    size_t done = 0;
    ssize_t n = 1;

    if (fd < 0) {
        if (errno == EEXIST) {
            snprintf(err, size, "%s is there already; give another name with --out", path);
            return ST_EXISTS;
        }
        snprintf(err, size, "%s cannot be made: %s", path, strerror(errno));
        return ST_IO;
    }
    while (done < text->len && n > 0) {
        n = write(fd, text->data + done, text->len - done);
        done += n > 0 ? (size_t)n : 0;
    }
    if (fsync(fd) != 0 || close(fd) != 0 || done < text->len) {
        snprintf(err, size, "%s cannot be written: %s", path, strerror(errno));
        return ST_IO;
    }
    return ST_OK;
}

enum status paper_write(const char *path, const char *kind, const char *about,
                        const struct buf *bytes, char *err, size_t err_size)
{
    struct buf text = {0};
    enum status st = ST_OK;

    put_paper(&text, kind, about, bytes);
    if (text.failed) {
        snprintf(err, err_size, "no memory");
        st = ST_NOMEM;
    } else if (strcmp(path, "-") == 0) {
        (void)print_flush(&text);
    } else {
        st = write_file(path, &text, err, err_size);
    }
    buf_free(&text);
    return st;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A messenger may have broken the lines anew. */
static bool take_hex(struct buf *out, const char *text)
{
    int high = -1;

    for (; *text; text++) {
        int digit = digit_of((char)tolower((unsigned char)*text));

        if (isspace((unsigned char)*text))
            continue;
        if (digit < 0)
            return false;
        if (high < 0) {
            high = digit;
            continue;
        }
        unsigned char byte = (unsigned char)(high << 4 | digit);
        buf_put(out, &byte, 1);
        high = -1;
    }
    return high < 0 && out->len > 0 && !out->failed;
}

static bool take_paper(struct buf *out, bool *is_request, const char *text)
{
    size_t len;

    while (*text == '#' || isspace((unsigned char)*text))
        text += *text == '#' ? strcspn(text, "\n") : 1;
    len = strcspn(text, " \r\n");
    *is_request = len == strlen(PAPER_REQUEST) && memcmp(text, PAPER_REQUEST, len) == 0;
    if (!*is_request && (len != strlen(PAPER_ENROLMENT) || memcmp(text, PAPER_ENROLMENT, len) != 0))
        return false;
    return take_hex(out, text + len);
}

enum status paper_read(struct buf *out, bool *is_request, const char *path, char *err,
                       size_t err_size)
{
    char text[PAPER_BYTES + 1];
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    size_t len;

    if (!f) {
        snprintf(err, err_size, "%s cannot be read: %s", path, strerror(errno));
        return ST_NOTFOUND;
    }
    len = fread(text, 1, sizeof(text) - 1, f);
    if (f != stdin)
        fclose(f);
    text[len] = '\0';
    if (take_paper(out, is_request, text))
        return ST_OK;
    snprintf(err, err_size,
             "%s is no request and no record of an enrolment: a line \"" PAPER_REQUEST "\" or "
             "\"" PAPER_ENROLMENT "\" and hexadecimal digits are expected",
             path);
    return ST_INVALID;
}

/* --- for people ------------------------------------------------------------------------------- */

void keys_fingerprint(char out[FINGERPRINT], const uint8_t key[KEY_BYTES], const uint8_t *sign_key)
{
    uint8_t both[2 * KEY_BYTES] = {0}, digest[DIGEST_BYTES];
    size_t used = 0;

    memcpy(both, key, KEY_BYTES);
    if (sign_key)
        memcpy(both + KEY_BYTES, sign_key, KEY_BYTES);
    digest_of(digest, both, sizeof(both));
    for (size_t i = 0; i < 16 && used < FINGERPRINT; i += 2)
        used += (size_t)snprintf(out + used, FINGERPRINT - used, "%s%02x%02x", i ? " " : "",
                                 digest[i], digest[i + 1]);
}

static void print_line(struct buf *out, const char *what, const char *value)
{
    buf_printf(out, "  %-13s", what);
    print_escaped(out, value, strlen(value));
    buf_puts(out, "\n");
}

void record_print(struct buf *out, const struct record *r)
{
    char text[FINGERPRINT]; /* a time is shorter */

    print_line(out, "name", r->name);
    print_line(out, "agency", r->agency);
    print_line(out, "roles", r->roles);
    print_line(out, "places", r->places[0] ? r->places : "the whole country");
    time_format(text, r->valid_from_us);
    print_line(out, "good from", text);
    time_format(text, r->not_after_us);
    print_line(out, "until", text);
    buf_printf(out, "  %-13s%llu\n", "serial", (unsigned long long)r->serial);
    print_line(out, "signs", r->has_sign_key ? "yes" : "NO: whoever has the database can forge it");
    keys_fingerprint(text, r->key, r->has_sign_key ? r->sign_key : NULL);
    print_line(out, "fingerprint", text);
}

/* --- officers --------------------------------------------------------------------------------- */

enum status officer_open(struct officer_hand *h, const char *pins, const char *key_file, char *err,
                         size_t err_size)
{
    struct keys k;
    enum status st;

    *h = (struct officer_hand){0};
    st = officers_load(&h->pinned, pins, err, err_size);
    if (st == ST_OK)
        st = keys_load(&k, key_file, err, err_size);
    if (st != ST_OK)
        return st;
    st = signer_create(&h->signer, &k);
    keys_wipe(&k);
    if (st != ST_OK) {
        snprintf(err, err_size, "%s has no pair that signs; make one with: eocctl keygen FILE",
                 key_file);
        return st;
    }
    h->who = officers_find_key(&h->pinned, signer_public(h->signer));
    if (h->who)
        return ST_OK;
    snprintf(err, err_size, "%s is the key of none of the officers in %s", key_file, pins);
    return ST_DENIED;
}

void officer_close(struct officer_hand *h)
{
    signer_destroy(h->signer);
    h->signer = NULL;
}

/* --- the database ----------------------------------------------------------------------------- */

enum status enrol_next_serial(struct db *d, const char *name, uint64_t *serial)
{
    const char *params[] = {name};
    struct db_rows *r;
    enum status st =
        db_query(d, &r,
                 "SELECT coalesce(max(serial), 0) + 1 AS serial FROM bus.principal_list"
                 " WHERE name = $1",
                 params, 1);

    if (st != ST_OK)
        return st;
    *serial = db_number(r, 0, "serial");
    db_rows_free(r);
    return ST_OK;
}

enum status enrol_was_revoked(struct db *d, const char *name, bool *revoked)
{
    const char *params[] = {name};
    struct db_rows *r;
    enum status st = db_query(
        d, &r, "SELECT 1 FROM bus.principal WHERE name = $1 AND revoked_at IS NOT NULL", params, 1);

    if (st != ST_OK)
        return st;
    *revoked = db_count(r) > 0;
    db_rows_free(r);
    return ST_OK;
}

enum status enrol_check_roles(struct db *d, const char *roles, char *err, size_t err_size)
{
    const char *params[] = {roles};
    struct db_rows *r;
    enum status st =
        db_query(d, &r,
                 "SELECT w.role FROM unnest(string_to_array($1, ' ')) AS w(role) WHERE w.role <> ''"
                 " AND NOT EXISTS (SELECT FROM bus.role r WHERE r.role = w.role) LIMIT 1",
                 params, 1);

    if (st != ST_OK) {
        snprintf(err, err_size, "%s", db_error(d));
        return st;
    }
    if (db_count(r) > 0) {
        snprintf(err, err_size, "there is no role \"%s\"; eocctl rights roles lists them",
                 db_cell(r, 0, "role"));
        st = ST_DENIED;
    }
    db_rows_free(r);
    return st;
}

static const char *hex_of(struct buf *out, const void *bytes, size_t len)
{
    db_hex(out, bytes, len);
    buf_put(out, "", 1);
    return out->failed ? NULL : (const char *)out->data;
}

enum status enrol_submit(struct db *d, const struct record *r, const struct buf *enrolment,
                         bool *fresh)
{
    char from[TIME_TEXT], until[TIME_TEXT], serial[24];
    struct buf key = {0}, sign_key = {0}, bytes = {0};
    struct db_rows *rows;
    enum status st = ST_NOMEM;

    time_format(from, r->valid_from_us);
    time_format(until, r->not_after_us);
    snprintf(serial, sizeof(serial), "%llu", (unsigned long long)r->serial);
    const char *params[] = {r->name,
                            r->agency,
                            r->roles,
                            r->places,
                            hex_of(&key, r->key, KEY_BYTES),
                            r->has_sign_key ? hex_of(&sign_key, r->sign_key, KEY_BYTES) : NULL,
                            from,
                            until,
                            serial,
                            hex_of(&bytes, enrolment->data, enrolment->len)};
    if (params[4] && params[9])
        st = db_query(d, &rows,
                      "SELECT bus.principal_enrol($1, $2, $3, $4, $5::bytea, $6::bytea,"
                      " $7::timestamptz, $8::timestamptz, $9::int8, $10::bytea) AS fresh",
                      params, 10);
    if (st == ST_OK) {
        *fresh = strcmp(db_cell(rows, 0, "fresh"), "t") == 0;
        db_rows_free(rows);
    }
    buf_free(&key);
    buf_free(&sign_key);
    buf_free(&bytes);
    return st;
}
