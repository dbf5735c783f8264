/* The store against a real PostgreSQL: what is settled is in the table once, in order, with gapless
 * numbers, whatever happens to the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "tests/lib/store_world.h"

#include "proto/base/banned.h"

static int set_up(void **state)
{
    *state = world_open();
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

static void submit_new(struct world *w, int sender)
{
    world_submit(w, world_parcel(w, sender, ++w->lane_seq[sender], "text"));
}

static void *refusal(const char *code)
{
    struct refusal *why = mem_zalloc(sizeof(*why));

    why->code = code;
    snprintf(why->text, sizeof(why->text), "A sentence.");
    return why;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void a_parcel_is_settled_with_a_number_and_then_handed_on(void **state)
{
    struct world *w = *state;

    submit_new(w, 0);
    assert_int_equal(w->settled, 0); /* not before the commit */
    TURN_UNTIL(w, w->next_count == 1);
    assert_int_equal(w->stored, 1);
    assert_int_equal(w->batches, 1);
    assert_int_equal(w->last_seq, 1);
    assert_int_equal(w->next_last, 1);
    assert_int_equal(store_head(w->store), 1);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message WHERE seq = 1"), 1);
}

static void what_comes_in_one_turn_is_one_commit(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 400; i++)
        submit_new(w, i % SENDERS);
    TURN_UNTIL(w, w->next_count == 400);
    assert_int_equal(w->batches, 1);
    assert_true(w->next_in_order);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.lane_run"), SENDERS);
}

static void the_same_message_again_is_answered_with_its_first_number(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 10; i++)
        submit_new(w, 0);
    TURN_UNTIL(w, w->settled == 10);
    world_submit(w, world_parcel(w, 0, 4, "text"));
    world_submit(w, world_parcel(w, 0, 11, "text")); /* new, in the same batch */
    TURN_UNTIL(w, w->settled == 12);
    assert_int_equal(w->repeated, 1);
    assert_int_equal(w->stored, 11);
    assert_int_equal(w->last_seq, 11);
    TURN_UNTIL(w, w->next_count == 11);
    world_submit(w, world_parcel(w, 0, 7, "text"));
    TURN_UNTIL(w, w->repeated == 2);
    assert_int_equal(w->last_seq, 7);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message"), 11);
    assert_int_equal(w->next_count, 11);
}

static void the_same_place_twice_in_one_turn_is_stored_once(void **state)
{
    struct world *w = *state;

    world_submit(w, world_parcel(w, 0, 1, "text"));
    world_submit(w, world_parcel(w, 0, 1, "text"));
    world_submit(w, world_parcel(w, 0, 2, "text"));
    TURN_UNTIL(w, w->settled == 3);
    assert_int_equal(w->stored, 2);
    assert_int_equal(w->repeated, 1);
}

static void other_content_in_a_known_place_goes_to_quarantine(void **state)
{
    struct world *w = *state;

    world_submit(w, world_parcel(w, 0, 1, "first"));
    world_submit(w, world_parcel(w, 0, 2, "first"));
    TURN_UNTIL(w, w->settled == 2);
    world_submit(w, world_parcel(w, 0, 2, "other"));
    world_submit(w, world_parcel(w, 0, 3, "first"));
    TURN_UNTIL(w, w->settled == 4);
    assert_int_equal(w->refused, 1);
    assert_string_equal(w->last_code, "conflict");
    assert_non_null(strstr(w->last_text, "stored as 2"));
    assert_string_equal(pgserver_text(w->pg, "SELECT code FROM bus.quarantine"), "conflict");
    assert_int_equal(pgserver_number(w->pg, "SELECT seq FROM bus.message WHERE lane_seq = 3"), 3);
    world_submit(w, world_parcel(w, 0, 2, "other"));
    TURN_UNTIL(w, w->refused == 2);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.quarantine"), 1);
}

