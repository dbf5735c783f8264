/* The router against its promises: everyone who wants a message is called once, in the order they
 * came; and against the plain reading of the grammar, pattern_matches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/router/router.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { CALLS_MAX = 512 };

struct calls {
    void *listeners[CALLS_MAX];
    size_t count;
    struct router *router; /* for callbacks that change it */
    void *victim;
};

static char handles[CALLS_MAX]; /* addresses to use as listeners */

static void on_each(void *arg, void *listener)
{
    struct calls *c = arg;

    assert_true(c->count < CALLS_MAX);
    c->listeners[c->count++] = listener;
}

static struct topics topic_of(const char *text)
{
    struct topics t = {.count = 1};

    snprintf(t.text[0], sizeof(t.text[0]), "%s", text);
    return t;
}

static size_t count_calls(struct router *r, const char *topic)
{
    struct topics t = topic_of(topic);
    struct calls c = {.count = 0};

    router_route(r, &t, on_each, &c);
    return c.count;
}

static struct router *new_router(void)
{
    struct router *r = NULL;

    assert_int_equal(router_create(&r), ST_OK);
    return r;
}

static void a_pattern_is_wanted_by_who_added_it(void **state)
{
    struct router *r = new_router();

    (void)state;
    assert_int_equal(router_add(r, "actual.report.*.3505000.*", &handles[0]), ST_OK);
    assert_int_equal(count_calls(r, "actual.report.flash_report.3505000.3505203"), 1);
    assert_int_equal(count_calls(r, "actual.report.flash_report.3504000.3504203"), 0);
    assert_int_equal(count_calls(r, "actual.resource.flash_report.3505000.3505203"), 0);
    router_destroy(r);
}

static void a_rest_covers_one_level_and_more(void **state)
{
    struct router *r = new_router();

    (void)state;
    assert_int_equal(router_add(r, "actual.report.a.1.**", &handles[0]), ST_OK);
    assert_int_equal(router_add(r, "**", &handles[1]), ST_OK);
    assert_int_equal(count_calls(r, "actual.report.a.1.2"), 2);
    assert_int_equal(count_calls(r, "actual.report.a.2.2"), 1);
    router_destroy(r);
}

