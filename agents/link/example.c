/* A gateway in sixty lines: reads one water level in millimetres a line from standard input, says
 * each as a message, and ends when the bus has stored them all.
 *
 *   cc example.c $(pkg-config --cflags --libs eocbus) -o gateway
 *   ./gateway gateway.conf < levels.txt */
#include <eocbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void on_settled(void *arg, const struct eocbus_receipt *r)
{
    unsigned *refused = arg;

    if (r->stored)
        return;
    fprintf(stderr, "refused: %s %s: %s\n", r->code, r->path, r->text);
    ++*refused;
}

static enum eocbus_result say_level(struct eocbus *b, long level_mm)
{
    char json[512];

    snprintf(json, sizeof(json),
             "{\"lane\":\"LANE_ROUTINE\",\"status\":\"STATUS_TEST\",\"kind\":\"KIND_REPORT\","
             "\"label\":\"LABEL_INTERNAL\",\"event_time_us\":\"%lld000000\","
             "\"area\":{\"pcodes\":[\"3505203\"]},\"activity_log_entry\":{"
             "\"position\":\"gauge at the bridge\",\"text\":\"water level %ld mm\"}}",
             (long long)time(NULL), level_mm);
    return eocbus_put_json(b, json, NULL);
}

int main(int argc, char **argv)
{
    char line[64], err[512];
    unsigned refused = 0;
    struct eocbus_state state;
    struct eocbus *b =
        argc == 2 ? eocbus_open(argv[1], "example-gateway 1.0", err, sizeof(err)) : NULL;

    if (!b) {
        fprintf(stderr, "%s\n", argc == 2 ? err : "usage: gateway SETTINGS < LEVELS");
        return 2;
    }
    eocbus_on_settled(b, on_settled, &refused);
    while (fgets(line, sizeof(line), stdin)) {
        /* Your device may forget the reading after eocbus_flush answered EOCBUS_OK. */
        if (say_level(b, strtol(line, NULL, 10)) != EOCBUS_OK || eocbus_flush(b) != EOCBUS_OK)
            fprintf(stderr, "not taken: %s\n", eocbus_error(b));
        eocbus_step(b);
    }
    do {
        eocbus_run(b, 100);
        eocbus_get_state(b, &state);
    } while (state.waiting);
    eocbus_close(b);
    return refused ? 1 : 0;
}
