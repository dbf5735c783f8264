/* What becomes of a message for each of those it was sent to, against the real PostgreSQL: whom
 * names, agencies and duties stand for, what receipts move, what time does, and what the sender is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/log.h"
#include "proto/wire/gate.h"
#include "proto/wire/json.h"
#include "proto/wire/types.h"
#include "tests/lib/store_world.h"

#include "proto/base/banned.h"

enum { SENDER, AYNI, PENJIKENT, CHIEF, NIGHT, PEOPLE };
static const char *const names[PEOPLE] = {"coes.ayni", "rcst.ayni", "rcst.penjikent",
                                          "coes.dushanbe.chief", "coes.dushanbe.night"};
enum { HOUR = 3600 };
#define SECOND_US INT64_C(1000000)

static struct arena *arena;
static uint64_t lane_seq[PEOPLE];

static int set_up(void **state)
{
    struct world *w = world_open();

    memset(lane_seq, 0, sizeof(lane_seq));
    for (unsigned i = 0; i < PEOPLE; i++) {
        char sql[200];

        snprintf(sql, sizeof(sql),
                 "SELECT bus.principal_add('%s', split_part('%s', '.', 1), 'all', '',"
                 " decode(repeat('%02x', 32), 'hex'))",
                 names[i], names[i], 16 + i);
        pgserver_exec(w->pg, sql);
    }
    *state = w;
    return arena_create(&arena, 2 * LIMIT_ARENA_BYTES) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    arena_destroy(arena);
    world_close(*state);
    return 0;
}

/* --- messages as ingress makes them ----------------------------------------------------------- */

struct said {
    uint8_t id[ID_BYTES];
    char text[ID_TEXT];
};

static void begin_envelope(struct world *w, Eocbus__V1__Envelope *e, unsigned from,
                           struct said *said)
{
    uint8_t random[10];

    eocbus__v1__envelope__init(e);
    loop_random(w->loop, random, sizeof(random));
    id_make(said->id, loop_utc_us(w->loop), random);
    id_format(said->text, said->id);
    e->message_id = (ProtobufCBinaryData){ID_BYTES, said->id};
    e->schema = SCHEMA_VERSION;
    e->sender = (char *)(uintptr_t)names[from];
    e->epoch = 77;
    e->lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    e->lane_seq = ++lane_seq[from];
    e->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    e->kind = EOCBUS__V1__KIND__KIND_REPORT;
    e->event_time_us = e->sent_time_us = loop_utc_us(w->loop);
    e->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
}

static struct parcel *parcel_of(struct world *w, const Eocbus__V1__Envelope *e, unsigned from,
                                const char *to)
{
    size_t len = eocbus__v1__envelope__get_packed_size(e);
    uint8_t *bytes = mem_alloc(len);
    struct buf json = {0};
    struct refusal why;
    struct parcel *p;

    if (gate_check(&e->base, &why) != ST_OK)
        fail_msg("%s: %s", why.path, why.text);
    eocbus__v1__envelope__pack(e, bytes);
    p = parcel_create(bytes, len, NULL, 0);
    mem_free(bytes);
    p->principal_id = (int32_t)from + 1;
    p->id = (struct parcel_identity){e->epoch, (uint32_t)e->lane, e->lane_seq};
    memcpy(p->message_id, e->message_id.data, ID_BYTES);
    p->type = (uint16_t)e->body_case;
    p->status = (uint8_t)e->status;
    p->event_time_us = e->event_time_us;
    p->received_time_us = loop_utc_us(w->loop);
    p->not_after_us = e->not_after_us;
    p->to = to ? mem_strdup(to) : NULL;
    json_print(&json, &e->base);
    buf_put(&json, "", 1);
    p->doc = (char *)json.data;
    return p;
}

static void submit(struct world *w, const Eocbus__V1__Envelope *e, unsigned from, const char *to)
{
    unsigned settled = w->settled + 1;

    world_submit(w, parcel_of(w, e, from, to));
    TURN_UNTIL(w, w->settled == settled);
    assert_int_equal(w->refused, 0);
}

