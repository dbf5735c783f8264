/* faults - see faults.h. */
#include "tests/fault/chaos/faults.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/banned.h"

static const struct fault_acts *acts_of(enum fault_kind kind)
{
    const struct fault_acts *const families[] = {process_faults, database_faults, link_faults,
                                                 machine_faults};

    for (unsigned i = 0; i < 4; i++)
        if (families[i][kind].begin)
            return &families[i][kind];
    fprintf(stderr, "chaos: nobody can make the fault \"%s\"\n", fault_kind_info(kind)->name);
    abort();
}

void fault_begin(struct world *w, const struct fault *f)
{
    acts_of(f->kind)->begin(w, f);
}

bool fault_heal(struct world *w, const struct fault *f, char *why, size_t size)
{
    const struct fault_acts *acts = acts_of(f->kind);

    return !acts->heal || acts->heal(w, f, why, size);
}
