/* Alerts of many countries come in and go out again with everything this model has a field for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/console/cap/cap.h"
#include "agents/console/cap/cap_words.h"
#include "proto/base/file.h"

#define DATA "tests/data/cap/"

struct desk {
    struct arena *arena;
    struct buf dropped, out;
    Eocbus__V1__PublicAlert *a;
    char err[400], dir[64];
};

static int open_desk(void **state)
{
    struct desk *d = mem_zalloc(sizeof(*d));

    *state = d;
    snprintf(d->dir, sizeof(d->dir), "/tmp/eocbus-cap-XXXXXX");
    return arena_create(&d->arena, CAP_ARENA_BYTES) == ST_OK && mkdtemp(d->dir) ? 0 : -1;
}

static int close_desk(void **state)
{
    struct desk *d = *state;

    (void)rmdir(d->dir);
    arena_destroy(d->arena);
    buf_free(&d->dropped);
    buf_free(&d->out);
    mem_free(d);
    return 0;
}

static enum status read_bytes(struct desk *d, const void *bytes, size_t len)
{
    return cap_read(&d->a, &d->dropped, bytes, len, d->arena, d->err, sizeof(d->err));
}

static enum status read_text(struct desk *d, const char *text)
{
    return read_bytes(d, text, strlen(text));
}

static enum status read_data(struct desk *d, const char *name)
{
    char path[300];
    struct buf bytes = {0};
    enum status st;

    snprintf(path, sizeof(path), DATA "%s", name);
    assert_int_equal(file_read(path, &bytes, CAP_BYTES_MAX), ST_OK);
    st = read_bytes(d, bytes.data, bytes.len);
    buf_free(&bytes);
    return st;
}

/* --- all of them ------------------------------------------------------------------------------ */

static const char *const not_taken[] = {"google-invalid", "google-noaa_errors", "google-xee"};

static bool is_taken(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(not_taken); i++)
        if (strncmp(name, not_taken[i], strlen(not_taken[i])) == 0)
            return false;
    return true;
}

static void *packed(const Eocbus__V1__PublicAlert *a, size_t *len)
{
    uint8_t *bytes;

    *len = eocbus__v1__public_alert__get_packed_size(a);
    bytes = malloc(*len);
    assert_non_null(bytes);
    eocbus__v1__public_alert__pack(a, bytes);
    return bytes;
}

/* In, out, in: the same to the byte. */
static void assert_survives(struct desk *d, const char *name)
{
    size_t first_len, again_len;
    void *first = packed(d->a, &first_len), *again;

    buf_clear(&d->out);
    cap_write(&d->out, d->a);
    if (read_bytes(d, d->out.data, d->out.len) != ST_OK)
        fail_msg("%s is not read again: %s", name, d->err);
    again = packed(d->a, &again_len);
    if (first_len != again_len || memcmp(first, again, first_len) != 0)
        fail_msg("%s changed on its way", name);
    free(first);
    free(again);
}

static void assert_valid(const struct desk *d, const char *name)
{
    char path[128], command[400];

    snprintf(path, sizeof(path), "%s/out.xml", d->dir);
    assert_int_equal(file_replace(path, d->out.data, d->out.len), ST_OK);
    snprintf(command, sizeof(command),
             "xmllint --nonet --noout --schema " DATA "xsd/CAP-v1.2.xsd %s 2>&1", path);
    if (system(command) != 0)
        fail_msg("%s is not valid when it is written", name);
    (void)unlink(path);
}

/* But a signature, which would not hold for what we write, and one name that no schema knows. */
static void assert_keeps_all(struct desk *d, const char *name)
{
    static const char *const without[] = {"alert: Signature\n", "alert: reference\n"};
    const char *at;

    buf_put(&d->dropped, "", 1);
    for (at = (char *)d->dropped.data; *at; at = strchr(at, '\n') + 1)
        if (strncmp(at, without[0], strlen(without[0])) != 0 &&
            strncmp(at, without[1], strlen(without[1])) != 0)
            fail_msg("%s loses %s", name, at);
}

static void alerts_of_many_countries_survive_and_are_written_valid(void **state)
{
    DIR *all = opendir(DATA);
    struct dirent *e;
    unsigned survived = 0;

    assert_non_null(all);
    while ((e = readdir(all))) {
        struct desk *d = *state;

        if (!strstr(e->d_name, ".cap.xml") || !is_taken(e->d_name))
            continue;
        arena_reset(d->arena);
        buf_clear(&d->dropped);
        if (read_data(d, e->d_name) != ST_OK)
            fail_msg("%s is not taken: %s", e->d_name, d->err);
        assert_keeps_all(d, e->d_name);
        assert_survives(d, e->d_name);
        assert_valid(d, e->d_name);
        survived++;
    }
    closedir(all);
    printf("measured: %u alerts came back as they were\n", survived);
    assert_true(survived >= 30);
}

