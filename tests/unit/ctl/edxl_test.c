/* EDXL-RM documents: the samples of OASIS there and back, a hundred of each of the sixteen against
 * the schemas, money to the last minor unit, and documents that mean harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/edxl_forms.h"
#include "agents/ctl/edxl_xml.h"
#include "agents/link/json_input.h"
#include "proto/wire/edxl.h"
#include "proto/wire/limits.h"
#include "proto/wire/rules.h"
#include "tests/lib/gen_message.h"
#include "tests/lib/run.h"

#define DATA "tests/data/edxl/"

static struct arena *arena;
static struct xml x;
static struct buf kept, text, lost;
static char err[600];

static int set_up(void **state)
{
    (void)state;
    return arena_create(&arena, FORM_ARENA_BYTES) == ST_OK ? 0 : -1;
}

static int take_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    buf_free(&kept);
    buf_free(&text);
    buf_free(&lost);
    return 0;
}

static void fresh(void)
{
    arena_reset(arena);
    xml_begin(&x, arena);
    buf_clear(&kept);
    buf_clear(&text);
    buf_clear(&lost);
    err[0] = '\0';
}

static const char *words(struct buf *b)
{
    buf_put(b, "", 1);
    b->len--;
    assert_false(b->failed);
    return (const char *)b->data;
}

static Eocbus__V1__Envelope *import(const void *bytes, size_t len)
{
    Eocbus__V1__Envelope *m = NULL;

    if (form_import(&m, &kept, bytes, len, &x, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return m;
}

static struct xml_node *tree(const void *bytes, size_t len)
{
    struct xml_node *root = NULL;

    if (xml_read(&root, NULL, bytes, len, &x, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return root;
}

static void export(const Eocbus__V1__Envelope *m)
{
    if (form_export(&text, &lost, m, &x, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

/* --- the samples of OASIS --------------------------------------------------------------------- */

static const struct {
    const char *file;
    unsigned type;
    size_t published; /* bytes, as the index of OASIS has them */
} samples[] = {
    {DATA "samples/oasis-RMRequisitiontResourceExample.xml", 162, 5672},
    {DATA "samples/oasis-RMCommitResourceExample.xml", 163, 2947},
    {DATA "samples/oasis-RMReportResourceDeploymentStatusExample.xml", 173, 3834},
};

static void the_samples_of_oasis_come_back_equal(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct buf input = {0};
        struct xml_node *document;
        Eocbus__V1__Envelope *m;

        fresh();
        assert_int_equal(input_read(&input, samples[i].file, err, sizeof(err)), ST_OK);
        document = tree(input.data, input.len);
        m = import(input.data, input.len);
        assert_int_equal(m->body_case, samples[i].type);
        export(m);
        assert_true(xml_same(document, tree(text.data, text.len)));
        assert_string_equal(words(&lost), "");
        buf_free(&input);
    }
}

static void the_samples_fill_the_fields(void **state)
{
    struct buf input = {0};
    Eocbus__V1__Envelope *m, *commit;
    Eocbus__V1__ResourceLine *l;
    uint8_t requisition[16];

    (void)state;
    fresh();
    assert_int_equal(input_read(&input, samples[0].file, err, sizeof(err)), ST_OK);
    m = import(input.data, input.len);
    buf_clear(&input);
    assert_string_equal(m->requisition_resource->contacts[0]->phone, "+61730001234");
    assert_string_equal(m->requisition_resource->contacts[1]->name, "Michelle Yates");
    assert_string_equal(m->requisition_resource->funding[0]->code, "HP4347");
    l = m->requisition_resource->lines[0];
    assert_int_equal(l->line_id, 1);
    assert_string_equal(l->assignment->reporting, "Report to Mark Darcy, Innisfail Animal Refuge");
    assert_int_equal(l->schedules[0]->time_us, INT64_C(1143243000000000));
    assert_non_null(
        strstr(words(&kept), "/ContactInformation[2]/AdditionalContactInformation/Occupations"));
    memcpy(requisition, m->message_id.data, 16);
    assert_int_equal(input_read(&input, samples[1].file, err, sizeof(err)), ST_OK);
    commit = import(input.data, input.len);
    assert_memory_equal(commit->preceding_id.data, requisition, 16);
    assert_int_equal(commit->commit_resource->lines[1]->response->type, 2);
    buf_free(&input);
}

