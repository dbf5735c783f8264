/* Texts that mean harm (tests/data/hostile) in every text field of every type of message, through a
 * real broker into PostgreSQL: stored byte for byte, nothing they say happens, and whatever prints
 * them prints nothing that a terminal would act on, and JSON that is JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agents/link/outbox.h"
#include "proto/base/ids.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/rules.h"
#include "proto/wire/types.h"
#include "tests/lib/beside.h"
#include "tests/lib/bus.h"
#include "tests/lib/gen_edxl.h"
#include "tests/lib/gen_message.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

enum { TEXTS_MAX = 200, LINE = 4096, ARENA = 4 * 1024 * 1024, FIELDS_MAX = 4000 };
#define SENDER  "coes.test.duty"
#define DESK    "coes.test.desk"
#define PLANTED "/tmp/eocbus-must-not-be"

struct text {
    char *bytes;
    size_t len;
};

static struct {
    struct bus *bus;
    char conf[128], desk_conf[128], outbox_path[128], build[256];
    struct text texts[TEXTS_MAX];
    size_t n_texts;
    struct arena *arena;
    struct outbox *outbox;
    struct buf *sent; /* contents in the order of their numbers */
    size_t n_sent;
    pid_t desk; /* 0 = none runs */
} world;

/* --- the corpus ------------------------------------------------------------------------------- */

static size_t unescape(char *out, const char *line)
{
    size_t n = 0;

    for (; *line && *line != '\n'; line++) {
        const char *const known = "n\nr\rt\t\\\\", *at;

        if (*line != '\\') {
            out[n++] = *line;
        } else if (*++line == 'x') {
            const char hex[3] = {line[1], line[2], 0};

            out[n++] = (char)strtoul(hex, NULL, 16);
            line += 2;
        } else {
            at = strchr(known, *line);
            assert_non_null(at);
            out[n++] = at[1];
        }
    }
    return n;
}

static void add_text(const char *line)
{
    static char one[LINE];
    char *rest;
    unsigned long times = strtoul(line, &rest, 10);
    bool is_repeated = rest != line && strncmp(rest, " x ", 3) == 0;
    size_t len = unescape(one, is_repeated ? rest + 3 : line);
    struct text *t = &world.texts[world.n_texts++];

    times = is_repeated ? times : 1;
    t->bytes = malloc(len * times);
    assert_non_null(t->bytes);
    for (unsigned long i = 0; i < times; i++)
        memcpy(t->bytes + i * len, one, len);
    t->len = len * times;
}

static void read_texts(const char *file)
{
    FILE *f = fopen(file, "r");
    char line[LINE];

    assert_non_null(f);
    while (world.n_texts && world.n_texts--)
        free(world.texts[world.n_texts].bytes);
    world.n_texts = 0;
    while (fgets(line, sizeof(line), f) && world.n_texts < TEXTS_MAX)
        if (line[0] != '#')
            add_text(line);
    fclose(f);
}

/* --- every text field ------------------------------------------------------------------------- */

/* A place in a message where people's words stand. */
struct field {
    char **at;
    const struct rule *rule;
};
struct fields {
    struct field field[FIELDS_MAX];
    size_t n;
};

static void find_fields(struct fields *out, ProtobufCMessage *m, const struct plan *plan);

static void find_in(struct fields *out, void *value, ProtobufCType type, const struct rule *r)
{
    const unsigned has_grammar = RULE_PCODE | RULE_NAME | RULE_RECIPIENT;

    if (type == PROTOBUF_C_TYPE_MESSAGE && *(ProtobufCMessage **)value)
        find_fields(out, *(ProtobufCMessage **)value, r->sub);
    else if (type == PROTOBUF_C_TYPE_STRING && !(r->flags & has_grammar) && out->n < FIELDS_MAX)
        out->field[out->n++] = (struct field){value, r};
}

static bool is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)((const char *)m + f->quantifier_offset) == f->id;
    return true;
}

static void find_fields(struct fields *out, ProtobufCMessage *m, const struct plan *plan)
{
    for (unsigned i = 0; i < plan->n_rules; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        char *at = (char *)m + f->offset;

        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = *(size_t *)((char *)m + f->quantifier_offset);
            size_t size = rule_element_size(f->type);

            for (size_t k = 0; k < n; k++)
                find_in(out, *(char **)at + k * size, f->type, &plan->rules[i]);
        } else if (is_set(m, f)) {
            find_in(out, at, f->type, &plan->rules[i]);
        }
    }
}

