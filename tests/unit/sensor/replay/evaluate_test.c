#include "agents/sensor/replay/evaluate.h"
#include "agents/sensor/replay/plot.h"
#include "tests/unit/sensor/desk.h"

#define DATA "deploy/demo/data/"

static const char *const streams[] = {"don.stage 1 stage metre -3 step=15m"};
static char *lines[] = {(char *)"stage.level 1 don.stage line=3.0 debounce=2/3",
                        (char *)"stage.rate 1 don.stage line=0.0030 window=30m debounce=2/3"};
static char *high[] = {(char *)"stage.level 1 don.stage line=4.0"};
static char *records[] = {(char *)"ea-stage " DATA "sheffield-hadfields-stage.csv don.stage"};

struct bench {
    struct desk desk;
    struct label flood;
    struct labels labels;
    struct candidate candidates[2];
    struct conf_list records;
    struct evaluate_settings set;
    struct evaluation e;
};

static void open_bench(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    /* 25 June 2007, 15:00 to the next morning at 6 */
    b->flood = (struct label){INT64_C(1182783600000000), INT64_C(1182837600000000), false,
                              "<Sheffield> & \"more\""};
    b->labels = (struct labels){&b->flood, 1};
    b->candidates[0] = (struct candidate){"settings", {lines, 2}, 30 * MINUTE, false};
    b->candidates[1] = (struct candidate){"alone", {high, 1}, 30 * MINUTE, true};
    b->records = (struct conf_list){records, 1};
    b->set = (struct evaluate_settings){.station = &b->desk.station,
                                        .records = &b->records,
                                        .candidates = b->candidates,
                                        .candidate_count = 2,
                                        .labels = &b->labels,
                                        .wants_plot = true};
}