/* A note to `to` (entries split by blanks). */
static struct said send_note(struct world *w, unsigned from, const char *to, int64_t not_after_us)
{
    struct said said;
    Eocbus__V1__Envelope e;
    Eocbus__V1__GeneralMessage note = EOCBUS__V1__GENERAL_MESSAGE__INIT;

    begin_envelope(w, &e, from, &said);
    note.from_role = (char *)(uintptr_t) "duty";
    note.subject = (char *)(uintptr_t) "bridge";
    note.text = (char *)(uintptr_t) "The bridge at Zasun is gone.";
    e.not_after_us = not_after_us;
    e.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    e.general_message = &note;
    submit(w, &e, from, to);
    return said;
}

static void answer_about(struct world *w, unsigned from, struct said about, int level,
                         const char *code, const char *recipient)
{
    struct said said;
    Eocbus__V1__Envelope e;
    Eocbus__V1__Receipt r = EOCBUS__V1__RECEIPT__INIT;

    begin_envelope(w, &e, from, &said);
    r.message_id = (ProtobufCBinaryData){ID_BYTES, about.id};
    r.level = (Eocbus__V1__ReceiptLevel)level;
    r.by = (char *)(uintptr_t)names[from];
    r.code = (char *)(uintptr_t)code;
    r.recipient = (char *)(uintptr_t)recipient;
    r.time_us = loop_utc_us(w->loop);
    e.kind = EOCBUS__V1__KIND__KIND_ACK;
    e.body_case = EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
    e.receipt = &r;
    submit(w, &e, from, NULL);
}

struct shift {
    const char *principal;
    int from_s, to_s; /* from now */
    unsigned order;
    const char *delegated_by, *delegated_type;
};

static void set_roster(struct world *w, const char *role, const char *place, int from_s, int to_s,
                       const struct shift *shifts, unsigned n)
{
    struct said said;
    int64_t now = loop_utc_us(w->loop);
    Eocbus__V1__Envelope e;
    Eocbus__V1__DutyRoster r = EOCBUS__V1__DUTY_ROSTER__INIT;
    Eocbus__V1__Period periods[9], whole = EOCBUS__V1__PERIOD__INIT;
    Eocbus__V1__Shift shift[8], *list[8];

    begin_envelope(w, &e, CHIEF, &said);
    whole.from_us = now + from_s * SECOND_US;
    whole.to_us = now + to_s * SECOND_US;
    for (unsigned i = 0; i < n; i++) {
        eocbus__v1__shift__init(&shift[i]);
        eocbus__v1__period__init(&periods[i]);
        periods[i].from_us = now + shifts[i].from_s * SECOND_US;
        periods[i].to_us = now + shifts[i].to_s * SECOND_US;
        shift[i].principal = (char *)(uintptr_t)shifts[i].principal;
        shift[i].period = &periods[i];
        shift[i].order = shifts[i].order;
        if (shifts[i].delegated_by)
            shift[i].delegated_by = (char *)(uintptr_t)shifts[i].delegated_by;
        if (shifts[i].delegated_type) {
            shift[i].delegated_types = (char **)(uintptr_t)&shifts[i].delegated_type;
            shift[i].n_delegated_types = 1;
        }
        list[i] = &shift[i];
    }
    r.role = (char *)(uintptr_t)role;
    r.place = (char *)(uintptr_t)place;
    r.period = &whole;
    r.shifts = list;
    r.n_shifts = n;
    e.body_case = EOCBUS__V1__ENVELOPE__BODY_DUTY_ROSTER;
    e.duty_roster = &r;
    submit(w, &e, CHIEF, NULL);
}

/* --- what stands there afterwards ------------------------------------------------------------- */

/* "recipient:LEVEL:code:by" for each, in the order of to[]. */
static const char *fate(struct world *w, struct said m)
{
    char sql[400];

    snprintf(sql, sizeof(sql),
             "SELECT coalesce(string_agg(concat_ws(':', v.recipient, v.level, nullif(v.code, ''), "
             "v.by), ' '"
             " ORDER BY r.ordinal), '') FROM eoc.recipient v"
             " JOIN bus.recipient r ON r.seq = v.seq AND r.named = v.recipient"
             " WHERE v.message_id = '%s'",
             m.text);
    return pgserver_text(w->pg, sql);
}