static void what_breaks_the_words_of_cap_is_not_taken(void **state)
{
    struct desk *d = *state;

    for (size_t i = 0; i < ARRAY_LEN(not_taken); i++) {
        char name[64];

        snprintf(name, sizeof(name), "%s.cap.xml", not_taken[i]);
        if (read_data(d, name) != ST_INVALID)
            fail_msg("%s was taken", name);
        assert_true(*d->err);
    }
}

static void what_has_no_field_is_said(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_data(d, "sambro-Fiji_Water_Shortage_Suva.cap.xml"), ST_OK);
    buf_put(&d->dropped, "", 1);
    assert_non_null(strstr((char *)d->dropped.data, "alert: reference\n"));
    buf_clear(&d->dropped);
    assert_int_equal(read_data(d, "google-canada_signed.cap.xml"), ST_OK);
    buf_put(&d->dropped, "", 1);
    assert_non_null(strstr((char *)d->dropped.data, "alert: Signature\n"));
}

/* --- one field at a time ---------------------------------------------------------------------- */

/* Whom it reaches is said by P-codes; who brings one in is told where it says otherwise. */
static void places_that_nobody_compares_are_told(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__NamedValue code = EOCBUS__V1__NAMED_VALUE__INIT, *codes[] = {&code};
    Eocbus__V1__AlertArea ours = EOCBUS__V1__ALERT_AREA__INIT, *areas[] = {&ours};
    Eocbus__V1__AlertInfo info = EOCBUS__V1__ALERT_INFO__INIT, *infos[] = {&info};
    Eocbus__V1__PublicAlert a = EOCBUS__V1__PUBLIC_ALERT__INIT;

    assert_int_equal(read_data(d, "oasis-amber.cap.xml"), ST_OK);
    cap_where(&d->out, d->a);
    buf_put(&d->out, "", 1);
    assert_string_equal((char *)d->out.data,
                        "info 1, area 1: shapes 0, codes of others 1, P-codes 0\n"
                        "info 2, area 1: shapes 0, codes of others 1, P-codes 0\n");
    code.name = (char *)(uintptr_t) "PCODE";
    code.value = (char *)(uintptr_t) "3505203";
    ours.n_geocodes = info.n_areas = a.n_infos = 1;
    ours.geocodes = codes;
    info.areas = areas;
    a.infos = infos;
    buf_clear(&d->out);
    cap_where(&d->out, &a);
    assert_int_equal(d->out.len, 0);
}

static void fields_are_where_they_belong(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_data(d, "oasis-amber.cap.xml"), ST_OK);
    assert_string_equal(d->a->identifier, "KAR0-0306112239-SW");
    assert_int_equal(d->a->sent_offset_min, -420);
    assert_int_equal(d->a->n_infos, 2);
    assert_string_equal(d->a->infos[1]->language, "es-US");
    assert_int_equal(d->a->infos[0]->categories[0], EOCBUS__V1__CAP_CATEGORY__CAP_CATEGORY_RESCUE);
    assert_string_equal(d->a->infos[0]->areas[0]->geocodes[0]->name, "SAME");
}

#define HEAD                                                                                       \
    "<alert xmlns=\"" CAP_NS_12 "\"><identifier>a</identifier><sender>b</sender>"                  \
    "<sent>2026-11-22T19:00:00+05:00</sent><status>Exercise</status><msgType>Cancel</msgType>"     \
    "<scope>Public</scope>"

static void lists_and_references_keep_their_words(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, HEAD
                               "<addresses>one \"two words\" three</addresses><references>"
                               "b,x,2026-11-22T18:00:00+05:00\n b,y,2026-11-22T13:30:00-00:00"
                               "</references><incidents>\"night of Ayni\"</incidents></alert>"),
                     ST_OK);
    assert_int_equal(d->a->n_addresses, 3);
    assert_string_equal(d->a->addresses[1], "two words");
    assert_int_equal(d->a->n_references, 2);
    assert_string_equal(d->a->references[1]->identifier, "y");
    assert_int_equal(d->a->references[0]->sent_offset_min, 300);
    assert_int_equal(d->a->references[1]->sent_us - d->a->references[0]->sent_us,
                     INT64_C(1800000000));
    assert_survives(d, "lists");
    buf_put(&d->out, "", 1);
    assert_non_null(
        strstr((char *)d->out.data,
               "<references>b,x,2026-11-22T18:00:00+05:00 b,y,2026-11-22T13:30:00-00:00<"));
    assert_non_null(strstr((char *)d->out.data, "<addresses>one \"two words\" three<"));
}

