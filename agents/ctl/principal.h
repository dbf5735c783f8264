/* principal - enrolling, for the command and for the demonstration. */
#ifndef EOCBUS_CTL_PRINCIPAL_H
#define EOCBUS_CTL_PRINCIPAL_H

#include "agents/ctl/db.h"

struct principal_form {
    const char *name, *agency, *role, *place, *public_z85;
    const char *not_after; /* ISO 8601 or NULL */
};

/* ST_OK also if the same name has the same key already (*fresh tells). On an error `err` is a
 * sentence. */
MUST_CHECK enum status principal_enrol(struct db *d, const struct principal_form *f, bool *fresh,
                                       char *err, size_t err_size);

#endif