/* As much of a text as goes into `most` bytes, cut between code points. */
static char *fitting(const struct text *t, size_t most)
{
    size_t len = t->len < most ? t->len : most;
    char *out = arena_alloc(world.arena, len + 1);

    assert_non_null(out);
    while (len < t->len && len > 0 && ((unsigned char)t->bytes[len] & 0xC0) == 0x80)
        len--;
    memcpy(out, t->bytes, len);
    out[len] = 0;
    return out;
}

static void fill_fields(struct fields *fields, size_t first, size_t most)
{
    for (size_t i = 0; i < fields->n; i++) {
        const struct rule *r = fields->field[i].rule;
        char *text =
            fitting(&world.texts[(first + i) % world.n_texts], r->len_hi < most ? r->len_hi : most);

        if (strlen(text) >= (r->len_lo ? r->len_lo : 1))
            *fields->field[i].at = text;
    }
}

static struct fields fields;

/* The message of this type whose k-th text field has the text k + first; false: it has none. */
static Eocbus__V1__Envelope *hostile_message(unsigned type, size_t first)
{
    struct gen g;
    Eocbus__V1__Envelope *m;

    arena_reset(world.arena);
    gen_seed(&g, type * 1000 + first % 7);
    g.percent = 90;
    m = gen_envelope(&g, type, world.arena);
    assert_non_null(m);
    fields.n = 0;
    find_fields(&fields, &m->base, plan_of(m->base.descriptor));
    for (size_t most = 4000; most > 8; most /= 2) {
        fill_fields(&fields, first, most);
        if (eocbus__v1__envelope__get_packed_size(m) <= LIMIT_CONTENT_BYTES - 200)
            break;
    }
    gen_edxl_obey(&g, m, world.arena); /* roles of contacts are words of a list */
    m->lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m->played = NULL; /* only an exercise plays */
    m->not_after_us = RULE_TIME_MAX_US - 1;
    m->event_time_us = INT64_C(1767225600000000); /* 2026-01-01 */
    m->n_to = 0;
    if (first % 8 == type % 8) { /* the desk has enough with these */
        static char *to[] = {(char *)(uintptr_t)DESK};

        m->n_to = 1;
        m->to = to;
    }
    return m;
}

/* --- the world -------------------------------------------------------------------------------- */

