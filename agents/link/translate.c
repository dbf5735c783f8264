/* translate - see translate.h. */
#include "agents/link/translate.h"

#include <string.h>

#include "eocbus/v1/session.pb-c.h"

#include "proto/base/banned.h"

enum { PARTS_MAX = 8, WORD_MAX = 60, PIECE_MAX = 400 };

/* What stands in the place of a {name}. */
struct part {
    const char *name, *text;
    size_t name_len, len;
};

/* Bytes of "{name}" at `at`; 0: there is none. */
static size_t name_length(const char *at)
{
    const char *end = *at == '{' ? strchr(at, '}') : NULL;

    return end ? (size_t)(end - at) + 1 : 0;
}

/* Bytes up to the next name or the end; a brace that opens nothing is text. */
static size_t text_length(const char *at)
{
    return *at ? 1 + strcspn(at + 1, "{") : 0;
}

static const struct part *find_part(const struct part *parts, size_t n, const char *at, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (parts[i].name_len == len - 2 && memcmp(parts[i].name, at + 1, len - 2) == 0)
            return &parts[i];
    return NULL;
}

static void fill(struct buf *out, const char *sentence, const struct part *parts, size_t n)
{
    for (const char *at = sentence; *at;) {
        size_t len = name_length(at);
        const struct part *part = len ? find_part(parts, n, at, len) : NULL;

        len = len ? len : text_length(at);
        if (part)
            buf_put(out, part->text, part->len);
        else
            buf_put(out, at, len);
        at += len;
    }
}

void translate_fill(struct buf *out, const char *sentence, const struct translate_value *values,
                    size_t n)
{
    struct part parts[PARTS_MAX];

    n = n < PARTS_MAX ? n : PARTS_MAX;
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct part){values[i].name, values[i].text, strlen(values[i].name),
                                 strlen(values[i].text)};
    fill(out, sentence, parts, n);
}

/* Where the words behind a name stand: the first such place, or the end if they are the last. */
static const char *find_behind(const char *said, const char *words, size_t len)
{
    size_t left = strlen(said);

    if (!len)
        return said + left;
    if (!words[len])
        return left >= len && strcmp(said + left - len, words) == 0 ? said + left - len : NULL;
    for (; *said; said++)
        if (strncmp(said, words, len) == 0)
            return said;
    return NULL;
}

/* How many names the sentence has, with what stands in `said` for them; -1: it is another one. */
static int match(const char *sentence, const char *said, struct part parts[PARTS_MAX])
{
    int n = 0;

    for (const char *at = sentence; *at;) {
        size_t len = name_length(at);
        const char *end;

        if (!len) {
            len = text_length(at);
            if (strncmp(at, said, len) != 0)
                return -1;
            said += len;
            at += len;
            continue;
        }
        end = n < PARTS_MAX ? find_behind(said, at + len, text_length(at + len)) : NULL;
        if (!end)
            return -1;
        parts[n++] = (struct part){at + 1, said, len - 2, (size_t)(end - said)};
        said = end;
        at += len;
    }
    return *said ? -1 : n;
}

/* Ours for the first sentence of the group that this is, with what stands in it; NULL: it is none
 * of them. */
static const char *find_ours(const char *group, enum lang lang, const char *english,
                             struct part parts[PARTS_MAX], size_t *n)
{
    size_t len = strlen(group);

    for (const struct lang_word *w = lang_words(LANG_ENGLISH); w->key; w++) {
        const char *ours;
        int found;

        if (strncmp(w->key, group, len) != 0 || w->key[len] != '.')
            continue;
        found = match(w->text, english, parts);
        ours = found < 0 ? NULL : lang_text(lang, group, w->key + len + 1);
        if (!ours)
            continue;
        *n = (size_t)found;
        return ours;
    }
    return NULL;
}

bool translate_sentence(struct buf *out, enum lang lang, const char *english)
{
    struct part parts[PARTS_MAX];
    size_t n;
    const char *ours = find_ours("sentence", lang, english, parts, &n);

    if (ours)
        fill(out, ours, parts, n);
    return ours != NULL;
}

