/* lang - see lang.h. The sentences are in words/; words.awk made words.inc of them. */
#include "agents/link/lang.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

#include "words.inc"

static const char *const codes[LANG_COUNT] = {"tg", "ru", "en"};

enum status lang_parse(const char *word, enum lang *out)
{
    for (int i = 0; i < LANG_COUNT; i++)
        if (strcmp(word, codes[i]) == 0) {
            *out = (enum lang)i;
            return ST_OK;
        }
    return ST_INVALID;
}

/* The first that says anything decides, as everywhere else. */
enum lang lang_of_environment(enum lang otherwise)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *value = NULL;

    for (size_t i = 0; i < ARRAY_LEN(names) && !(value && *value); i++)
        value = getenv(names[i]);
    for (int i = 0; value && i < LANG_COUNT; i++)
        if (strncmp(value, codes[i], 2) == 0 && strchr("_.@", value[2]))
            return (enum lang)i;
    return otherwise;
}

const char *lang_say(enum lang lang, enum say what)
{
    return said[lang][what] ? said[lang][what] : said[LANG_ENGLISH][what];
}

const struct lang_word *lang_words(enum lang lang)
{
    return named[lang];
}

const char *lang_text(enum lang lang, const char *group, const char *name)
{
    size_t len = strlen(group);

    for (const struct lang_word *w = named[lang]; w->key; w++)
        if (strncmp(w->key, group, len) == 0 && w->key[len] == '.' &&
            strcmp(w->key + len + 1, name) == 0)
            return w->text;
    return NULL;
}