static void open_outbox(void)
{
    const struct outbox_settings set = {.path = world.outbox_path, .sender = SENDER};
    char err[512];

    if (outbox_open(&world.outbox, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void drain(void)
{
    static struct ran ran;

    outbox_close(world.outbox);
    world.outbox = NULL;
    run_program(&ran, "eocctl", "-c", world.conf, "publish", "--drain", NULL);
    if (ran.code != 0 && ran.code != 1) /* refused rows stay; that is looked at in the database */
        run_expect(&ran, 0, NULL);
}

/* Settings of a principal with a key of its own; an operator's, or an office's. */
static void write_conf(char conf[128], const char *name, const char *file, const char *more)
{
    struct keys keys;
    char text[2000], key_file[128], err[512];

    bus_enrol(world.bus, name, &keys);
    snprintf(conf, 128, "%s/%s.conf", bus_dir(world.bus), file);
    snprintf(key_file, sizeof(key_file), "%s/%s.key", bus_dir(world.bus), file);
    assert_int_equal(keys_save(&keys, key_file, name, err, sizeof(err)), ST_OK);
    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/%s.db\nlink.profile = fiber\n%s",
             name, key_file, bus_endpoint(world.bus), bus_broker_key(world.bus), bus_dir(world.bus),
             file, more);
    write_text_file(conf, text);
}

static int begin(void **state)
{
    char operators[300];

    (void)state;
    find_beside(world.build, sizeof(world.build), "");
    unlink(PLANTED);
    world.bus = bus_create();
    snprintf(operators, sizeof(operators),
             "database = host=%s dbname=eocbus user=bus_admin\ncontrol.socket = %s/broker.sock\n",
             pgserver_socket(bus_server(world.bus)), bus_dir(world.bus));
    write_conf(world.conf, SENDER, "duty", operators);
    write_conf(world.desk_conf, DESK, "desk", "place = 3505203\nlang = en\n");
    snprintf(world.outbox_path, sizeof(world.outbox_path), "%s/duty.db", bus_dir(world.bus));
    assert_int_equal(arena_create(&world.arena, ARENA), ST_OK);
    /* Words are looked at here; orders that nobody approved would be kept aside. */
    pgserver_exec(bus_server(world.bus), "UPDATE bus.approval_need SET approvers = 0");
    bus_start_broker(world.bus, NULL);
    open_outbox();
    return 0;
}

static void end_desk(void)
{
    if (world.desk <= 0)
        return;
    kill(world.desk, SIGTERM);
    kill(world.desk, SIGCONT); /* script(1) stops itself when what it shows was stopped */
    waitpid(world.desk, NULL, 0);
    world.desk = 0;
}

static int end(void **state)
{
    (void)state;
    end_desk(); /* of a test that failed */
    outbox_close(world.outbox);
    for (size_t i = 0; i < world.n_sent; i++)
        buf_free(&world.sent[i]);
    free(world.sent);
    world.sent = NULL;
    world.n_sent = 0;
    arena_destroy(world.arena);
    bus_destroy(world.bus);
    return 0;
}

static void remember(const void *bytes, size_t len)
{
    world.sent = realloc(world.sent, (world.n_sent + 1) * sizeof(*world.sent));
    assert_non_null(world.sent);
    world.sent[world.n_sent] = (struct buf){0};
    buf_put(&world.sent[world.n_sent++], bytes, len);
}

/* --- shown ------------------------------------------------------------------------------------ */

/* What no printer may say: control bytes but newline and tab, C1, DEL, what turns the direction of
 * writing or ends a line unseen. */
static bool is_harmful(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || c == 0x061C ||
           c == 0x200B || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE007F);
}

static size_t code_at(const unsigned char *p, uint32_t *code)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC2 ? 2 : 0;

    *code = n == 1 ? p[0] : p[0] & (0x7Fu >> (n ? n : 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3Fu);
    }
    return n;
}

static void assert_harmless(const char *what, const struct buf *said)
{
    const unsigned char *p = (const unsigned char *)said->data;
    size_t n;

    for (size_t i = 0; i < said->len; i += n) {
        uint32_t code = 0;

        n = code_at(p + i, &code);
        if (n == 0 || is_harmful(code))
            fail_msg("%s: byte %zu of %zu is U+%04x, after \"%.*s\"", what, i, said->len, code,
                     (int)(i < 60 ? i : 60), (const char *)p + i - (i < 60 ? i : 60));
    }
}

/* What a command says on both outputs. */
static struct buf said_by(const char *words)
{
    char command[1024], chunk[65536];
    struct buf said = {0};
    size_t n;
    FILE *f;

    snprintf(command, sizeof(command), "%s%s%s 2>&1 </dev/null", *words == '/' ? "" : world.build,
             *words == '/' ? "" : "/", words);
    f = popen(command, "r");
    assert_non_null(f);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_put(&said, chunk, n);
    pclose(f);
    assert_false(said.failed);
    return said;
}

/* What was tried is there to be seen, as an escape. */
static void assert_shown(const char *words, struct buf *said)
{
    buf_put(said, "", 1);
    if (!strstr((const char *)said->data, "x1b[") && !strstr((const char *)said->data, "u001b["))
        fail_msg("%s: shows no hostile text at all: %.500s", words, (const char *)said->data);
}

static void look_at_harm(const char *form, ...)
{
    char words[512];
    struct buf said;
    va_list args;

    va_start(args, form);
    vsnprintf(words, sizeof(words), form, args);
    va_end(args);
    said = said_by(words);
    assert_harmless(words, &said);
    assert_shown(words, &said);
    buf_free(&said);
}

static void look_at(const char *form, ...)
{
    char words[512];
    struct buf said;
    va_list args;

    va_start(args, form);
    vsnprintf(words, sizeof(words), form, args);
    va_end(args);
    said = said_by(words);
    assert_true(said.len > 0);
    assert_harmless(words, &said);
    buf_free(&said);
}

