/* beside - where the programs stand that a test starts: BUILD/tests/…/x_test and BUILD/eocctl. */
#ifndef EOCBUS_TESTS_LIB_BESIDE_H
#define EOCBUS_TESTS_LIB_BESIDE_H

#include <stddef.h>

enum { BESIDE_PATH = 512 };

/* The path of a program; of BUILD itself if its name is "". Ends the test if there is no room. */
void find_beside(char *out, size_t size, const char *program);

#endif
