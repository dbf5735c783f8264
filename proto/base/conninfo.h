/* conninfo - a way to the database on which no secret lies open, and what to do where certificates
 * are refused on it. Pure, but for the environment. */
#ifndef EOCBUS_BASE_CONNINFO_H
#define EOCBUS_BASE_CONNINFO_H

#include "proto/base/mem.h"
#include "proto/base/status.h"

/* A connection string of libpq stands in settings and on command lines, and PGPASSWORD in the
 * environment: others on the machine can read both. ST_DENIED: a password is in one of them; `err`
 * says where it may be. */
MUST_CHECK enum status conninfo_check(const char *conninfo, char *err, size_t err_size);

/* libpq's sentence on a connection that was refused for a certificate, either side's: what to do
 * next. NULL: it is about something else. */
const char *conninfo_advice(const char *why);

#endif
