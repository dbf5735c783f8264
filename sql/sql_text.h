/* sql_text - the SQL files of this folder as strings, made by the build (sql/embed.awk). */
#ifndef EOCBUS_SQL_TEXT_H
#define EOCBUS_SQL_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct sql_text {
    const char *name; /* "functions/append", "migrations/0001_log", "queries/replay" */
    const char *text;
};

/* Sorted by name within a folder; ends with a NULL name. */
extern const struct sql_text sql_texts[];

static inline bool sql_is_in(const struct sql_text *t, const char *folder)
{
    return strncmp(t->name, folder, strlen(folder)) == 0;
}

/* The text of this name ("queries/", "replay"; the folder may hold the beginning of the name).
 * NULL: there is none. */
static inline const struct sql_text *sql_find(const char *folder, const char *name)
{
    for (const struct sql_text *t = sql_texts; t->name; t++)
        if (sql_is_in(t, folder) && strcmp(t->name + strlen(folder), name) == 0)
            return t;
    return NULL;
}

/* Version of the schema these texts make: the number of the newest migration. */
static inline int sql_version(void)
{
    static const char folder[] = "migrations/";
    int version = 0;

    for (const struct sql_text *t = sql_texts; t->name; t++)
        if (sql_is_in(t, folder))
            version = (int)strtol(t->name + strlen(folder), NULL, 10);
    return version;
}

/* FNV-1a over a folder: tells whether a database was made from these very texts. */
static inline int64_t sql_digest(const char *folder)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (const struct sql_text *t = sql_texts; t->name; t++)
        for (const char *c = t->text; sql_is_in(t, folder) && *c; c++)
            h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return (int64_t)h;
}

#endif
