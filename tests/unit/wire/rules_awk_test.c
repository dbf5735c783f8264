/* The build stops at a rule that would not be checked. Run from the root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char output[16384];

/* Exit status of the generator for this text; what it says or makes is in `output`. */
static int generate(const char *proto)
{
    char path[] = "/tmp/eocbus-rules-XXXXXX", command[200];
    FILE *pipe, *file = fdopen(mkstemp(path), "w");
    int status;

    assert_non_null(file);
    fputs(proto, file);
    fclose(file);
    snprintf(command, sizeof(command), "awk -f proto/rules.awk %s 2>&1", path);
    pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the build calls awk like this */
    assert_non_null(pipe);
    output[fread(output, 1, sizeof(output) - 1, pipe)] = '\0';
    status = pclose(pipe);
    unlink(path);
    return WEXITSTATUS(status);
}

static void stops(const char *field, const char *complaint)
{
    char proto[1000];

    snprintf(proto, sizeof(proto), "package a.b;\nmessage M {\n%s\n}\n", field);
    assert_int_not_equal(generate(proto), 0);
    if (!strstr(output, complaint))
        fail_msg("'%s' was answered with '%s'", field, output);
}

static void takes(const char *field, const char *row)
{
    char proto[1000];

    snprintf(proto, sizeof(proto), "package a.b;\nmessage M {\n%s\n}\n", field);
    assert_int_equal(generate(proto), 0);
    if (!strstr(output, row))
        fail_msg("'%s' made '%s'", field, output);
}

static void a_rule_that_does_not_suit_its_field_stops_the_build(void **state)
{
    (void)state;
    stops("// @range 0..5\nstring x = 1;", "@range on string");
    stops("// @len 0..5\nuint32 x = 1;", "@len on uint32");
    stops("// @count 0..5\nuint32 x = 1;", "not repeated");
    stops("// @pcode\nbytes x = 1;", "@pcode on bytes");
    stops("// @time\nuint32 x = 1;", "@time on uint32");
    stops("// @id\nstring x = 1;", "@id on string");
    stops("// @required\nbool x = 1;", "@required on a bool");
}

static void a_slip_in_a_rule_stops_the_build(void **state)
{
    (void)state;
    stops("// @requierd\nuint32 x = 1;", "no such rule");
    stops("// @range 5..0\nuint32 x = 1;", "is empty");
    stops("// @range 0-5\nuint32 x = 1;", "LO..HI");
    stops("// @range 0..1.5\nuint32 x = 1;", "no pair");
    stops("// @range\nuint32 x = 1;", "LO..HI");
}

static void what_protobuf_c_or_the_contract_cannot_hold_stops_the_build(void **state)
{
    (void)state;
    stops("optional uint32 x = 1;", "one-member oneof");
    stops("map<string, string> x = 1;", "maps");
    stops("message N {\n}", "nested message");
    stops("/* @required */ uint32 x = 1;", "// comments");
    stops("Nothing x = 1;", "no message or enum is called Nothing");
}

static void rules_stand_above_or_behind_their_field(void **state)
{
    (void)state;
    takes("// Above. @range 1..5\nuint32 x = 1;", "{\"x\", RULE_RANGE, INT64_C(1), INT64_C(5)");
    takes("uint32 x = 1;  // behind. @range 1..5", "{\"x\", RULE_RANGE, INT64_C(1), INT64_C(5)");
    takes("// Both. @required\nuint32 x = 1;  // @range 1..5.", "{\"x\", RULE_REQUIRED|RULE_RANGE");
    takes("// Cut off. @required\n\nuint32 x = 1;", "{\"x\", 0,");
    takes("// Of y. @required\nuint32 y = 2;\nuint32 x = 1;", "{\"x\", 0,");
    takes("// who@place is no rule\nstring x = 1;", "{\"x\", 0,");
    takes("repeated uint32\n    x = 1;  // @count 1..2", "{\"x\", RULE_COUNT");
    takes("// @required\noneof o {\nuint32 x = 3;\nuint32 y = 1;\n}", "{\"o\", 1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_that_does_not_suit_its_field_stops_the_build),
        cmocka_unit_test(a_slip_in_a_rule_stops_the_build),
        cmocka_unit_test(what_protobuf_c_or_the_contract_cannot_hold_stops_the_build),
        cmocka_unit_test(rules_stand_above_or_behind_their_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
