/* officers - three enrolment officers of a test, of whom two are needed, and records they sign.
 * Every failure here fails the test. */
#ifndef EOCBUS_TESTS_LIB_OFFICERS_H
#define EOCBUS_TESTS_LIB_OFFICERS_H

#include "proto/wire/record.h"
#include "tests/lib/pgserver.h"

enum { TEST_OFFICERS = 3 };

struct test_officers {
    struct officers pinned; /* o.first, o.second, o.third */
    struct keys keys[TEST_OFFICERS];
    struct signer *signer[TEST_OFFICERS];
};

void officers_open(struct test_officers *t);
void officers_close(struct test_officers *t);

/* A record that is legal: agency "test", role "all", from 2026 to 2090, serial 1. */
struct record record_of(const char *name, const struct keys *k);
/* The Enrolment of it, signed by the officers of these numbers; -1 = by nobody. */
struct buf enrolment_of(const struct test_officers *t, const struct record *r, int first,
                        int second);
/* The SQL that submits it, as eocctl does; free() it. */
char *enrolment_sql(const struct record *r, const struct buf *enrolment);
/* Two of them sign it, and the database takes it. */
void officers_enrol(const struct test_officers *t, struct pgserver *pg, const struct record *r);
/* Writes the pins where a broker or an agent finds them. */
void officers_write(const struct test_officers *t, const char *path);

#endif