static const char *notes(struct world *w, struct said m)
{
    char sql[300];

    snprintf(
        sql, sizeof(sql),
        "SELECT coalesce(string_agg(concat_ws(':', level, by, note), ' ' ORDER BY step_id), '')"
        " FROM eoc.recipient_step WHERE message_id = '%s' AND note <> ''",
        m.text);
    return pgserver_text(w->pg, sql);
}

/* "LEVEL:code:by" of each receipt of the bus about it. */
static const char *told(struct world *w, struct said m)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "SELECT coalesce(string_agg(concat_ws(':', level, nullif(code, ''), by), ' ' ORDER BY "
             "seq), '')"
             " FROM eoc.receipt WHERE sender = 'bus' AND about_id = '%s'",
             m.text);
    return pgserver_text(w->pg, sql);
}

static int64_t unsaid(struct world *w)
{
    return pgserver_number(w->pg,
                           "SELECT count(*) FROM bus.recipient_step WHERE receipt_seq IS NULL");
}

/* The time of what was sent is over now: whatever else the machine does, no test is late for it. */
static void let_time_pass(struct world *w)
{
    pgserver_exec(w->pg, "UPDATE bus.recipient SET due_at = clock_timestamp() WHERE level < 4;"
                         "UPDATE bus.addressed SET due_at = clock_timestamp()");
}

static void until_all_is_said(struct world *w)
{
    TURN_UNTIL(w, unsaid(w) == 0);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void a_message_is_for_whom_its_entries_stand_for(void **state)
{
    struct world *w = *state;
    struct said m;

    pgserver_exec(w->pg, "SELECT bus.principal_revoke('coes.dushanbe.night')");
    m = send_note(w, SENDER,
                  "rcst.ayni rcst coes.dushanbe.night coes.nobody.here moes dispatcher@3505203", 0);
    assert_string_equal(fate(w, m),
                        "rcst.ayni:STORED rcst:STORED coes.dushanbe.night:UNDELIVERABLE:revoked"
                        " coes.nobody.here:UNDELIVERABLE:unknown_principal"
                        " moes:UNDELIVERABLE:unknown_agency"
                        " dispatcher@3505203:UNDELIVERABLE:nobody_on_duty");
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM eoc.reached WHERE recipient = 'rcst'"), 2);
    until_all_is_said(w);
    assert_string_equal(told(w, m),
                        "UNDELIVERABLE:revoked:bus UNDELIVERABLE:unknown_principal:bus"
                        " UNDELIVERABLE:unknown_agency:bus UNDELIVERABLE:nobody_on_duty:bus");
}

static void an_agency_is_everybody_but_the_sender(void **state)
{
    struct world *w = *state;
    struct said m = send_note(w, AYNI, "rcst", 0);

    assert_string_equal(pgserver_text(w->pg, "SELECT string_agg(principal, ' ') FROM eoc.reached"),
                        names[PENJIKENT]);
    pgserver_exec(w->pg, "SELECT bus.principal_revoke('rcst.penjikent')");
    TURN_UNTIL(w, strstr(fate(w, m), "UNDELIVERABLE"));
    assert_string_equal(fate(w, m), "rcst:UNDELIVERABLE:revoked");
    m = send_note(w, AYNI, "rcst", 0);
    assert_string_equal(fate(w, m), "rcst:UNDELIVERABLE:revoked");
}

static void a_role_is_whoever_is_called_first_and_on_duty(void **state)
{
    struct world *w = *state;
    const struct shift day[] = {{names[CHIEF], -HOUR, HOUR, 2, NULL, NULL},
                                {names[NIGHT], -HOUR, HOUR, 1, NULL, NULL},
                                {names[AYNI], HOUR, 2 * HOUR, 1, NULL, NULL}};
    struct said m;

    set_roster(w, "dispatcher", "3505203", -HOUR, 2 * HOUR, day, 3);
    m = send_note(w, SENDER, "dispatcher@3505203", 0);
    assert_string_equal(pgserver_text(w->pg, "SELECT string_agg(principal, ' ') FROM eoc.reached"),
                        names[NIGHT]);
    /* The second may act for the role too. Who comes on later may not yet. */
    answer_about(w, AYNI, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED, "", "");
    assert_string_equal(notes(w, m), "ACCEPTED:rcst.ayni:not_a_recipient");
    answer_about(w, CHIEF, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED, "", "");
    assert_string_equal(fate(w, m), "dispatcher@3505203:ACCEPTED:coes.dushanbe.chief");
    assert_string_equal(
        pgserver_text(w->pg, "SELECT string_agg(principal || turn, ' ') FROM eoc.duty"),
        "coes.dushanbe.night1 coes.dushanbe.chief2");
}

static void a_delegation_goes_as_far_as_it_says(void **state)
{
    struct world *w = *state;
    const struct shift alerts[] = {{names[NIGHT], -HOUR, HOUR, 1, names[CHIEF], "public_alert"}};
    const struct shift letters[] = {
        {names[NIGHT], -HOUR, HOUR, 1, names[CHIEF], "general_message"}};
    struct said m;

    set_roster(w, "duty", "dushanbe", -HOUR, HOUR, alerts, 1);
    m = send_note(w, SENDER, "duty@dushanbe", 0);
    assert_string_equal(fate(w, m), "duty@dushanbe:UNDELIVERABLE:nobody_on_duty");
    set_roster(w, "duty", "dushanbe", -HOUR, HOUR, letters, 1);
    m = send_note(w, SENDER, "duty@dushanbe", 0);
    assert_string_equal(fate(w, m), "duty@dushanbe:STORED");
}

static const char *on_duty_in(struct world *w, int minutes)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "SELECT coalesce((SELECT principal FROM bus.on_duty('duty', 'dushanbe',"
             " now() + interval '%d minutes', NULL)), 'nobody')",
             minutes);
    return pgserver_text(w->pg, sql);
}

