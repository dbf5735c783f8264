/* compact - an alarm in one satellite short message: CompactFlash in at most 70 bytes, with the
 * short word (MAC) of a key that the gateway and whoever receives it share. Pure but for the key's
 * file, which is text, mode 0600:
 *
 *   # eocbus compact key - secret, keep mode 0600
 *   key_id = 7
 *   key = <40 characters Z85>
 */
#ifndef EOCBUS_LINK_COMPACT_H
#define EOCBUS_LINK_COMPACT_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

enum { COMPACT_BYTES = 70, COMPACT_MAC = 8, COMPACT_KEY = 32 };

struct compact_key {
    uint32_t id; /* 1..65535 */
    uint8_t bytes[COMPACT_KEY];
};
/* ST_EXISTS: never overwrites. ST_NOTFOUND, ST_DENIED (mode or owner), ST_INVALID, ST_IO: `err` is
 * a sentence. */
MUST_CHECK enum status compact_key_make(const char *path, uint32_t id, char *err, size_t err_size);
MUST_CHECK enum status compact_key_load(struct compact_key *out, const char *path, char *err,
                                        size_t err_size);
void compact_key_wipe(struct compact_key *k);

/* What flies for this detection, which has its message_id. Forgotten valid_min (1..127) minutes
 * after its time. ST_INVALID: it is no detection, or one that no compact form can say. */
MUST_CHECK enum status compact_make(uint8_t out[COMPACT_BYTES], size_t *len,
                                    const Eocbus__V1__Envelope *m, unsigned valid_min,
                                    const struct compact_key *key);
/* What came, if the key's holder said it and it keeps the rules of its fields; lives in `arena`.
 * ST_DENIED: the word does not fit, or it is of another key. ST_INVALID: it is no CompactFlash. It
 * may be one that came before. */
MUST_CHECK enum status compact_read(Eocbus__V1__CompactFlash **out, const void *bytes, size_t len,
                                    const struct compact_key *key, struct arena *arena);

#endif
