/* faults - how each kind is made, and healed. */
#ifndef EOCBUS_TESTS_FAULT_CHAOS_FAULTS_H
#define EOCBUS_TESTS_FAULT_CHAOS_FAULTS_H

#include "tests/fault/chaos/plan.h"
#include "tests/fault/chaos/world.h"

void fault_begin(struct world *w, const struct fault *f);
/* False: it cannot be healed; `why` says what is wrong with the product. */
bool fault_heal(struct world *w, const struct fault *f, char *why, size_t size);

/* By family; NULL: nothing is to be done then. */
struct fault_acts {
    void (*begin)(struct world *w, const struct fault *f);
    bool (*heal)(struct world *w, const struct fault *f, char *why, size_t size);
};
extern const struct fault_acts process_faults[FAULT_KINDS]; /* faults_process.c */
extern const struct fault_acts database_faults[FAULT_KINDS];
extern const struct fault_acts link_faults[FAULT_KINDS];
extern const struct fault_acts machine_faults[FAULT_KINDS];

#endif