static void a_later_roster_replaces_from_its_period_on(void **state)
{
    struct world *w = *state;
    const struct shift first[] = {{names[CHIEF], -HOUR, 5 * HOUR, 1, NULL, NULL}};
    const struct shift second[] = {{names[NIGHT], HOUR, 2 * HOUR, 1, NULL, NULL}};
    const struct shift third[] = {{names[NIGHT], 0, 2 * HOUR, 1, NULL, NULL}};

    set_roster(w, "duty", "dushanbe", -HOUR, 5 * HOUR, first, 1);
    set_roster(w, "duty", "dushanbe", HOUR, 3 * HOUR, second, 1);
    assert_string_equal(on_duty_in(w, 1), names[CHIEF]);
    assert_string_equal(on_duty_in(w, 90), names[NIGHT]);
    /* a hole of the second is not filled from the first */
    assert_string_equal(on_duty_in(w, 150), "nobody");
    /* nor does the first come back */
    assert_string_equal(on_duty_in(w, 240), "nobody");
    set_roster(w, "duty", "dushanbe", 0, 2 * HOUR, third, 1);
    assert_string_equal(on_duty_in(w, 1), names[NIGHT]);
}

static void receipts_move_forward_only(void **state)
{
    struct world *w = *state;
    struct said m = send_note(w, SENDER, "rcst.ayni rcst", 0);

    answer_about(w, AYNI, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_DISPLAYED, "", "rcst.ayni");
    assert_string_equal(fate(w, m), "rcst.ayni:DISPLAYED:rcst.ayni rcst:STORED");
    answer_about(w, AYNI, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_DELIVERED, "", "rcst.ayni");
    assert_string_equal(fate(w, m), "rcst.ayni:DISPLAYED:rcst.ayni rcst:STORED");
    assert_string_equal(notes(w, m), "DELIVERED:rcst.ayni:known_before");
    answer_about(w, PENJIKENT, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED, "road_closed",
                 "");
    answer_about(w, AYNI, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED, "", "");
    assert_string_equal(fate(w, m),
                        "rcst.ayni:ACCEPTED:rcst.ayni rcst:REJECTED:road_closed:rcst.penjikent");
    answer_about(w, SENDER, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED, "", "");
    answer_about(w, AYNI, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_UNDELIVERABLE, "", "rcst");
    assert_string_equal(
        notes(w, m),
        "DELIVERED:rcst.ayni:known_before ACCEPTED:rcst.ayni:answered_before"
        " ACCEPTED:coes.ayni:not_a_recipient UNDELIVERABLE:rcst.ayni:not_theirs_to_say");
    /* Those who answered say so themselves; the bus adds nothing. */
    until_all_is_said(w);
    assert_string_equal(told(w, m), "");
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.recipient_reach"
                                            " WHERE level = 0 AND principal_id = 1"),
                     6);
}