const char *translate_type(enum lang lang, const char *type)
{
    const char *ours = lang_text(lang, "type", type);

    return ours ? ours : type;
}

/* "flash flood" stands under word.flash_flood. NULL: there is none. */
static const char *find_word(enum lang lang, const char *english, size_t len)
{
    char key[WORD_MAX];

    if (len >= sizeof(key))
        return NULL;
    for (size_t i = 0; i < len; i++)
        key[i] = english[i];
    key[len] = '\0';
    for (char *c = key; *c; c++)
        *c = *c == ' ' ? '_' : *c;
    return lang_text(lang, "word", key);
}

static void put_piece(struct buf *out, enum lang lang, const char *english, size_t len)
{
    const char *word = find_word(lang, english, len), *ours = NULL;
    struct part parts[PARTS_MAX];
    char piece[PIECE_MAX];
    size_t n = 0;

    if (!word && len < sizeof(piece)) {
        memcpy(piece, english, len);
        piece[len] = '\0';
        ours = find_ours("summary", lang, piece, parts, &n);
    }
    for (size_t i = 0; i < n; i++) {
        const char *own = find_word(lang, parts[i].text, parts[i].len);

        if (own) {
            parts[i].text = own;
            parts[i].len = strlen(own);
        }
    }
    if (word)
        buf_puts(out, word);
    else if (ours)
        fill(out, ours, parts, n);
    else
        buf_put(out, english, len);
}

/* Bytes up to ", ", ": " or "; ", or all. */
static size_t piece_length(const char *at, size_t len)
{
    size_t n = 0;

    while (n < len &&
           !((at[n] == ',' || at[n] == ':' || at[n] == ';') && n + 1 < len && at[n + 1] == ' '))
        n++;
    return n;
}

void translate_summary(struct buf *out, enum lang lang, const char *english, size_t len)
{
    while (len && lang != LANG_ENGLISH) {
        size_t n = piece_length(english, len);
        bool is_typed = n < len && english[n] == ';'; /* what follows is somebody's own words */

        put_piece(out, lang, english, n);
        buf_put(out, english + n, n < len ? 2 : 0);
        n += n < len ? 2 : 0;
        english += n;
        len -= n;
        if (is_typed)
            break;
    }
    buf_put(out, english, len);
}

void translate_refusal(struct buf *out, enum lang lang, const char *code, const char *path,
                       const char *text)
{
    const char *means = code ? lang_text(lang, "refusal", code) : NULL;
    bool has_text = text && *text;

    buf_printf(out, "%s %s: ", code && *code ? code : "-", path && *path ? path : "-");
    if (lang == LANG_ENGLISH && has_text)
        buf_puts(out, text);
    else if (has_text && translate_sentence(out, lang, text))
        return;
    else if (means && has_text)
        buf_printf(out, "%s (%s)", means, text);
    else
        buf_puts(out, means ? means : has_text ? text : "");
}

const char *translate_verdict(enum lang lang, uint32_t verdict)
{
    switch (verdict) {
    case EOCBUS__V1__VERDICT__VERDICT_HELD:
        return lang_say(lang, SAY_HELD);
    case EOCBUS__V1__VERDICT__VERDICT_CONTESTED:
        return lang_say(lang, SAY_CONTESTED);
    case EOCBUS__V1__VERDICT__VERDICT_DISMISSED:
        return lang_say(lang, SAY_DISMISSED);
    default:
        return "";
    }
}

void translate_decision(struct buf *out, enum lang lang, const char *summary)
{
    for (int i = 0; i < 3; i++) {
        const char *english = lang_say(LANG_ENGLISH, (enum say)(SAY_RULING_APPLIED + i));
        size_t len = strlen(english);

        if (strncmp(summary, english, len) == 0) {
            buf_puts(out, lang_say(lang, (enum say)(SAY_RULING_APPLIED + i)));
            summary += len;
            break;
        }
    }
    buf_puts(out, summary);
}
