/* lang - what people in the offices read, in Tajik, Russian and English: one file a language in
 * words/, for translators, compiled in. What a language has no words for is said in English. */
#ifndef EOCBUS_LINK_LANG_H
#define EOCBUS_LINK_LANG_H

#include "proto/base/mem.h"
#include "proto/base/status.h"

enum lang { LANG_TAJIK, LANG_RUSSIAN, LANG_ENGLISH, LANG_COUNT };

enum say {
    SAY_KEPT_ON_ITS_WAY,
    SAY_KEPT_NO_LINK,
    SAY_KEPT_BEFORE,
    SAY_STORED,
    SAY_REFUSED,
    SAY_HELD, /* what the ledger made of what was stored */
    SAY_CONTESTED,
    SAY_DISMISSED,
    SAY_RULING_APPLIED, /* in the order of the contract */
    SAY_RULING_DISMISSED,
    SAY_RULING_CONTESTED,
    SAY_NOT_TAKEN,
    SAY_NOT_IN_TIME,
    SAY_WHAT_SHALL_I_DO,
    SAY_NO_SUCH_COMMAND,
    SAY_NO_SUCH_TYPE,
    SAY_DID_YOU_MEAN,
    SAY_WAITING,
    SAY_NOTHING_WAITS,
    SAY_SEEN,
    SAY_NO_SUCH_ROW,
    SAY_LINK_UP,
    SAY_LINK_DOWN,
    SAY_TO_US,
    SAY_UNSIGNED,
    SAY_UNCHECKED,
    SAY_PERSONAL,
    SAY_SEALED,
    SAY_IT_OPENS,
    SAY_CHANGED,
    SAY_UNCHANGED,
    SAY_ROW_NOT_TAKEN,
    SAY_TWO_MUST_SIGN,
    SAY_REASON_WANTED,
    SAY_NO_HOUSEHOLDS,
    SAY_HOUSEHOLD_UNKNOWN, /* {id} */
    SAY_PIECES_KEPT,
    SAY_PIECES_STORED,
    SAY_ID_WANTED,
    SAY_ID_IS_NONE,   /* {word} */
    SAY_ID_NOT_HEARD, /* {word} */
    SAY_ID_AMBIGUOUS, /* {word} {count} {ids} */
    SAY_ANSWERED,     /* {id} {level} {time} */
    SAY_BECAUSE_WANTED,
    SAY_ONE_WORD,
    SAY_NOTHING_HEARD,
    SAY_NO_RECEIPTS,
    SAY_COLUMN_TIME, /* headings of listings */
    SAY_COLUMN_ID,
    SAY_COLUMN_SENDER,
    SAY_COLUMN_KIND,
    SAY_COLUMN_ANSWER,
    SAY_COLUMN_TEXT,
    SAY_COLUMN_RECIPIENT,
    SAY_COLUMN_LEVEL,
    SAY_COLUMN_BY,
    SAY_COLUMN_CODE,
    SAY_COLUMN_STATE,
    SAY_COLUMN_NUMBER,
    SAY_COLUMN_HOUSEHOLD,
    SAY_COLUMN_PLACE,
    SAY_NOT_ANSWERED,
    SAY_LEVEL_STORED, /* the levels of receipts, in the order of the contract */
    SAY_LEVEL_DELIVERED,
    SAY_LEVEL_DISPLAYED,
    SAY_LEVEL_ACCEPTED,
    SAY_LEVEL_REJECTED,
    SAY_LEVEL_EXPIRED,
    SAY_LEVEL_UNDELIVERABLE,
    SAY_OF_EVERY_MESSAGE,
    SAY_USAGE_COMMANDS, /* {program} */
    SAY_USAGE_SAYING,
    SAY_USAGE_EVERY,
    SAY_OPTION_ONE_OF, /* before the legal words */
    SAY_SETTINGS_FINE, /* {program} */
    SAY_SETTINGS_NO_PLACE,
    SAY_SETTINGS_NO_KEY, /* {key} */
    SAY_COUNT
};

/* "tg", "ru" or "en". */
MUST_CHECK enum status lang_parse(const char *word, enum lang *out);
/* What the environment asks for (LC_ALL, LC_MESSAGES, LANG: "tg_TJ.UTF-8"). An office speaks Russian
 * if it asks for none of the three, an operator English. */
enum lang lang_of_environment(enum lang otherwise);
const char *lang_say(enum lang lang, enum say what);
/* What stands under "GROUP.NAME", as "refusal.length"; NULL: this language has no words for it. */
const char *lang_text(enum lang lang, const char *group, const char *name);

/* All of them, to a row without a key. */
struct lang_word {
    const char *key, *text;
};
const struct lang_word *lang_words(enum lang lang);

#endif