static void a_receipt_may_come_before_its_message(void **state)
{
    struct world *w = *state;
    struct said said, m;
    Eocbus__V1__Envelope e;
    Eocbus__V1__GeneralMessage note = EOCBUS__V1__GENERAL_MESSAGE__INIT;

    begin_envelope(w, &e, SENDER, &m);
    said = m;
    answer_about(w, AYNI, said, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED, "", "");
    assert_string_equal(notes(w, m), "ACCEPTED:rcst.ayni:message_unknown");
    note.from_role = note.subject = note.text = (char *)(uintptr_t) "mudflow";
    e.message_id.data = m.id;
    e.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    e.general_message = &note;
    submit(w, &e, SENDER, "rcst.ayni");
    assert_string_equal(fate(w, m), "rcst.ayni:ACCEPTED:rcst.ayni");
    assert_string_equal(notes(w, m), "");
}

static void a_listener_that_took_it_delivers_it(void **state)
{
    struct world *w = *state;
    struct said m = send_note(w, SENDER, "rcst.ayni", 0);

    /* Another number, lane or pattern is not this message. */
    assert_int_equal(pgserver_number(w->pg, "SELECT bus.delivered(2, 0, 0, NULL, NULL, 'desk')"),
                     0);
    assert_int_equal(
        pgserver_number(w->pg, "SELECT bus.delivered(2, 0, 99, '{1,2}', NULL, 'desk')"), 0);
    assert_int_equal(
        pgserver_number(w->pg, "SELECT bus.delivered(2, 0, 99, NULL, '{actual.alert.**}', 'desk')"),
        0);
    assert_int_equal(pgserver_number(w->pg, "SELECT bus.delivered(3, 0, 99, NULL, NULL, 'desk')"),
                     0);
    assert_int_equal(
        pgserver_number(w->pg,
                        "SELECT bus.delivered(2, 0, 99, '{4}', '{x.*,*.office.*.-.-}', 'desk')"),
        1);
    assert_int_equal(pgserver_number(w->pg, "SELECT bus.delivered(2, 0, 99, NULL, NULL, 'desk')"),
                     0);
    assert_string_equal(fate(w, m), "rcst.ayni:DELIVERED:rcst.ayni");
    assert_string_equal(pgserver_text(w->pg, "SELECT listener FROM eoc.reached"), "desk");
    until_all_is_said(w);
    assert_string_equal(told(w, m), "DELIVERED:rcst.ayni");
}

static void who_does_not_answer_in_time_is_expired(void **state)
{
    struct world *w = *state;
    int64_t later = loop_utc_us(w->loop) + HOUR * SECOND_US;
    struct said m = send_note(w, SENDER, "rcst.ayni rcst.penjikent coes.dushanbe.chief", later);
    struct said late;

    answer_about(w, AYNI, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED, "", "");
    answer_about(w, CHIEF, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_DISPLAYED, "", "");
    let_time_pass(w);
    TURN_UNTIL(w,
               pgserver_number(w->pg, "SELECT count(*) FROM bus.recipient WHERE level = 6") == 2);
    assert_string_equal(fate(w, m),
                        "rcst.ayni:ACCEPTED:rcst.ayni rcst.penjikent:EXPIRED:not_delivered"
                        " coes.dushanbe.chief:EXPIRED:not_answered");
    until_all_is_said(w);
    assert_string_equal(told(w, m), "EXPIRED:not_delivered:bus EXPIRED:not_answered:bus");
    answer_about(w, PENJIKENT, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED, "", "");
    assert_string_equal(notes(w, m), "ACCEPTED:rcst.penjikent:expired_before");
    assert_string_equal(
        pgserver_text(w->pg, "SELECT string_agg(principal || ':' || level, ' ' ORDER BY principal)"
                             " FROM eoc.reached"),
        "coes.dushanbe.chief:DISPLAYED rcst.ayni:ACCEPTED rcst.penjikent:EXPIRED");
    late = send_note(w, SENDER, "rcst.ayni", loop_utc_us(w->loop) - SECOND_US);
    assert_int_equal(pgserver_number(w->pg, "SELECT bus.delivered(2, 0, 99, NULL, NULL, 'desk')"),
                     0);
    assert_string_equal(fate(w, late), "rcst.ayni:EXPIRED:too_late");
}

