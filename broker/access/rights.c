/* Of the rules of one set of roles those of each verb stand side by side. Most questions need none
 * of them: `anywhere` says for each verb and type up to which label all is allowed, whatever the
 * place, if nothing denies any of it. */
#include "broker/access/rights.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "broker/access/rulebook.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"
#include "proto/wire/topic.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

struct rights {
    uint8_t anywhere[VERBS][RULE_TYPES]; /* label, 0 = look at the rules */
    struct {
        const struct rule **rules; /* of the book */
        size_t count, room;
    } of[VERBS];
};

/* --- compiling -------------------------------------------------------------------------------- */

static bool holds_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    while (*words) {
        size_t n = strcspn(words, " ");

        if (n == len && memcmp(words, word, len) == 0)
            return true;
        words += n;
        words += strspn(words, " ");
    }
    return false;
}

static bool is_of(const struct rule *rule, const char *roles, const char *agency)
{
    if (rule->role[0] == '@')
        return agency[0] && strcmp(rule->role + 1, agency) == 0;
    return strcmp(rule->role, "everyone") == 0 || holds_word(roles, rule->role);
}

static bool add_rule(struct rights *r, const struct rule *rule)
{
    size_t count = r->of[rule->verb].count, room = r->of[rule->verb].room;

    if (count == room) {
        size_t more = room ? room * 2 : 8;
        const struct rule **grown = mem_realloc(r->of[rule->verb].rules, more * sizeof(*grown));

        if (!grown)
            return false;
        r->of[rule->verb].rules = grown;
        r->of[rule->verb].room = more;
    }
    r->of[rule->verb].rules[r->of[rule->verb].count++] = rule;
    return true;
}

static bool holds_type(const struct rule *rule, unsigned type)
{
    return type < RULE_TYPES && rule->types[type / 64] >> (type % 64) & 1;
}

static bool is_unbound(const struct rule *rule)
{
    return rule->scope == SCOPE_ANY && !rule->giver[0];
}

static uint8_t find_anywhere(const struct rights *r, unsigned verb, unsigned type)
{
    uint8_t label = 0;

    for (size_t i = 0; i < r->of[verb].count; i++) {
        const struct rule *rule = r->of[verb].rules[i];

        if (!holds_type(rule, type))
            continue;
        if (rule->is_deny)
            return 0;
        if (is_unbound(rule) && rule->label > label)
            label = rule->label;
    }
    return label;
}

enum status rights_compile(struct rights **out, const struct rulebook *b, const char *roles,
                           const char *agency)
{
    struct rights *r = mem_zalloc(sizeof(*r));

    if (!r)
        return ST_NOMEM;
    for (size_t i = 0; i < b->count; i++)
        if (is_of(&b->rules[i], roles, agency) && !add_rule(r, &b->rules[i])) {
            rights_destroy(r);
            return ST_NOMEM;
        }
    for (unsigned verb = 0; verb < VERBS; verb++)
        for (size_t i = 0; i < type_count(); i++)
            r->anywhere[verb][type_at(i)->number] = find_anywhere(r, verb, type_at(i)->number);
    *out = r;
    return ST_OK;
}

void rights_destroy(struct rights *r)
{
    if (!r)
        return;
    for (unsigned verb = 0; verb < VERBS; verb++)
        mem_free(r->of[verb].rules);
    mem_free(r);
}

/* --- the judgement ---------------------------------------------------------------------------- */

static bool is_within_any(const char *pcode, size_t len, const char *places)
{
    while (*places) {
        size_t n = strcspn(places, " ");

        if (n && pcode_is_within(pcode, len, places, n))
            return true;
        places += n;
        places += strspn(places, " ");
    }
    return false;
}

/* `all`: every place of the message, and it has one; else any. */
static bool is_placed(const char *of_message, const char *within, bool all)
{
    bool any = false;

    while (*of_message) {
        size_t n = strcspn(of_message, " ");

        if (n && is_within_any(of_message, n, within)) {
            any = true;
            if (!all)
                return true;
        } else if (n && all) {
            return false;
        }
        of_message += n;
        of_message += strspn(of_message, " ");
    }
    return any;
}

