/* approval_policy - see approval_policy.h. Small lists, walked: an order is rare. */
#include "proto/wire/approval_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/wire/order.h"
#include "proto/wire/rule_line.h"
#include "proto/wire/topic.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* No role of eocbus can be forgotten here by mistake: who is not named may not. */
const char approval_built_in[] =
    "0 dispatcher allow say siren_command,sensor_control,sensor_configuration own RESTRICTED - 0 "
    "0\n"
    "0 eoc allow say siren_command,sensor_control,sensor_configuration any RESTRICTED - 0 0\n"
    "0 district allow say siren_command own RESTRICTED - 0 0\n"
    "0 dispatcher allow approve siren_command,sensor_control,sensor_configuration own RESTRICTED - "
    "0 0\n"
    "0 eoc allow approve siren_command,sensor_control,sensor_configuration any RESTRICTED - 0 0\n"
    "0 district allow approve siren_command own RESTRICTED - 0 0\n"
    "0 2 allow need siren_command:* any RESTRICTED - 0 0\n"
    "0 2 allow need sensor_configuration:* any RESTRICTED - 0 0\n"
    "0 2 allow need sensor_control:set_mode any RESTRICTED - 0 0\n"
    "0 1 allow need sensor_control:clear any RESTRICTED - 0 0\n"
    "0 0 allow need sensor_control:* any RESTRICTED - 0 0\n";

struct rule {
    const char *role, *types, *places; /* in `words`; lists are split by commas */
    enum approval_verb verb;
    bool is_deny;
    unsigned label;
};

struct need {
    const char *type, *action; /* "*" = whatever else */
    unsigned approvers;
};

struct approval_policy {
    char *words;
    struct rule *rules;
    struct need *needs;
    size_t rule_count, need_count;
};

/* --- reading ---------------------------------------------------------------------------------- */

static bool take_need(struct approval_policy *p, char *words[RULE_WORDS])
{
    struct need *need = &p->needs[p->need_count];
    char *colon = strchr(words[RULE_AT_TYPES], ':'), *end;
    unsigned long approvers = strtoul(words[RULE_AT_ROLE], &end, 10);

    if (!colon || *end || end == words[RULE_AT_ROLE] || approvers > APPROVALS_MOST)
        return false;
    *colon = '\0';
    *need = (struct need){
        .type = words[RULE_AT_TYPES], .action = colon + 1, .approvers = (unsigned)approvers};
    p->need_count++;
    return true;
}

static bool take_rule(struct approval_policy *p, char *words[RULE_WORDS], enum approval_verb verb)
{
    struct rule rule = {.role = words[RULE_AT_ROLE],
                        .types = words[RULE_AT_TYPES],
                        .places = words[RULE_AT_PLACES],
                        .verb = verb,
                        .is_deny = strcmp(words[RULE_AT_EFFECT], "deny") == 0,
                        .label = rule_label(words[RULE_AT_LABEL])};

    if (!rule.label || (!rule.is_deny && strcmp(words[RULE_AT_EFFECT], "allow") != 0))
        return false;
    p->rules[p->rule_count++] = rule;
    return true;
}

static bool take_line(struct approval_policy *p, char *line)
{
    char *words[RULE_WORDS];

    if (!rule_line_cut(line, words))
        return false;
    if (strcmp(words[RULE_AT_VERB], "need") == 0)
        return take_need(p, words);
    if (strcmp(words[RULE_AT_VERB], "say") == 0)
        return take_rule(p, words, APPROVAL_SAY);
    if (strcmp(words[RULE_AT_VERB], "approve") == 0)
        return take_rule(p, words, APPROVAL_APPROVE);
    return true;
}

static enum status read_lines(struct approval_policy *p, char *err, size_t err_size)
{
    size_t number = 0;

    for (char *text = p->words, *line; (line = rule_line_next(&text));) {
        number++;
        if (*line && *line != '#' && !take_line(p, line)) {
            snprintf(err, err_size, "line %zu of the rules of orders cannot be read: %.80s", number,
                     line);
            return ST_INVALID;
        }
    }
    return ST_OK;
}

enum status approval_policy_read(struct approval_policy **out, const char *text, char *err,
                                 size_t err_size)
{
    struct approval_policy *p = mem_zalloc(sizeof(*p));
    size_t lines = rule_line_count(text);
    enum status st = ST_NOMEM;

    snprintf(err, err_size, "no memory for the rules of orders");
    if (!p)
        return ST_NOMEM;
    p->words = mem_strdup(text);
    p->rules = mem_zalloc(lines * sizeof(*p->rules));
    p->needs = mem_zalloc(lines * sizeof(*p->needs));
    if (p->words && p->rules && p->needs)
        st = read_lines(p, err, err_size);
    if (st != ST_OK) {
        approval_policy_destroy(p);
        return st;
    }
    err[0] = '\0';
    *out = p;
    return ST_OK;
}

void approval_policy_destroy(struct approval_policy *p)
{
    if (!p)
        return;
    mem_free(p->needs);
    mem_free(p->rules);
    mem_free(p->words);
    mem_free(p);
}

/* --- lists of words --------------------------------------------------------------------------- */

