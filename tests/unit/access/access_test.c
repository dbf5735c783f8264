/* The list of principals and the questions about them; no sockets here (zap_test has them). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/access/access.h"
#include "proto/base/keys.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"
#include "tests/lib/officers.h"

#include "proto/base/banned.h"

static int64_t now_us = 1000;

static int64_t clock_of_test(void *arg)
{
    (void)arg;
    return now_us;
}

#define EVERYTHING                                                                                 \
    "1 everyone allow say * any HOUSEHOLD_PERSONAL - 0 0\n"                                        \
    "2 everyone allow hear * any HOUSEHOLD_PERSONAL - 0 0\n"                                       \
    "3 everyone allow flash * any HOUSEHOLD_PERSONAL - 0 0"

static struct access *new_access(void)
{
    struct access *a = NULL;

    now_us = 1000;
    assert_int_equal(access_create(&a, NULL, clock_of_test, NULL), ST_OK);
    return a;
}

static enum status add(struct access *a, int32_t id, const char *name, uint8_t key,
                       int64_t not_after_us)
{
    char text[LIMIT_NAME_BYTES + 1];
    struct principal p = {.principal_id = id, .name = text, .not_after_us = not_after_us};

    snprintf(text, sizeof(text), "%s", name); /* gone after the call: access copies */
    memset(p.public_key, key, sizeof(p.public_key));
    return access_add(a, &p);
}

static const struct principal *find_key(const struct access *a, uint8_t key)
{
    uint8_t bytes[32];

    memset(bytes, key, sizeof(bytes));
    return access_find_key(a, bytes);
}

static void before_the_first_commit_nobody_is_known(void **state)
{
    struct access *a = new_access();

    (void)state;
    assert_null(access_find(a, "coes.a"));
    access_begin(a);
    assert_int_equal(add(a, 1, "coes.a", 1, 0), ST_OK);
    assert_null(access_find(a, "coes.a"));
    assert_int_equal(access_count(a), 0);
    assert_int_equal(access_commit(a), ST_OK);
    assert_int_equal(access_count(a), 1);
    assert_int_equal(access_find(a, "coes.a")->principal_id, 1);
    access_destroy(a);
}

static void a_principal_is_found_by_name_and_by_key(void **state)
{
    struct access *a = new_access();

    (void)state;
    access_begin(a);
    for (int i = 199; i >= 0; i--) {
        char name[32];

        snprintf(name, sizeof(name), "agency.node%d", i);
        assert_int_equal(add(a, i, name, (uint8_t)i, 0), ST_OK);
    }
    assert_int_equal(access_commit(a), ST_OK);
    for (int i = 0; i < 200; i++) {
        char name[32];

        snprintf(name, sizeof(name), "agency.node%d", i);
        assert_int_equal(access_find(a, name)->principal_id, i);
        assert_string_equal(find_key(a, (uint8_t)i)->name, name);
    }
    assert_null(access_find(a, "agency.node"));
    assert_null(access_find(a, "agency.node200"));
    assert_null(access_find(a, ""));
    assert_null(access_find(a, NULL));
    assert_null(find_key(a, 200));
    access_destroy(a);
}

static void note_record(void *arg, const struct principal *p)
{
    char *text = arg;

    snprintf(text + strlen(text), 64 - strlen(text), "%.*s ", (int)p->enrolment_len,
             p->enrolment_len ? (const char *)p->enrolment : "");
}

