/* outbox bench - puts a second, as a ratio to raw SQLite with the same durability: one table, one
 * insert a message, WAL, synchronous=FULL. One message a commit (a person, a slow sensor) and 64 (a
 * turn of a busy gateway). Interleaved, medians of five; the machine's speed swings, the ratio does
 * not.
 *
 * The raw side stores the same packed bytes. Ours also gives the message its identity, checks it at
 * the gate, and keeps the order of lanes and the counts. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agents/link/outbox.h"

enum { ROUNDS = 5, COMMITS = 400, LARGE = 64, LARGE_COMMITS = 100 };

static char dir[64];

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "outbox bench: %s\n", what);
    exit(1);
}

static void fill(Eocbus__V1__Envelope *m, Eocbus__V1__ActivityLogEntry *entry)
{
    static char text[200];

    memset(text, 'x', sizeof(text) - 1);
    eocbus__v1__envelope__init(m);
    eocbus__v1__activity_log_entry__init(entry);
    entry->position = (char *)"gauge at the bridge";
    entry->text = text;
    m->lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m->status = EOCBUS__V1__STATUS__STATUS_TEST;
    m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->event_time_us = INT64_C(1790000000000000);
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m->activity_log_entry = entry;
}

static void remove_files(const char *name)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock", ".ballast"};
    char path[160];

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(path, sizeof(path), "%s/%s%s", dir, name, ends[i]);
        unlink(path);
    }
}

static double measure_ours(unsigned commits, unsigned each)
{
    Eocbus__V1__ActivityLogEntry entry;
    Eocbus__V1__Envelope m;
    struct refusal why;
    char path[128], err[256];
    struct outbox_settings set = {.path = path, .sender = "coes.ayni.gw1"};
    struct outbox *o;
    double start;

    snprintf(path, sizeof(path), "%s/ours", dir);
    must(outbox_open(&o, &set, err, sizeof(err)) == ST_OK, err);
    start = now_s();
    for (unsigned c = 0; c < commits; c++) {
        for (unsigned i = 0; i < each; i++) {
            fill(&m, &entry);
            must(outbox_put(o, &m, NULL, &why) == ST_OK, "put");
        }
        must(outbox_commit(o) == ST_OK, "commit");
    }
    start = now_s() - start;
    outbox_close(o);
    remove_files("ours");
    return commits * each / start;
}

static double measure_raw(unsigned commits, unsigned each)
{
    static char content[300];
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *add, *begin, *commit;
    double start;

    snprintf(path, sizeof(path), "%s/raw", dir);
    must(sqlite3_open(path, &db) == SQLITE_OK, "open");
    must(sqlite3_exec(db,
                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                      "CREATE TABLE message(id INTEGER PRIMARY KEY, content BLOB NOT NULL)",
                      NULL, NULL, NULL) == SQLITE_OK,
         "schema");
    sqlite3_prepare_v2(db, "INSERT INTO message(content) VALUES (?1)", -1, &add, NULL);
    sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, NULL);
    sqlite3_prepare_v2(db, "COMMIT", -1, &commit, NULL);
    start = now_s();
    for (unsigned c = 0; c < commits; c++) {
        sqlite3_step(begin);
        sqlite3_reset(begin);
        for (unsigned i = 0; i < each; i++) {
            sqlite3_bind_blob(add, 1, content, sizeof(content), SQLITE_STATIC);
            must(sqlite3_step(add) == SQLITE_DONE, "insert");
            sqlite3_reset(add);
        }
        must(sqlite3_step(commit) == SQLITE_DONE, "commit");
        sqlite3_reset(commit);
    }
    start = now_s() - start;
    sqlite3_finalize(add);
    sqlite3_finalize(begin);
    sqlite3_finalize(commit);
    sqlite3_close(db);
    remove_files("raw");
    return commits * each / start;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void compare(const char *name, unsigned commits, unsigned each, double bar)
{
    double ratio[ROUNDS], ours[ROUNDS], raw[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        raw[i] = measure_raw(commits, each);
        ours[i] = measure_ours(commits, each);
        ratio[i] = ours[i] / raw[i];
    }
    qsort(ratio, ROUNDS, sizeof(*ratio), by_size);
    qsort(ours, ROUNDS, sizeof(*ours), by_size);
    qsort(raw, ROUNDS, sizeof(*raw), by_size);
    printf("outbox %-22s %8.0f/s  raw SQLite %8.0f/s  ratio %.2f (%.2f-%.2f)", name,
           ours[ROUNDS / 2], raw[ROUNDS / 2], ratio[ROUNDS / 2], ratio[0], ratio[ROUNDS - 1]);
    printf(bar > 0 ? "  bar %.2f\n" : "\n", bar);
}

int main(int argc, char **argv)
{
    snprintf(dir, sizeof(dir), "%s/eocbus-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    must(mkdtemp(dir) != NULL, "mkdtemp");
    compare("1 message a commit", COMMITS, 1, 0.8);
    compare("64 messages a commit", LARGE_COMMITS, LARGE, 0);
    return rmdir(dir);
}
