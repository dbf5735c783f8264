/* lang - the sentences that people in the offices see, in Tajik, Russian and English. */
#ifndef EOCBUS_LINK_LANG_H
#define EOCBUS_LINK_LANG_H

#include "proto/base/status.h"

enum lang { LANG_TAJIK, LANG_RUSSIAN, LANG_ENGLISH, LANG_COUNT };

enum say {
    SAY_KEPT_ON_ITS_WAY,
    SAY_KEPT_NO_LINK,
    SAY_KEPT_BEFORE,
    SAY_STORED,
    SAY_REFUSED,
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
    SAY_PIECES_KEPT,
    SAY_PIECES_STORED,
    SAY_ID_WANTED,
    SAY_BECAUSE_WANTED,
    SAY_ONE_WORD,
    SAY_NOTHING_HEARD,
    SAY_LEVEL_STORED, /* the levels of receipts, in the order of the contract */
    SAY_LEVEL_DELIVERED,
    SAY_LEVEL_DISPLAYED,
    SAY_LEVEL_ACCEPTED,
    SAY_LEVEL_REJECTED,
    SAY_LEVEL_EXPIRED,
    SAY_LEVEL_UNDELIVERABLE,
    SAY_COUNT
};

/* "tg", "ru" or "en". */
MUST_CHECK enum status lang_parse(const char *word, enum lang *out);
const char *lang_say(enum lang lang, enum say what);

#endif
