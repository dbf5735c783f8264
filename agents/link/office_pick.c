/* office_pick - see office_pick.h. */
#include "agents/link/office_pick.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

enum { DIGITS = 32 };

bool pick_begin(struct pick *p, const char *word)
{
    size_t n = 0, len = strlen(word), from = strspn(word, ".");

    memset(p, 0, sizeof(*p));
    while (len > from && word[len - 1] == '.')
        len--;
    for (size_t i = from; i < len; i++) {
        if (word[i] == '-')
            continue;
        if (!isxdigit((unsigned char)word[i]) || n == DIGITS)
            return false;
        p->digits[n++] = (char)tolower((unsigned char)word[i]);
    }
    p->is_whole = n == DIGITS;
    return n >= PICK_LEAST;
}

static bool fits(const struct pick *p, const char *id)
{
    char digits[DIGITS + 1] = "";
    size_t n = 0, len = strlen(p->digits);

    for (; *id && n < DIGITS; id++)
        if (*id != '-')
            digits[n++] = *id;
    return n == DIGITS &&
           (strncmp(digits, p->digits, len) == 0 || strcmp(digits + DIGITS - len, p->digits) == 0);
}

void pick_look_at(struct pick *p, const char id[ID_TEXT])
{
    if (!fits(p, id))
        return;
    for (unsigned i = 0; i < p->count && i < PICK_SHOWN; i++)
        if (strcmp(p->ids[i], id) == 0)
            return;
    if (p->count < PICK_SHOWN)
        memcpy(p->ids[p->count], id, ID_TEXT);
    p->count++;
}

int pick_explain(struct office *o, const struct pick *p, const char *word)
{
    char count[16], ids[(ID_TEXT + 2) * PICK_SHOWN + 4] = "";
    size_t used = 0;

    if (p->count == 1)
        return -1;
    snprintf(count, sizeof(count), "%u", p->count);
    for (unsigned i = 0; i < p->count && i < PICK_SHOWN; i++)
        used += (size_t)snprintf(ids + used, sizeof(ids) - used, "%s%s", i ? ", " : "", p->ids[i]);
    if (p->count > PICK_SHOWN)
        (void)snprintf(ids + used, sizeof(ids) - used, " ..");
    return office_fail_filled(
        o, EXIT_USAGE, p->count ? SAY_ID_AMBIGUOUS : SAY_ID_NOT_HEARD,
        (const struct translate_value[]){{"word", word}, {"count", count}, {"ids", ids}}, 3);
}