static bool is_in_scope(const struct rule *rule, const struct rights_question *q)
{
    bool all = !rule->is_deny && rule->verb != VERB_HEAR;

    switch (rule->scope) {
    case SCOPE_ANY:
        return true;
    case SCOPE_TO_ME:
        return holds_word(q->reach, q->name);
    case SCOPE_OWN:
        return !q->own[0] || is_placed(q->places, q->own, all);
    default:
        return is_placed(q->places, rule->places, all);
    }
}

static unsigned label_of(unsigned label)
{
    return label >= 1 && label <= EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL
               ? label
               : EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
}

static bool matches(const struct rule *rule, const struct rights_question *q)
{
    unsigned label = label_of(q->label);

    if (!holds_type(rule, q->type) || (rule->is_deny ? label < rule->label : label > rule->label))
        return false;
    if (rule->giver[0] && (strcmp(rule->giver, q->agency) != 0 || q->utc_us < rule->from_us ||
                           q->utc_us >= rule->until_us))
        return false;
    return is_in_scope(rule, q);
}

bool rights_may_anywhere(const struct rights *r, enum verb verb, unsigned type, unsigned label)
{
    return type < RULE_TYPES && label_of(label) <= r->anywhere[verb][type];
}

bool rights_may(const struct rights *r, enum verb verb, const struct rights_question *q)
{
    bool allowed = false;

    if (rights_may_anywhere(r, verb, q->type, q->label))
        return true;
    for (size_t i = 0; i < r->of[verb].count; i++) {
        const struct rule *rule = r->of[verb].rules[i];

        if ((allowed && !rule->is_deny) || !matches(rule, q))
            continue;
        if (rule->is_deny)
            return false;
        allowed = true;
    }
    return allowed;
}

/* --- for subscriptions and for people --------------------------------------------------------- */

bool rights_has(const struct rights *r, enum verb verb, unsigned type)
{
    bool has = false;

    for (size_t i = 0; i < r->of[verb].count; i++) {
        const struct rule *rule = r->of[verb].rules[i];

        if (type && !holds_type(rule, type))
            continue;
        if (type && rule->is_deny && rule->scope == SCOPE_ANY && rule->label <= 1)
            return false; /* nothing of it, ever */
        has = has || !rule->is_deny;
    }
    return has;
}

/* A word of the pattern against a word of a topic. */
static const char *match_level(const char *pattern, const char *word, bool *match)
{
    size_t n = strcspn(pattern, ".");

    if (n == 2 && memcmp(pattern, "**", 2) == 0)
        return pattern;
    *match = *match &&
             ((n == 1 && *pattern == '*') || (n == strlen(word) && memcmp(pattern, word, n) == 0));
    return pattern[n] ? pattern + n + 1 : pattern + n;
}

static bool matches_type(const char *pattern, const struct type_info *type)
{
    bool match = true;

    if (strncmp(pattern, "**", 2) == 0)
        return true;
    pattern += strcspn(pattern, ".");
    pattern += *pattern == '.'; /* the status is nobody's right */
    pattern = match_level(pattern, type->family, &match);
    match_level(pattern, type->name, &match);
    return match;
}

bool rights_could_hear(const struct rights *r, const char *pattern)
{
    for (size_t i = 0; i < type_count(); i++)
        if (matches_type(pattern, type_at(i)) && rights_has(r, VERB_HEAR, type_at(i)->number))
            return true;
    return false;
}

static const char *scope_words(const struct rule *rule)
{
    switch (rule->scope) {
    case SCOPE_ANY:
        return "anywhere";
    case SCOPE_OWN:
        return "in its own places";
    case SCOPE_TO_ME:
        return "if it is for it";
    default:
        return rule->places;
    }
}

void rights_say_legal(const struct rights *r, enum verb verb, unsigned type, char *text,
                      size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < r->of[verb].count && len < size; i++) {
        const struct rule *rule = r->of[verb].rules[i];

        if (!holds_type(rule, type))
            continue;
        len += (size_t)snprintf(text + len, size - len, "%srule %d (%s) %s %s %s %s",
                                len ? "; " : "", (int)rule->number, rule->role,
                                rule->is_deny ? "denies it" : "allows it", scope_words(rule),
                                rule->is_deny ? "from" : "up to", rights_label_word(rule->label));
    }
}