static void conflicts_beyond_the_quota_are_answered_and_counted_but_not_kept(void **state)
{
    struct world *w = *state;
    struct store_counters n;

    world_submit(w, world_parcel(w, 0, 1, "first"));
    world_submit(w, world_parcel(w, 0, 1, "second"));
    TURN_UNTIL(w, w->settled == 2);
    pgserver_exec(w->pg,
                  "INSERT INTO bus.quarantine (quarantine_id, received_at, sender_id, code, path,"
                  " text, content) SELECT gen_random_uuid(), received_at, sender_id, code, path,"
                  " text, content FROM bus.quarantine, generate_series(1, 999)");
    world_submit(w, world_parcel(w, 0, 1, "third"));
    TURN_UNTIL(w, w->settled == 3);
    assert_int_equal(w->refused, 2);
    assert_string_equal(w->last_code, "conflict");
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.quarantine"), 1000);
    store_counters(w->store, &n);
    assert_int_equal(n.judged, 2);
    assert_int_equal(n.unkept, 1);
}

static void count_refused_commits(void *arg, enum log_level level, const char *line)
{
    (void)level;
    *(unsigned *)arg += strstr(line, "store.commit.refused") != NULL;
}

/* Half a restore: the numbers are free in one table and taken in another. */
static void a_good_message_waits_while_the_database_is_in_disorder(void **state)
{
    struct world *w = *state;
    struct parcel *p = world_parcel(w, 0, 1, "alarm");
    unsigned refused_commits = 0;

    log_set_sink(count_refused_commits, &refused_commits);
    pgserver_exec(w->pg,
                  "INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status,"
                  " message_id, doc) VALUES (1, now(), now(), 1, 120, 1, gen_random_uuid(), '{}')");
    p->type = 120;
    p->doc = mem_strdup("{}");
    world_submit(w, p);
    TURN_UNTIL(w, refused_commits > 0);
    assert_int_equal(w->settled, 0);
    pgserver_exec(w->pg, "DELETE FROM bus.document");
    TURN_UNTIL(w, w->settled == 1);
    assert_int_equal(w->stored, 1);
    assert_int_equal(w->refused, 0);
    log_set_sink(NULL, NULL);
}

static void a_refused_parcel_is_settled_after_its_quarantine_row(void **state)
{
    struct world *w = *state;
    struct parcel *p = world_parcel(w, 0, 1, "bad");

    p->refused = refusal("utf8");
    world_submit(w, p);
    world_submit(w, world_parcel(w, 0, 1, "good"));
    TURN_UNTIL(w, w->settled == 2);
    assert_int_equal(w->refused, 1);
    assert_int_equal(w->stored, 1);
    assert_string_equal(pgserver_text(w->pg, "SELECT code || ' ' || text FROM bus.quarantine"),
                        "utf8 A sentence.");
}

static void one_poison_row_goes_to_quarantine_and_the_others_in_order(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 200; i++) {
        struct parcel *p = world_parcel(w, 0, ++w->lane_seq[0], "text");

        if (i == 77)
            p->doc = mem_strdup("{\"not json\": ");
        if (i == 150)
            snprintf(p->places, sizeof(p->places), "\xff\xfe");
        world_submit(w, p);
    }
    TURN_UNTIL(w, w->settled == 200);
    assert_int_equal(w->refused, 2);
    assert_string_equal(w->last_code, "database");
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message"), 198);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.quarantine"
                                            " WHERE code = 'database'"),
                     2);
    assert_int_equal(pgserver_number(w->pg,
                                     "SELECT count(*) FROM (SELECT lane_seq > lag(lane_seq) OVER"
                                     " (ORDER BY seq) AS up FROM bus.message) x WHERE NOT up"),
                     0);
    TURN_UNTIL(w, w->next_count == 198);
    assert_true(w->next_in_order);
}

/* A message alone goes another way through SQL than a batch does. */
static void an_expired_message_alone_is_stored_and_marked_and_repeated(void **state)
{
    struct world *w = *state;

    for (unsigned i = 1; i <= 2; i++) {
        struct parcel *p = world_parcel(w, 0, 1, "late");

        p->not_after_us = loop_utc_us(w->loop) - 1000000;
        world_submit(w, p);
        TURN_UNTIL(w, w->settled == i);
    }
    assert_int_equal(w->stored, 1);
    assert_int_equal(w->repeated, 1);
    assert_int_equal(w->last_seq, 1);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message WHERE expired"), 1);
}

