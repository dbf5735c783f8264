/* blind - see blind.h */
#include "agents/registry/blind.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* The words of a name in Latin letters, before they are reduced. */
enum { WORDS_MOST = 8, WORD_BYTES = 48, WORDS_MARKED = 3, DIGITS_LEAST = 6 };

/* --- letters ---------------------------------------------------------------------------------- */

static const struct letter {
    uint32_t code; /* small */
    const char *latin;
} letters[] = {
    {0x430, "a"},
    {0x431, "b"},
    {0x432, "v"},
    {0x433, "g"},
    {0x434, "d"},
    {0x435, "e"},
    {0x436, "zh"},
    {0x437, "z"},
    {0x438, "i"},
    {0x439, "i"},
    {0x43a, "k"},
    {0x43b, "l"},
    {0x43c, "m"},
    {0x43d, "n"},
    {0x43e, "o"},
    {0x43f, "p"},
    {0x440, "r"},
    {0x441, "s"},
    {0x442, "t"},
    {0x443, "u"},
    {0x444, "f"},
    {0x445, "kh"},
    {0x446, "ts"},
    {0x447, "ch"},
    {0x448, "sh"},
    {0x449, "sh"},
    {0x44a, ""},
    {0x44b, "i"},
    {0x44c, ""},
    {0x44d, "e"},
    {0x44e, "yu"},
    {0x44f, "ya"},
    {0x451, "yo"},
    /* Tajik */
    {0x493, "gh"},
    {0x4e3, "i"},
    {0x49b, "q"},
    {0x4ef, "u"},
    {0x4b3, "h"},
    {0x4b7, "j"},
    /* Uzbek, Kyrgyz, Ukrainian */
    {0x45e, "u"},
    {0x4af, "u"},
    {0x4e9, "o"},
    {0x4a3, "n"},
    {0x456, "i"},
    /* Latin with marks */
    {0xe0, "a"},
    {0xe1, "a"},
    {0xe2, "a"},
    {0xe4, "a"},
    {0x101, "a"},
    {0xe7, "ch"},
    {0xe8, "e"},
    {0xe9, "e"},
    {0xea, "e"},
    {0xec, "i"},
    {0xed, "i"},
    {0xee, "i"},
    {0x12b, "i"},
    {0x131, "i"},
    {0xf2, "o"},
    {0xf3, "o"},
    {0xf6, "o"},
    {0xf9, "u"},
    {0xfa, "u"},
    {0xfc, "u"},
    {0x16b, "u"},
    {0x11f, "gh"},
    {0x15f, "sh"},
    {0x161, "sh"},
    {0x10d, "ch"},
    {0x17e, "zh"},
    /* Between the letters of one word */
    {'\'', ""},
    {'`', ""},
    {0x2bb, ""},
    {0x2bc, ""},
    {0x2018, ""},
    {0x2019, ""},
};

/* One character, small; *at goes on. What is not UTF-8 is a blank. */
static uint32_t next_code(const char **at)
{
    const unsigned char *s = (const unsigned char *)*at;
    unsigned more = *s < 0x80 ? 0 : *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc0 ? 1 : 0;
    uint32_t code = more == 3   ? *s & 7u
                    : more == 2 ? *s & 15u
                    : more == 1 ? *s & 31u
                    : *s < 0x80 ? *s
                                : ' ';

    ++*at;
    for (; more; more--, ++*at) {
        if (((unsigned char)**at & 0xc0) != 0x80)
            return ' ';
        code = code << 6 | ((unsigned char)**at & 63u);
    }
    if ((code >= 'A' && code <= 'Z') || (code >= 0x410 && code <= 0x42f) ||
        (code >= 0xc0 && code <= 0xde))
        return code + 32;
    if (code >= 0x400 && code <= 0x40f)
        return code + 80;
    /* Letters of these blocks stand in pairs, the large one first. */
    if (((code >= 0x490 && code <= 0x4bf) || (code >= 0x4d0 && code <= 0x4ff) ||
         (code >= 0x100 && code <= 0x130) || (code >= 0x14a && code <= 0x177)) &&
        code % 2 == 0)
        return code + 1;
    return code;
}

/* NULL: no letter, words end here. */
static const char *latin_of(uint32_t code, char one[2])
{
    if (code >= 'a' && code <= 'z') {
        one[0] = (char)code;
        one[1] = '\0';
        return one;
    }
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (letters[i].code == code)
            return letters[i].latin;
    return code >= 0x300 && code <= 0x36f ? "" : NULL; /* a mark over the letter before */
}

/* --- what spellings have in common ------------------------------------------------------------ */

/* The first that fits counts. Capitals are sounds that two letters are written for. */
static const struct sound {
    const char *from, *to;
} sounds[] = {
    {"dzh", "j"}, {"dj", "j"}, {"zh", "z"},  {"kh", "h"},  {"gh", "g"},  {"sh", "S"}, {"ch", "C"},
    {"ph", "f"},  {"ck", "k"}, {"yo", "ia"}, {"ya", "ia"}, {"yu", "iu"}, {"ye", "i"}, {"x", "h"},
    {"q", "k"},   {"w", "v"},  {"o", "a"},   {"e", "i"},   {"y", "i"},
};

static const struct sound *sound_at(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(sounds); i++)
        if (strncmp(word, sounds[i].from, strlen(sounds[i].from)) == 0)
            return &sounds[i];
    return NULL;
}

