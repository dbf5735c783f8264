/* gate_fuzz - any bytes through the gate as content and as frame; what passes must survive packing,
 * JSON there and back, and topics.
 *
 *   with libFuzzer:   clang -g -O1 -fsanitize=fuzzer,address,undefined -DWITH_LIBFUZZER ...
 *   as a program:     gate_fuzz FILE|DIRECTORY...     each file once; sub-folders are not entered
 *   more of the same: gate_fuzz -n 100000 [-s SEED]   made messages of every type, spoiled
 *   seeds:            gate_fuzz -w DIRECTORY          one valid message of every type into files
 *
 * For coverage, compile the generated code and proto/wire with -fsanitize=fuzzer-no-link as well; a
 * harness linked to plain objects sees next to nothing. */
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/wire/gate.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/topic.h"
#include "proto/wire/types.h"
#include "tests/lib/gen_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena *arena, *second;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "gate_fuzz: %s\n", what);
    abort();
}

static void check_refusal(enum status st, const struct refusal *why)
{
    must(st == ST_OK || st == ST_INVALID, "a status that the gate does not promise");
    if (st == ST_INVALID)
        must(why->code && why->text[0] && gate_utf8_is_valid(why->text, strlen(why->text)),
             "a refusal without a code or a readable sentence");
}

/* The message passed: whoever is behind the gate may do all of this without looking. */
static void use(const Eocbus__V1__Envelope *m)
{
    struct buf text = {0};
    ProtobufCMessage *parsed;
    struct topics topics;
    char err[300], places[PLACES_TEXT];

    topics_of(&topics, m);
    places_of(places, m);
    must(topics.count >= 1, "no topic");
    json_print(&text, &m->base);
    must(!text.failed, "no memory for JSON");
    arena_reset(second);
    must(json_parse(&parsed, m->base.descriptor, (char *)text.data, text.len, second, err,
                    sizeof(err)) != ST_INVALID,
         "its own JSON is refused");
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct refusal why = {0};
    Eocbus__V1__Envelope *m;
    Eocbus__V1__Frame *f;
    enum status st;

    if (!arena)
        must(arena_create(&arena, LIMIT_ARENA_BYTES) == ST_OK &&
                 arena_create(&second, LIMIT_ARENA_BYTES) == ST_OK,
             "no memory");
    arena_reset(arena);
    st = gate_content(&m, data, size, arena, &why);
    check_refusal(st, &why);
    if (st == ST_OK)
        use(m);
    must(arena_used_bytes(arena) <= LIMIT_ARENA_BYTES, "the cap does not hold");
    arena_reset(arena);
    memset(&why, 0, sizeof(why));
    check_refusal(gate_frame(&f, data, size, arena, &why), &why);
    return 0;
}

#ifndef WITH_LIBFUZZER

static unsigned long inputs;

/* In a block of exactly its size, so that the sanitizer sees one byte too many. */
static void try_bytes(const uint8_t *bytes, size_t len)
{
    uint8_t *alone = malloc(len ? len : 1);

    must(alone != NULL, "no memory");
    memcpy(alone, bytes, len);
    LLVMFuzzerTestOneInput(alone, len);
    free(alone);
    inputs++;
}

static int try_file(const char *path)
{
    static uint8_t bytes[LIMIT_FRAME_BYTES + 1];
    FILE *file = fopen(path, "rb");
    size_t len;

    if (!file) {
        perror(path);
        return 1;
    }
    len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    try_bytes(bytes, len);
    return 0;
}

static int try_path(const char *path)
{
    struct stat about;
    struct dirent *entry;
    char name[4096];
    int bad = 0;
    DIR *dir;

    if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode))
        return try_file(path);
    dir = opendir(path);
    if (!dir) {
        perror(path);
        return 1;
    }
    while ((entry = readdir(dir))) {
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (stat(name, &about) == 0 && S_ISREG(about.st_mode))
            bad |= try_file(name);
    }
    closedir(dir);
    return bad;
}

static void try_made(unsigned long n, uint64_t seed)
{
    static uint8_t bytes[LIMIT_CONTENT_BYTES];
    struct arena *source;
    struct gen g;

    must(arena_create(&source, LIMIT_ARENA_BYTES) == ST_OK, "no memory");
    gen_seed(&g, seed);
    for (unsigned long i = 0; i < n; i++) {
        Eocbus__V1__Envelope *m;
        size_t len;

        arena_reset(source);
        g.percent = 1 + (unsigned)gen_below(&g, 60);
        m = gen_envelope(&g, type_at(i % type_count())->number, source);
        must(m != NULL, "a message could not be made");
        len = eocbus__v1__envelope__pack(m, bytes);
        try_bytes(bytes, gen_mutate(&g, bytes, len, sizeof(bytes)));
    }
    arena_destroy(source);
}

static int write_seeds(const char *directory, uint64_t seed)
{
    static uint8_t bytes[LIMIT_CONTENT_BYTES];
    struct arena *source;
    struct gen g;

    must(arena_create(&source, LIMIT_ARENA_BYTES) == ST_OK, "no memory");
    gen_seed(&g, seed);
    for (size_t i = 0; i < type_count(); i++) {
        Eocbus__V1__Envelope *m;
        char path[4096];
        FILE *file;

        arena_reset(source);
        m = gen_envelope(&g, type_at(i)->number, source);
        must(m != NULL, "a message could not be made");
        snprintf(path, sizeof(path), "%s/%s.pb", directory, type_at(i)->name);
        file = fopen(path, "wb");
        if (!file) {
            perror(path);
            return 1;
        }
        fwrite(bytes, 1, eocbus__v1__envelope__pack(m, bytes), file);
        fclose(file);
    }
    arena_destroy(source);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long made = 0;
    uint64_t seed = 1;
    int bad = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            made = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-w") == 0 && i + 1 < argc)
            bad |= write_seeds(argv[++i], seed);
        else
            bad |= try_path(argv[i]);
    }
    try_made(made, seed);
    printf("%lu inputs, seed %" PRIu64 ": nothing fell over\n", inputs, seed);
    arena_destroy(arena);
    arena_destroy(second);
    return bad;
}

#endif