static void an_expired_message_is_stored_and_marked(void **state)
{
    struct world *w = *state;
    struct parcel *p = world_parcel(w, 0, 1, "late"), *q = world_parcel(w, 0, 2, "in time");

    p->not_after_us = loop_utc_us(w->loop) - 1000000;
    q->not_after_us = loop_utc_us(w->loop) + 60000000;
    world_submit(w, p);
    world_submit(w, q);
    world_submit(w, world_parcel(w, 0, 3, "for ever"));
    TURN_UNTIL(w, w->settled == 3);
    assert_string_equal(pgserver_text(w->pg, "SELECT string_agg(coalesce(expired::text, '-'), ' '"
                                             " ORDER BY seq) FROM bus.message"),
                        "true false -");
}

static void the_log_grows_over_the_edge_of_a_partition(void **state)
{
    struct world *w = *state;

    pgserver_exec(w->pg, "UPDATE bus.log_head SET seq = partition_end - 300,"
                         " partition_rows = 256");
    for (int i = 0; i < 1000; i++)
        submit_new(w, 0);
    TURN_UNTIL(w, w->settled == 1000);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message"), 1000);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(DISTINCT tableoid) FROM bus.message"), 4);
    assert_int_equal(pgserver_number(w->pg, "SELECT max(seq) - min(seq) FROM bus.message"), 999);
    world_submit(w, world_parcel(w, 0, 900, "text")); /* found across the edge */
    TURN_UNTIL(w, w->repeated == 1);
    assert_int_equal(w->last_seq, 4194304 - 300 + 900);
}

static void a_new_partition_waits_for_no_reader(void **state)
{
    struct world *w = *state;

    pgserver_exec(w->pg, "UPDATE bus.log_head SET seq = partition_end - 300, partition_rows = 256");
    pgserver_exec(w->pg, "BEGIN; SELECT count(*) FROM bus.message");
    for (int i = 0; i < 500; i++)
        submit_new(w, 0);
    TURN_UNTIL(w, w->settled == 500);
    pgserver_exec(w->pg, "COMMIT");
}

enum { PAGES = 4 };
static struct page_end {
    unsigned rows; /* of this page and those before it */
    uint64_t looked_at;
} page_ends[PAGES];

static void on_page(void *arg, enum status st, struct parcel **take, uint64_t looked_at)
{
    struct world *w = arg;

    if (*take) {
        assert_true((*take)->seq > w->page_last);
        assert_true((*take)->history);
        w->page_last = (*take)->seq;
        w->page_bytes += (*take)->content_len;
        w->page_rows++;
        parcel_drop(take);
        return;
    }
    if (w->pages < PAGES)
        page_ends[w->pages] = (struct page_end){w->page_rows, looked_at};
    w->pages++;
    w->page_status = st;
    w->page_end = looked_at;
}

static void history_is_read_in_pages(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 1000; i++)
        submit_new(w, i % SENDERS);
    TURN_UNTIL(w, w->settled == 1000);
    assert_int_equal(store_read(w->store, 0, 1000, 512, LANES_ALL, NULL, on_page, w), ST_OK);
    assert_int_equal(store_read(w->store, 512, 1000, 512, LANES_ALL, NULL, on_page, w), ST_OK);
    TURN_UNTIL(w, w->pages == 2); /* they may come in one turn */
    assert_int_equal(page_ends[0].rows, 512);
    assert_int_equal(page_ends[0].looked_at, 512);
    assert_int_equal(page_ends[1].rows, 1000);
    assert_int_equal(page_ends[1].looked_at, 1000);
}

static void a_page_ends_at_its_bound_of_bytes(void **state)
{
    struct world *w = *state;
    char *big = malloc(60001);

    memset(big, 'x', 60000);
    big[60000] = 0;
    for (uint64_t i = 1; i <= 40; i++) {
        struct parcel *like = world_parcel(w, 0, i, "x"), *p = parcel_create(big, 60000, NULL, 0);

        p->principal_id = 1;
        p->id = like->id;
        memcpy(p->message_id, like->message_id, ID_BYTES);
        p->type = 280, p->status = 1;
        p->event_time_us = p->received_time_us = like->received_time_us;
        parcel_drop(&like);
        world_submit(w, p);
    }
    free(big);
    TURN_UNTIL(w, w->settled == 40);
    assert_int_equal(store_read(w->store, 0, 40, 512, LANES_ALL, NULL, on_page, w), ST_OK);
    TURN_UNTIL(w, w->pages == 1);
    assert_int_equal(w->page_rows, 18); /* 18 x 60,000 is the first to pass 1 MiB */
    assert_int_equal(w->page_end, 18);
    assert_int_equal(store_read(w->store, 18, 40, 512, LANES_ALL, NULL, on_page, w), ST_OK);
    TURN_UNTIL(w, w->pages == 2);
    assert_int_equal(w->page_end, 36);
}