/* Also without anybody's timer. */
static void overdue_is_expired_wherever_it_is_looked_at(void **state)
{
    struct world *w = *state;
    struct said m;

    store_destroy(w->store);
    pgserver_exec(w->pg,
                  "ALTER FUNCTION bus.tick RENAME TO tick_that_stands_still;"
                  "CREATE FUNCTION bus.tick(most int4, OUT expired int4, OUT undeliverable int4,"
                  " OUT said int4, OUT more bool) LANGUAGE sql AS 'SELECT 0, 0, 0, false';"
                  "GRANT EXECUTE ON FUNCTION bus.tick TO bus_ingest");
    w->here = false;
    w->store = world_store(w, PATIENT_MS);
    TURN_UNTIL(w, w->here);
    m = send_note(w, SENDER, "rcst.ayni", loop_utc_us(w->loop) + HOUR * SECOND_US);
    assert_string_equal(fate(w, m), "rcst.ayni:STORED");
    let_time_pass(w);
    TURN_UNTIL(w, strstr(fate(w, m), "EXPIRED"));
    assert_int_equal(pgserver_number(w->pg, "SELECT level FROM bus.recipient"), 1);
    answer_about(w, AYNI, m, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED, "", "");
    assert_string_equal(fate(w, m), "rcst.ayni:EXPIRED:not_delivered");
    assert_string_equal(notes(w, m), "ACCEPTED:rcst.ayni:expired_before");
}

/* The bytes that SQL makes are what the gate lets in, and the JSON beside them says the same. */
static void what_the_bus_says_passes_the_gate(void **state)
{
    struct world *w = *state;
    struct said m =
        send_note(w, SENDER, "rcst.ayni moes coes.x", loop_utc_us(w->loop) + HOUR * SECOND_US);
    int64_t n;

    assert_int_equal(pgserver_number(w->pg, "SELECT bus.delivered(2, 0, 99, NULL, NULL, 'desk')"),
                     1);
    let_time_pass(w);
    TURN_UNTIL(w, strstr(told(w, m), "EXPIRED"));
    n = pgserver_number(w->pg, "SELECT count(*) FROM bus.message WHERE sender_id = 0");
    assert_int_equal(n, 4);
    for (int64_t i = 1; i <= n; i++) {
        char sql[4000];
        uint8_t bytes[1000];
        size_t len = 0;
        const char *hex;
        struct refusal why;
        struct buf json = {0};
        Eocbus__V1__Envelope *e;

        snprintf(
            sql, sizeof(sql),
            "SELECT encode(content, 'hex') FROM bus.message WHERE sender_id = 0 AND lane_seq = %d",
            (int)i);
        for (hex = pgserver_text(w->pg, sql); hex[2 * len] && len < sizeof(bytes); len++) {
            unsigned byte;

            assert_int_equal(sscanf(hex + 2 * len, "%2x", &byte), 1);
            bytes[len] = (uint8_t)byte;
        }
        arena_reset(arena);
        if (gate_content(&e, bytes, len, arena, &why) != ST_OK)
            fail_msg("%s: %s", why.path, why.text);
        assert_string_equal(e->sender, "bus");
        assert_string_equal(e->to[0], names[SENDER]);
        assert_memory_equal(e->receipt->message_id.data, m.id, ID_BYTES);
        assert_int_equal(eocbus__v1__envelope__get_packed_size(e), len); /* nothing superfluous */
        json_print(&json, &e->base);
        buf_put(&json, "", 1);
        snprintf(sql, sizeof(sql),
                 "SELECT coalesce((SELECT CASE WHEN d.doc = j THEN 'same' ELSE d.doc::text || "
                 "j::text END"
                 " FROM bus.document d JOIN bus.message m USING (seq), CAST('%s' AS jsonb) AS j"
                 " WHERE m.sender_id = 0 AND m.lane_seq = %d), 'none')",
                 (char *)json.data, (int)i);
        assert_string_equal(pgserver_text(w->pg, sql), "same");
        buf_free(&json);
    }
}

