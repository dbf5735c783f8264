/* pgpair - see pgpair.h. */
#include "tests/lib/pgpair.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/base/banned.h"

enum { WAIT_S = 60 };

/* Until the query, which yields a number, yields another one than 0. */
static void wait_for(struct pgserver *s, const char *sql)
{
    const struct timespec pause = {0, 20000000};
    time_t until = time(NULL) + WAIT_S;

    while (!pgserver_number(s, sql)) {
        if (time(NULL) > until) {
            fprintf(stderr, "pgpair: waited a minute for: %s\n", sql);
            abort();
        }
        nanosleep(&pause, NULL);
    }
}

static void wait_until_followed(struct pgserver *primary)
{
    wait_for(primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
                      " AND replay_lsn = pg_current_wal_lsn()");
}

void pgpair_wait_for_standby(struct pgserver *primary, bool does)
{
    pgserver_exec(primary, does ? "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'"
                                : "ALTER SYSTEM RESET synchronous_standby_names");
    pgserver_exec(primary, "SELECT pg_reload_conf()");
    if (does)
        wait_for(primary, "SELECT count(*) FROM pg_stat_replication"
                          " WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')");
    else
        wait_for(primary, "SELECT count(*) FROM pg_settings"
                          " WHERE name = 'synchronous_standby_names' AND setting = ''");
}

struct pgserver *pgpair_standby(struct pgserver *lost, struct pgserver *primary)
{
    struct pgserver *s = pgserver_follow(lost, primary);

    wait_until_followed(primary);
    return s;
}

void pgpair_promote(struct pgserver *standby)
{
    pgserver_exec(standby, "SELECT pg_promote(true, 60)");
}

const char *pgpair_conninfo(const struct pgserver *a, const struct pgserver *b)
{
    static char text[256];

    snprintf(text, sizeof(text),
             "host=%s,%s dbname=eocbus user=bus_ingest target_session_attrs=read-write",
             pgserver_socket(a), pgserver_socket(b));
    return text;
}
