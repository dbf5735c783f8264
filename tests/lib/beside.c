/* beside - see beside.h. */
#include "tests/lib/beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/banned.h"

static void die(const char *what, const char *path)
{
    fprintf(stderr, "beside: %s: %s\n", what, path);
    abort();
}

/* The last folder of that name: the clone itself may lie in another one. */
static char *cut_of(char *path)
{
    char *cut = NULL;

    for (char *at = path; (at = strstr(at, "/tests/")); at++)
        cut = at;
    return cut;
}

void find_beside(char *out, size_t size, const char *program)
{
    char path[BESIDE_PATH] = "", *cut;

    if (readlink("/proc/self/exe", path, sizeof(path) - 1) <= 0 || !(cut = cut_of(path)))
        die("where are the programs", path);
    *cut = '\0';
    if ((size_t)snprintf(out, size, "%s%s%s", path, *program ? "/" : "", program) >= size)
        die("path too long", path);
}