static void numbers_are_encoded_as_protobuf_does(void **state)
{
    struct world *w = *state;

    assert_string_equal(
        pgserver_text(w->pg, "SELECT string_agg(encode(bus.pb_varint(v), 'hex'), ' ' ORDER BY o)"
                             " FROM unnest('{0,1,127,128,300,9223372036854775807,-1}'::int8[])"
                             " WITH ORDINALITY AS u(v, o)"),
        "00 01 7f 8001 ac02 ffffffffffffffff7f ffffffffffffffffff01");
}

/* Two brokers, one of which goes in the middle, and a server that is killed: every end is said
 * exactly once. */
static void each_end_is_said_once_whoever_dies(void **state)
{
    struct world *w = *state;
    enum { NOTES = 120 };
    struct store *other = world_store(w, PATIENT_MS);
    int64_t soon = loop_utc_us(w->loop) + 4 * SECOND_US;

    for (unsigned i = 0; i < NOTES; i++)
        send_note(w, SENDER, i % 3 ? "rcst.ayni rcst" : "moes", soon);
    TURN_UNTIL(w,
               pgserver_number(w->pg, "SELECT count(*) FROM bus.recipient WHERE level = 6") > 20);
    store_destroy(other);
    pgserver_kill(w->pg);
    pgserver_start_again(w->pg);
    TURN_UNTIL(w,
               pgserver_number(w->pg, "SELECT count(*) FROM bus.recipient WHERE level < 4") == 0);
    until_all_is_said(w);
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM eoc.receipt WHERE sender = 'bus'"),
        NOTES / 3 + 2 * (NOTES * 2 / 3));
    assert_int_equal(
        pgserver_number(w->pg,
                        "SELECT count(*) FROM (SELECT about_id, b.recipient FROM eoc.receipt r,"
                        " LATERAL (SELECT d.doc->'receipt'->>'recipient' AS recipient"
                        " FROM bus.document d WHERE d.seq = r.seq) AS b"
                        " GROUP BY 1, 2 HAVING count(*) > 1) AS x"),
        0);
    /* And the log is still whole. */
    assert_int_equal(pgserver_number(w->pg, "SELECT max(seq) - count(*) FROM bus.message"), 0);
}

static unsigned roll(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % n;
}

/* Whatever happened, after the last expiry every recipient has come to an end, its sender was told
 * of it by exactly one last word, and nobody went backwards. */
