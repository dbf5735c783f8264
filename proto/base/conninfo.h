/* conninfo - a way to the database on which no secret lies open. Pure, but for the environment. */
#ifndef EOCBUS_BASE_CONNINFO_H
#define EOCBUS_BASE_CONNINFO_H

#include "proto/base/mem.h"
#include "proto/base/status.h"

/* A connection string of libpq stands in settings and on command lines, and PGPASSWORD in the
 * environment: others on the machine can read both. ST_DENIED: a password is in one of them; `err`
 * says where it may be. */
MUST_CHECK enum status conninfo_check(const char *conninfo, char *err, size_t err_size);

#endif
