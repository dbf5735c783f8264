/* What programs carry is what the files say, to the byte: a backslash lost on the way makes another
 * statement of a pattern, and no compiler minds. Runs from the root of the repository. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/sql_text.h"

static char *read_file(const char *name)
{
    enum { LARGEST = 1 << 20 };
    char path[300], *text = malloc(LARGEST);
    FILE *f;
    size_t len;

    assert_non_null(text);
    snprintf(path, sizeof(path), "sql/%s.sql", name);
    f = fopen(path, "r");
    assert_non_null(f);
    len = fread(text, 1, LARGEST - 1, f);
    text[len] = '\0';
    fclose(f);
    return text;
}

static void every_text_is_its_file(void **state)
{
    unsigned backslashes = 0;

    (void)state;
    for (const struct sql_text *t = sql_texts; t->name; t++) {
        char *file = read_file(t->name);

        if (strcmp(file, t->text) != 0)
            fail_msg("%s is not what sql/%s.sql says", t->name, t->name);
        backslashes += strchr(file, '\\') != NULL;
        free(file);
    }
    assert_true(backslashes > 0); /* or this shows nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_text_is_its_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
