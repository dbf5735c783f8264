/* gazetteer_import - see gazetteer.h. The database works in one transaction; what it found is read
 * before that ends, so that --check can tell the same and leave nothing behind. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/ctl/gazetteer.h"
#include "agents/link/print.h"
#include "proto/base/file.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

enum { FILES_MAX = 256, PATH_BYTES = 1024 };

/* The tables that came with this program, made by the build from agents/link/places. */
extern const struct sql_text gazetteer_texts[];

struct import {
    struct db *db;
    struct buf *report, sources, json;
    char *err;
    size_t err_size;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static enum status fail(struct import *im, enum status st, const char *name, const char *why)
{
    snprintf(im->err, im->err_size, "%s: %s; nothing was imported", name, why);
    return st;
}

/* One line of the report about one table. */
static void tell_staged(struct import *im, const char *name, const struct db_rows *r)
{
    if (!db_cell(r, 0, "shape"))
        buf_printf(im->report, "%s: left out, no table of places that is known here\n", name);
    else
        buf_printf(im->report, "%s: %s, %s rows, %s left out\n", name, db_cell(r, 0, "shape"),
                   db_cell(r, 0, "taken"), db_cell(r, 0, "left_out"));
}

static enum status stage(struct import *im, const char *path, const char *text, size_t len,
                         bool must_be_known)
{
    const char *name = base_name(path), *params[2];
    char why[300];
    struct db_rows *r;
    enum status st;

    buf_clear(&im->json);
    st = gazetteer_read(&im->json, name, text, len, why, sizeof(why));
    if (st != ST_OK)
        return fail(im, st, path, st == ST_NOMEM ? "out of memory" : why);
    buf_put(&im->json, "", 1);
    if (im->json.failed)
        return fail(im, ST_NOMEM, path, "out of memory");
    params[0] = name;
    params[1] = (const char *)im->json.data;
    st = db_query(im->db, &r, "SELECT * FROM bus.gazetteer_stage($1, $2::jsonb)", params, 2);
    if (st != ST_OK)
        return fail(im, st, path, db_error(im->db));
    tell_staged(im, name, r);
    if (db_cell(r, 0, "shape"))
        buf_printf(&im->sources, "%s%s", im->sources.len ? ", " : "", name);
    else if (must_be_known)
        st = fail(im, ST_INVALID, path,
                  "none of the tables of places that are known here (eocctl help gazetteer)");
    db_rows_free(r);
    return st;
}

static enum status stage_file(struct import *im, const char *path, bool must_be_known)
{
    struct buf text = {0};
    enum status st = file_read(path, &text, GAZETTEER_FILE_BYTES);

    if (st == ST_INVALID)
        st = fail(im, st, path, "no file, or larger than 16 MiB");
    else if (st != ST_OK)
        st = fail(im, st == ST_NOTFOUND ? ST_INVALID : st, path, strerror(errno));
    else
        st = stage(im, path, (const char *)text.data, text.len, must_be_known);
    buf_free(&text);
    return st;
}

static int is_table(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');

    return dot && (!strcmp(dot, ".csv") || !strcmp(dot, ".json") || !strcmp(dot, ".geojson"));
}

static enum status stage_folder(struct import *im, const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, is_table, alphasort);
    char path[PATH_BYTES];
    enum status st = ST_OK;

    if (n < 0)
        return fail(im, ST_INVALID, folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
        if (st == ST_OK)
            st = stage_file(im, path, false);
        free(names[i]);
    }
    free(names);
    return st;
}

static enum status stage_all(struct import *im, char *const *paths, unsigned count)
{
    enum status st = ST_OK;

    for (const struct sql_text *t = gazetteer_texts; count == 0 && t->name && st == ST_OK; t++)
        st = stage(im, t->name, t->text, strlen(t->text), true);
    for (unsigned i = 0; i < count && st == ST_OK; i++) {
        struct stat about;

        if (stat(paths[i], &about) == 0 && S_ISDIR(about.st_mode))
            st = stage_folder(im, paths[i]);
        else
            st = stage_file(im, paths[i], true);
    }
    return st;
}

/* --- what was found --------------------------------------------------------------------------- */

#define CONFLICTS_SQL                                                                              \
    "SELECT kind, conflict_id, what, done, array_to_string(proposed, ' ') AS proposed "            \
    "FROM eoc.place_conflict WHERE settled_at IS NULL ORDER BY kind, subject, conflict_id"

static enum status tell_conflicts(struct import *im)
{
    struct db_rows *r;
    enum status st = db_query(im->db, &r, CONFLICTS_SQL, NULL, 0);
    const char *kind = "";

    if (st != ST_OK)
        return fail(im, st, "conflicts", db_error(im->db));
    for (unsigned i = 0; i < db_count(r); i++) {
        const char *proposed = db_cell(r, i, "proposed");

        if (strcmp(kind, db_cell(r, i, "kind")) != 0)
            buf_printf(im->report, "\n%s\n", db_cell(r, i, "kind"));
        kind = db_cell(r, i, "kind");
        buf_printf(im->report, "  %s  ", db_cell(r, i, "conflict_id"));
        print_escaped(im->report, db_cell(r, i, "what"), strlen(db_cell(r, i, "what")));
        buf_printf(im->report, " [%s%s%s]\n", db_cell(r, i, "done"), *proposed ? "; perhaps " : "",
                   proposed);
    }
    buf_printf(im->report, "%s%u conflict%s open\n", db_count(r) ? "\n" : "", db_count(r),
               db_count(r) == 1 ? " is" : "s are");
    db_rows_free(r);
    return ST_OK;
}

static enum status merge(struct import *im, bool check)
{
    const char *params[1];
    struct db_rows *r;
    enum status st;

    buf_put(&im->sources, "", 1);
    if (im->sources.failed)
        return fail(im, ST_NOMEM, "gazetteer", "out of memory");
    params[0] = (const char *)im->sources.data;
    st = db_query(im->db, &r, "SELECT * FROM bus.gazetteer_merge($1)", params, 1);
    if (st != ST_OK)
        return fail(im, st, "gazetteer", db_error(im->db));
    st = tell_conflicts(im);
    if (db_number(r, 0, "changed") == 0)
        buf_printf(im->report, "%s places; nothing changed\n", db_cell(r, 0, "places"));
    else if (check)
        buf_printf(im->report, "%s places, of which %s would change; nothing was imported\n",
                   db_cell(r, 0, "places"), db_cell(r, 0, "changed"));
    else
        buf_printf(im->report, "%s places, of which %s changed: version %s of the gazetteer\n",
                   db_cell(r, 0, "places"), db_cell(r, 0, "changed"), db_cell(r, 0, "version"));
    db_rows_free(r);
    return st;
}

enum status gazetteer_import(struct db *d, char *const *paths, unsigned count, bool check,
                             struct buf *report, char *err, size_t err_size)
{
    struct import im = {.db = d, .report = report, .err = err, .err_size = err_size};
    enum status st = db_script(d, "BEGIN"), end;

    if (st != ST_OK)
        return fail(&im, st, "gazetteer", db_error(d));
    st = stage_all(&im, paths, count);
    if (st == ST_OK)
        st = merge(&im, check);
    if (st == ST_OK && !check)
        end = db_script(d, "COMMIT");
    else
        end = db_script(d, "ROLLBACK");
    if (st == ST_OK && end != ST_OK)
        st = fail(&im, end, "gazetteer", db_error(d));
    buf_free(&im.sources);
    buf_free(&im.json);
    return st;
}