static void what_people_write_stays_text(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, HEAD "<note>&lt;b&gt; &amp;amp; ]]&gt; \"сел\"</note></alert>"),
                     ST_OK);
    assert_string_equal(d->a->note, "<b> &amp; ]]> \"сел\"");
    assert_survives(d, "text");
}

static void numbers_keep_their_worth(void **state)
{
    static const struct {
        const char *in, *out;
        int64_t value;
    } cases[] = {{"39.3921", "39.3921", 393921000},
                 {"-0.5", "-0.5", -5000000},
                 {"68", "68", 680000000},
                 {"1.00000005", "1.0000001", 10000001},
                 {"0", "0", 0}};
    char out[CAP_NUMBER];
    const char *end;
    int64_t value;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(cap_read_number(&value, 7, cases[i].in, &end));
        assert_int_equal(value, cases[i].value);
        cap_number(out, value, 7);
        assert_string_equal(out, cases[i].out);
    }
    assert_false(cap_read_number(&value, 7, "x", &end));
    assert_false(cap_read_number(&value, 7, "1.2.3", &end));
    assert_false(cap_read_number(&value, 7, "99999999999999999999", &end));
    assert_false(cap_read_number(&value, 7, "999999999999999", &end));
}

/* A radius of 100 km that was read as one of 1 km would warn nobody. */
static void shapes_are_read_to_their_end(void **state)
{
    static const struct {
        const char *shape;
        enum status st;
    } cases[] = {
        {"<circle>38.5,68.5 1.5 </circle>", ST_OK},
        {"<circle>38.5,68.5 1e2</circle>", ST_INVALID},
        {"<circle>38.5,68.5 1 km</circle>", ST_INVALID},
        {"<polygon>38,68 39,68 39,69 38,68\n</polygon>", ST_OK},
        {"<polygon>38,68 39,68 39,69 38,68e1</polygon>", ST_INVALID},
        {"<polygon>38,68 39,68 39,69 38,68 38</polygon>", ST_INVALID},
    };
    struct desk *d = *state;
    char text[1200];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(text, sizeof(text),
                 "%s<info><category>Geo</category><event>e</event><urgency>Past</urgency><severity>"
                 "Minor</severity><certainty>Likely</certainty><area><areaDesc>a</areaDesc>%s"
                 "</area></info></alert>",
                 HEAD, cases[i].shape);
        if (read_text(d, text) != cases[i].st)
            fail_msg("%s: %s", cases[i].shape, d->err);
    }
}

/* --- hostile ---------------------------------------------------------------------------------- */

static void hostile_documents_are_refused_before_they_grow(void **state)
{
    static const char *const hostile[] = {
        "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>" HEAD
        "<note>&b;</note></alert>",
        "<?xml version=\"1.0\"?><!DOCTYPE alert SYSTEM \"http://127.0.0.1:1/x.dtd\">" HEAD
        "</alert>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" HEAD "<note>&x;</note></alert>",
        HEAD "<note>&x;</note></alert>",
        HEAD,
        "",
        "<alert/>",
        "\xff\xfe<",
        "<alert xmlns=\"urn:other\"/>",
        HEAD "<references>a,b</references></alert>",
        HEAD "<info><category>Geo</category></info></alert>",
        HEAD "<status>Exercise</status></alert>", /* some readers take the first, some the last */
        HEAD "<identifier>another</identifier></alert>",
    };
    struct desk *d = *state;

    for (size_t i = 0; i < ARRAY_LEN(hostile); i++)
        if (read_text(d, hostile[i]) != ST_INVALID)
            fail_msg("was taken: %s", hostile[i]);
}