static void every_recipient_comes_to_an_end(void **state)
{
    struct world *w = *state;
    enum { STEPS = 150 };
    static const char *const entries[] = {
        "rcst.ayni",           "rcst",     "coes", "moes", "duty@dushanbe", "dispatcher@3505203",
        "coes.dushanbe.chief", "coes.gone"};
    unsigned seed = 20261, sent = 0;
    struct said m[STEPS];

    for (unsigned i = 0; i < STEPS; i++) {
        unsigned what = roll(&seed, 10);
        int64_t later = loop_utc_us(w->loop) + (int64_t)roll(&seed, 4000000) - 300000;
        char text[200];

        if (what < 4 || !sent) {
            snprintf(text, sizeof(text), "%s %s", entries[roll(&seed, 8)], entries[roll(&seed, 8)]);
            m[sent++] = send_note(w, roll(&seed, PEOPLE), text, later);
        } else if (what < 7) {
            answer_about(w, roll(&seed, PEOPLE), m[roll(&seed, sent)], 1 + (int)roll(&seed, 7), "",
                         "");
        } else if (what < 8) {
            snprintf(text, sizeof(text), "SELECT bus.delivered(%u, 0, 9999, NULL, NULL, 'desk')",
                     1 + roll(&seed, PEOPLE));
            pgserver_number(w->pg, text);
        } else if (what < 9) {
            const struct shift shift = {
                names[roll(&seed, PEOPLE)], -HOUR, (int)roll(&seed, 3), 1, NULL, NULL};

            set_roster(w, "duty", "dushanbe", -HOUR, HOUR, &shift, 1);
        } else if (i == STEPS / 2) {
            pgserver_exec(w->pg, "SELECT bus.principal_revoke('rcst.penjikent')");
        }
    }
    TURN_UNTIL(w,
               pgserver_number(w->pg, "SELECT count(*) FROM bus.recipient WHERE level < 4") == 0);
    until_all_is_said(w);
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM eoc.recipient WHERE NOT is_final"), 0);
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM bus.recipient r WHERE (SELECT count(*) FROM"
                               " bus.recipient_step s WHERE s.seq = r.seq AND s.ordinal = r.ordinal"
                               " AND s.note = '' AND s.level >= 4) <> 1"),
        0);
    assert_int_equal(
        pgserver_number(w->pg,
                        "SELECT count(*) FROM (SELECT s.level, lag(s.level) OVER (PARTITION BY"
                        " s.seq, s.ordinal ORDER BY s.step_id) AS before FROM bus.recipient_step s"
                        " WHERE s.note = '') AS x WHERE before >= level"),
        0);
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM bus.recipient_step s LEFT JOIN bus.message m"
                               " ON m.seq = s.receipt_seq WHERE m.seq IS NULL"),
        0);
    /* What the bus said went out with the rest, in order. */
    TURN_UNTIL(w, w->next_last == (uint64_t)pgserver_number(w->pg, "SELECT seq FROM bus.log_head"));
    assert_true(w->next_in_order);
}

/* Nobody becomes the bus, and the bus does not go. */
static void the_bus_is_nobodys_to_enrol(void **state)
{
    struct world *w = *state;
    const char *key = "decode(repeat('ee', 32), 'hex')";
    char sql[200];

    snprintf(sql, sizeof(sql), "SELECT bus.principal_add('bus', '', '', '', %s)", key);
    assert_string_equal(pgserver_try(w->pg, "bus_admin", sql), "23505");
    snprintf(sql, sizeof(sql), "SELECT bus.principal_key_add('bus', %s)", key);
    assert_string_equal(pgserver_try(w->pg, "bus_admin", sql), "P0002");
    assert_string_equal(pgserver_try(w->pg, "bus_admin", "SELECT bus.principal_revoke('bus')"),
                        "P0002");
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM bus.principals() WHERE name = 'bus'"), 0);
    assert_string_equal(
        pgserver_try(w->pg, "bus_reader", "SELECT * FROM eoc.recipient, eoc.duty, eoc.reached"),
        "");
    assert_string_equal(pgserver_try(w->pg, "bus_ingest",
                                     "SELECT bus.say(4::int2, 1::int2, 7, 181::int2, '',"
                                     " gen_random_uuid(), '', '{}')"),
                        "42501");
}

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(a_message_is_for_whom_its_entries_stand_for),
        A_TEST(an_agency_is_everybody_but_the_sender),
        A_TEST(a_role_is_whoever_is_called_first_and_on_duty),
        A_TEST(a_delegation_goes_as_far_as_it_says),
        A_TEST(a_later_roster_replaces_from_its_period_on),
        A_TEST(receipts_move_forward_only),
        A_TEST(a_receipt_may_come_before_its_message),
        A_TEST(a_listener_that_took_it_delivers_it),
        A_TEST(who_does_not_answer_in_time_is_expired),
        A_TEST(overdue_is_expired_wherever_it_is_looked_at),
        A_TEST(what_the_bus_says_passes_the_gate),
        A_TEST(numbers_are_encoded_as_protobuf_does),
        A_TEST(each_end_is_said_once_whoever_dies),
        A_TEST(every_recipient_comes_to_an_end),
        A_TEST(the_bus_is_nobodys_to_enrol),
    };

    return cmocka_run_group_tests_name("recipients", tests, NULL, NULL);
}