static void a_body_takes_less_than_three_tenths_of_the_published_document(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct buf input = {0};
        Eocbus__V1__Envelope *m;
        size_t body, fields;

        fresh();
        assert_int_equal(input_read(&input, samples[i].file, err, sizeof(err)), ST_OK);
        m = import(input.data, input.len);
        body = protobuf_c_message_get_packed_size((ProtobufCMessage *)m->request_resource);
        form_foreign(m)->n_parts = 0;
        fields = protobuf_c_message_get_packed_size((ProtobufCMessage *)m->request_resource);
        printf("%s: %zu bytes of %zu (%zu %%), %zu of them fields (%zu %%)\n",
               edxl_name(samples[i].type), body, samples[i].published,
               body * 100 / samples[i].published, fields, fields * 100 / samples[i].published);
        assert_true(body * 10 <= samples[i].published * 3);
        buf_free(&input);
    }
}

/* --- the sixteen ------------------------------------------------------------------------------ */

static void write_document(const char *folder, unsigned i)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%u.xml", folder, i);
    write_text_file(path, words(&text));
}

/* There and back: whatever differs was named, and the second document is the first. */
static void comes_back(const Eocbus__V1__Envelope *m)
{
    struct buf first = {0};
    struct xml_node *document;
    Eocbus__V1__Envelope *again;

    buf_put(&first, text.data, text.len);
    assert_false(first.failed);
    document = tree(first.data, first.len);
    again = import(first.data, first.len);
    assert_int_equal(again->body_case, m->body_case);
    buf_clear(&text);
    buf_clear(&lost);
    export(again);
    assert_true(xml_same(document, tree(text.data, text.len)));
    assert_string_equal(words(&lost), "");
    buf_free(&first);
}

static void a_hundred_of_each_of_the_sixteen_are_valid_and_come_back(void **state)
{
    struct arena *own;
    char folder[] = "/tmp/edxl_test.XXXXXX", command[600];
    struct gen g;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(arena_create(&own, LIMIT_ARENA_BYTES), ST_OK);
    gen_seed(&g, 20190603);
    for (unsigned type = EDXL_FIRST; type < EDXL_FIRST + EDXL_MESSAGES; type++) {
        for (unsigned i = 0; i < 100; i++) {
            Eocbus__V1__Envelope *m;

            fresh();
            arena_reset(own);
            m = gen_envelope(&g, type, own);
            assert_non_null(m);
            export(m);
            write_document(folder, i);
            comes_back(m);
        }
        snprintf(command, sizeof(command),
                 "xmllint --nonet --noout --schema " DATA
                 "xsd/EDXL-RM%s.xsd %s/*.xml >%s/said 2>&1;"
                 " [ $(grep -c ' validates$' %s/said) = 100 ] ||"
                 " { grep -v ' validates$' %s/said | head -n 20; exit 1; }",
                 edxl_name(type), folder, folder, folder, folder);
        assert_int_equal(system(command), 0);
    }
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    arena_destroy(own);
}

/* --- money ------------------------------------------------------------------------------------ */

#define DOCUMENT(price)                                                                            \
    "<ResponseToRequestQuote xmlns='" NS_MSG "' xmlns:rm='" NS_RM "'><MessageID>q1</MessageID>"    \
    "<SentDateTime>2019-06-03T10:00:00+05:00</SentDateTime>"                                       \
    "<MessageContentType>ResponseToRequestQuote</MessageContentType>"                              \
    "<OriginatingMessageID>q0</OriginatingMessageID><PrecedingMessageID>q0</PrecedingMessageID>"   \
    "<Funding><rm:FundCode> order 14</rm:FundCode><rm:FundingInfo>half &amp; "                     \
    "half</rm:FundingInfo>"                                                                        \
    "</Funding>"                                                                                   \
    "<ContactInformation><rm:ContactRole>Sender</rm:ContactRole></ContactInformation>"             \
    "<ResourceInformation><ResourceInfoElementID>A7</ResourceInfoElementID><ResponseInformation>"  \
    "<rm:PrecedingResourceInfoElementID>A7</rm:PrecedingResourceInfoElementID>"                    \
    "<rm:ResponseType>Accept</rm:ResponseType></ResponseInformation><Resource><Name>n</Name>"      \
    "</Resource><AssignmentInformation><PriceQuote>" price "</PriceQuote></AssignmentInformation>" \
    "</ResourceInformation></ResponseToRequestQuote>"