static void a_document_of_ten_megabytes_or_a_thousand_levels_is_refused(void **state)
{
    struct desk *d = *state;
    struct buf big = {0};

    buf_puts(&big, HEAD "<note>");
    while (big.len < 10485760)
        buf_puts(&big, "сел сел сел сел сел сел сел сел сел сел сел сел сел сел сел сел сел ");
    buf_puts(&big, "</note></alert>");
    assert_false(big.failed);
    assert_int_equal(read_bytes(d, big.data, big.len), ST_INVALID);
    buf_clear(&big);
    buf_puts(&big, HEAD);
    for (int i = 0; i < 1000; i++)
        buf_puts(&big, "<x>");
    assert_int_equal(read_bytes(d, big.data, big.len), ST_INVALID);
    buf_free(&big);
}

/* --- spoiled ---------------------------------------------------------------------------------- */

static uint64_t seed = 20100807;
static size_t any(size_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % below);
}

static void spoil(struct buf *b)
{
    static const char *const pieces[] = {"<",
                                         "</",
                                         ">",
                                         "&amp;",
                                         "&#0;",
                                         "&x;",
                                         "<!--",
                                         "<![CDATA[",
                                         "]]>",
                                         "\"",
                                         "\xff\xfe",
                                         "\xc0\x80",
                                         "1e9",
                                         "99999999999999999999",
                                         "-0",
                                         " ",
                                         "<?xml?>",
                                         "<area>",
                                         "<!DOCTYPE a>",
                                         "9999-99-99T99:99:99-99:99",
                                         "0,0 0,0 0,0 0,0",
                                         "urn:oasis:names:tc:emergency:cap:1.1"};

    for (size_t n = 1 + any(4); n && b->len > 64; n--) {
        const char *piece = pieces[any(ARRAY_LEN(pieces))];
        size_t at = any(b->len - 32), len = strlen(piece);

        switch (any(4)) {
        case 0:
            b->data[at] = (uint8_t)any(256);
            break;
        case 1: /* something goes */
            len = 1 + any(31);
            memmove(b->data + at, b->data + at + len, b->len - at - len);
            b->len -= len;
            break;
        case 2: /* something comes twice */
            len = 1 + any(31);
            memmove(b->data + any(b->len - len), b->data + at, len);
            break;
        default:
            memcpy(b->data + at, piece, len < b->len - at ? len : b->len - at);
        }
    }
}

/* What is taken can be written, and what was written is taken. */
static bool is_taken_whole(struct desk *d, const struct buf *bytes)
{
    buf_clear(&d->dropped);
    buf_clear(&d->out);
    arena_reset(d->arena);
    *d->err = '\0';
    if (read_bytes(d, bytes->data, bytes->len) != ST_OK) {
        assert_true(*d->err);
        return false;
    }
    cap_write(&d->out, d->a);
    arena_reset(d->arena);
    if (read_bytes(d, d->out.data, d->out.len) != ST_OK)
        fail_msg("%s in its own words: %.*s", d->err, (int)d->out.len, (char *)d->out.data);
    return true;
}

/* CAP_MUTANTS=n: so many, and not the short form; CAP_SEED=n: others. */
static void spoiled_alerts_are_refused_or_taken_whole(void **state)
{
    const char *wanted = getenv("CAP_MUTANTS"), *start = getenv("CAP_SEED");
    unsigned long each = wanted ? strtoul(wanted, NULL, 10) : 20, taken = 0, refused = 0;
    const struct dirent *entry;
    DIR *all = opendir(DATA);

    seed = start ? strtoull(start, NULL, 10) | 1 : seed;
    assert_non_null(all);
    while ((entry = readdir(all))) {
        struct buf whole = {0}, part = {0};
        char path[300];

        snprintf(path, sizeof(path), DATA "%s", entry->d_name);
        if (!strstr(entry->d_name, ".xml") || file_read(path, &whole, 65536) != ST_OK) {
            buf_free(&whole);
            continue; /* long ones are spoiled as short ones are */
        }
        for (unsigned long i = 0; i < each; i++) {
            buf_clear(&part);
            buf_put(&part, whole.data, whole.len);
            spoil(&part);
            *(is_taken_whole(*state, &part) ? &taken : &refused) += 1;
        }
        buf_free(&part);
        buf_free(&whole);
    }
    closedir(all);
    printf("%lu spoiled alerts: %lu refused, %lu taken\n", taken + refused, refused, taken);
    assert_true(taken && refused);
}

/* --- signed ----------------------------------------------------------------------------------- */

