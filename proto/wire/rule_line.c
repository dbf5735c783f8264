#include "proto/wire/rule_line.h"

#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

static const char *const labels[] = {"PUBLIC", "INTERNAL", "RESTRICTED", "HOUSEHOLD_PERSONAL"};

char *rule_line_next(char **text)
{
    char *line = *text, *end;

    if (!line || !*line)
        return NULL;
    end = strchr(line, '\n');
    if (end)
        *end++ = '\0';
    *text = end;
    return line;
}

bool rule_line_cut(char *line, char *words[RULE_WORDS])
{
    for (unsigned i = 0; i < RULE_WORDS; i++) {
        char *end = strchr(line, ' ');

        words[i] = line;
        if (!line[0] || *line == ' ' || !end != (i == RULE_WORDS - 1))
            return false;
        if (end) {
            *end = '\0';
            line = end + 1;
        }
    }
    return true;
}

const char *rule_line_verb(const char *line, size_t *len)
{
    for (unsigned i = 0; i < RULE_AT_VERB; i++) {
        line += strcspn(line, " \n");
        line += *line == ' ';
    }
    *len = strcspn(line, " \n");
    return line;
}

size_t rule_line_count(const char *text)
{
    size_t lines = 1;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

unsigned rule_label(const char *word)
{
    unsigned i = 0;

    while (i < ARRAY_LEN(labels) && strcmp(labels[i], word) != 0)
        i++;
    return i < ARRAY_LEN(labels) ? i + 1 : 0;
}

const char *rule_label_word(unsigned label)
{
    return labels[label >= 1 && label <= ARRAY_LEN(labels) ? label - 1 : ARRAY_LEN(labels) - 1];
}
