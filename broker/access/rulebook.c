#include "broker/access/rulebook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/wire/rule_line.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

static const char *const verbs[VERBS] = {"say",  "hear",  "flash",   "carry",
                                         "open", "enrol", "operate", "approve"};
const char *rights_label_word(unsigned label)
{
    return rule_label_word(label);
}

/* VERBS: none of ours. */
static unsigned find_verb(const char *word)
{
    unsigned i = 0;

    while (i < VERBS && strcmp(verbs[i], word) != 0)
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

/* False: not a rule. */
static bool take_rule(struct rule *rule, char *words[RULE_WORDS])
{
    unsigned verb = find_verb(words[RULE_AT_VERB]), label = rule_label(words[RULE_AT_LABEL]);

    rule->number = (int32_t)strtol(words[RULE_AT_NUMBER], NULL, 10);
    rule->role = words[RULE_AT_ROLE];
    rule->is_deny = strcmp(words[RULE_AT_EFFECT], "deny") == 0;
    if (verb == VERBS || !label || (!rule->is_deny && strcmp(words[RULE_AT_EFFECT], "allow") != 0))
        return false;
    rule->verb = (enum verb)verb;
    rule->label = (uint8_t)label;
    rule->giver = strcmp(words[RULE_AT_GIVER], "-") == 0 ? "" : words[RULE_AT_GIVER];
    rule->from_us = strtoll(words[RULE_AT_FROM], NULL, 10);
    rule->until_us = strtoll(words[RULE_AT_UNTIL], NULL, 10);
    take_types(rule, words[RULE_AT_TYPES]);
    take_places(rule, words[RULE_AT_PLACES]);
    return true;
}

/* Room for one more of `size` bytes each; NULL: no memory. */
static void *make_room(void **list, size_t count, size_t *room, size_t size)
{
    size_t more = *room ? *room * 2 : 32;
    char *grown;

    if (count == *room) {
        grown = mem_realloc(*list, more * size);
        if (!grown)
            return NULL;
        *list = grown;
        *room = more;
    }
    memset((char *)*list + count * size, 0, size);
    return (char *)*list + count * size;
}

static enum status take_share(struct rulebook *b, char *words[RULE_WORDS])
{
    struct rule_share *one =
        make_room((void **)&b->shares, b->share_count, &b->share_room, sizeof(*one));

    if (!one)
        return ST_NOMEM;
    *one = (struct rule_share){.id = words[RULE_AT_ROLE],
                               .giver_said = words[RULE_AT_TYPES],
                               .taker_said = words[RULE_AT_PLACES]};
    b->share_count++;
    return ST_OK;
}

/* Of an agency, and not of a role: that follows from an agreement alone, whatever a list says. */
static bool is_of_agency(char *const words[RULE_WORDS])
{
    return words[RULE_AT_ROLE][0] == '@';
}

static enum status take_line(struct rulebook *b, char *line, bool is_listed)
{
    char *words[RULE_WORDS];
    struct rule *rule;

    if (!rule_line_cut(line, words))
        return ST_INVALID;
    if (is_listed && strcmp(words[RULE_AT_VERB], "share") == 0)
        return take_share(b, words);
    if (is_listed && is_of_agency(words))
        return ST_OK;
    if (find_verb(words[RULE_AT_VERB]) == VERBS && strcmp(words[RULE_AT_EFFECT], "deny") != 0)
        return ST_OK; /* an allow that this program knows nothing of */
    rule = make_room((void **)&b->rules, b->count, &b->room, sizeof(*rule));
    if (!rule)
        return ST_NOMEM;
    if (!take_rule(rule, words))
        return ST_INVALID;
    b->count++;
    return ST_OK;
}

static enum status read_lines(struct rulebook *b, char *text, bool is_listed, char *err,
                              size_t err_size)
{
    enum status st = ST_OK;
    size_t number = 0;

    for (char *line; st == ST_OK && (line = rule_line_next(&text));) {
        number++;
        st = take_line(b, line, is_listed);
        if (st == ST_INVALID)
            snprintf(err, err_size, "rule %zu of the list cannot be read: %s", number, line);
    }
    return st;
}

static enum status read_text(struct rulebook *b, const char *text, bool is_listed, char *err,
                             size_t err_size)
{
    size_t len = strlen(text) + 1;
    struct rule_words *words = mem_alloc(sizeof(*words) + len);

    snprintf(err, err_size, "no memory for the rules");
    if (!words)
        return ST_NOMEM;
    memcpy(words->text, text, len);
    words->next = b->words;
    b->words = words;
    return read_lines(b, words->text, is_listed, err, err_size);
}

enum status rulebook_more(struct rulebook *b, const char *text, char *err, size_t err_size)
{
    return read_text(b, text, false, err, err_size);
}

enum status rulebook_read(struct rulebook **out, const char *text, char *err, size_t err_size)
{
    struct rulebook *b = mem_zalloc(sizeof(*b));
    enum status st;

    snprintf(err, err_size, "no memory for the rules");
    if (!b)
        return ST_NOMEM;
    b->text = mem_strdup(text);
    st = b->text ? read_text(b, text, true, err, err_size) : ST_NOMEM;
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
    for (struct rule_words *next, *w = b->words; w; w = next) {
        next = w->next;
        mem_free(w);
    }
    mem_free(b->shares);
    mem_free(b->rules);
    mem_free(b->text);
    mem_free(b);
}

const char *rulebook_text(const struct rulebook *b)
{
    return b->text;
}
