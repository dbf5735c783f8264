#include "agents/sensor/replay/alarms.h"
#include "tests/unit/sensor/desk.h"

#include <unistd.h>

static void the_list_of_illgraben_is_read_and_says_what_it_is_not(void **state)
{
    struct alarm_list *a = malloc(sizeof(*a));
    char err[400] = "", *text = NULL;
    size_t size;
    FILE *f;

    (void)state;
    if (alarms_read(a, "tests/data/sensors/illgraben_2021_debrisflow_alarms.csv", err,
                    sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    assert_int_equal(a->alarms, 33);
    assert_int_equal(a->count, 23);
    f = open_memstream(&text, &size);
    assert_non_null(f);
    alarms_print(a, f);
    assert_int_equal(fclose(f), 0);
    assert_non_null(strstr(text, "no detector was run on them"));
    assert_non_null(strstr(text, "hits 10, misses 0 (late without early), false alarms 13"));
    assert_non_null(strstr(text, "median  39.2 min, least  21.7"));
    free(text);
    free(a);
}

static void a_list_nobody_can_read_is_named_by_its_line(void **state)
{
    char path[] = "/tmp/alarms_test.XXXXXX", err[400] = "";
    const char *lines = "event,date,from,to,class\n1,2021-06-08,15:54:59,16:08:19,Early\n2,soon\n";
    struct alarm_list *a = malloc(sizeof(*a));
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
    close(fd);
    assert_int_equal(alarms_read(a, path, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "line 3"));
    unlink(path);
    assert_int_equal(alarms_read(a, path, err, sizeof(err)), ST_IO);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_of_illgraben_is_read_and_says_what_it_is_not),
        cmocka_unit_test(a_list_nobody_can_read_is_named_by_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