static void a_page_of_some_lanes_holds_nothing_of_others(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 100; i++) {
        struct parcel *p = world_parcel(w, i % SENDERS, ++w->lane_seq[i % SENDERS], "text");

        p->id.lane = i == 10 || i == 20 ? 1 : 5;
        world_submit(w, p);
    }
    TURN_UNTIL(w, w->settled == 100);
    assert_int_equal(store_read(w->store, 0, 100, 512, 1u << 1, NULL, on_page, w), ST_OK);
    TURN_UNTIL(w, w->pages == 1);
    assert_int_equal(w->page_rows, 2);
    assert_int_equal(w->page_end, 100); /* all of it was looked at */
    assert_int_equal(store_read(w->store, 50, 90, 30, 1u << 1, NULL, on_page, w), ST_OK);
    TURN_UNTIL(w, w->pages == 2);
    assert_int_equal(w->page_rows, 2);
    assert_int_equal(w->page_end, 80);
}

/* The page of what is for one principal of `lanes` behind `after`, of 2,000 numbers. */
static void read_page_to(struct world *w, uint64_t after, unsigned rows, unsigned lanes,
                         const char *to)
{
    unsigned pages = w->pages;

    w->page_rows = 0, w->page_last = 0;
    assert_int_equal(store_read(w->store, after, 2000, rows, lanes, to, on_page, w), ST_OK);
    TURN_UNTIL(w, w->pages == pages + 1);
}

static void a_page_for_one_principal_spans_the_log_and_brings_nothing_else(void **state)
{
    struct world *w = *state;
    static const char name[] = "rcst.ayni";

    pgserver_exec(w->pg, "SELECT bus.principal_add('rcst.ayni', 'rcst', '', '',"
                         " decode(repeat('ee', 32), 'hex'))");
    for (int i = 0; i < 2000; i++) {
        struct parcel *p = world_parcel(w, 0, ++w->lane_seq[0], "text");

        if (i % 50 == 3)
            p->to = mem_strdup(name);
        world_submit(w, p);
        if (i % 400 == 399)
            TURN_UNTIL(w, w->settled == (unsigned)i + 1);
    }
    read_page_to(w, 0, 512, LANES_ALL, name);
    assert_int_equal(w->page_rows, 40);
    assert_int_equal(w->page_end, 2000); /* all of it was looked at */
    read_page_to(w, 4, 5, LANES_ALL, name);
    assert_int_equal(w->page_rows, 5);
    assert_int_equal(w->page_end, 4 + 5 * 50); /* and behind it there may be more */
    read_page_to(w, 0, 512, 1u << 1, name);
    assert_int_equal(w->page_rows, 0);
    assert_int_equal(w->page_end, 2000);
    read_page_to(w, 0, 512, LANES_ALL, "nobody");
    assert_int_equal(w->page_rows, 0);
}

static void a_cancelled_page_is_not_delivered(void **state)
{
    struct world *w = *state;

    submit_new(w, 0);
    TURN_UNTIL(w, w->settled == 1);
    assert_int_equal(store_read(w->store, 0, 1, 512, LANES_ALL, NULL, on_page, &w->page_bytes),
                     ST_OK);
    store_read_cancel(w->store, &w->page_bytes);
    assert_int_equal(store_read(w->store, 0, 1, 512, LANES_ALL, NULL, on_page, w), ST_OK);
    TURN_UNTIL(w, w->pages == 1);
    assert_int_equal(w->page_rows, 1);
}

static void what_another_broker_stored_is_handed_on_in_order(void **state)
{
    struct world *w = *state, v = {.pg = w->pg, .loop = w->loop, .next_in_order = true};

    v.store = world_store(&v, PATIENT_MS);
    TURN_UNTIL(&v, v.here);
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 20; i++) {
            submit_new(w, i % 2);
            submit_new(&v, 2 + i % 2);
        }
        loop_turn(w->loop, 1);
    }
    TURN_UNTIL(w, w->next_count == 1200 && v.next_count == 1200);
    assert_true(w->next_in_order);
    assert_true(v.next_in_order);
    store_destroy(v.store);
}