/* PostgreSQL says whether it is JSON. */
static void look_at_json(PGconn *conn, const char *form, ...)
{
    char words[512];
    struct buf said;
    va_list args;
    char *line;

    va_start(args, form);
    vsnprintf(words, sizeof(words), form, args);
    va_end(args);
    said = said_by(words);
    assert_harmless(words, &said);
    buf_put(&said, "", 1);
    for (line = (char *)said.data; line && *line;) {
        char *end_of_line = strchr(line, '\n');
        const char *const params[] = {line};
        PGresult *r;

        if (end_of_line)
            *end_of_line++ = 0;
        r = PQexecParams(conn, "SELECT $1::json", 1, NULL, params, NULL, NULL, 0);
        if (PQresultStatus(r) != PGRES_TUPLES_OK)
            fail_msg("%s: %s\n%s", words, PQerrorMessage(conn), line);
        PQclear(r);
        line = end_of_line;
    }
    buf_free(&said);
}

/* Turns of a tenth of a second until a file holds the words. */
static void wait_for_words(const char *file, const char *words)
{
    const struct timespec pause = {0, 100000000};

    for (unsigned turn = 0; turn < PATIENCE * 600; turn++) {
        char command[512];

        snprintf(command, sizeof(command), "grep -qF '%s' %s", words, file);
        if (system(command) == 0)
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("nobody said \"%s\" in %s", words, file);
}

/* An office that hears what is sent to it, on a terminal; what it says there goes into a file. It
 * goes when its terminal goes. */
static void start_desk(char heard[160])
{
    char command[512];

    snprintf(heard, 160, "%s/heard", bus_dir(world.bus));
    snprintf(command, sizeof(command), "stty -opost; exec %s/eocbus-district -c %s run",
             world.build, world.desk_conf);
    world.desk = fork();
    if (world.desk == 0) {
        int nowhere = open("/dev/null", O_RDWR);

        prctl(PR_SET_PDEATHSIG, SIGTERM);
        for (int fd = 0; fd < 3; fd++)
            dup2(nowhere, fd);
        execlp("script", "script", "-qfc", command, heard, (char *)NULL);
        _exit(127);
    }
    assert_true(world.desk > 0);
    wait_for_words(heard, "agent.session");
}

static PGconn *connect_as(const char *role)
{
    PGconn *conn = PQconnectdb(pgserver_conninfo(bus_server(world.bus), role));

    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    return conn;
}

static void see_that_nothing_happened(void)
{
    static char log[1 << 20];
    struct buf lines = {0};

    assert_int_not_equal(access(PLANTED, F_OK), 0);
    bus_read_log(world.bus, log, sizeof(log));
    buf_puts(&lines, log);
    assert_harmless("the broker's log", &lines);
    buf_free(&lines);
}

/* --- the tests -------------------------------------------------------------------------------- */

/* Which type takes part: the bus alone says some, and what thins an outbox is its own affair. */
static bool is_said_by_people(const struct type_info *t)
{
    return strcmp(t->name, "withdrawn") != 0 && strcmp(t->name, "thinned") != 0;
}

/* Receipts speak of the first message that went to the desk, so that their words are kept with it.
 */
static void aim_receipt(Eocbus__V1__Envelope *m)
{
    static uint8_t id[ID_BYTES];
    static bool has_id;

    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_RECEIPT && has_id)
        m->receipt->message_id = (ProtobufCBinaryData){ID_BYTES, id};
    else if (m->n_to && m->message_id.len == ID_BYTES && !has_id) {
        memcpy(id, m->message_id.data, ID_BYTES);
        has_id = true;
    }
}

/* Returns how many the gate would not have in any shape. */
static size_t put_all(size_t *n_fields)
{
    size_t refused = 0;
    struct refusal why;
    uint64_t tag;

    for (unsigned number = 1; number < 300; number++) {
        const struct type_info *t = type_by_number(number);

        for (size_t k = 0; t && is_said_by_people(t) && k < world.n_texts; k++) {
            Eocbus__V1__Envelope *m = hostile_message(number, k);
            uint8_t *packed;

            if (!fields.n)
                break;
            aim_receipt(m);
            if (outbox_put(world.outbox, m, &tag, &why) != ST_OK) {
                if (refused++ < 5)
                    print_error("%s: %s %s %s\n", t->name, why.code, why.path, why.text);
                continue;
            }
            *n_fields += fields.n;
            packed = arena_alloc(world.arena, eocbus__v1__envelope__get_packed_size(m));
            remember(packed, eocbus__v1__envelope__pack(m, packed));
        }
        assert_int_equal(outbox_commit(world.outbox), ST_OK);
    }
    return refused;
}

