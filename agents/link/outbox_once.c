/* outbox_once - work that may be repeated: the puts of a command are counted under its key, and the
 * count is written with the row. */
#include "agents/link/outbox_file.h"

#include "proto/base/banned.h"

enum status ob_once_add(struct outbox *o, const struct pending_put *put)
{
    sqlite3_stmt *q = use(o, Q_ONCE_ADD);

    sqlite3_bind_text(q, 2, o->once_key, -1, SQLITE_STATIC);
    bind_u64(q, 3, put->once);
    return ob_step_tag(o, Q_ONCE_ADD, put->tag);
}

bool ob_once_counts(const struct outbox *o)
{
    return o->once_key && !o->once_over;
}

enum status ob_once_find(struct outbox *o, uint64_t *tag)
{
    sqlite3_stmt *q = use(o, Q_ONCE);
    int rc;

    if (!ob_once_counts(o))
        return ST_OK;
    sqlite3_bind_text(q, 1, o->once_key, -1, SQLITE_STATIC);
    bind_u64(q, 2, o->once_count + 1);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        if (tag)
            *tag = (uint64_t)sqlite3_column_int64(q, 0);
        o->once_count++;
    }
    sqlite3_reset(q);
    return rc == SQLITE_ROW ? ST_EXISTS : ob_translate(o, rc);
}

/* The first of the puts that are given up gives its count to whatever is said next. */
void ob_once_go_back(struct outbox *o)
{
    for (size_t i = 0; i < pending_put_count(&o->pending); i++) {
        const struct pending_put *put = pending_put_at(&o->pending, i);

        if (put->once) {
            o->once_count = put->once - 1;
            return;
        }
    }
}

enum status outbox_once_from(struct outbox *o, const char *key, uint64_t said)
{
    char *copy = key ? mem_strdup(key) : NULL;
    enum status st;

    if (key && !copy)
        return ST_NOMEM;
    st = outbox_commit(o);
    if (st != ST_OK) {
        /* Puts that wait for a repeated commit still need the key; what is said from here on is
         * not its work. */
        o->once_over = true;
        mem_free(copy);
        return st;
    }
    mem_free(o->once_key);
    o->once_key = copy;
    o->once_count = said;
    o->once_over = false;
    return ST_OK;
}

enum status outbox_once(struct outbox *o, const char *key)
{
    return outbox_once_from(o, key, 0);
}

enum status outbox_once_forget(struct outbox *o, const char *key, uint64_t upto)
{
    enum status st = outbox_commit(o);

    if (st == ST_OK)
        st = ob_begin(o);
    if (st != ST_OK)
        return st;
    sqlite3_bind_text(use(o, Q_ONCE_FORGET), 1, key, -1, SQLITE_TRANSIENT);
    bind_u64(use(o, Q_ONCE_FORGET), 2, upto);
    return ob_end(o, ob_step(o, Q_ONCE_FORGET));
}
