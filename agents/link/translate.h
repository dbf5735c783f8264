/* translate - sentences with {names} in them, and what the contract, a broker or the database says
 * in English, for people who read something else.
 *
 * A refusal travels as a code, a path and an English sentence. The catalogue has such sentences as
 * "sentence.*": the English one is found by its words, what stands in the place of its {names} is
 * put into the other language's. */
#ifndef EOCBUS_LINK_TRANSLATE_H
#define EOCBUS_LINK_TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/link/lang.h"

/* "{name}" in a sentence. */
struct translate_value {
    const char *name, *text;
};

/* Appends the sentence with its {names} filled in; one that has no value stays as it is. */
void translate_fill(struct buf *out, const char *sentence, const struct translate_value *values,
                    size_t n);
/* False: the catalogue has no such sentence, and nothing was appended. */
bool translate_sentence(struct buf *out, enum lang lang, const char *english);
/* What the ledger made of a stored message (enum Verdict) that a person should know of; "" if it is
 * as it should be. */
const char *translate_verdict(enum lang lang, uint32_t verdict);
/* The sentence of a Decision (summary.h) with its ruling in that language; whatever else it is is
 * appended as it is. */
void translate_decision(struct buf *out, enum lang lang, const char *summary);
/* The kind of a message in that language: "flash_report"; as it is where there are no words. */
const char *translate_type(enum lang lang, const char *type);
/* A sentence of summary.h, piece by piece: counts and phrases of the catalogue ("summary.*"), words
 * of the contract ("word.*"). What somebody typed, and what has no words, stays as it is. */
void translate_summary(struct buf *out, enum lang lang, const char *english, size_t len);
/* "length flash_report.text: 300 bytes; ..." Where there are no words for the sentence: what the
 * code means, and the English one behind it. Any of the three may be NULL. */
void translate_refusal(struct buf *out, enum lang lang, const char *code, const char *path,
                       const char *text);

#endif
