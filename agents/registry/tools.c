/* tools - ids, and messages that somebody else wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "agents/registry/registry.h"

#include "proto/base/banned.h"

int registry_send(struct office *o)
{
    struct option_row own[OFFICE_OWN_OPTIONS];
    char err[400];

    office_own(o, own);
    if (options_take(own, OFFICE_OWN_OPTIONS, &o->argc, o->argv, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_USAGE, "%s", err);
    if (!o->file || o->argc != 1)
        return office_fail(o, EXIT_USAGE, "send --file FILE; - is standard input");
    return office_say_file(o, o->file);
}

enum status registry_random(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len ? ST_OK : ST_IO;
}

int64_t registry_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* UUIDv4: an id with a time in it would say when a family was registered. */
int registry_id(struct office *o)
{
    unsigned long n = o->argc > 1 ? strtoul(o->argv[1], NULL, 10) : 1;

    if (o->argc > 2 || n == 0 || n > 10000)
        return office_fail(o, EXIT_USAGE, "id [N], N from 1 to 10000");
    while (n--) {
        uint8_t id[ID_BYTES];
        char text[ID_TEXT];

        if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
            return office_fail(o, EXIT_MACHINE, "no randomness");
        id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
        id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
        id_format(text, id);
        printf("%s\n", text);
    }
    return EXIT_DONE;
}
