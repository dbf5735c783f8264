#include "broker/access/rulebook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

enum word {
    W_NUMBER,
    W_ROLE,
    W_EFFECT,
    W_VERB,
    W_TYPES,
    W_PLACES,
    W_LABEL,
    W_GIVER,
    W_FROM,
    W_UNTIL,
    WORDS
};

static const char *const verbs[VERBS] = {"say",  "hear",  "flash",   "carry",
                                         "open", "enrol", "operate", "approve"};
static const char *const labels[] = {NULL, "PUBLIC", "INTERNAL", "RESTRICTED",
                                     "HOUSEHOLD_PERSONAL"};

const char *rights_label_word(unsigned label)
{
    return label >= 1 && label <= 4 ? labels[label] : labels[4];
}

/* Index of the word in the list, or `count`. */
static unsigned find_word(const char *const *list, unsigned from, unsigned count, const char *word)
{
    unsigned i = from;

    while (i < count && strcmp(list[i], word) != 0)
        i++;
    return i;
}

/* Names that this program does not know are of types it cannot route either. */
static void take_types(struct rule *rule, char *list)
{
    for (char *next, *word = list; word; word = next) {
        size_t len;

        next = strchr(word, ',');
        if (next)
            *next++ = '\0';
        len = strlen(word);
        for (size_t i = 0; i < type_count(); i++) {
            const struct type_info *t = type_at(i);
            bool is_family = len > 2 && strcmp(word + len - 2, ".*") == 0 &&
                             strlen(t->family) == len - 2 && memcmp(word, t->family, len - 2) == 0;

            if ((strcmp(word, "*") == 0 || is_family || strcmp(word, t->name) == 0) &&
                t->number < RULE_TYPES)
                rule->types[t->number / 64] |= UINT64_C(1) << (t->number % 64);
        }
    }
}

static void take_places(struct rule *rule, char *list)
{
    rule->scope = strcmp(list, "any") == 0     ? SCOPE_ANY
                  : strcmp(list, "own") == 0   ? SCOPE_OWN
                  : strcmp(list, "to_me") == 0 ? SCOPE_TO_ME
                                               : SCOPE_PLACES;
    rule->places = list;
    for (char *c = list; *c; c++)
        if (*c == ',')
            *c = ' ';
}

/* Ten words, split by single blanks. */
static bool cut(char *line, char *words[WORDS])
{
    for (unsigned i = 0; i < WORDS; i++) {
        char *end = strchr(line, ' ');

        words[i] = line;
        if (!line[0] || *line == ' ' || !end != (i == WORDS - 1))
            return false;
        if (end) {
            *end = '\0';
            line = end + 1;
        }
    }
    return true;
}

/* False: not a rule. *skip: an allow that this program knows nothing of. */
static bool read_rule(struct rule *rule, char *line, bool *skip)
{
    char *words[WORDS];
    unsigned verb, label;

    *skip = false;
    if (!cut(line, words))
        return false;
    verb = find_word(verbs, 0, VERBS, words[W_VERB]);
    label = find_word(labels, 1, 5, words[W_LABEL]);
    rule->number = (int32_t)strtol(words[W_NUMBER], NULL, 10);
    rule->role = words[W_ROLE];
    rule->is_deny = strcmp(words[W_EFFECT], "deny") == 0;
    *skip = verb == VERBS && !rule->is_deny;
    if (*skip)
        return true;
    if (verb == VERBS || label == 5 || (!rule->is_deny && strcmp(words[W_EFFECT], "allow") != 0))
        return false;
    rule->verb = (enum verb)verb;
    rule->label = (uint8_t)label;
    rule->giver = strcmp(words[W_GIVER], "-") == 0 ? "" : words[W_GIVER];
    rule->from_us = strtoll(words[W_FROM], NULL, 10);
    rule->until_us = strtoll(words[W_UNTIL], NULL, 10);
    take_types(rule, words[W_TYPES]);
    take_places(rule, words[W_PLACES]);
    return true;
}

static size_t count_lines(const char *text)
{
    size_t lines = 1;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static enum status read_lines(struct rulebook *b, char *err, size_t err_size)
{
    size_t number = 0;

    for (char *next, *line = b->words; line && *line; line = next) {
        bool skip;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        if (!read_rule(&b->rules[b->count], line, &skip)) {
            snprintf(err, err_size, "rule %zu of the list cannot be read: %s", number, line);
            return ST_INVALID;
        }
        if (skip)
            memset(&b->rules[b->count], 0, sizeof(b->rules[0]));
        else
            b->count++;
    }
    return ST_OK;
}

enum status rulebook_read(struct rulebook **out, const char *text, char *err, size_t err_size)
{
    struct rulebook *b = mem_zalloc(sizeof(*b));
    enum status st = ST_NOMEM;

    snprintf(err, err_size, "no memory for the rules");
    if (!b)
        return ST_NOMEM;
    b->text = mem_strdup(text);
    b->words = mem_strdup(text);
    b->rules = mem_zalloc(count_lines(text) * sizeof(*b->rules));
    if (b->text && b->words && b->rules)
        st = read_lines(b, err, err_size);
    if (st != ST_OK) {
        rulebook_destroy(b);
        return st;
    }
    err[0] = '\0';
    *out = b;
    return ST_OK;
}

void rulebook_destroy(struct rulebook *b)
{
    if (!b)
        return;
    mem_free(b->rules);
    mem_free(b->words);
    mem_free(b->text);
    mem_free(b);
}

const char *rulebook_text(const struct rulebook *b)
{
    return b->text;
}