/* In place: no sound is longer than what it is written as. Doubled ones count once. */
static void reduce(char *word)
{
    char *out = word;

    for (const char *at = word; *at;) {
        const struct sound *s = sound_at(at);
        const char one[2] = {*at, '\0'}, *to = s ? s->to : one;

        at += s ? strlen(s->from) : 1;
        for (; *to; to++)
            if (out == word || out[-1] != *to)
                *out++ = *to;
    }
    *out = '\0';
}

static bool ends_in(const char *word, const char *end)
{
    size_t len = strlen(word), n = strlen(end);

    return len > n && strcmp(word + len - n, end) == 0;
}

static bool is_patronymic(const char *word)
{
    return ends_in(word, "aviC") || ends_in(word, "iviC") || ends_in(word, "avna") ||
           ends_in(word, "ivna");
}

/* --- names ------------------------------------------------------------------------------------ */

static void add_latin(char word[WORD_BYTES], const char *latin)
{
    size_t len = strlen(word), n = strlen(latin);

    if (len + n < WORD_BYTES)
        memcpy(word + len, latin, n + 1);
}

static size_t split(char words[WORDS_MOST][WORD_BYTES], const char *name)
{
    size_t count = 0;
    bool inside = false;

    while (*name) {
        char one[2];
        const char *latin = latin_of(next_code(&name), one);

        if (!latin) {
            inside = false;
            continue;
        }
        if (!inside && (count == WORDS_MOST || !*latin))
            continue;
        if (!inside)
            words[count++][0] = '\0';
        inside = true;
        add_latin(words[count - 1], latin);
    }
    return count;
}

static void sort_words(char words[WORDS_MOST][WORD_BYTES], size_t count)
{
    char kept[WORD_BYTES];

    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j && strcmp(words[j - 1], words[j]) > 0; j--) {
            memcpy(kept, words[j], WORD_BYTES);
            memcpy(words[j], words[j - 1], WORD_BYTES);
            memcpy(words[j - 1], kept, WORD_BYTES);
        }
    explicit_bzero(kept, sizeof(kept));
}

/* Without patronymics, if two words are left. */
static size_t drop_patronymics(char words[WORDS_MOST][WORD_BYTES], size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_patronymic(words[i]) && kept + (count - i - 1) >= 2)
            continue;
        if (kept != i)
            memcpy(words[kept], words[i], WORD_BYTES);
        kept++;
    }
    return kept;
}

void blind_name(char out[BLIND_NAME], const char *name)
{
    char words[WORDS_MOST][WORD_BYTES];
    size_t count = split(words, name), len = 0;

    for (size_t i = 0; i < count; i++)
        reduce(words[i]);
    count = drop_patronymics(words, count);
    sort_words(words, count); /* before some are left out: the order they came in tells nothing */
    if (count > WORDS_MARKED)
        count = WORDS_MARKED;
    out[0] = '\0';
    for (size_t i = 0; i < count && count >= 2; i++)
        len += (size_t)snprintf(out + len, BLIND_NAME - len, "%s%s", i ? " " : "", words[i]);
    explicit_bzero(words, sizeof(words));
}

void blind_document(char out[BLIND_NAME], const char *document)
{
    size_t len = 0;

    for (; *document && len < BLIND_NAME - 1; document++)
        if (*document >= '0' && *document <= '9')
            out[len++] = *document;
    out[len < DIGITS_LEAST ? 0 : len] = '\0';
}

/* --- marks ------------------------------------------------------------------------------------ */

struct marking {
    uint8_t (*out)[BLIND_BYTES];
    const struct seal_reader *key;
    size_t count;
};

static void add_mark(struct marking *m, const char *kind, const char *text, uint32_t year)
{
    char whole[BLIND_NAME + 40];
    size_t len;

    if (!*text || m->count == BLINDS_MOST)
        return;
    len = (size_t)snprintf(whole, sizeof(whole), "blind 1 %s\n%s\n%u", kind, text, (unsigned)year);
    seal_mark(m->out[m->count], m->key, whole, len);
    explicit_bzero(whole, sizeof(whole));
    for (size_t i = 0; i < m->count; i++)
        if (memcmp(m->out[i], m->out[m->count], BLIND_BYTES) == 0)
            return;
    m->count++;
}

static void mark_documents(struct marking *m, const Eocbus__V1__HouseholdPerson *p)
{
    char text[BLIND_NAME];

    for (size_t i = 0; i < p->n_documents; i++) {
        blind_document(text, p->documents[i]);
        add_mark(m, "document", text, 0);
        explicit_bzero(text, sizeof(text));
    }
}

/* Without a year too many have the same name. */
static void mark_name(struct marking *m, const Eocbus__V1__HouseholdPerson *p)
{
    char text[BLIND_NAME];

    if (!p->born_year)
        return;
    blind_name(text, p->name);
    add_mark(m, "person", text, p->born_year);
    explicit_bzero(text, sizeof(text));
}

size_t blind_marks(uint8_t out[BLINDS_MOST][BLIND_BYTES], const struct seal_reader *key,
                   const Eocbus__V1__HouseholdIdentityClear *clear)
{
    struct marking m = {.out = out, .key = key};

    for (size_t i = 0; i < clear->n_persons; i++)
        mark_documents(&m, clear->persons[i]);
    for (size_t i = 0; i < clear->n_persons; i++)
        mark_name(&m, clear->persons[i]);
    return m.count;
}
