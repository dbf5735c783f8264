/* Marks of names and documents: alike where spellings of one person are, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agents/registry/blind.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

static const char *of(const char *name)
{
    static char out[8][BLIND_NAME];
    static unsigned next;
    char *p = out[next++ % 8];

    blind_name(p, name);
    return p;
}

static void spellings_of_one_name_are_alike(void **state)
{
    static const char *const alike[][6] = {
        {"Раҳимов Алишер", "Рахимов Алишер", "Rahimov Alisher", "ALISHER RAKHIMOV",
         "Алишер Каримович Раҳимов", "Alisher Karimovich Rahimov"},
        {"Ҷамшед Қурбонов", "Джамшед Курбанов", "Jamshed Qurbonov", "Kurbanov Jamshid",
         "Dzhamshed Kurbonov", "ҶАМШЕД ҚУРБОНОВ"},
        {"Зулайхо Намунаева", "Zulaykho Namunaeva", "Зулайха Намунаева", "Zulaiho Namunayeva",
         "Намунаева Зулайхо", "  zulaykho\tNamunaeva. "},
        {"Фирӯз Абдуллоев", "Фируз Абдуллаев", "Firuz Abdulloev", "Firūz Abdullayev",
         "Fīruz Abdulloyev",
         "Abdullo\xca\xbc"
         "ev Firuz"},
        {"Ғафуров Муҳаммад", "Гафуров Мухаммад", "Ghafurov Muhammad", "Gafurov Mukhammad",
         "Мухаммад Гафуров",
         "G\xe2\x80\x99"
         "afurov Muhammad"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(alike); i++)
        for (size_t j = 1; j < ARRAY_LEN(alike[i]); j++)
            assert_string_equal(of(alike[i][j]), of(alike[i][0]));
    for (size_t i = 1; i < ARRAY_LEN(alike); i++)
        assert_string_not_equal(of(alike[i][0]), of(alike[i - 1][0]));
}

static void what_tells_nobody_is_not_marked(void **state)
{
    static const char *const little[] = {"", "Habib", "***", "\xff\xfe\xd0", "12 34", "'"};
    char text[BLIND_NAME];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(little); i++)
        assert_string_equal(of(little[i]), "");
    assert_string_not_equal(of("Karimov Ali"), of("Karimov Umar"));
    assert_string_not_equal(of("Karimovich Ali"), ""); /* two words are left as they are */
    blind_document(text, "passport A 123-456 7");
    assert_string_equal(text, "1234567");
    blind_document(text, "A12345");
    assert_string_equal(text, "");
}

static Eocbus__V1__HouseholdPerson person(const char *name, uint32_t year, char **documents,
                                          size_t count)
{
    Eocbus__V1__HouseholdPerson p = EOCBUS__V1__HOUSEHOLD_PERSON__INIT;

    p.name = (char *)(uintptr_t)name;
    p.born_year = year;
    p.documents = documents;
    p.n_documents = count;
    return p;
}

static size_t marks_of(uint8_t out[BLINDS_MOST][BLIND_BYTES], const struct seal_reader *key,
                       Eocbus__V1__HouseholdPerson *p, size_t count)
{
    Eocbus__V1__HouseholdIdentityClear c = EOCBUS__V1__HOUSEHOLD_IDENTITY_CLEAR__INIT;
    Eocbus__V1__HouseholdPerson *list[12];

    for (size_t i = 0; i < count; i++)
        list[i] = &p[i];
    c.persons = list;
    c.n_persons = count;
    return blind_marks(out, key, &c);
}

static void one_person_has_one_mark_under_one_key(void **state)
{
    uint8_t one[BLINDS_MOST][BLIND_BYTES], other[BLINDS_MOST][BLIND_BYTES];
    struct seal_reader *key, *foreign;
    Eocbus__V1__HouseholdPerson a = person("Раҳимов Алишер", 1974, NULL, 0);
    Eocbus__V1__HouseholdPerson b = person("Alisher Rakhimov", 1974, NULL, 0);

    (void)state;
    assert_int_equal(seal_reader_generate(&key), ST_OK);
    assert_int_equal(seal_reader_generate(&foreign), ST_OK);
    assert_int_equal(marks_of(one, key, &a, 1), 1);
    assert_int_equal(marks_of(other, key, &b, 1), 1);
    assert_memory_equal(one[0], other[0], BLIND_BYTES);
    b.born_year = 1975;
    assert_int_equal(marks_of(other, key, &b, 1), 1);
    assert_memory_not_equal(one[0], other[0], BLIND_BYTES);
    b.born_year = 0;
    assert_int_equal(marks_of(other, key, &b, 1), 0);
    assert_int_equal(marks_of(other, foreign, &a, 1), 1);
    assert_memory_not_equal(one[0], other[0], BLIND_BYTES);
    seal_reader_destroy(key);
    seal_reader_destroy(foreign);
}

static void documents_come_first_and_eight_are_enough(void **state)
{
    char *papers[] = {(char *)(uintptr_t) "A1234567", (char *)(uintptr_t) "A 12-34567",
                      (char *)(uintptr_t) "B7654321"};
    uint8_t out[BLINDS_MOST][BLIND_BYTES], alone[BLINDS_MOST][BLIND_BYTES];
    Eocbus__V1__HouseholdPerson many[12];
    struct seal_reader *key;

    (void)state;
    assert_int_equal(seal_reader_generate(&key), ST_OK);
    for (unsigned i = 0; i < 12; i++)
        many[i] = person("Rahimov Ali", 1970 + i, papers, i == 11 ? 3 : 0);
    assert_int_equal(marks_of(alone, key, &many[11], 1), 3); /* one paper stood there twice */
    assert_int_equal(marks_of(out, key, many, 12), BLINDS_MOST);
    assert_memory_equal(out[0], alone[0], BLIND_BYTES);
    assert_memory_equal(out[1], alone[1], BLIND_BYTES);
    seal_reader_destroy(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_one_name_are_alike),
        cmocka_unit_test(what_tells_nobody_is_not_marked),
        cmocka_unit_test(one_person_has_one_mark_under_one_key),
        cmocka_unit_test(documents_come_first_and_eight_are_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
