/* cap_where - what an alert of others says of places in other ways than by P-code. See cap.h. */
#include <string.h>

#include "agents/console/cap/cap.h"

#include "proto/base/banned.h"

static size_t count_foreign(const Eocbus__V1__AlertArea *area)
{
    size_t n = 0;

    for (size_t i = 0; i < area->n_geocodes; i++)
        n += strcmp(area->geocodes[i]->name, "PCODE") != 0;
    return n;
}

/* Numbers only: what others call their areas may hold anything. */
void cap_where(struct buf *out, const Eocbus__V1__PublicAlert *a)
{
    for (size_t i = 0; i < a->n_infos; i++)
        for (size_t k = 0; k < a->infos[i]->n_areas; k++) {
            const Eocbus__V1__AlertArea *area = a->infos[i]->areas[k];
            const size_t shapes = area->n_polygons + area->n_circles, foreign = count_foreign(area);

            if (shapes || foreign || !area->n_geocodes)
                buf_printf(out,
                           "info %zu, area %zu: shapes %zu, codes of others %zu, P-codes %zu\n",
                           i + 1, k + 1, shapes, foreign, area->n_geocodes - foreign);
        }
}
