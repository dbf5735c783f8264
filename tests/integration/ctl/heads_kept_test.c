/* Heads that somebody kept elsewhere, held against the record: each counts as far as its broker
 * signed it, and the first that the chain contradicts is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/audit.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "tests/lib/officers.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

enum { MESSAGES = 60 };

struct world {
    struct pgserver *pg;
    struct db *d;
    struct keys keys;
    struct signer *signer;
    char path[64];
};

static struct world world;

static void put_hex(FILE *f, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fprintf(f, "%02x", bytes[i]);
}

static void read_digest(uint8_t out[DIGEST_BYTES], unsigned seq)
{
    char sql[120];
    const char *hex;

    snprintf(sql, sizeof(sql), "SELECT encode(digest, 'hex') FROM bus.chain WHERE last_seq = %u",
             seq);
    hex = pgserver_text(world.pg, sql);
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

/* What a broker says of this number, as a line of the file. */
static void put_head(FILE *f, unsigned seq)
{
    Eocbus__V1__LogHead body = EOCBUS__V1__LOG_HEAD__INIT;
    Eocbus__V1__Envelope e = EOCBUS__V1__ENVELOPE__INIT;
    uint8_t digest[DIGEST_BYTES], content[400], signature[SIGN_BYTES], id[16] = {1, 2, 3};
    char name[] = "coes.broker";
    size_t len;

    read_digest(digest, seq);
    body.log_epoch = 1;
    body.seq = seq;
    body.digest = (ProtobufCBinaryData){DIGEST_BYTES, digest};
    e.message_id = (ProtobufCBinaryData){sizeof(id), id};
    e.schema = 1000;
    e.sender = name;
    e.epoch = e.lane_seq = seq;
    e.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    e.status = EOCBUS__V1__STATUS__STATUS_SYSTEM;
    e.kind = EOCBUS__V1__KIND__KIND_REPORT;
    e.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    e.event_time_us = e.sent_time_us = INT64_C(1772000000000000);
    e.body_case = EOCBUS__V1__ENVELOPE__BODY_LOG_HEAD;
    e.log_head = &body;
    len = eocbus__v1__envelope__pack(&e, content);
    signer_sign(world.signer, signature, "", content, len);
    fprintf(f, "1 %u ", seq);
    put_hex(f, digest, sizeof(digest));
    fputs(" 2026-03-01T06:30:00Z coes.broker ", f);
    put_hex(f, content, len);
    fputs(" ", f);
    put_hex(f, signature, sizeof(signature));
    fputs("\n", f);
}

static void write_heads(void)
{
    FILE *f = fopen(world.path, "w");

    assert_non_null(f);
    for (unsigned seq = 10; seq <= MESSAGES; seq += 10)
        put_head(f, seq);
    assert_int_equal(fclose(f), 0);
}