static void on_principal(void *arg, enum status st, const struct store_principal *row)
{
    struct world *w = arg;

    w->page_status = st;
    if (!row->name) {
        w->pages++;
        return;
    }
    w->page_rows++;
    snprintf(w->name, sizeof(w->name), "%s", row->name);
    assert_int_equal(row->public_key[31], 0xab);
}

static void principals_are_told_and_can_be_asked_for(void **state)
{
    struct world *w = *state;
    unsigned told;

    TURN_UNTIL(w, w->principals);
    loop_turn(w->loop, 50);
    told = w->principals;
    pgserver_exec(w->pg, "SELECT bus.principal_add('coes.ayni', 'coes', 'district', '3505203',"
                         " decode(repeat('ab', 32), 'hex'))");
    TURN_UNTIL(w, w->principals > told);
    assert_int_equal(store_principals(w->store, on_principal, w), ST_OK);
    TURN_UNTIL(w, w->pages == 1);
    assert_int_equal(w->page_status, ST_OK);
    assert_int_equal(w->page_rows, 1);
    assert_string_equal(w->name, "coes.ayni");
    told = w->principals;
    pgserver_exec(w->pg, "SELECT bus.principal_revoke('coes.ayni')");
    TURN_UNTIL(w, w->principals > told);
}

static void the_queue_is_full_and_then_has_room(void **state)
{
    struct world *w = *state;
    struct parcel *p = NULL, *flash;
    enum status st = ST_OK;

    for (int i = 0; i < 9000 && st == ST_OK; i++) {
        p = world_parcel(w, 0, ++w->lane_seq[0], "text");
        st = store_submit(w->store, &p);
    }
    assert_int_equal(st, ST_FULL);
    assert_non_null(p); /* still ours */
    flash = world_parcel(w, 1, 1, "alarm");
    flash->id.lane = 1;
    assert_int_equal(store_submit(w->store, &flash), ST_OK); /* it has room of its own */
    TURN_UNTIL(w, w->settled > 4096);
    assert_int_equal(store_submit(w->store, &p), ST_OK);
    TURN_UNTIL(w, w->settled == w->lane_seq[0] + 1);
}

static void on_drained(void *arg)
{
    ((struct world *)arg)->is_drained = true;
}

static void a_drained_store_has_committed_what_it_took(void **state)
{
    struct world *w = *state;
    struct parcel *p = world_parcel(w, 1, 1, "text");

    for (int i = 0; i < 3000; i++)
        submit_new(w, 0);
    store_drain(w->store, 30000, on_drained, w);
    assert_int_equal(store_submit(w->store, &p), ST_CLOSED);
    parcel_drop(&p);
    TURN_UNTIL(w, w->is_drained);
    assert_int_equal(w->settled, 3000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_parcel_is_settled_with_a_number_and_then_handed_on),
        T(what_comes_in_one_turn_is_one_commit),
        T(the_same_message_again_is_answered_with_its_first_number),
        T(the_same_place_twice_in_one_turn_is_stored_once),
        T(other_content_in_a_known_place_goes_to_quarantine),
        T(conflicts_beyond_the_quota_are_answered_and_counted_but_not_kept),
        T(a_good_message_waits_while_the_database_is_in_disorder),
        T(a_refused_parcel_is_settled_after_its_quarantine_row),
        T(one_poison_row_goes_to_quarantine_and_the_others_in_order),
        T(an_expired_message_is_stored_and_marked),
        T(an_expired_message_alone_is_stored_and_marked_and_repeated),
        T(the_log_grows_over_the_edge_of_a_partition),
        T(a_new_partition_waits_for_no_reader),
        T(history_is_read_in_pages),
        T(a_page_ends_at_its_bound_of_bytes),
        T(a_page_of_some_lanes_holds_nothing_of_others),
        T(a_page_for_one_principal_spans_the_log_and_brings_nothing_else),
        T(a_cancelled_page_is_not_delivered),
        T(what_another_broker_stored_is_handed_on_in_order),
        T(principals_are_told_and_can_be_asked_for),
        T(the_queue_is_full_and_then_has_room),
        T(a_drained_store_has_committed_what_it_took),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