static bool holds(const char *list, char split, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; *at;) {
        const char *end = strchr(at, split);
        size_t n = end ? (size_t)(end - at) : strlen(at);

        if (n == len && memcmp(at, word, n) == 0)
            return true;
        at += n + (end != NULL);
    }
    return false;
}

static bool speaks_of(const char *types, unsigned type)
{
    const struct type_info *t = type_by_number(type);
    char family[48];

    if (!t)
        return false;
    snprintf(family, sizeof(family), "%s.*", t->family);
    return holds(types, ',', "*") || holds(types, ',', t->name) || holds(types, ',', family);
}

static bool is_within_any(const char *pcode, size_t len, const char *places, char split)
{
    for (const char *at = places; *at;) {
        const char *end = strchr(at, split);
        size_t n = end ? (size_t)(end - at) : strlen(at);

        if (n && pcode_is_within(pcode, len, at, n))
            return true;
        at += n + (end != NULL);
    }
    return false;
}

/* Every place of the machine, and it has one; any of them, for a deny. */
static bool are_within(const char *of_target, const char *places, char split, bool all)
{
    bool any = false;

    for (const char *at = of_target; *at;) {
        size_t n = strcspn(at, " ");

        if (n && is_within_any(at, n, places, split))
            any = true;
        else if (n && all)
            return false;
        at += n;
        at += strspn(at, " ");
    }
    return any;
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool is_in_scope(const struct rule *rule, const struct approval_party *who,
                        const struct approval_party *target)
{
    if (strcmp(rule->places, "any") == 0)
        return true;
    if (strcmp(rule->places, "own") == 0)
        return !who->places[0] || are_within(target->places, who->places, ' ', !rule->is_deny);
    return are_within(target->places, rule->places, ',', !rule->is_deny);
}

static bool matches(const struct rule *rule, enum approval_verb verb,
                    const struct approval_party *who, const Eocbus__V1__Envelope *m,
                    const struct approval_party *target)
{
    unsigned label = m->label >= 1 && m->label <= 4 ? (unsigned)m->label : 4;

    return rule->verb == verb && speaks_of(rule->types, (unsigned)m->body_case) &&
           (strcmp(rule->role, "everyone") == 0 || holds(who->roles, ' ', rule->role)) &&
           (rule->is_deny ? label >= rule->label : label <= rule->label) &&
           is_in_scope(rule, who, target);
}

bool approval_may(const struct approval_policy *p, enum approval_verb verb,
                  const struct approval_party *who, const Eocbus__V1__Envelope *m,
                  const struct approval_party *target)
{
    bool allowed = false;

    for (size_t i = 0; i < p->rule_count; i++) {
        if (!matches(&p->rules[i], verb, who, m, target))
            continue;
        if (p->rules[i].is_deny)
            return false;
        allowed = true;
    }
    return allowed;
}

unsigned approval_needed(const struct approval_policy *p, const Eocbus__V1__Envelope *m)
{
    const struct type_info *t = type_by_number((unsigned)m->body_case);
    const struct need *other = NULL;
    char action[40];

    if (!t || !order_is_for_a_machine(m))
        return 0;
    order_action(action, sizeof(action), m);
    for (size_t i = 0; i < p->need_count; i++) {
        if (strcmp(p->needs[i].type, t->name) != 0)
            continue;
        if (action[0] && strcmp(p->needs[i].action, action) == 0)
            return p->needs[i].approvers;
        if (strcmp(p->needs[i].action, "*") == 0)
            other = &p->needs[i];
    }
    return other ? other->approvers : APPROVERS_DEFAULT;
}

void approval_say_roles(const struct approval_policy *p, const Eocbus__V1__Envelope *m, char *out,
                        size_t size)
{
    size_t len = 0;

    snprintf(out, size, "nobody");
    for (size_t i = 0; i < p->rule_count && len < size; i++)
        if (p->rules[i].verb == APPROVAL_APPROVE && !p->rules[i].is_deny &&
            speaks_of(p->rules[i].types, (unsigned)m->body_case))
            len +=
                (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", p->rules[i].role);
}

static bool is_verb(const char *line, const char *verb)
{
    size_t len;
    const char *at = rule_line_verb(line, &len);

    return len == strlen(verb) && memcmp(at, verb, len) == 0;
}

static bool counts(const char *line, size_t len)
{
    char copy[1600], *words[RULE_WORDS];

    if (is_verb(line, "need") || is_verb(line, "approve"))
        return true;
    if (!is_verb(line, "say"))
        return false;
    if (len >= sizeof(copy))
        return true; /* too long to tell, so it goes along */
    memcpy(copy, line, len);
    copy[len] = '\0';
    return rule_line_cut(copy, words) &&
           (speaks_of(words[RULE_AT_TYPES], EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND) ||
            speaks_of(words[RULE_AT_TYPES], EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL) ||
            speaks_of(words[RULE_AT_TYPES], EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION));
}

enum status approval_pick_rules(struct buf *out, const char *rules)
{
    while (*rules) {
        size_t len = strcspn(rules, "\n");

        if (counts(rules, len)) {
            buf_put(out, rules, len);
            buf_puts(out, "\n");
        }
        rules += len + (rules[len] == '\n');
    }
    return out->failed ? ST_NOMEM : ST_OK;
}
