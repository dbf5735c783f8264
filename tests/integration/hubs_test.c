/* Two centres with a broker each: the page says which of them is down, within seconds, in its
 * lamps and in its table, and that it is back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/lib/browser.h"
#include "tests/lib/bus.h"
#include "tests/lib/page.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

#define DESK "coes.test.desk"

static const char *const khujand[] = {"name=khujand-1", "hub=3501401", NULL};
static const char *const kulob[] = {"name=kulob-1", "hub=Кӯлоб", NULL};

static struct {
    struct bus *bus, *other;
    struct page *page;
    struct browser news;
    char answer[1 << 16];
} world;

static int begin(void **state)
{
    char conf[200], dir[200];

    (void)state;
    world.news.fd = -1;
    world.bus = bus_create();
    world.other = bus_beside(world.bus);
    snprintf(dir, sizeof(dir), "%s/page", bus_dir(world.bus));
    assert_int_equal(mkdir(dir, 0700), 0);
    page_enrol(world.bus, DESK, conf, sizeof(conf));
    bus_start_broker(world.bus, khujand);
    bus_start_broker(world.other, kulob);
    world.page = page_start(world.bus, conf, DESK, dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    browser_close(&world.news);
    page_end(world.page);
    bus_destroy(world.other);
    bus_destroy(world.bus);
    return 0;
}

static void lamps_say(const char *hubs)
{
    world.news.len = 0; /* only what comes from now on counts */
    world.news.said[0] = '\0';
    assert_true(browser_hears(&world.news, hubs));
}

/* On a machine that stalls, a broker that runs may count as silent for a moment. */
static void table_says(const char *words, bool so)
{
    const time_t end = time(NULL) + 60 * PATIENCE;

    do
        assert_int_equal(page_ask(world.page, "/api/view/system?lang=ru", NULL, world.answer,
                                  sizeof(world.answer)),
                         200);
    while ((strstr(world.answer, words) != NULL) != so && time(NULL) < end);
    if ((strstr(world.answer, words) != NULL) != so)
        fail_msg("%s is %sin %s", words, so ? "not " : "", world.answer);
}

static void a_hub_that_stops_is_named_and_so_is_its_return(void **state)
{
    (void)state;
    browser_open(&world.news, page_port(world.page));
    browser_say(&world.news, "GET /api/news HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\n\r\n",
                page_cookie(world.page));
    lamps_say("\"hubs\":[[\"3501401\", 1, 1], [\"Кӯлоб\", 1, 1]]");
    bus_kill_broker(world.other);
    lamps_say("\"hubs\":[[\"3501401\", 1, 1], [\"Кӯлоб\", 1, 0]]");
    table_says("\"name\":\"Кӯлоб\",\"is_alive\":false", true);
    table_says("\"hub\":\"3501401\",\"name\":\"3501401\",\"is_alive\":true", true);
    bus_start_broker(world.other, kulob);
    lamps_say("\"hubs\":[[\"3501401\", 1, 1], [\"Кӯлоб\", 1, 1]]");
    table_says("\"is_alive\":false", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hub_that_stops_is_named_and_so_is_its_return),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