static void make_key(const struct desk *d, const char *kind, struct buf *key, struct buf *cert)
{
    char command[500], path[128];

    snprintf(
        command, sizeof(command),
        "openssl req -x509 -newkey %s -nodes -days 2 -subj /CN=eoc.example.tj -keyout %s/key.pem "
        "-out %s/cert.pem 2>/dev/null",
        kind, d->dir, d->dir);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/key.pem", d->dir);
    assert_int_equal(file_read(path, key, 65536), ST_OK);
    (void)unlink(path);
    snprintf(path, sizeof(path), "%s/cert.pem", d->dir);
    assert_int_equal(file_read(path, cert, 65536), ST_OK);
}

/* As somebody else's program finds it. */
static int verify(const struct desk *d, const void *xml, size_t len)
{
    char command[500], path[128];
    int code;

    snprintf(path, sizeof(path), "%s/signed.xml", d->dir);
    assert_int_equal(file_replace(path, xml, len), ST_OK);
    snprintf(command, sizeof(command),
             "xmlsec1 --verify --trusted-pem %s/cert.pem --enabled-reference-uris empty %s "
             ">/dev/null 2>&1",
             d->dir, path);
    code = system(command);
    (void)unlink(path);
    return code;
}

static void sign_and_verify(struct desk *d, const char *kind)
{
    struct buf key = {0}, cert = {0};
    struct cap_signer *s = NULL;
    char path[128], *place;

    make_key(d, kind, &key, &cert);
    assert_int_equal(cap_signer_create(&s, &key, &cert, d->err, sizeof(d->err)), ST_OK);
    buf_clear(&d->out);
    assert_int_equal(read_data(d, "sambro-landslide.cap.xml"), ST_OK);
    cap_write(&d->out, d->a);
    assert_int_equal(cap_sign(s, &d->out), ST_OK);
    assert_int_equal(verify(d, d->out.data, d->out.len), 0);
    assert_valid(d, kind);
    place = memmem(d->out.data, d->out.len, "Exercise", 8);
    assert_non_null(place);
    memcpy(place, "Actual  ", 8); /* the worst that can be done to it */
    assert_int_not_equal(verify(d, d->out.data, d->out.len), 0);
    cap_signer_destroy(s);
    snprintf(path, sizeof(path), "%s/cert.pem", d->dir);
    (void)unlink(path);
    buf_free(&key);
    buf_free(&cert);
}

static void an_alert_is_signed_so_that_others_can_verify_it(void **state)
{
    sign_and_verify(*state, "rsa:2048");
    sign_and_verify(*state, "ec -pkeyopt ec_paramgen_curve:P-256");
}

static void a_key_and_somebody_elses_certificate_are_refused(void **state)
{
    struct desk *d = *state;
    struct buf key = {0}, cert = {0}, other_key = {0}, other = {0}, none = {0};
    struct cap_signer *s = NULL;
    char path[128];

    make_key(d, "ec -pkeyopt ec_paramgen_curve:P-256", &key, &cert);
    make_key(d, "ec -pkeyopt ec_paramgen_curve:P-256", &other_key, &other);
    buf_puts(&none, "no key at all");
    assert_int_equal(cap_signer_create(&s, &key, &other, d->err, sizeof(d->err)), ST_INVALID);
    assert_non_null(strstr(d->err, "not the certificate"));
    assert_int_equal(cap_signer_create(&s, &none, &cert, d->err, sizeof(d->err)), ST_INVALID);
    assert_int_equal(cap_signer_create(&s, &key, &none, d->err, sizeof(d->err)), ST_INVALID);
    snprintf(path, sizeof(path), "%s/cert.pem", d->dir);
    (void)unlink(path);
    buf_free(&key);
    buf_free(&cert);
    buf_free(&other_key);
    buf_free(&other);
    buf_free(&none);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)
    const struct CMUnitTest tests[] = {
        T(alerts_of_many_countries_survive_and_are_written_valid),
        T(what_breaks_the_words_of_cap_is_not_taken),
        T(what_has_no_field_is_said),
        T(places_that_nobody_compares_are_told),
        T(fields_are_where_they_belong),
        T(lists_and_references_keep_their_words),
        T(what_people_write_stays_text),
        T(numbers_keep_their_worth),
        T(shapes_are_read_to_their_end),
        T(hostile_documents_are_refused_before_they_grow),
        T(a_document_of_ten_megabytes_or_a_thousand_levels_is_refused),
        T(spoiled_alerts_are_refused_or_taken_whole),
        T(an_alert_is_signed_so_that_others_can_verify_it),
        T(a_key_and_somebody_elses_certificate_are_refused),
    };

    return cmocka_run_group_tests_name("cap", tests, NULL, NULL);
}
