/* sql_text - the SQL files of this folder as strings, made by the build (sql/embed.awk). */
#ifndef EOCBUS_SQL_TEXT_H
#define EOCBUS_SQL_TEXT_H

struct sql_text {
    const char *name; /* "migrations/0001_log", "queries/replay" */
    const char *text;
};

/* In file order, migrations first; ends with a NULL name. */
extern const struct sql_text sql_texts[];

#endif
