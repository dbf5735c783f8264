/* eocctl - the operator's program, asking a database that it reads, with nobody else there: no
 * broker, no settings. Words are a shell's, so that its output can be sent elsewhere. */
#ifndef EOCBUS_TESTS_LIB_EOCCTL_H
#define EOCBUS_TESTS_LIB_EOCCTL_H

#include "tests/lib/pgserver.h"

enum { EOCCTL_TEXT = 1 << 20 };

extern char eocctl_said[EOCCTL_TEXT]; /* on both outputs, the last time */

/* Of a group of tests: *state is its server. */
int eocctl_begin(void **state);
int eocctl_end(void **state);
/* Its exit code; -1 if a signal ended it. */
int eocctl(struct pgserver *s, const char *words);
/* Fails the test, with all that was said, unless the code is this and `part` was said. */
void eocctl_expect(struct pgserver *s, const char *words, int code, const char *part);

#endif