static void run(struct bench *b)
{
    char err[400] = "";

    if (evaluate(&b->e, &b->set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void close_bench(struct bench *b)
{
    evaluation_free(&b->e);
    desk_close(&b->desk);
}

static const struct signal *signal_of(const struct bench *b, const char *name)
{
    for (unsigned i = 0; i < b->e.count; i++)
        if (strcmp(b->e.signals[i].name, name) == 0)
            return &b->e.signals[i];
    fail_msg("no signal %s", name);
    return NULL;
}

static void a_flood_is_a_hit_and_a_rise_without_one_a_false_alarm(void **state)
{
    struct bench b;
    const struct signal *s;

    (void)state;
    open_bench(&b);
    run(&b);
    assert_int_equal(b.e.records, 2976);
    s = signal_of(&b, "ALARM");
    assert_int_equal(s->score.hits, 1);
    assert_int_equal(s->score.false_alarms, 0);
    assert_int_equal(s->judged[0].lead_us, 150 * MINUTE);
    s = signal_of(&b, lines[1]);
    assert_int_equal(s->score.hits, 1);
    assert_int_equal(s->score.false_alarms, 4);
    s = signal_of(&b, high[0]);
    assert_int_equal(s->score.hits, 1);
    assert_int_equal(s->judged[0].lead_us, -30 * MINUTE);
    assert_int_equal(b.e.season_count, 1);
    assert_int_equal(b.e.seasons[0].days, 31);
    close_bench(&b);
}

static void an_event_outside_the_part_looked_at_has_no_data(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b);
    b.set.to_us = b.flood.from_us - 24 * 60 * MINUTE;
    run(&b);
    assert_int_equal(signal_of(&b, "ALARM")->score.no_data, 1);
    assert_int_equal(signal_of(&b, "ALARM")->score.misses, 0);
    close_bench(&b);
}

static char *printed(const struct bench *b, void (*print)(const struct evaluation *,
                                                          const struct evaluate_settings *, FILE *))
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    assert_non_null(f);
    print(&b->e, &b->set, f);
    assert_int_equal(fclose(f), 0);
    return text;
}

static unsigned commas(const char *line)
{
    unsigned n = 0;
    bool quoted = false;

    for (; *line && *line != '\n'; line++) {
        quoted ^= *line == '"';
        n += !quoted && *line == ',';
    }
    return n;
}

static void every_row_of_the_spreadsheet_has_all_its_columns(void **state)
{
    struct bench b;
    char *text;
    unsigned rows = 0;

    (void)state;
    open_bench(&b);
    run(&b);
    text = printed(&b, evaluation_print_csv);
    for (char *line = text; line && *line; rows++) {
        assert_int_equal(commas(line), 16);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    assert_true(rows > 20);
    assert_non_null(strstr(text, "\"<Sheffield> & \"\"more\"\"\""));
    free(text);
    text = printed(&b, evaluation_print);
    assert_non_null(strstr(text, "lead 2 h 30 min"));
    free(text);
    close_bench(&b);
}

static void the_picture_names_its_units_levels_and_events_in_three_languages(void **state)
{
    static const char *const wanted[LANG_COUNT][3] = {
        [LANG_TAJIK] = {"Сатҳи об, м", "бонги хатар", "25 июн 2007"},
        [LANG_RUSSIAN] = {"Уровень воды, м", "тревога", "25 июн 2007"},
        [LANG_ENGLISH] = {"Stage, m", "alarm", "25 Jun 2007"}};
    struct bench b;

    (void)state;
    open_bench(&b);
    run(&b);
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        struct plot_settings how = {.lang = (enum lang)lang, .width = lang ? 1000 : 400};
        struct buf svg = {.data = NULL};

        plot_draw(&svg, &b.e, &b.set, &how);
        buf_put(&svg, "", 1);
        assert_false(svg.failed);
        for (size_t i = 0; i < 3; i++)
            if (!strstr((char *)svg.data, wanted[lang][i]))
                fail_msg("%s is missing", wanted[lang][i]);
        assert_non_null(strstr((char *)svg.data, "&lt;Sheffield&gt; &amp; &quot;more&quot;"));
        assert_non_null(strstr((char *)svg.data, "url(#alarm)"));
        assert_null(strstr((char *)svg.data, "nan"));
        assert_null(strstr((char *)svg.data, "inf"));
        buf_free(&svg);
    }
    close_bench(&b);
}

/* Seventeen months of rain beside eleven days with landslides: what the README's command prints,
 * and that rain, however much, is a WATCH and no more. */
static void rain_over_seventeen_months_warns_of_some_landslides_and_never_alarms(void **state)
{
    static const char *const rain[] = {"everett.rain 1 rain_acc millimetre -1 step=1h"};
    static char *line[] = {(char *)"rain.power 1 everett.rain alpha=60 beta=1.13 shortest=24h"};
    static char *record[] = {
        (char *)"usgs-hourly tests/data/sensors/everett-hourly-rain.txt everett.rain zone=-08:00"};
    const int64_t pacific_us = -8 * 60 * MINUTE;
    struct candidate candidate = {"settings", {line, 1}, 24 * 60 * MINUTE, false};
    struct conf_list list = {record, 1};
    struct evaluate_settings set = {.records = &list,
                                    .candidates = &candidate,
                                    .candidate_count = 1,
                                    .before_us = 24 * 60 * MINUTE};
    struct bench b = {.set = set};
    char err[400] = "";

    (void)state;
    desk_open(&b.desk, rain, 1);
    assert_int_equal(labels_read(&b.labels, "mdy:tests/data/sensors/mukilteo-landslide-days.txt",
                                 pacific_us, err, sizeof(err)),
                     ST_OK);
    b.set.station = &b.desk.station;
    b.set.labels = &b.labels;
    run(&b);
    assert_int_equal(signal_of(&b, line[0])->score.hits, 8);
    assert_int_equal(signal_of(&b, line[0])->score.misses, 3);
    assert_int_equal(signal_of(&b, line[0])->score.false_alarms, 3);
    assert_true(signal_of(&b, "WATCH or above")->score.alarms > 0);
    assert_int_equal(signal_of(&b, "WARNING or above")->score.alarms, 0);
    labels_free(&b.labels);
    close_bench(&b);
}

static void what_cannot_be_read_is_said(void **state)
{
    static char *const bad[] = {(char *)"ea-stage /nowhere don.stage",
                                (char *)"nothing " DATA "sheffield-hadfields-stage.csv don.stage",
                                (char *)"ea-stage " DATA "README.md don.stage"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *line = bad[i], err[400] = "";
        struct bench b;

        open_bench(&b);
        b.records = (struct conf_list){&line, 1};
        assert_int_not_equal(evaluate(&b.e, &b.set, err, sizeof(err)), ST_OK);
        assert_true(strlen(err) > 20);
        close_bench(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_is_a_hit_and_a_rise_without_one_a_false_alarm),
        cmocka_unit_test(an_event_outside_the_part_looked_at_has_no_data),
        cmocka_unit_test(every_row_of_the_spreadsheet_has_all_its_columns),
        cmocka_unit_test(the_picture_names_its_units_levels_and_events_in_three_languages),
        cmocka_unit_test(rain_over_seventeen_months_warns_of_some_landslides_and_never_alarms),
        cmocka_unit_test(what_cannot_be_read_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
