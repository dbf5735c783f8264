/* places - see places.h. */
#include "agents/link/places.h"

#include <string.h>

#include "proto/base/banned.h"

enum { DISTRICT_DIGITS = 7 };

struct place {
    char code[DISTRICT_DIGITS + 1];
    const char *names[LANG_COUNT];
};

#include "places.inc"

const char *place_name(enum lang lang, const char *pcode)
{
    size_t low = 0, high = ARRAY_LEN(places);

    while (low < high) {
        size_t at = (low + high) / 2;
        int order = strncmp(pcode, places[at].code, DISTRICT_DIGITS);

        if (order == 0)
            return places[at].names[lang];
        low = order > 0 ? at + 1 : low;
        high = order > 0 ? high : at;
    }
    return NULL;
}

void place_put(struct buf *out, enum lang lang, const char *pcode)
{
    const char *name = place_name(lang, pcode);

    buf_printf(out, "%s%s%s", name ? name : "", name ? " " : "", pcode);
}
