/* gen_edxl - bends a random message of the family resource until EDXL-RM has nothing against it. */
#ifndef EOCBUS_TESTS_LIB_GEN_EDXL_H
#define EOCBUS_TESTS_LIB_GEN_EDXL_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"
#include "tests/lib/gen_message.h"

/* What is missing is made, what must not be there is taken out; every element and schedule that may
 * be there stays where it was. Other types stay as they are. */
void gen_edxl_obey(struct gen *g, Eocbus__V1__Envelope *m, struct arena *arena);

#endif