static void a_listener_is_called_once_for_many_patterns_and_places(void **state)
{
    struct router *r = new_router();
    struct calls c = {.count = 0};
    struct topics t = {.count = 2};

    (void)state;
    snprintf(t.text[0], sizeof(t.text[0]), "actual.report.a.1.1");
    snprintf(t.text[1], sizeof(t.text[1]), "actual.report.a.1.2");
    assert_int_equal(router_add(r, "actual.**", &handles[0]), ST_OK);
    assert_int_equal(router_add(r, "*.*.*.*.*", &handles[0]), ST_OK);
    assert_int_equal(router_add(r, "*.*.*.*.2", &handles[0]), ST_OK);
    router_route(r, &t, on_each, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(router_patterns(r), 3);
    router_destroy(r);
}

/* Handles go in by descending address, so an order by pointer would show. */
static void listeners_are_called_in_the_order_they_came(void **state)
{
    struct router *r = new_router();
    struct calls c = {.count = 0};
    struct topics t = topic_of("a.b.c.d.e");
    static const char *const patterns[] = {"**", "a.b.c.d.e", "*.b.**", "a.*.c.*.e"};

    (void)state;
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(router_add(r, patterns[i % 4], &handles[100 - i]), ST_OK);
    router_route(r, &t, on_each, &c);
    assert_int_equal(c.count, 40);
    for (size_t i = 0; i < 40; i++)
        assert_ptr_equal(c.listeners[i], &handles[100 - i]);
    router_destroy(r);
}

static void the_same_pattern_twice_exists(void **state)
{
    struct router *r = new_router();

    (void)state;
    assert_int_equal(router_add(r, "a.**", &handles[0]), ST_OK);
    assert_int_equal(router_add(r, "a.**", &handles[0]), ST_EXISTS);
    assert_int_equal(router_add(r, "a.**", &handles[1]), ST_OK);
    assert_int_equal(router_patterns(r), 2);
    router_destroy(r);
}

static void a_bad_pattern_leaves_no_listener_behind(void **state)
{
    struct router *r = new_router();
    static const char *const bad[] = {"",     ".",   "a..b.c.d", "a.b.c.d.e.f", "a.b.c.d.e.**",
                                      "**.a", "a.b", "a b.**",   "a.b*.**",     "***"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(router_add(r, bad[i], &handles[0]), ST_INVALID);
    assert_int_equal(router_patterns(r), 0);
    router_remove_listener(r, &handles[0]);
    router_destroy(r);
}

static void a_removed_listener_hears_nothing_and_others_still_do(void **state)
{
    struct router *r = new_router();

    (void)state;
    assert_int_equal(router_add(r, "a.**", &handles[0]), ST_OK);
    assert_int_equal(router_add(r, "a.b.c.d.e", &handles[0]), ST_OK);
    assert_int_equal(router_add(r, "a.b.**", &handles[1]), ST_OK);
    router_remove_listener(r, &handles[0]);
    assert_int_equal(count_calls(r, "a.b.c.d.e"), 1);
    assert_int_equal(router_patterns(r), 1);
    router_remove_listener(r, &handles[0]); /* twice is harmless */
    router_remove_listener(r, &handles[1]);
    assert_int_equal(count_calls(r, "a.b.c.d.e"), 0);
    assert_int_equal(router_patterns(r), 0);
    router_destroy(r);
}

static void on_each_remove(void *arg, void *listener)
{
    struct calls *c = arg;

    on_each(arg, listener);
    router_remove_listener(c->router, listener);
    if (c->victim)
        router_remove_listener(c->router, c->victim);
    c->victim = NULL;
}

static void a_listener_may_be_removed_while_a_message_is_routed(void **state)
{
    struct router *r = new_router();
    struct topics t = topic_of("a.b.c.d.e");
    struct calls c = {.router = r, .victim = &handles[1]};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(router_add(r, "a.**", &handles[i]), ST_OK);
    router_route(r, &t, on_each_remove, &c);
    assert_int_equal(c.count, 2); /* the victim was still to come, and did not */
    assert_ptr_equal(c.listeners[0], &handles[0]);
    assert_ptr_equal(c.listeners[1], &handles[2]);
    assert_int_equal(router_patterns(r), 0);
    router_destroy(r);
}

static void on_each_renew(void *arg, void *listener)
{
    struct calls *c = arg;

    on_each(arg, listener);
    router_remove_listener(c->router, listener);
    assert_int_equal(router_add(c->router, "a.**", listener), ST_OK);
}

static void a_listener_that_comes_back_while_routing_hears_the_next_message(void **state)
{
    struct router *r = new_router();
    struct topics t = topic_of("a.b.c.d.e");
    struct calls c = {.router = r};

    (void)state;
    assert_int_equal(router_add(r, "a.**", &handles[0]), ST_OK);
    assert_int_equal(router_add(r, "a.**", &handles[1]), ST_OK);
    router_route(r, &t, on_each_renew, &c);
    assert_int_equal(c.count, 2);
    assert_int_equal(count_calls(r, "a.b.c.d.e"), 2);
    router_destroy(r);
}

static enum status build_small(struct router *r)
{
    static const char *const patterns[] = {"a.**", "a.b.c.d.e", "*.b.**", "a.*.c.*.e", "a.f.**"};
    enum status st = ST_OK;

    for (size_t i = 0; !st && i < 60; i++)
        st = router_add(r, patterns[i % 5], &handles[i / 3]);
    return st;
}

static void every_failed_allocation_leaves_a_whole_router(void **state)
{
    unsigned long n = 0;
    enum status st;

    (void)state;
    do {
        struct router *r = NULL;

        mem_fail_at(++n);
        st = router_create(&r);
        if (!st)
            st = build_small(r);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        if (r)
            assert_true(count_calls(r, "a.b.c.d.e") <= router_patterns(r));
        router_destroy(r);
    } while (st);
    assert_true(n > 30);
}

/* --- against the plain grammar, from a seed --------------------------------------------------- */

static uint64_t seed = 20260514;

static unsigned roll(unsigned sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % sides;
}

static void make_pattern(char *out, size_t size)
{
    static const char *const words[] = {"a", "b", "ab", "*", "*"};
    unsigned levels = roll(3) ? TOPIC_LEVELS : 1 + roll(TOPIC_LEVELS);
    size_t used = 0;

    for (unsigned i = 0; i < levels; i++) {
        bool rest = i + 1 == levels && (levels < TOPIC_LEVELS || roll(4) == 0);

        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "." : "",
                                 rest ? "**" : words[roll(5)]);
    }
}

static void make_topics(struct topics *t)
{
    static const char *const words[] = {"a", "b", "ab", "-"};

    t->count = 1 + roll(LIMIT_TOPICS);
    for (unsigned i = 0; i < t->count; i++)
        snprintf(t->text[i], sizeof(t->text[i]), "%s.%s.%s.%s.%s", words[roll(4)], words[roll(4)],
                 words[roll(4)], words[roll(4)], words[roll(4)]);
}

struct naive {
    struct {
        char pattern[64];
        void *listener;
    } rows[400];
    size_t count;
    void *order[24]; /* listeners as they came */
    size_t order_count;
};

static void naive_add(struct naive *n, struct router *r, void *listener)
{
    char pattern[64];
    bool known = false, twice = false;

    make_pattern(pattern, sizeof(pattern));
    for (size_t i = 0; i < n->count; i++)
        twice = twice || (n->rows[i].listener == listener && !strcmp(n->rows[i].pattern, pattern));
    assert_int_equal(router_add(r, pattern, listener), twice ? ST_EXISTS : ST_OK);
    if (twice)
        return;
    memcpy(n->rows[n->count].pattern, pattern, sizeof(pattern));
    n->rows[n->count++].listener = listener;
    for (size_t i = 0; i < n->order_count; i++)
        known = known || n->order[i] == listener;
    if (!known)
        n->order[n->order_count++] = listener;
}

static void naive_remove(struct naive *n, struct router *r, void *listener)
{
    size_t kept = 0;

    router_remove_listener(r, listener);
    for (size_t i = 0; i < n->count; i++)
        if (n->rows[i].listener != listener)
            n->rows[kept++] = n->rows[i];
    n->count = kept;
    kept = 0;
    for (size_t i = 0; i < n->order_count; i++)
        if (n->order[i] != listener)
            n->order[kept++] = n->order[i];
    n->order_count = kept;
}

static bool naive_wants(const struct naive *n, const void *listener, const struct topics *t)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->rows[i].listener == listener && pattern_matches_any(n->rows[i].pattern, t))
            return true;
    return false;
}

