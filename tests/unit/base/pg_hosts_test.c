/* Whoever was refused is asked last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/pg_hosts.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

static void assert_list(const struct pg_hosts *h, int which, const char *is)
{
    if (is)
        assert_string_equal(h->lists[which], is);
    else
        assert_null(h->lists[which]);
}

static void a_host_that_was_refused_is_the_last(void **state)
{
    struct pg_hosts h;

    (void)state;
    assert_int_equal(pg_hosts_read(&h, "host=one,two,three dbname=eocbus port=5433"), ST_OK);
    assert_int_equal(h.count, 3);
    assert_list(&h, PG_HOST, "one,two,three");
    assert_list(&h, PG_PORT, NULL); /* one for all */
    pg_hosts_refuse(&h, "one", "5433");
    assert_list(&h, PG_HOST, "two,three,one");
    pg_hosts_refuse(&h, "one", "5433"); /* the others did not answer */
    assert_list(&h, PG_HOST, "two,three,one");
    pg_hosts_refuse(&h, "three", "5433");
    assert_list(&h, PG_HOST, "one,two,three");
    pg_hosts_free(&h);
}

static void what_belongs_to_a_host_turns_with_it(void **state)
{
    struct pg_hosts h;

    (void)state;
    assert_int_equal(pg_hosts_read(&h, "host=db,db,db hostaddr=10.0.0.1,10.0.0.2,10.0.0.3"
                                       " port=5432,5433,5434"),
                     ST_OK);
    pg_hosts_refuse(&h, "db", "5433");
    assert_list(&h, PG_HOST, "db,db,db");
    assert_list(&h, PG_HOSTADDR, "10.0.0.3,10.0.0.1,10.0.0.2");
    assert_list(&h, PG_PORT, "5434,5432,5433");
    pg_hosts_free(&h);
}

static void a_list_may_come_as_addresses_or_as_a_uri(void **state)
{
    struct pg_hosts h;

    (void)state;
    assert_int_equal(pg_hosts_read(&h, "hostaddr=10.0.0.1,10.0.0.2"), ST_OK);
    pg_hosts_refuse(&h, "10.0.0.1", "5432");
    assert_list(&h, PG_HOSTADDR, "10.0.0.2,10.0.0.1");
    pg_hosts_free(&h);
    assert_int_equal(pg_hosts_read(&h, "postgresql://bus@one:5432,two:5433/eocbus"), ST_OK);
    pg_hosts_refuse(&h, "one", "5432");
    assert_list(&h, PG_HOST, "two,one");
    assert_list(&h, PG_PORT, "5433,5432");
    pg_hosts_free(&h);
}

static void an_entry_that_is_empty_keeps_its_place(void **state)
{
    struct pg_hosts h;

    (void)state;
    assert_int_equal(pg_hosts_read(&h, "host=,two,three"), ST_OK);
    pg_hosts_refuse(&h, "two", NULL);
    assert_list(&h, PG_HOST, "three,,two");
    pg_hosts_refuse(&h, "/run/postgresql", NULL); /* not found: the first */
    assert_list(&h, PG_HOST, ",two,three");
    pg_hosts_refuse(&h, NULL, NULL);
    assert_list(&h, PG_HOST, "two,three,");
    pg_hosts_free(&h);
}

static void one_host_or_none_has_no_order(void **state)
{
    static const char *const infos[] = {"", "dbname=eocbus", "host=one hostaddr=10.0.0.1 port=5432",
                                        "host='unfinished"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(infos); i++) {
        struct pg_hosts h;

        assert_int_equal(pg_hosts_read(&h, infos[i]), ST_OK);
        pg_hosts_refuse(&h, "one", "5432");
        for (int which = 0; which < PG_HOST_LISTS; which++)
            assert_list(&h, which, NULL);
        pg_hosts_free(&h);
    }
}

static void no_memory_leaves_nothing_behind(void **state)
{
    struct pg_hosts h;
    unsigned long n = 1;

    (void)state;
    for (mem_fail_at(n);
         pg_hosts_read(&h, "host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2") == ST_NOMEM;
         mem_fail_at(++n))
        assert_list(&h, PG_HOST, NULL);
    mem_fail_at(0);
    assert_int_equal(n, PG_HOST_LISTS + 1);
    pg_hosts_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_was_refused_is_the_last),
        cmocka_unit_test(what_belongs_to_a_host_turns_with_it),
        cmocka_unit_test(a_list_may_come_as_addresses_or_as_a_uri),
        cmocka_unit_test(an_entry_that_is_empty_keeps_its_place),
        cmocka_unit_test(one_host_or_none_has_no_order),
        cmocka_unit_test(no_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests_name("pg_hosts", tests, NULL, NULL);
}
