/* slow_test - whoever takes an answer byte by byte is cut when its time is over, holds nobody up
 * meanwhile, and costs no more than the answer. */
#include "tests/unit/web/house.h"

enum { LONG = 8 << 20 }; /* more than the kernel takes for a browser that does not read */

static char text[LONG];

static void answer_long(void *arg, struct exchange *x)
{
    struct house *h = arg;

    h->handled++;
    if (strcmp(exchange_path(x), "/long") == 0)
        http_answer(x, &(struct answer){.status = 200, .body = text, .len = LONG, .lasting = true});
    else
        answer(x, NULL);
}

static void open_long_house(struct house *h, unsigned answer_ms)
{
    struct http_settings set = house_settings();

    set.handle = answer_long;
    set.answer_ms = answer_ms;
    open_house_as(h, set);
}

static void ask_long(struct house *h, struct browser *b)
{
    connect_to(b, h);
    say(b, "GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(h, h->handled == 1);
}

static void take_a_byte(struct browser *b)
{
    char byte;
    ssize_t n = recv(b->fd, &byte, 1, MSG_DONTWAIT);

    b->ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    b->len += n > 0;
}

static void test_an_answer_that_is_taken_byte_by_byte_is_cut(void **state)
{
    struct house h;
    struct browser slow, other;
    uint64_t begun_us;

    (void)state;
    open_long_house(&h, 1000);
    ask_long(&h, &slow);
    begun_us = loop_exact_us(h.loop);
    connect_to(&other, &h);
    for (unsigned i = 0; i < 3; i++) {
        answered(&h, &other); /* nobody waits for it */
        take_a_byte(&slow);
    }
    UNTIL(&h, h.gone == 4); /* cut: all are gone, or were answered */
    assert_true(loop_exact_us(h.loop) - begun_us < PATIENCE * UINT64_C(10000000));
    assert_true(slow.len <= 3);
    answered(&h, &other);
    close(slow.fd);
    close(other.fd);
    close_house(&h);
}

static void test_an_answer_that_is_taken_in_time_is_whole(void **state)
{
    static char part[1 << 16];
    struct house h;
    struct browser b;
    size_t got = 0;

    (void)state;
    open_long_house(&h, 60000 * PATIENCE);
    ask_long(&h, &b);
    while (got < LONG) { /* the headers too */
        ssize_t n = recv(b.fd, part, sizeof(part), MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            fail_msg("%zu of %d bytes came", got, LONG);
        got += n > 0 ? (size_t)n : 0;
        loop_turn(h.loop, 1);
    }
    close(b.fd);
    close_house(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_that_is_taken_byte_by_byte_is_cut),
        cmocka_unit_test(test_an_answer_that_is_taken_in_time_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
