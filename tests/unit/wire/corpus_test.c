/* Bytes that broke other people's protobuf readers (tests/data/protobuf-fuzz): judged, as content,
 * as frame and as JSON-to-be, and nothing falls over. Run from the root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/gate.h"
#include "proto/wire/limits.h"
#include "proto/wire/rules.h"

#define DATA "tests/data/protobuf-fuzz"

static struct arena *arena;
static char folder[] = "/tmp/eocbus-corpus-XXXXXX";

static int run(const char *what, const char *path)
{
    char command[400];

    snprintf(command, sizeof(command), "%s %s", what, path);
    return system(command); /* NOLINT(cert-env33-c): tar and rm, no input from outside */
}

static int unpack_corpus(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || run("tar -xzf " DATA "/nanopb_corpus_subset.tar.gz -C", folder))
        return -1;
    return arena_create(&arena, LIMIT_ARENA_BYTES) == ST_OK ? 0 : -1;
}

static int remove_corpus(void **state)
{
    (void)state;
    arena_destroy(arena);
    return run("rm -r", folder);
}

static void judge(const ProtobufCMessageDescriptor *d, const uint8_t *bytes, size_t len)
{
    struct refusal why = {0};
    enum status st = gate_scan(bytes, len, d, LIMIT_FIELDS, &why);

    assert_true(st == ST_OK || (st == ST_INVALID && why.code && why.text[0]));
    if (st == ST_INVALID)
        return;
    /* What the scan lets through, protobuf-c can unpack, whatever message it is taken for. */
    arena_reset(arena);
    assert_non_null(protobuf_c_message_unpack(d, arena_allocator(arena), len, bytes));
}

static void judge_file(const char *path)
{
    static uint8_t bytes[LIMIT_CONTENT_BYTES];
    Eocbus__V1__Envelope *m;
    Eocbus__V1__Frame *f;
    struct refusal why;
    FILE *file = fopen(path, "rb");
    uint8_t *alone;
    size_t len;

    assert_non_null(file);
    len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    alone = malloc(len ? len : 1);
    memcpy(alone, bytes, len);
    arena_reset(arena);
    assert_int_equal(gate_content(&m, alone, len, arena, &why), ST_INVALID);
    arena_reset(arena);
    if (gate_frame(&f, alone, len, arena, &why) != ST_OK)
        assert_non_null(why.code);
    for (unsigned i = 0; i < plan_count(); i++)
        judge(plan_at(i)->descriptor, alone, len);
    free(alone);
}

static void no_input_that_broke_others_breaks_the_gate(void **state)
{
    char path[600];
    struct dirent *entry;
    unsigned files = 0;
    DIR *dir;

    (void)state;
    snprintf(path, sizeof(path), "%s/protobuf-fuzz", folder);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        snprintf(path, sizeof(path), "%s/protobuf-fuzz/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.') {
            judge_file(path);
            files++;
        }
    }
    closedir(dir);
    assert_int_equal(files, 924);
    judge_file(DATA "/sample1.pb");
    judge_file(DATA "/sample2.pb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_input_that_broke_others_breaks_the_gate),
    };

    return cmocka_run_group_tests(tests, unpack_corpus, remove_corpus);
}
