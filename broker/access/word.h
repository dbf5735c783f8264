/* word - is a message its sender's word? Pure: asks the roll for keys, and nothing else.
 *
 * Readers verify everything they are handed, so the broker spends its 50 us only on what others act
 * on: alarms (FLASH), which are heard before they are stored, commands (whose approvals approve.h
 * judges), the answers that settle a request, and what somebody hands in for another. Of the rest
 * it wants the signature to be there, if the sender's key has one: what is not signed could never
 * be believed by anybody. */
#ifndef EOCBUS_BROKER_ACCESS_WORD_H
#define EOCBUS_BROKER_ACCESS_WORD_H

#include "broker/access/access.h"

struct roll;

enum word {
    WORD_TAKEN,    /* nobody asked for more */
    WORD_GOOD,     /* verified */
    WORD_UNSIGNED, /* taken without, by `lets_unsigned` */
    WORD_MISSING,  /* refused: there is no signature */
    WORD_BAD       /* refused: it is not the sender's */
};

/* `p` is whose session it came by. WORD_MISSING and WORD_BAD fill `why` (CODE_SIGNATURE).
 */
enum word word_judge(const struct roll *r, const struct principal *p,
                     const struct access_said *said, bool lets_unsigned, struct refusal *why);

#endif
