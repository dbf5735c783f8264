/* What a table says, and what it says the second time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/registry/registry.h"
#include "tests/lib/desk.h"

#define FIRST  "11111111-1111-4111-8111-111111111111"
#define SECOND "22222222-2222-4222-8222-222222222222"
#define HEAD   "Id,District,People,Sleeps\n#household+id,#adm2+code,#affected+ind,#shelter+type\n"
#define TWO    HEAD FIRST ",3505203,6,school\n" SECOND ",3505203,4,tent\n"

static int set_up(void **state)
{
    static struct desk desk;

    desk_open(&desk, "coes.ayni.registry");
    *state = &desk;
    return 0;
}

static int tear_down(void **state)
{
    desk_close(*state);
    return 0;
}

static int import(struct desk *d, const char *what, const char *text, struct buf *said)
{
    char path[200];

    snprintf(path, sizeof(path), "%s", desk_write(d, "table.csv", text));
    return desk_run(d, registry_import, said, "import", what, path, NULL);
}

static void a_row_becomes_an_event_of_its_household(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;
    uint8_t id[ID_BYTES];

    assert_int_equal(import(d, "households", TWO, NULL), EXIT_DONE);
    assert_int_equal(desk_count(d), 2);
    m = desk_message(d, 0);
    assert_true(id_parse(id, FIRST));
    assert_int_equal(m->body_case, EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT);
    assert_memory_equal(m->household_event->household_id.data, id, ID_BYTES);
    assert_int_equal(m->household_event->affected->members, 6);
    assert_int_equal(m->household_event->affected->lodging, EOCBUS__V1__LODGING__LODGING_SCHOOL);
    assert_int_equal(m->household_event->to_state,
                     EOCBUS__V1__HOUSEHOLD_STATE__HOUSEHOLD_STATE_AFFECTED);
    assert_int_equal(m->label, EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL);
    assert_string_equal(m->household_event->actor, "coes.ayni.registry");
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void the_same_table_again_says_nothing(void **state)
{
    struct desk *d = *state;
    struct buf said = {0};

    assert_int_equal(import(d, "households", TWO, NULL), EXIT_DONE);
    assert_int_equal(import(d, "households", TWO, &said), EXIT_DONE);
    assert_non_null(strstr((char *)said.data, "0 new or changed, 2 unchanged"));
    assert_int_equal(desk_count(d), 2);
    buf_free(&said);
}

static void one_changed_row_says_one_thing(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;

    assert_int_equal(import(d, "households", TWO, NULL), EXIT_DONE);
    assert_int_equal(
        import(d, "households", HEAD FIRST ",3505203,6,school\n" SECOND ",3505203,5,tent\n", NULL),
        EXIT_DONE);
    assert_int_equal(desk_count(d), 3);
    m = desk_message(d, 2);
    assert_int_equal(m->household_event->affected->members, 5);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void the_order_of_rows_and_columns_does_not_matter(void **state)
{
    struct desk *d = *state;

    assert_int_equal(import(d, "households", TWO, NULL), EXIT_DONE);
    assert_int_equal(import(d, "households",
                            "#affected+ind,#shelter+type,#household+id,#adm2+code\n"
                            "4,tent," SECOND ",3505203\n6,school," FIRST ",3505203\n",
                            NULL),
                     EXIT_DONE);
    assert_int_equal(desk_count(d), 2);
}

/* What stands in the way of memory_keep: a folder where its file would be written. */
static void killed_after_the_outbox_and_before_the_memory_it_does_not_double(void **state)
{
    struct desk *d = *state;
    const char *trap = desk_file(d, "box.db.households.memory.new");

    assert_int_equal(mkdir(trap, 0700), 0);
    assert_int_equal(import(d, "households", TWO, NULL), EXIT_MACHINE);
    assert_int_equal(desk_count(d), 2);
    assert_int_equal(rmdir(desk_file(d, "box.db.households.memory.new")), 0);
    assert_int_equal(import(d, "households", TWO, NULL), EXIT_DONE);
    assert_int_equal(desk_count(d), 2);
}

static void what_was_said_counts_even_if_the_table_changed_meanwhile(void **state)
{
    struct desk *d = *state;

    assert_int_equal(mkdir(desk_file(d, "box.db.households.memory.new"), 0700), 0);
    assert_int_equal(import(d, "households", TWO, NULL), EXIT_MACHINE);
    assert_int_equal(rmdir(desk_file(d, "box.db.households.memory.new")), 0);
    assert_int_equal(
        import(d, "households", HEAD FIRST ",3505203,7,school\n" SECOND ",3505203,4,tent\n", NULL),
        EXIT_DONE);
    assert_int_equal(desk_count(d), 3); /* the first anew, the second not again */
}

/* The promise is on disk, the outbox has none of it: as if the kill had come in between. */
static void killed_before_the_outbox_it_says_what_it_promised(void **state)
{
    static const char *const files[] = {"box.db", "box.db-wal", "box.db-shm"};
    struct desk *d = *state;

    assert_int_equal(mkdir(desk_file(d, "box.db.households.memory.new"), 0700), 0);
    assert_int_equal(import(d, "households", TWO, NULL), EXIT_MACHINE);
    assert_int_equal(rmdir(desk_file(d, "box.db.households.memory.new")), 0);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        (void)!unlink(desk_file(d, files[i]));
    assert_int_equal(desk_count(d), 0);
    assert_int_equal(import(d, "households", TWO, NULL), EXIT_DONE);
    assert_int_equal(desk_count(d), 2);
}