#define MEASURED(amount, unit)                                                                     \
    "<rm:MeasuredQuantity><rm:Amount>" amount "</rm:Amount><rm:UnitOfMeasure>"                     \
    "<rm:ValueListURN>urn:iso:std:iso:4217</rm:ValueListURN><rm:Value>" unit                       \
    "</rm:Value></rm:UnitOfMeasure></rm:MeasuredQuantity>"

static void prices_and_funding_are_kept_to_the_last_minor_unit(void **state)
{
    static const struct {
        const char *document;
        int64_t minor;
        const char *in_words;
    } cases[] = {
        {DOCUMENT(MEASURED("150", "TJS")), 15000, ""},
        {DOCUMENT(MEASURED("0.10", "USD")), 10, ""},
        {DOCUMENT(MEASURED("-0.5", "USD")), -50, ""},
        {DOCUMENT(MEASURED("9999999999.99", "TJS")), INT64_C(999999999999), ""},
        {DOCUMENT(MEASURED("1500", "JPY")), 1500, ""},
        {DOCUMENT(MEASURED("1.234", "KWD")), 1234, ""},
        {DOCUMENT(MEASURED("10.005", "USD")), 0, "10.005 USD"},
        {DOCUMENT(MEASURED("1.5", "JPY")), 0, "1.5 JPY"},
        {DOCUMENT(MEASURED("1e3", "TJS")), 0, "1e3 TJS"},
        {DOCUMENT(MEASURED("99999999999999999999", "TJS")), 0, "99999999999999999999 TJS"},
        {DOCUMENT(MEASURED("150", "somoni")), 0, "150 somoni"},
        {DOCUMENT("<rm:QuantityText>fuel only</rm:QuantityText>"), 0, "fuel only"},
        {DOCUMENT(
             "<rm:QuantityText>fuel</rm:QuantityText><rm:QuantityText>bread</rm:QuantityText>"),
         0, "fuel"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *d = cases[i].document;
        const Eocbus__V1__ResponseToRequestQuote *q;
        const Eocbus__V1__Assignment *a;
        Eocbus__V1__Envelope *m;

        fresh();
        m = import(d, strlen(d));
        q = m->response_to_request_quote;
        a = q->lines[0]->assignment;
        assert_string_equal(a->price_text, cases[i].in_words);
        assert_true(!a->price == (*cases[i].in_words != '\0'));
        if (a->price)
            assert_int_equal(a->price->minor_units, cases[i].minor);
        assert_string_equal(q->funding[0]->code, " order 14");
        assert_string_equal(q->funding[0]->text, "half & half");
        export(m);
        assert_true(xml_same(tree(d, strlen(d)), tree(text.data, text.len)));
        assert_string_equal(words(&lost), "");
    }
}

/* --- what is kept ----------------------------------------------------------------------------- */

static void what_has_no_field_is_named_and_comes_back(void **state)
{
    static const char d[] =
        DOCUMENT("<rm:QuantityText>fuel only</rm:QuantityText>"
                 "<o:rate xmlns:o='urn:other' o:per='hour' at=\"&lt;&quot;\">7<!-- x --></o:rate>");
    Eocbus__V1__Envelope *m;

    (void)state;
    fresh();
    m = import(d, strlen(d));
    assert_non_null(strstr(words(&kept), "/PriceQuote/rate\n"));
    assert_non_null(strstr(words(&kept), "1 comments"));
    export(m);
    assert_true(xml_same(tree(d, strlen(d)), tree(text.data, text.len)));
}

/* Whoever forges what was kept could tell strangers another number than our screens show. */
static void what_was_kept_cannot_say_other_than_the_fields(void **state)
{
    static const char d[] = DOCUMENT(MEASURED("150.00", "TJS"));
    static const char *const lies[][2] = {
        {"8/3/0/0/0", "999.00"}, {"7/0", "Approver"}, {"3/0/0/0/0/0", "x"}, {"99", "x"},
        {"@a b", "x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        Eocbus__V1__KeptPart lie, *list[] = {&lie};
        Eocbus__V1__Envelope *m;

        fresh();
        m = import(d, strlen(d));
        eocbus__v1__kept_part__init(&lie);
        lie.as = EOCBUS__V1__KEPT_AS__KEPT_AS_TEXT;
        lie.at = (char *)(uintptr_t)lies[i][0];
        lie.value = (char *)(uintptr_t)lies[i][1];
        form_foreign(m)->parts = list;
        form_foreign(m)->n_parts = 1;
        export(m);
        assert_null(strstr(words(&text), "999.00"));
        assert_null(strstr(words(&text), "Approver"));
        assert_non_null(strstr(words(&lost), "foreign"));
    }
}

static void ids_are_uuids_where_they_are_and_one_of_their_own_elsewhere(void **state)
{
    uint8_t a[16], b[16], c[16];

    (void)state;
    form_id(a, "urn:uuid:012a4dbe-bcc0-703d-a6e9-e22458cfddc5");
    form_id(b, "012a4dbe-bcc0-703d-a6e9-e22458cfddc5");
    assert_memory_equal(a, b, 16);
    form_id(a, "urn:au-qld-eoc:12332");
    form_id(b, "urn:au-qld-eoc:12332");
    form_id(c, "urn:au-qld-eoc:12333");
    assert_memory_equal(a, b, 16);
    assert_memory_not_equal(a, c, 16);
    assert_int_equal(a[6] >> 4, 8);
    assert_int_equal(form_line_number("001"), 1);
    assert_int_equal(form_line_number("100000"), 100000);
    assert_true(form_line_number("A7") > 1000 && form_line_number("A7") <= 100000);
    assert_int_not_equal(form_line_number("A7"), form_line_number("A8"));
}

/* --- documents that mean harm ----------------------------------------------------------------- */

static const char *read_bad(const char *bytes, size_t len)
{
    Eocbus__V1__Envelope *m;

    fresh();
    if (form_import(&m, &kept, bytes, len, &x, err, sizeof(err)) == ST_OK)
        fail_msg("taken: %.100s", bytes);
    assert_true(strlen(err) > 8);
    return err;
}

static void hostile_documents_are_refused(void **state)
{
    static const struct {
        const char *document, *because;
    } cases[] = {
        {"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY l 'lol'><!ENTITY m '&l;&l;&l;&l;&l;&l;&l;&l;'>"
         "<!ENTITY n '&m;&m;&m;&m;&m;&m;&m;&m;'>]><l>&n;</l>",
         "DOCTYPE"},
        {"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "DOCTYPE"},
        {"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/evil.dtd'><a/>", "DOCTYPE"},
        {"<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///dev/zero'> %p;]><a/>", "DOCTYPE"},
        {"\n\n<!doctype a><a/>", "DOCTYPE"},
        {"<a>&undefined;</a>", "no XML"},
        {"<?xml version='1.0' encoding='UTF-16'?><a/>", "none of the sixteen"},
        {"<a>\xff\xfe</a>", "not UTF-8"},
        {"<a><b></a>", "no XML"},
        {"<a>words<b/></a>", "text beside elements"},
        {"<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='/etc/passwd'/></a>",
         "none of the sixteen"},
        {"<a/><b/>", "no XML"},
        {"", "no XML"},
        {"{\"json\":1}", "no XML"},
        {"<CommitResource/>", "none of the sixteen"},
        {"<CommitResource xmlns='" NS_MSG "'/>", "MessageContentType"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!strstr(read_bad(cases[i].document, strlen(cases[i].document)), cases[i].because))
            fail_msg("%s: %s, not because of %s", cases[i].document, err, cases[i].because);
    assert_non_null(strstr(read_bad("<a>\0</a>", 8), "not UTF-8"));
}

static const char *repeat(struct buf *b, const char *before, const char *piece, size_t times,
                          const char *after)
{
    buf_clear(b);
    buf_puts(b, before);
    for (size_t i = 0; i < times; i++)
        buf_puts(b, piece);
    buf_puts(b, after);
    return words(b);
}

static void documents_beyond_the_limits_are_refused(void **state)
{
    struct buf b = {0};
    const char *d;

    (void)state;
    d = repeat(&b, "", "<a>", 40, "");
    assert_non_null(strstr(read_bad(d, b.len), "no XML"));
    d = repeat(&b, "", "<a>", 33, "");
    for (size_t i = 0; i < 33; i++)
        buf_puts(&b, "</a>");
    assert_non_null(strstr(read_bad(words(&b), b.len), "32 levels"));
    d = repeat(&b, "", "<a>", 100000, "");
    (void)read_bad(d, b.len);
    d = repeat(&b, "<a>", "<b/>", 20000, "</a>");
    assert_non_null(strstr(read_bad(d, b.len), "20000 elements"));
    d = repeat(&b, "<a x='", "y", 1000000, "'/>");
    (void)read_bad(d, b.len);
    d = repeat(&b, "<a>", "y", XML_BYTES_MAX, "</a>");
    assert_non_null(strstr(read_bad(d, b.len), "1 MiB"));
    d = repeat(&b, DOCUMENT("<rm:QuantityText note='") "", "y", 0, "");
    buf_clear(&b);
    for (unsigned i = 0; i < 70; i++)
        buf_printf(&b, "%sa%u='1'", i ? " " : "<a ", i);
    buf_puts(&b, "/>");
    assert_non_null(strstr(read_bad(words(&b), b.len), "64 attributes"));
    buf_free(&b);
}

/* A giant attribute in a document that is otherwise sound is refused, not cut. */
static void more_than_a_message_can_keep_is_refused(void **state)
{
    static const char whole[] = DOCUMENT("<rm:QuantityText note=\"@\">fuel</rm:QuantityText>");
    const char *at = strchr(whole, '@');
    struct buf b = {0};

    (void)state;
    buf_put(&b, whole, (size_t)(at - whole));
    for (size_t i = 0; i < 900000; i++)
        buf_put(&b, "y", 1);
    buf_puts(&b, at + 1);
    assert_non_null(strstr(read_bad(words(&b), b.len), "than a message can keep"));
    buf_free(&b);
}

static void broken_documents_break_nothing(void **state)
{
    struct buf input = {0};
    struct gen g;
    unsigned taken = 0;
    uint8_t *bytes;

    (void)state;
    assert_int_equal(input_read(&input, samples[0].file, err, sizeof(err)), ST_OK);
    bytes = malloc(2 * input.len);
    assert_non_null(bytes);
    for (size_t len = 0; len + 3 < input.len; len += 7)
        (void)read_bad((const char *)input.data, len);
    gen_seed(&g, 3);
    for (unsigned i = 0; i < 1500; i++) {
        Eocbus__V1__Envelope *m;
        size_t len;

        fresh();
        memcpy(bytes, input.data, input.len);
        len = gen_mutate(&g, bytes, input.len, 2 * input.len);
        if (form_import(&m, &kept, bytes, len, &x, err, sizeof(err)) != ST_OK)
            continue;
        taken++;
        export(m);
        assert_true(xml_same(tree(bytes, len), tree(text.data, text.len)));
    }
    assert_true(taken > 20);
    free(bytes);
    buf_free(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_of_oasis_come_back_equal),
        cmocka_unit_test(the_samples_fill_the_fields),
        cmocka_unit_test(a_body_takes_less_than_three_tenths_of_the_published_document),
        cmocka_unit_test(a_hundred_of_each_of_the_sixteen_are_valid_and_come_back),
        cmocka_unit_test(prices_and_funding_are_kept_to_the_last_minor_unit),
        cmocka_unit_test(what_has_no_field_is_named_and_comes_back),
        cmocka_unit_test(what_was_kept_cannot_say_other_than_the_fields),
        cmocka_unit_test(ids_are_uuids_where_they_are_and_one_of_their_own_elsewhere),
        cmocka_unit_test(hostile_documents_are_refused),
        cmocka_unit_test(documents_beyond_the_limits_are_refused),
        cmocka_unit_test(more_than_a_message_can_keep_is_refused),
        cmocka_unit_test(broken_documents_break_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, take_down);
}