static void compare(const struct naive *n, struct router *r)
{
    struct topics t;
    struct calls c = {.count = 0};
    size_t expected = 0;

    make_topics(&t);
    router_route(r, &t, on_each, &c);
    for (size_t i = 0; i < n->order_count; i++)
        if (naive_wants(n, n->order[i], &t)) {
            assert_true(expected < c.count);
            assert_ptr_equal(c.listeners[expected++], n->order[i]);
        }
    assert_int_equal(c.count, expected);
    assert_int_equal(router_patterns(r), n->count);
}

static void the_trie_agrees_with_the_plain_grammar(void **state)
{
    struct naive *n = calloc(1, sizeof(*n));
    struct router *r = new_router();

    (void)state;
    assert_non_null(n);
    for (int step = 0; step < 6000; step++) {
        void *listener = &handles[roll(24)];

        if (n->count == ARRAY_LEN(n->rows) || roll(20) == 0)
            naive_remove(n, r, listener);
        else if (roll(2))
            naive_add(n, r, listener);
        compare(n, r);
    }
    router_destroy(r);
    free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_wanted_by_who_added_it),
        cmocka_unit_test(a_rest_covers_one_level_and_more),
        cmocka_unit_test(a_listener_is_called_once_for_many_patterns_and_places),
        cmocka_unit_test(listeners_are_called_in_the_order_they_came),
        cmocka_unit_test(the_same_pattern_twice_exists),
        cmocka_unit_test(a_bad_pattern_leaves_no_listener_behind),
        cmocka_unit_test(a_removed_listener_hears_nothing_and_others_still_do),
        cmocka_unit_test(a_listener_may_be_removed_while_a_message_is_routed),
        cmocka_unit_test(a_listener_that_comes_back_while_routing_hears_the_next_message),
        cmocka_unit_test(every_failed_allocation_leaves_a_whole_router),
        cmocka_unit_test(the_trie_agrees_with_the_plain_grammar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
