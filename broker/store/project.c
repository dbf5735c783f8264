/* project - see project.h. */
#include "broker/store/project.h"

#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct project {
    int unused;
};

enum status project_create(struct project **out, struct loop *loop, const char *conninfo)
{
    (void)loop;
    (void)conninfo;
    *out = mem_zalloc(sizeof(**out));
    return *out ? ST_OK : ST_NOMEM;
}

void project_destroy(struct project *p)
{
    mem_free(p);
}
