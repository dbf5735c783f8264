/* rule_line - rules as bus.rules_text() says them: one a line, ten words each, split by single
 * blanks. Who reads them: rights.h (what principals may), approval.h (orders to machines) and
 * agreement.h (what agencies give each other). Pure. */
#ifndef EOCBUS_WIRE_RULE_LINE_H
#define EOCBUS_WIRE_RULE_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum rule_word {
    RULE_AT_NUMBER,
    RULE_AT_ROLE,
    RULE_AT_EFFECT,
    RULE_AT_VERB,
    RULE_AT_TYPES,
    RULE_AT_PLACES,
    RULE_AT_LABEL,
    RULE_AT_GIVER,
    RULE_AT_FROM,
    RULE_AT_UNTIL,
    RULE_WORDS
};

/* The next line, ended where it ends; *text goes on behind it. NULL: there is none. */
char *rule_line_next(char **text);
/* Cuts it into its words; false: these are not ten. */
bool rule_line_cut(char *line, char *words[RULE_WORDS]);
/* The verb of a line that is still whole; "" = it has none. Borrowed, *len long. */
const char *rule_line_verb(const char *line, size_t *len);
/* At most as many as this. */
size_t rule_line_count(const char *text);

/* 1 PUBLIC to 4 HOUSEHOLD_PERSONAL; 0: another word. */
unsigned rule_label(const char *word);
const char *rule_label_word(unsigned label); /* "INTERNAL"; the last of them for any other number */

#endif
