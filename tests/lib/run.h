/* run - the programs that stand beside the test (BUILD/tests/…/x_test and BUILD/eocctl), run to
 * their end as a script would. */
#ifndef EOCBUS_TESTS_LIB_RUN_H
#define EOCBUS_TESTS_LIB_RUN_H

#include <stddef.h>

enum { RUN_TEXT = 65536 };

struct ran {
    int code; /* exit code; 128 + number if a signal ended it */
    char out[RUN_TEXT], err[RUN_TEXT];
};

/* Words after the program, NULL at the end. A program that takes two minutes fails the test. */
void run_program(struct ran *r, const char *program, ...) __attribute__((sentinel));
/* What the next program reads on its standard input; the ones after it read nothing again. */
void run_type(const char *text);
/* Fails the test, with all that was said, unless the code is this and `words` (NULL: whatever) was
 * said on either output. */
void run_expect(const struct ran *r, int code, const char *words);

void write_text_file(const char *path, const char *text);

#endif