/* The copy for people says the same: read back, it packs to the same bytes. */
static void assert_same_in_json(const char *json, size_t len, const struct buf *sent)
{
    ProtobufCMessage *m;
    uint8_t *packed;
    char err[256];

    arena_reset(world.arena);
    if (json_parse(&m, &eocbus__v1__envelope__descriptor, json, len, world.arena, err,
                   sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    packed = arena_alloc(world.arena, protobuf_c_message_get_packed_size(m));
    assert_int_equal(protobuf_c_message_pack(m, packed), sent->len);
    assert_memory_equal(packed, sent->data, sent->len);
}

static void assert_stored_as_sent(void)
{
    PGconn *conn = connect_as("bus_audit");
    PGresult *r = PQexecParams(
        conn,
        "SELECT m.content, convert_to(d.doc::text, 'UTF8') FROM bus.message m"
        " LEFT JOIN bus.document d USING (seq) JOIN bus.principal p ON p.principal_id = m.sender_id"
        " WHERE p.name = '" SENDER "' ORDER BY m.lane_seq",
        0, NULL, NULL, NULL, NULL, 1);

    const struct buf *sent = world.sent, *end = world.sent + world.n_sent;
    size_t aside;

    assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(r); i++, sent++) {
        /* A promise that the ledger cannot let pass is kept aside, see below. */
        while (sent < end && ((size_t)PQgetlength(r, i, 0) != sent->len ||
                              memcmp(PQgetvalue(r, i, 0), sent->data, sent->len) != 0))
            sent++;
        if (sent == end)
            fail_msg("number %d of the log is not as it was sent", i);
        if (!PQgetisnull(r, i, 1))
            assert_same_in_json(PQgetvalue(r, i, 1), (size_t)PQgetlength(r, i, 1), sent);
    }
    aside = (size_t)pgserver_number(bus_server(world.bus),
                                    "SELECT count(*) FROM bus.quarantine q JOIN bus.principal p ON"
                                    " p.principal_id = q.sender_id WHERE p.name = '" SENDER "'");
    assert_int_equal((size_t)PQntuples(r) + aside, world.n_sent);
    print_message("measured: %zu of them are promises that the ledger cannot let pass\n", aside);
    assert_true(aside * 4 < world.n_sent); /* it would show little else */
    PQclear(r);
    PQfinish(conn);
}

static void look_at_the_operators_tools(PGconn *conn)
{
    static const char *const plain[] = {"status --agents", "roster show", "principal list",
                                        "listeners",       "log status",  "quarantine list"};
    static const char *const json[] = {"principal list --json", "listeners --json",
                                       "quarantine list --json",
                                       "tail --from 1 --until-idle --json"};

    look_at_harm("eocctl -c %s tail --from 1 --until-idle", world.conf);
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        look_at("eocctl -c %s %s", world.conf, plain[i]);
    for (size_t i = 0; i < ARRAY_LEN(json); i++)
        look_at_json(conn, "eocctl -c %s %s", world.conf, json[i]);
    for (size_t seq = 1; seq <= world.n_sent; seq += 97) {
        look_at("eocctl -c %s show %zu", world.conf, seq);
        look_at_json(conn, "eocctl -c %s show %zu --json", world.conf, seq);
    }
}

static void look_at_receipts(PGconn *conn)
{
    PGresult *r = PQexec(conn, "SELECT seq FROM eoc.recipient_step WHERE seq IS NOT NULL"
                               " GROUP BY seq ORDER BY count(*) DESC LIMIT 3");

    assert_true(PQntuples(r) > 0);
    for (int i = 0; i < PQntuples(r); i++) {
        look_at("eocctl -c %s receipts %s", world.conf, PQgetvalue(r, i, 0));
        look_at_json(conn, "eocctl -c %s receipts %s --json", world.conf, PQgetvalue(r, i, 0));
    }
    PQclear(r);
}

static void assert_record_holds(void)
{
    char words[300];
    struct buf said;

    snprintf(words, sizeof(words), "eocctl -c %s audit verify --deep", world.conf);
    said = said_by(words);
    buf_put(&said, "", 1);
    if (!strstr((const char *)said.data, ": the record holds, digest "))
        fail_msg("%s", (const char *)said.data);
    buf_free(&said);
}

static void words_that_mean_harm_are_stored_as_said_and_shown_harmlessly(void **state)
{
    char heard[160];
    size_t n_fields = 0, refused;
    PGconn *conn;

    (void)state;
    read_texts("tests/data/hostile/accepted.txt");
    start_desk(heard);
    refused = put_all(&n_fields);
    drain();
    print_message("measured: %zu texts in %zu fields of %zu messages, all as sent\n", world.n_texts,
                  n_fields, world.n_sent);
    assert_int_equal(refused, 0);
    assert_stored_as_sent();
    conn = connect_as("bus_admin");
    look_at_the_operators_tools(conn);
    wait_for_words(heard, "x1b[");
    look_at_harm("/bin/sed '$d' %s", heard); /* the last line may not be whole yet */
    look_at_harm("eocbus-district -c %s inbox", world.desk_conf);
    end_desk();
    look_at_harm("eocbus-district -c %s inbox", world.desk_conf);
    look_at("eocbus-district -c %s outbox", world.desk_conf);
    look_at("eocbus-district -c %s receipts", world.desk_conf);
    look_at("eocbus-registry -c %s households", world.desk_conf);
    look_at_receipts(conn);
    /* What people ask in SQL is, of every type, what the messages say. */
    assert_record_holds();
    see_that_nothing_happened();
    PQfinish(conn);
}

/* A flash report whose text is those bytes: packed with as many others in their place, which are
 * then put right. */
static size_t spoilt_message(uint8_t *packed, const struct text *t)
{
    Eocbus__V1__Envelope *m = hostile_message(120, 0);
    char *stand_in = arena_alloc(world.arena, t->len + 1);
    uint8_t *at;
    size_t len;

    memset(stand_in, 'Q', t->len);
    stand_in[t->len] = 0;
    m->schema = 1000;
    m->sender = (char *)(uintptr_t)SENDER;
    m->epoch = outbox_epoch(world.outbox);
    m->lane_seq = 1000000;
    m->sent_time_us = m->event_time_us;
    m->flash_report->village = (char *)(uintptr_t) "x";
    m->flash_report->text = stand_in;
    len = eocbus__v1__envelope__pack(m, packed);
    at = memmem(packed, len, stand_in, t->len);
    assert_non_null(at);
    memcpy(at, t->bytes, t->len);
    return len;
}

static void what_no_message_may_hold_is_kept_aside_as_it_came(void **state)
{
    static uint8_t packed[LIMIT_CONTENT_BYTES + 1];
    PGconn *conn;
    uint64_t tag;

    (void)state;
    read_texts("tests/data/hostile/refused.txt");
    for (size_t i = 0; i < world.n_texts; i++) {
        size_t len = spoilt_message(packed, &world.texts[i]);

        remember(packed, len);
        assert_int_equal(outbox_put_raw(world.outbox, 4, packed, len, &tag), ST_OK);
    }
    assert_int_equal(outbox_commit(world.outbox), ST_OK);
    drain();
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"), 0);
    conn = connect_as("bus_admin");
    for (size_t i = 0; i < world.n_sent; i++) {
        const char *const params[] = {(const char *)world.sent[i].data};
        const int lengths[] = {(int)world.sent[i].len}, binary[] = {1};
        PGresult *r = PQexecParams(conn,
                                   "SELECT quarantine_id FROM eoc.quarantine WHERE content = $1"
                                   " AND code IN ('utf8', 'nul', 'text')",
                                   1, NULL, params, lengths, binary, 0);

        if (PQntuples(r) != 1)
            fail_msg("the text of line %zu is not in quarantine as it came", i);
        look_at("eocctl -c %s quarantine show %s", world.conf, PQgetvalue(r, 0, 0));
        PQclear(r);
    }
    look_at("eocctl -c %s quarantine list", world.conf);
    look_at_json(conn, "eocctl -c %s quarantine list --json", world.conf);
    look_at("eocbus-district -c %s -o place=3505203 outbox", world.conf);
    see_that_nothing_happened();
    print_message("measured: %zu texts refused, each kept as it came\n", world.n_sent);
    PQfinish(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            words_that_mean_harm_are_stored_as_said_and_shown_harmlessly, begin, end),
        cmocka_unit_test_setup_teardown(what_no_message_may_hold_is_kept_aside_as_it_came, begin,
                                        end),
    };

    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
