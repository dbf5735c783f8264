/* page_bench - how long an alarm takes from a sender's hands to twenty dispatchers' streams of
 * news, and how long the queue takes to answer, beside ordinary load (room.h). Until it is drawn:
 * screen_bench. With a last word `busy` the database holds ten years and 10,000 open things.
 * usage: page_bench [SECONDS [PAGES [RATE]]] [busy] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/room.h"

#include "proto/base/banned.h"

static unsigned number(int argc, char **argv, int i, unsigned otherwise)
{
    return i < argc ? (unsigned)strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    static struct room room;
    const bool busy = argc > 1 && strcmp(argv[argc - 1], "busy") == 0;
    const int numbers = argc - busy;
    const struct room_settings set = {.seconds = number(numbers, argv, 1, 20),
                                      .persons = number(numbers, argv, 2, 20),
                                      .rate = number(numbers, argv, 3, 300),
                                      .busy = busy};

    if (!set.seconds || set.seconds > 600 || !set.persons || set.persons > ROOM_PERSONS) {
        fprintf(stderr, "usage: page_bench [SECONDS [PAGES [RATE]]] [busy]\n");
        return 2;
    }
    room_open(&room, &set);
    room_measure(&room);
    room_print(&room);
    room_close(&room);
    return 0;
}