static void a_wrong_row_keeps_the_whole_table_unsaid(void **state)
{
    struct desk *d = *state;
    struct buf said = {0};

    assert_int_equal(
        import(d, "households", HEAD FIRST ",3505203,6,school\n" SECOND ",35O5203,4,tent\n", &said),
        EXIT_REFUSED);
    assert_non_null(strstr((char *)said.data, "table.csv:4:"));
    assert_non_null(strstr((char *)said.data, "35O5203"));
    assert_int_equal(desk_count(d), 0);
    assert_int_equal(
        import(d, "households", HEAD FIRST ",3505203,6,school\n" FIRST ",3505203,4,tent\n", &said),
        EXIT_REFUSED);
    assert_non_null(strstr((char *)said.data, "second time"));
    assert_int_equal(import(d, "households", HEAD "Karimov,3505203,6,school\n", &said),
                     EXIT_REFUSED);
    assert_int_equal(desk_count(d), 0);
    buf_free(&said);
}

static void names_and_telephones_never_leave(void **state)
{
    struct desk *d = *state;
    struct buf said = {0};
    Eocbus__V1__Envelope *m;
    uint8_t bytes[4096];
    size_t len;

    assert_int_equal(
        import(d, "households",
               "#household+id,#adm2+code,#affected+ind,#household+name,#contact+phone\n" FIRST
               ",3505203,6,Sadoqat Karimova,+992 92 123 45 67\n",
               &said),
        EXIT_DONE);
    assert_non_null(strstr((char *)said.data, "#household+name"));
    assert_non_null(strstr((char *)said.data, "#contact+phone"));
    assert_null(strstr((char *)said.data, "Sadoqat"));
    m = desk_message(d, 0);
    len = eocbus__v1__envelope__pack(m, bytes);
    assert_null(memmem(bytes, len, "Sadoqat", 7));
    assert_null(memmem(bytes, len, "123 45", 6));
    eocbus__v1__envelope__free_unpacked(m, NULL);
    buf_free(&said);
}

static void losses_stand_in_the_tags(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;
    Eocbus__V1__HouseholdAffected *a;

    assert_int_equal(import(d, "households",
                            "#household+id,#adm2+code,#affected+ind,#impact+house+destroyed,"
                            "#impact+livestock+lost+cattle,#impact+canal+partial\n" FIRST
                            ",3505203,6,1,3,0\n",
                            NULL),
                     EXIT_DONE);
    m = desk_message(d, 0);
    a = m->household_event->affected;
    assert_int_equal(a->n_losses, 2);
    assert_int_equal(a->losses[0]->asset, EOCBUS__V1__ASSET_CLASS__ASSET_CLASS_HOUSE);
    assert_int_equal(a->losses[0]->damage, EOCBUS__V1__DAMAGE_CLASS__DAMAGE_CLASS_DESTROYED);
    assert_int_equal(a->losses[1]->species, EOCBUS__V1__SPECIES__SPECIES_CATTLE);
    assert_int_equal(a->losses[1]->quantity->value, 3);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void the_gazetteer_of_tajikistan_is_81_places_and_one_version(void **state)
{
    struct desk *d = *state;
    const char *table = "deploy/demo/data/tjk_pcodes_adm1_adm2.hxl.csv";
    Eocbus__V1__Envelope *m;

    assert_int_equal(desk_run(d, registry_import, NULL, "import", "gazetteer", table, "--source",
                              "COD-AB", NULL),
                     EXIT_DONE);
    assert_int_equal(desk_count(d), 81);
    m = desk_message(d, 80);
    assert_int_equal(m->gazetteer_update->version, 1);
    assert_string_equal(m->gazetteer_update->source, "COD-AB");
    eocbus__v1__envelope__free_unpacked(m, NULL);
    assert_int_equal(desk_run(d, registry_import, NULL, "import", "gazetteer", table, "--source",
                              "COD-AB", NULL),
                     EXIT_DONE);
    assert_int_equal(desk_count(d), 81);
    assert_int_equal(
        desk_run(d, registry_import, NULL, "import", "gazetteer", table, "--source", "new", NULL),
        EXIT_DONE);
    assert_int_equal(desk_count(d), 162);
    m = desk_message(d, 161);
    assert_int_equal(m->gazetteer_update->version, 2);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void sites_carry_their_plots_and_the_look_at_the_slope(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;

    assert_int_equal(desk_run(d, registry_import, NULL, "import", "sites",
                              "deploy/demo/data/plot_sites.hxl.csv", NULL),
                     EXIT_DONE);
    assert_int_equal(desk_count(d), 3);
    m = desk_message(d, 0);
    assert_string_equal(m->plot_site->site_id, "zafarobod.1");
    assert_string_equal(m->plot_site->pcode, "3505217");
    assert_string_equal(m->area->pcodes[0], "3505217");
    assert_int_equal(m->plot_site->capacity_total, 20);
    assert_int_equal(m->plot_site->hazard_checked, EOCBUS__V1__ANSWER__ANSWER_YES);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_row_becomes_an_event_of_its_household),
        TEST(the_same_table_again_says_nothing),
        TEST(one_changed_row_says_one_thing),
        TEST(the_order_of_rows_and_columns_does_not_matter),
        TEST(killed_after_the_outbox_and_before_the_memory_it_does_not_double),
        TEST(what_was_said_counts_even_if_the_table_changed_meanwhile),
        TEST(killed_before_the_outbox_it_says_what_it_promised),
        TEST(a_wrong_row_keeps_the_whole_table_unsaid),
        TEST(names_and_telephones_never_leave),
        TEST(losses_stand_in_the_tags),
        TEST(the_gazetteer_of_tajikistan_is_81_places_and_one_version),
        TEST(sites_carry_their_plots_and_the_look_at_the_slope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
