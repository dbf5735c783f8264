/* gazetteer - tables of places on their way into the database, which knows what they mean and finds
 * what they contradict each other in (sql/functions/gazetteer_import.sql). */
#ifndef EOCBUS_CTL_GAZETTEER_H
#define EOCBUS_CTL_GAZETTEER_H

#include <stdbool.h>
#include <stddef.h>

#include "agents/ctl/db.h"

/* No table of places is larger, no line or cell of one longer: a quote that was left open, or no
 * table at all. */
enum {
    GAZETTEER_FILE_BYTES = 16 << 20,
    GAZETTEER_LINE_BYTES = 64 << 10,
    GAZETTEER_CELL_BYTES = 4096
};

/* Appends the table as JSON: of CSV (by the end of its name) an array of objects with the cells by
 * their headings and "line"; JSON and GeoJSON as they are. ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status gazetteer_read(struct buf *out, const char *name, const char *text,
                                      size_t len, char *err, size_t err_size);

/* The tables of files and folders (their .csv, .json and .geojson), of none those that this program
 * was built with (agents/link/places), become the gazetteer in one transaction, or nothing does;
 * with `check` always nothing. Appends what was read and every conflict to `report`. In a folder a
 * table that is not known here is named and left out. ST_INVALID: `err` says which file; else as
 * db_query. */
MUST_CHECK enum status gazetteer_import(struct db *d, char *const *paths, unsigned count,
                                        bool check, struct buf *report, char *err, size_t err_size);

#endif
