/* conf_print - the values in force, and the sample file. */
#include "proto/base/conf_parts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

/* The largest unit that leaves no rest, so that what is printed can be read back. */
void conf_print_number(char *out, size_t size, enum conf_kind kind, double number)
{
    const struct conf_unit *units = conf_units(kind);
    uint64_t whole;

    if (kind == CONF_REAL) {
        snprintf(out, size, "%.15g", number);
        if (strtod(out, NULL) != number)
            snprintf(out, size, "%.17g", number);
        return;
    }
    whole = (uint64_t)number;
    while (units->factor > 1 && (!whole || whole % units->factor))
        units++;
    snprintf(out, size, "%llu%s", (unsigned long long)(whole / units->factor), units->suffix);
}

static double number_of(const struct conf_row *row, const void *from)
{
    const void *value = conf_const_field(row, from);

    if (row->kind == CONF_REAL)
        return *(const double *)value;
    if (row->kind == CONF_BYTES)
        return (double)*(const size_t *)value;
    return *(const unsigned *)value;
}

static void print_text(const struct conf_row *row, const char *text, FILE *out)
{
    if (row->flags & CONF_SECRET && text && *text)
        text = "(set)";
    fprintf(out, "%s = %s\n", row->name, text ? text : "");
}

static void print_row(const struct conf_row *row, const void *from, FILE *out)
{
    const void *value = conf_const_field(row, from);
    const struct conf_list *list = value;
    char number[40];

    switch (row->kind) {
    case CONF_TEXT:
    case CONF_PATH:
        print_text(row, *(char *const *)value, out);
        break;
    case CONF_BOOL:
        fprintf(out, "%s = %s\n", row->name, *(const bool *)value ? "yes" : "no");
        break;
    case CONF_LIST:
        for (size_t i = 0; i < list->count; i++)
            print_text(row, list->items[i], out);
        break;
    default:
        conf_print_number(number, sizeof(number), row->kind, number_of(row, from));
        print_text(row, number, out);
    }
}

void conf_print(const struct conf_row *rows, size_t n, const void *from, FILE *out)
{
    for (size_t i = 0; i < n; i++)
        print_row(&rows[i], from, out);
}

/* The help text as comment lines of at most 90 columns, broken at blanks. */
static void print_help(const char *text, FILE *out)
{
    size_t column = 0;

    while (*text) {
        size_t word = strcspn(text, " \n");

        if (column && column + 1 + word > 88) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%s%.*s", column ? " " : "# ", (int)word, text);
        column += word + 1;
        text += word + strspn(text + word, " \n");
    }
    fputc('\n', out);
}

static void print_facts(const struct conf_row *row, FILE *out)
{
    char least[40], most[40];

    if (conf_has_range(row)) {
        conf_print_number(least, sizeof(least), row->kind, row->least);
        conf_print_number(most, sizeof(most), row->kind, row->most);
        fprintf(out, "# From %s to %s.\n", least, most);
    }
    if (row->kind == CONF_LIST)
        fputs("# May stand on several lines.\n", out);
    if (row->flags & CONF_RELOAD)
        fputs("# Taken over on SIGHUP.\n", out);
}

void conf_print_sample(const struct conf_row *rows, size_t n, FILE *out)
{
    fputs(
        "# Lines are \"name = value\"; '#' begins a comment. A setting that is commented out has\n"
        "# the value shown.\n",
        out);
    for (size_t i = 0; i < n; i++) {
        const struct conf_row *row = &rows[i];
        bool must_be_given = row->flags & CONF_REQUIRED && !row->deflt;

        fputc('\n', out);
        print_help(row->help, out);
        print_facts(row, out);
        if (must_be_given)
            fprintf(out, "# Required.\n%s =\n", row->name);
        else
            fprintf(out, "#%s = %s\n", row->name, row->deflt ? row->deflt : "");
    }
}
