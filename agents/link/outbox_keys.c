/* outbox_keys - wrapped keys of sealed boxes are destroyed, on the disk too: SQLite overwrites what
 * is deleted (secure_delete), and the log that still holds it is folded back and cut. */
#include "agents/link/outbox_file.h"

#include "proto/base/banned.h"

/* The first row behind *tag whose keys are meant; false: there is none. */
static bool find_meant(struct outbox *o,
                       bool (*is_meant)(void *arg, const uint8_t *content, size_t len), void *arg,
                       uint64_t *tag, int *rc)
{
    sqlite3_stmt *q = use(o, Q_KEYS);
    bool found = false;

    bind_u64(q, 1, *tag);
    while (!found && (*rc = sqlite3_step(q)) == SQLITE_ROW) {
        *tag = (uint64_t)sqlite3_column_int64(q, 1);
        found = is_meant(arg, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0));
    }
    sqlite3_reset(q);
    return found;
}

enum status outbox_drop_keys(struct outbox *o,
                             bool (*is_meant)(void *arg, const uint8_t *content, size_t len),
                             void *arg, unsigned *dropped)
{
    enum status st = outbox_commit(o);
    uint64_t tag = 0;
    int rc = SQLITE_DONE;

    *dropped = 0;
    /* Always, not only where it costs nothing; for rows that merely leave that would be a log of
     * zeros as large as they were. */
    if (st == ST_OK)
        sqlite3_exec(o->db, "PRAGMA secure_delete=ON", NULL, NULL, NULL);
    if (st == ST_OK)
        st = ob_begin(o);
    if (st != ST_OK)
        return st;
    while (st == ST_OK && find_meant(o, is_meant, arg, &tag, &rc)) {
        st = ob_step_tag(o, Q_KEYS_DROP, tag);
        ++*dropped;
    }
    if (st == ST_OK)
        st = ob_translate(o, rc);
    st = ob_end(o, st);
    if (st == ST_OK && *dropped)
        ob_shrink(o);
    sqlite3_exec(o->db, "PRAGMA secure_delete=FAST", NULL, NULL, NULL);
    return st;
}