static void every_key_of_a_name_is_told_also_one_that_is_over(void **state)
{
    struct access *a = new_access();
    char record[] = "old", text[64] = "";
    struct principal p = {.principal_id = 7, .name = (char *)"coes.a", .not_after_us = 1};

    (void)state;
    p.enrolment = (uint8_t *)record;
    p.enrolment_len = 3;
    memset(p.sign_key, 5, sizeof(p.sign_key));
    p.has_sign_key = true;
    assert_int_equal(access_each_named(a, "coes.a", note_record, text), 0);
    access_begin(a);
    assert_int_equal(access_add(a, &p), ST_OK);
    memcpy(record, "new", 3); /* access copies */
    p.not_after_us = 0;
    assert_int_equal(access_add(a, &p), ST_OK);
    assert_int_equal(add(a, 8, "coes.b", 8, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    assert_int_equal(access_each_named(a, "coes.a", note_record, text), 2);
    assert_string_equal(text, "old new ");
    assert_int_equal(access_each_named(a, "coes.b", note_record, text), 1);
    assert_int_equal(access_each_named(a, "coes.aa", note_record, text), 0);
    assert_null(access_find(a, "coes.b")->enrolment);
    assert_true(access_find(a, "coes.a")->has_sign_key);
    assert_int_equal(access_find(a, "coes.a")->sign_key[31], 5);
    access_destroy(a);
}

static void put_user(char out[128], const char *name, uint8_t key)
{
    uint8_t bytes[32];
    char text[KEY_Z85];

    memset(bytes, key, sizeof(bytes));
    keys_z85_encode(text, bytes);
    snprintf(out, 128, "%s %s", name, text);
}

static void a_user_is_known_by_the_key_it_came_with(void **state)
{
    struct access *a = new_access();
    char user[128];
    uint8_t key[32];

    (void)state;
    access_begin(a);
    assert_int_equal(add(a, 1, "coes.a", 1, 0), ST_OK);
    assert_int_equal(add(a, 1, "coes.a", 2, 5000), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    put_user(user, "coes.a", 2);
    assert_int_equal(access_find_user(a, user)->public_key[0], 2);
    memset(key, 2, sizeof(key));
    assert_true(access_holds(a, 1, "coes.a", key));
    assert_false(access_holds(a, 2, "coes.a", key));
    assert_int_equal(access_next_end(a, 1000), 5000);
    assert_int_equal(access_next_end(a, 5000), INT64_MAX);
    now_us = 5000;
    assert_null(access_find_user(a, user));
    assert_false(access_holds(a, 1, "coes.a", key));
    put_user(user, "coes.a", 1);
    assert_non_null(access_find_user(a, user));
    put_user(user, "coes.b", 1);
    assert_null(access_find_user(a, user));
    assert_null(access_find_user(a, "coes.a too-short"));
    assert_null(access_find_user(a, ""));
    assert_non_null(access_find_user(a, "coes.a"));
    access_destroy(a);
}

static void a_new_list_replaces_the_old_one_whole(void **state)
{
    struct access *a = new_access();

    (void)state;
    access_begin(a);
    assert_int_equal(add(a, 1, "revoked", 1, 0), ST_OK);
    assert_int_equal(add(a, 2, "stays", 2, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    access_begin(a);
    assert_int_equal(add(a, 2, "stays", 2, 0), ST_OK);
    assert_non_null(access_find(a, "revoked")); /* until the commit */
    assert_int_equal(access_commit(a), ST_OK);
    assert_null(access_find(a, "revoked"));
    assert_null(find_key(a, 1));
    assert_non_null(access_find(a, "stays"));
    access_destroy(a);
}

static void beginning_again_gives_up_what_was_added(void **state)
{
    struct access *a = new_access();

    (void)state;
    access_begin(a);
    assert_int_equal(add(a, 1, "half", 1, 0), ST_OK);
    access_begin(a);
    assert_int_equal(add(a, 2, "whole", 2, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    assert_null(access_find(a, "half"));
    assert_int_equal(access_count(a), 1);
    access_begin(a); /* and destroyed in the middle */
    assert_int_equal(add(a, 3, "never", 3, 0), ST_OK);
    access_destroy(a);
}

static void an_empty_list_locks_everybody_out(void **state)
{
    struct access *a = new_access();

    (void)state;
    access_begin(a);
    assert_int_equal(add(a, 1, "one", 1, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    access_begin(a);
    assert_int_equal(access_commit(a), ST_OK);
    assert_null(access_find(a, "one"));
    access_destroy(a);
}

static void a_principal_whose_time_is_over_is_unknown(void **state)
{
    struct access *a = new_access();

    (void)state;
    access_begin(a);
    assert_int_equal(add(a, 1, "guest", 1, 2000), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    now_us = 1999;
    assert_non_null(access_find(a, "guest"));
    assert_non_null(find_key(a, 1));
    now_us = 2000;
    assert_null(access_find(a, "guest"));
    assert_null(find_key(a, 1));
    access_destroy(a);
}

static void during_a_change_of_keys_both_keys_are_known(void **state)
{
    struct access *a = new_access();

    (void)state;
    access_begin(a);
    assert_int_equal(add(a, 1, "gateway", 1, 2000), ST_OK);
    assert_int_equal(add(a, 2, "gateway", 2, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    assert_string_equal(find_key(a, 1)->name, "gateway");
    assert_string_equal(find_key(a, 2)->name, "gateway");
    assert_int_equal(access_find(a, "gateway")->principal_id, 1);
    now_us = 2000;
    assert_null(find_key(a, 1));
    assert_int_equal(access_find(a, "gateway")->principal_id, 2);
    access_destroy(a);
}

/* --- officers --------------------------------------------------------------------------------- */

struct rows {
    struct test_officers desk;
    struct keys old, new;
    struct access *a;
};

static struct rows open_rows(void)
{
    struct rows r = {.a = new_access()};

    officers_open(&r.desk);
    assert_int_equal(keys_generate(&r.old), ST_OK);
    assert_int_equal(keys_generate(&r.new), ST_OK);
    now_us = INT64_C(1790000000000000);
    access_pin(r.a, &r.desk.pinned, false);
    return r;
}

static void close_rows(struct rows *r)
{
    officers_close(&r->desk);
    access_destroy(r->a);
}

/* As it stands in the database: the bytes, and what somebody wrote beside them. */
static void add_row(struct rows *rows, const struct record *r, int first, int second, bool is_shut)
{
    struct buf b = enrolment_of(&rows->desk, r, first, second);
    struct principal p = {
        .principal_id = 1,
        .name = (char *)(uintptr_t)r->name,
        .agency = (char *)"made-up",
        .roles = (char *)"officer auditor",
        .places = (char *)"",
        .serial = 900,
        .enrolment = b.data,
        .enrolment_len = b.len,
        .is_shut = is_shut,
    };

    memcpy(p.public_key, r->key, sizeof(p.public_key));
    assert_int_equal(access_add(rows->a, &p), ST_OK);
    buf_free(&b);
}

static void the_record_counts_and_not_what_stands_beside_it(void **state)
{
    struct rows rows = open_rows();
    struct record r = record_of("coes.a", &rows.old);
    struct access_counters n;

    (void)state;
    for (unsigned round = 0; round < 2; round++) { /* the second list is not verified again */
        access_begin(rows.a);
        add_row(&rows, &r, 0, 1, false);
        assert_int_equal(access_commit(rows.a), ST_OK);
        const struct principal *p = access_find_key(rows.a, r.key);
        assert_true(p->is_vouched);
        assert_string_equal(p->agency, "test");
        assert_string_equal(p->roles, "all");
        assert_int_equal(p->serial, 1);
        assert_true(p->has_sign_key);
        assert_memory_equal(p->sign_key, r.sign_key, KEY_BYTES);
        assert_int_equal(p->not_after_us, r.not_after_us);
    }
    access_counters(rows.a, &n);
    assert_int_equal(n.officers, TEST_OFFICERS);
    assert_int_equal(n.unvouched + n.distrusted, 0);
    close_rows(&rows);
}

static void who_is_not_vouched_for_is_nobody(void **state)
{
    struct rows rows = open_rows();
    struct record r = record_of("coes.a", &rows.old), other = record_of("coes.b", &rows.new);
    struct access_counters n;
    uint8_t bare[32] = {3};

    (void)state;
    access_begin(rows.a);
    add_row(&rows, &r, 0, -1, false);                        /* one officer */
    assert_int_equal(add(rows.a, 3, "coes.c", 3, 0), ST_OK); /* none */
    struct buf b = enrolment_of(&rows.desk, &r, 0, 1);
    struct principal p = {.name = (char *)"coes.b", .enrolment = b.data, .enrolment_len = b.len};
    memcpy(p.public_key, other.key, KEY_BYTES); /* somebody else's record */
    assert_int_equal(access_add(rows.a, &p), ST_OK);
    memcpy(p.public_key, r.key, KEY_BYTES); /* under another name */
    assert_int_equal(access_add(rows.a, &p), ST_OK);
    assert_int_equal(access_commit(rows.a), ST_OK);
    buf_free(&b);
    assert_int_equal(access_count(rows.a), 0);
    assert_null(access_find_key(rows.a, r.key));
    assert_null(access_find_key(rows.a, other.key));
    assert_null(access_find_key(rows.a, bare));
    access_counters(rows.a, &n);
    assert_int_equal(n.distrusted, 4);
    close_rows(&rows);
}

static void an_old_installation_may_take_them_marked(void **state)
{
    struct rows rows = open_rows();
    struct access_counters n;

    (void)state;
    access_pin(rows.a, &rows.desk.pinned, true);
    access_begin(rows.a);
    assert_int_equal(add(rows.a, 3, "coes.c", 3, 0), ST_OK);
    assert_int_equal(access_commit(rows.a), ST_OK);
    assert_false(find_key(rows.a, 3)->is_vouched);
    access_counters(rows.a, &n);
    assert_int_equal(n.unvouched, 1);
    assert_int_equal(n.distrusted, 0);
    close_rows(&rows);
}

/* As `eocctl principal` and plain SQL write it: with the columns that stand beside the record. */
static void add_beside(struct rows *rows, const char *name, bool is_shut)
{
    struct principal p = {.principal_id = 1,
                          .name = (char *)(uintptr_t)name,
                          .agency = (char *)"coes",
                          .roles = (char *)"officer district",
                          .places = (char *)"",
                          .serial = 12,
                          .has_sign_key = true,
                          .is_shut = is_shut};

    memset(p.public_key, 9, sizeof(p.public_key));
    assert_int_equal(access_add(rows->a, &p), ST_OK);
}

static void a_key_beside_a_record_has_nothing_of_it(void **state)
{
    static const char rules[] = "1 district allow say * any INTERNAL - 0 0\n"
                                "2 officer allow hear * any INTERNAL - 0 0\n"
                                "3 unvouched allow hear public_alert any PUBLIC - 0 0";
    struct rows rows = open_rows();
    struct record r = record_of("coes.a", &rows.old);
    struct access_counters n;

    (void)state;
    snprintf(r.roles, sizeof(r.roles), "district");
    access_pin(rows.a, &rows.desk.pinned, true);
    for (unsigned shut = 0; shut < 2; shut++) { /* nor when the record's own key is revoked */
        access_begin(rows.a);
        assert_int_equal(access_rules(rows.a, rules), ST_OK);
        add_beside(&rows, "coes.a", false);
        add_row(&rows, &r, 0, 1, shut);
        assert_int_equal(access_commit(rows.a), ST_OK);
        const struct principal *p = find_key(rows.a, 9);
        assert_true(p->is_beside);
        assert_false(p->is_vouched);
        assert_string_equal(p->roles, "unvouched");
        assert_string_equal(p->agency, "");
        assert_int_equal(p->serial, 0);
        assert_false(rights_has(p->rights, VERB_SAY, 0));
        assert_true(rights_has(p->rights, VERB_HEAR, EOCBUS__V1__ENVELOPE__BODY_PUBLIC_ALERT));
        assert_false(rights_has(p->rights, VERB_HEAR, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT));
        access_counters(rows.a, &n);
        assert_int_equal(n.beside, 1);
        assert_int_equal(n.unvouched, 1);
    }
    close_rows(&rows);
}

static void without_a_record_of_its_name_an_old_key_has_what_its_row_says(void **state)
{
    struct rows rows = open_rows();
    struct record r = record_of("coes.b", &rows.old);
    struct access_counters n;

    (void)state;
    access_pin(rows.a, &rows.desk.pinned, true);
    access_begin(rows.a);
    add_beside(&rows, "coes.a", false);
    add_row(&rows, &r, 0, 1, false);
    assert_int_equal(access_commit(rows.a), ST_OK);
    assert_false(find_key(rows.a, 9)->is_beside);
    assert_string_equal(find_key(rows.a, 9)->roles, "officer district");
    access_counters(rows.a, &n);
    assert_int_equal(n.beside, 0);
    close_rows(&rows);
}

static struct buf act_of(const struct rows *rows, const char *name, const uint8_t *key,
                         const char *officer)
{
    struct refusal why = {0};
    struct buf b = {0};

    assert_int_equal(revocation_put(&b, name, key,
                                    EOCBUS__V1__REVOCATION_REASON__REVOCATION_REASON_LOST, officer,
                                    rows->desk.signer[0], INT64_C(1789999000000000), &why),
                     ST_OK);
    return b;
}

/* One list with this row alone: what the database says of it, and the act beside it. */
static void list_row(struct rows *rows, const struct record *r, int64_t revoked_us,
                     const struct buf *act)
{
    struct buf b = enrolment_of(&rows->desk, r, 0, 1);
    struct principal p = {.principal_id = 1,
                          .name = (char *)(uintptr_t)r->name,
                          .enrolment = b.data,
                          .enrolment_len = b.len,
                          .is_shut = revoked_us != 0,
                          .revoked_us = revoked_us,
                          .revocation = act ? act->data : NULL,
                          .revocation_len = act ? act->len : 0};

    memcpy(p.public_key, r->key, KEY_BYTES);
    access_begin(rows->a);
    assert_int_equal(access_add(rows->a, &p), ST_OK);
    assert_int_equal(access_commit(rows->a), ST_OK);
    buf_free(&b);
}

static void note_revoked(void *arg, const struct principal *p)
{
    *(int64_t *)arg = p->revoked_us;
}

/* Since when the last key of the name is revoked. */
static int64_t revoked_since(const struct access *a, const char *name)
{
    int64_t revoked_us = 0;

    assert_true(access_each_named(a, name, note_revoked, &revoked_us) > 0);
    return revoked_us;
}

static void expect_revocations(const struct rows *rows, unsigned remembered, unsigned no_officer,
                               unsigned undone)
{
    struct access_counters n;

    access_counters(rows->a, &n);
    assert_int_equal(n.remembered, remembered);
    assert_int_equal(n.unsigned_revocations, no_officer);
    assert_int_equal(n.undone, undone);
}

static void what_an_officer_revoked_stays_revoked(void **state)
{
    for (unsigned whole = 0; whole < 2; whole++) { /* the key, or the name with all its keys */
        struct rows rows = open_rows();
        struct record r = record_of("coes.a", &rows.old);
        struct buf act = act_of(&rows, "coes.a", whole ? NULL : r.key, "o.first");

        list_row(&rows, &r, 0, NULL);
        assert_non_null(access_find_key(rows.a, r.key));
        list_row(&rows, &r, now_us, &act);
        assert_null(access_find_key(rows.a, r.key));
        expect_revocations(&rows, 1, 0, 0);
        list_row(&rows, &r, 0, &act); /* a superuser takes the time out, then the act as well */
        assert_null(access_find_key(rows.a, r.key));
        list_row(&rows, &r, 0, NULL);
        assert_null(access_find_key(rows.a, r.key));
        assert_int_equal(revoked_since(rows.a, "coes.a"), INT64_C(1789999000000000));
        expect_revocations(&rows, 1, 0, 1);
        struct record other = record_of("coes.a", &rows.new); /* another key of the name */
        list_row(&rows, &other, 0, NULL);
        assert_int_equal(access_find_key(rows.a, other.key) != NULL, !whole);
        buf_free(&act);
        close_rows(&rows);
    }
    (void)state;
}

static void a_revocation_that_no_officer_signed_holds_while_it_is_said(void **state)
{
    struct rows rows = open_rows();
    struct record r = record_of("coes.a", &rows.old), other = record_of("coes.b", &rows.new);
    struct buf forged[] = {act_of(&rows, "coes.a", r.key, "o.second"), /* not her signature */
                           act_of(&rows, "coes.a", other.key, "o.first"),
                           act_of(&rows, "coes.b", NULL, "o.first"),
                           act_of(&rows, "coes.a", NULL, "coes.a")};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forged); i++) {
        list_row(&rows, &r, now_us, &forged[i]);
        assert_null(access_find_key(rows.a, r.key));
        expect_revocations(&rows, 0, 1, 0);
        list_row(&rows, &r, 0, &forged[i]); /* and does not shut who is in force */
        assert_non_null(access_find_key(rows.a, r.key));
        expect_revocations(&rows, 0, 0, 0);
        buf_free(&forged[i]);
    }
    close_rows(&rows);
}

static void officers_who_are_pinned_no_more_vouch_for_nobody(void **state)
{
    struct rows rows = open_rows();
    struct record r = record_of("coes.a", &rows.old);

    (void)state;
    access_begin(rows.a);
    add_row(&rows, &r, 0, 1, false);
    assert_int_equal(access_commit(rows.a), ST_OK);
    assert_non_null(access_find_key(rows.a, r.key));
    rows.desk.pinned.row[1].key[0] ^= 1; /* the second one lost her key */
    access_pin(rows.a, &rows.desk.pinned, false);
    access_begin(rows.a);
    add_row(&rows, &r, 0, 1, false);
    assert_int_equal(access_commit(rows.a), ST_OK);
    assert_null(access_find_key(rows.a, r.key));
    close_rows(&rows);
}

static void the_newest_record_tells_what_both_keys_may(void **state)
{
    struct rows rows = open_rows();
    struct record first = record_of("coes.a", &rows.old), second = record_of("coes.a", &rows.new);

    (void)state;
    snprintf(first.roles, sizeof(first.roles), "dispatcher officer");
    snprintf(second.roles, sizeof(second.roles), "district");
    snprintf(second.places, sizeof(second.places), "3505203");
    second.serial = 2;
    for (unsigned shut = 0; shut < 2; shut++) { /* also when the newest key was revoked since */
        access_begin(rows.a);
        add_row(&rows, &first, 0, 1, false);
        add_row(&rows, &second, 1, 2, shut);
        assert_int_equal(access_commit(rows.a), ST_OK);
        const struct principal *p = access_find_key(rows.a, first.key);
        assert_string_equal(p->roles, "district");
        assert_string_equal(p->places, "3505203");
        assert_int_equal(p->serial, 1);
        assert_int_equal(access_find(rows.a, "coes.a")->serial, shut ? 1 : 2);
        assert_int_equal(access_find_key(rows.a, second.key) == NULL, shut);
    }
    close_rows(&rows);
}

static void without_memory_the_old_rights_stay(void **state)
{
    struct access *a = new_access();

    (void)state;
    access_begin(a);
    assert_int_equal(add(a, 1, "old", 1, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    for (unsigned long n = 1; n <= 4; n++) { /* the list, its two arrays, the row */
        mem_fail_at(n);
        access_begin(a);
        assert_int_equal(add(a, 2, "new", 2, 0), ST_NOMEM);
        mem_fail_at(0);
        assert_int_equal(access_commit(a), ST_NOMEM);
        assert_non_null(access_find(a, "old"));
        assert_null(access_find(a, "new"));
    }
    access_begin(a);
    assert_int_equal(add(a, 2, "new", 2, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    assert_non_null(access_find(a, "new"));
    access_destroy(a);
}

static void without_memory_there_is_no_access(void **state)
{
    struct access *a = NULL;

    (void)state;
    mem_fail_at(1);
    assert_int_equal(access_create(&a, NULL, clock_of_test, NULL), ST_NOMEM);
    mem_fail_at(0);
    assert_null(a);
}

static void a_foreign_sender_name_is_denied_with_both_names(void **state)
{
    struct access *a = new_access();
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    struct refusal why = {.code = NULL};
    static char own[] = "coes.ayni.office", foreign[] = "coes.ayni.offic",
                longer[] = "coes.ayni.office2";

    (void)state;
    access_begin(a);
    assert_int_equal(access_rules(a, EVERYTHING), ST_OK);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    assert_int_equal(add(a, 1, own, 1, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    const struct principal *p = access_find(a, own);
    m.sender = own;
    assert_int_equal(access_may_publish(a, p, &m, &why), ST_OK);
    m.sender = foreign;
    assert_int_equal(access_may_publish(a, p, &m, &why), ST_DENIED);
    assert_string_equal(why.code, CODE_SENDER);
    assert_string_equal(why.path, "sender");
    assert_non_null(strstr(why.text, "this session is coes.ayni.office "));
    assert_non_null(strstr(why.text, "names coes.ayni.offic as"));
    m.sender = longer;
    assert_int_equal(access_may_publish(a, p, &m, &why), ST_DENIED);
    assert_int_equal(access_may_listen(a, p, "actual.**", &why), ST_OK);
    access_destroy(a);
}

static void nobody_may_withdraw_what_others_were_warned_of(void **state)
{
    struct access *a = new_access();
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Withdrawn withdrawn = EOCBUS__V1__WITHDRAWN__INIT;
    struct refusal why = {.code = NULL};
    static char own[] = "coes.ayni.office";

    (void)state;
    access_begin(a);
    assert_int_equal(add(a, 1, own, 1, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    m.sender = own;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_WITHDRAWN;
    m.withdrawn = &withdrawn;
    assert_int_equal(access_may_publish(a, access_find(a, own), &m, &why), ST_DENIED);
    assert_string_equal(why.code, CODE_RIGHTS);
    assert_string_equal(why.path, "withdrawn");
    access_destroy(a);
}

static void say(Eocbus__V1__Envelope *m, unsigned type, char *place, unsigned label)
{
    static Eocbus__V1__Area area;
    static char *places[1];
    static char own[] = "coes.ayni.gw07";

    eocbus__v1__area__init(&area);
    places[0] = place;
    area.n_pcodes = 1;
    area.pcodes = places;
    eocbus__v1__envelope__init(m);
    m->sender = own;
    m->area = &area;
    m->lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m->body_case = (Eocbus__V1__Envelope__BodyCase)type;
    m->label = (Eocbus__V1__Label)label;
}

static struct access *access_of_a_gateway(void)
{
    struct access *a = new_access();
    static char name[] = "coes.ayni.gw07", role[] = "gateway", place[] = "3505203";
    const struct principal p = {.principal_id = 7, .name = name, .roles = role, .places = place};

    access_begin(a);
    assert_int_equal(access_rules(a, "12 gateway allow say sensor.* own INTERNAL - 0 0\n"
                                     "13 gateway allow flash sensor_detection own INTERNAL - 0 0\n"
                                     "14 other allow say * any INTERNAL - 0 0\n"
                                     "15 gateway allow hear siren_command own INTERNAL - 0 0"),
                     ST_OK);
    assert_int_equal(access_add(a, &p), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    return a;
}

static void a_refusal_says_what_is_missing_and_what_would_be_legal(void **state)
{
    struct access *a = access_of_a_gateway();
    const struct principal *p = access_find(a, "coes.ayni.gw07");
    static char here[] = "3505203", there[] = "3505217";
    struct refusal why = {.code = NULL};
    Eocbus__V1__Envelope m;

    (void)state;
    say(&m, 101, here, 2);
    assert_int_equal(access_may_publish(a, p, &m, &why), ST_OK);
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    assert_int_equal(access_may_publish(a, p, &m, &why), ST_OK);
    say(&m, 101, there, 2);
    assert_int_equal(access_may_publish(a, p, &m, &why), ST_DENIED);
    assert_string_equal(why.code, CODE_RIGHTS);
    assert_string_equal(why.path, "sensor_detection");
    assert_non_null(strstr(why.text, "no right to say sensor_detection at 3505217"));
    assert_non_null(strstr(why.text, "rule 12 (gateway) allows it in its own places"));
    say(&m, 120, here, 2);
    assert_int_equal(access_may_publish(a, p, &m, &why), ST_DENIED);
    assert_non_null(strstr(why.text, "no rule of its roles speaks of it"));
    say(&m, 108, here, 2);
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    assert_int_equal(access_may_publish(a, p, &m, &why), ST_DENIED);
    assert_string_equal(why.path, "lane");
    assert_int_equal(access_may_listen(a, p, "*.sensor.siren_command.**", &why), ST_OK);
    assert_int_equal(access_may_listen(a, p, "**", &why), ST_OK);
    assert_int_equal(access_may_listen(a, p, "*.report.**", &why), ST_DENIED);
    assert_string_equal(why.code, CODE_RIGHTS);
    access_destroy(a);
}

static void add_named(struct access *a, int32_t id, const char *name, const char *role,
                      const char *place)
{
    const struct principal p = {.principal_id = id,
                                .name = (char *)(uintptr_t)name,
                                .roles = (char *)(uintptr_t)role,
                                .places = (char *)(uintptr_t)place,
                                .public_key = {(uint8_t)id}};

    assert_int_equal(access_add(a, &p), ST_OK);
}

/* A desk with the whole country carries the word of somebody who has one district. */
static void a_person_gives_orders_only_where_the_machine_is(void **state)
{
    static char desk[] = "coes.desk", person[] = "coes.asma", here[] = "3505203";
    static char near_by[] = "coes.gw1", far[] = "coes.gw2";
    struct access *a = new_access();
    Eocbus__V1__SensorControl order = EOCBUS__V1__SENSOR_CONTROL__INIT;
    struct access_said said = {.m = NULL};
    struct refusal why = {.code = NULL};
    Eocbus__V1__Envelope m;

    (void)state;
    access_begin(a);
    assert_int_equal(access_rules(a, "1 dispatcher allow say * own INTERNAL - 0 0\n"
                                     "2 desk allow carry * any INTERNAL - 0 0\n"
                                     "0 0 allow need sensor_control:* any RESTRICTED - 0 0"),
                     ST_OK);
    add_named(a, 1, desk, "dispatcher desk", "");
    add_named(a, 2, person, "dispatcher", here);
    add_named(a, 3, near_by, "gateway", "3505203001");
    add_named(a, 4, far, "gateway", "3507209");
    assert_int_equal(access_commit(a), ST_OK);
    say(&m, EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL, here, 2);
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.sender = desk;
    m.author = person;
    m.sensor_control = &order;
    said.m = &m;
    order.target = near_by;
    order.action = EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_RESTART;
    assert_int_equal(access_may_publish(a, access_find(a, desk), &m, &why), ST_OK);
    assert_int_equal(access_check_word(a, access_find(a, desk), &said, &why), ST_OK);
    order.target = far;
    assert_int_equal(access_check_word(a, access_find(a, desk), &said, &why), ST_DENIED);
    assert_string_equal(why.code, CODE_RIGHTS);
    assert_non_null(strstr(why.text, "3507209"));
    access_destroy(a);
}

static void without_rules_nobody_may_anything_and_bad_ones_keep_the_old(void **state)
{
    struct access *a = access_of_a_gateway();
    struct refusal why = {.code = NULL};

    (void)state;
    access_begin(a);
    assert_int_equal(access_rules(a, "12 gateway deny shout * any INTERNAL - 0 0"), ST_INVALID);
    assert_int_equal(add(a, 8, "coes.new", 1, 0), ST_NOMEM); /* given up */
    assert_int_equal(access_commit(a), ST_NOMEM);
    assert_null(access_find(a, "coes.new"));
    assert_non_null(strstr(access_rules_text(a), "14 other"));
    access_begin(a);
    assert_int_equal(add(a, 8, "coes.new", 1, 0), ST_OK);
    assert_int_equal(access_commit(a), ST_OK);
    assert_int_equal(access_may_listen(a, access_find(a, "coes.new"), "**", &why), ST_DENIED);
    assert_string_equal(access_rules_text(a), "");
    access_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_first_commit_nobody_is_known),
        cmocka_unit_test(a_principal_is_found_by_name_and_by_key),
        cmocka_unit_test(every_key_of_a_name_is_told_also_one_that_is_over),
        cmocka_unit_test(a_user_is_known_by_the_key_it_came_with),
        cmocka_unit_test(a_new_list_replaces_the_old_one_whole),
        cmocka_unit_test(beginning_again_gives_up_what_was_added),
        cmocka_unit_test(an_empty_list_locks_everybody_out),
        cmocka_unit_test(a_principal_whose_time_is_over_is_unknown),
        cmocka_unit_test(during_a_change_of_keys_both_keys_are_known),
        cmocka_unit_test(the_record_counts_and_not_what_stands_beside_it),
        cmocka_unit_test(who_is_not_vouched_for_is_nobody),
        cmocka_unit_test(an_old_installation_may_take_them_marked),
        cmocka_unit_test(a_key_beside_a_record_has_nothing_of_it),
        cmocka_unit_test(without_a_record_of_its_name_an_old_key_has_what_its_row_says),
        cmocka_unit_test(what_an_officer_revoked_stays_revoked),
        cmocka_unit_test(a_revocation_that_no_officer_signed_holds_while_it_is_said),
        cmocka_unit_test(officers_who_are_pinned_no_more_vouch_for_nobody),
        cmocka_unit_test(the_newest_record_tells_what_both_keys_may),
        cmocka_unit_test(without_memory_the_old_rights_stay),
        cmocka_unit_test(without_memory_there_is_no_access),
        cmocka_unit_test(a_foreign_sender_name_is_denied_with_both_names),
        cmocka_unit_test(nobody_may_withdraw_what_others_were_warned_of),
        cmocka_unit_test(a_refusal_says_what_is_missing_and_what_would_be_legal),
        cmocka_unit_test(a_person_gives_orders_only_where_the_machine_is),
        cmocka_unit_test(without_rules_nobody_may_anything_and_bad_ones_keep_the_old),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
