/* pgpair - a second server beside a pgserver: a copy that follows it, that commits may wait for,
 * and that can be promoted. It is a pgserver like any other. Every failure here fails the test. */
#ifndef EOCBUS_TESTS_LIB_PGPAIR_H
#define EOCBUS_TESTS_LIB_PGPAIR_H

#include <stdbool.h>

#include "tests/lib/pgserver.h"

/* A base backup of the primary, started, and following it; `lost` as in pgserver_follow. */
struct pgserver *pgpair_standby(struct pgserver *lost, struct pgserver *primary);
/* From now on commits wait for a standby, which must be there; or they do not. */
void pgpair_wait_for_standby(struct pgserver *primary, bool does);
void pgpair_promote(struct pgserver *standby);
/* For a broker: whichever of the two takes writes. Borrowed until the next call. */
const char *pgpair_conninfo(const struct pgserver *a, const struct pgserver *b);

#endif