static void enrol_broker(const struct keys *k)
{
    uint8_t key[KEY_BYTES];
    char hex[2 * KEY_BYTES + 1], sql[300];

    assert_int_equal(keys_z85_decode(key, k->sign_public_z85), ST_OK);
    for (size_t i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    snprintf(sql, sizeof(sql),
             "UPDATE bus.principal_key SET sign_key = decode('%s', 'hex') WHERE principal_id ="
             " (SELECT principal_id FROM bus.principal WHERE name = 'coes.broker')",
             hex);
    pgserver_exec(world.pg, sql);
}

static int set_up(void **state)
{
    char conninfo[200], err[600];
    int fd;

    (void)state;
    world.pg = pgserver_start();
    pgserver_exec(world.pg,
                  "SELECT bus.principal_add('coes.broker', 'coes', 'broker', '', sha256('a'))");
    for (unsigned i = 0; i < MESSAGES; i++)
        pgserver_exec(world.pg, "SELECT bus.say_audit('drill', ''); SELECT bus.tick(32)");
    assert_int_equal(pgserver_number(world.pg, "SELECT seq FROM bus.log_head"), MESSAGES);
    assert_int_equal(keys_generate(&world.keys), ST_OK);
    assert_int_equal(signer_create(&world.signer, &world.keys), ST_OK);
    enrol_broker(&world.keys);
    snprintf(world.path, sizeof(world.path), "/tmp/eocbus-kept-XXXXXX");
    fd = mkstemp(world.path);
    assert_true(fd >= 0);
    close(fd);
    write_heads();
    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=eocbus user=postgres",
             pgserver_socket(world.pg));
    assert_int_equal(db_open(&world.d, conninfo, err, sizeof(err)), ST_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(world.d);
    unlink(world.path);
    signer_destroy(world.signer);
    keys_wipe(&world.keys);
    pgserver_end(world.pg);
    return 0;
}

static struct audit_result look(const char *officers)
{
    const struct audit_wish wish = {.from = 1, .heads = world.path, .officers = officers};
    struct audit_result result;
    char err[600];

    if (audit_check(&result, world.d, &wish, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    buf_free(&result.text);
    return result;
}

/* The file with one character of it another one. */
static void change(size_t line, const char *behind, size_t at)
{
    FILE *f = fopen(world.path, "r+");
    char text[2000], *found;
    long begin = 0;

    assert_non_null(f);
    for (size_t i = 0; i <= line; i++) {
        begin = ftell(f);
        assert_non_null(fgets(text, sizeof(text), f));
    }
    found = strstr(text, behind);
    assert_non_null(found);
    found += strlen(behind) + at;
    assert_int_equal(fseek(f, begin + (found - text), SEEK_SET), 0);
    assert_int_equal(fputc(*found == '0' ? '1' : '0', f), *found == '0' ? '1' : '0');
    assert_int_equal(fclose(f), 0);
}

static int check_alone(void)
{
    const struct audit_wish wish = {.from = 1, .heads = world.path};
    struct ctl c = {.program = {.name = "eocctl"}};

    return audit_check_heads(&c, world.d, &wish);
}

static void heads_that_brokers_signed_are_believed(void **state)
{
    struct audit_result r = look(NULL);

    (void)state;
    assert_int_equal(r.found, 0);
    assert_int_equal(r.unbelieved, 0);
    assert_int_equal(check_alone(), EXIT_DONE);
}

static void a_head_that_its_broker_did_not_sign_is_not_believed(void **state)
{
    static const struct {
        const char *behind;
        size_t at;
    } places[] = {{" ", 10},              /* the digest in the line */
                  {"coes.broker ", 60},   /* the message */
                  {"coes.broker ", 320}}; /* the signature, or the end of the message */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct audit_result r;

        change(2, places[i].behind, places[i].at);
        r = look(NULL);
        assert_int_equal(r.unbelieved, 1);
        assert_int_equal(r.found, 0); /* the record itself holds */
        assert_int_equal(check_alone(), EXIT_REFUSED);
        write_heads();
    }
}

/* Whoever changes the chain may change the key as well: then no head is believed any more. */
static void a_key_that_was_changed_is_noticed(void **state)
{
    struct keys other;

    (void)state;
    assert_int_equal(keys_generate(&other), ST_OK);
    enrol_broker(&other);
    assert_int_equal(look(NULL).unbelieved, MESSAGES / 10);
    pgserver_exec(world.pg, "UPDATE bus.principal_key SET sign_key = NULL");
    assert_int_equal(look(NULL).unbelieved, MESSAGES / 10);
    enrol_broker(&world.keys);
    assert_int_equal(look(NULL).unbelieved, 0);
    keys_wipe(&other);
}

/* Where officers are pinned, a key counts that they signed for, not one that only the database
 * has. */
static void with_officers_pinned_the_database_s_word_is_not_enough(void **state)
{
    char path[] = "/tmp/eocbus-pins-XXXXXX";
    struct keys officer;
    FILE *f;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    f = fdopen(fd, "w");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(keys_generate(&officer), ST_OK);
        fprintf(f, "coes.officer%u %s\n", i, officer.sign_public_z85);
        keys_wipe(&officer);
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(look(path).unbelieved, MESSAGES / 10);
    unlink(path);
}

static void a_key_that_officers_vouched_for_counts(void **state)
{
    char path[] = "/tmp/eocbus-pins-XXXXXX";
    struct record r = record_of("coes.broker", &world.keys);
    struct test_officers officers;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    officers_open(&officers);
    officers_write(&officers, path);
    officers_enrol(&officers, world.pg, &r);
    assert_int_equal(look(path).unbelieved, 0);
    /* Whatever the database says of the key beside its record. */
    pgserver_exec(world.pg, "UPDATE bus.principal_key SET sign_key = NULL");
    assert_int_equal(look(path).unbelieved, 0);
    enrol_broker(&world.keys);
    officers_close(&officers);
    unlink(path);
}

static void the_first_head_that_the_chain_contradicts_is_named(void **state)
{
    struct audit_result r;

    (void)state;
    assert_int_equal(db_script(world.d, "BEGIN; UPDATE bus.chain SET digest = sha256(digest) WHERE"
                                        " last_seq >= 35"),
                     ST_OK);
    assert_int_equal(check_alone(), EXIT_REFUSED);
    assert_int_equal(db_script(world.d, "ROLLBACK; BEGIN; DELETE FROM bus.chain WHERE last_seq >"
                                        " 45; DELETE FROM bus.message WHERE seq > 45; UPDATE"
                                        " bus.log_head SET seq = 45"),
                     ST_OK);
    r = look(NULL);
    assert_int_equal(r.first, 46);
    assert_int_equal(r.upto, 50);
    assert_non_null(strstr(r.what, "cut off"));
    assert_int_equal(check_alone(), EXIT_REFUSED);
    assert_int_equal(db_script(world.d, "ROLLBACK"), ST_OK);
    assert_int_equal(check_alone(), EXIT_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_that_brokers_signed_are_believed),
        cmocka_unit_test(a_head_that_its_broker_did_not_sign_is_not_believed),
        cmocka_unit_test(a_key_that_was_changed_is_noticed),
        cmocka_unit_test(with_officers_pinned_the_database_s_word_is_not_enough),
        cmocka_unit_test(a_key_that_officers_vouched_for_counts),
        cmocka_unit_test(the_first_head_that_the_chain_contradicts_is_named),
    };

    return cmocka_run_group_tests_name("heads kept", tests, set_up, tear_down);
}
