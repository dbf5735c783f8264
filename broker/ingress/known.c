/* Known answers Who: the enrolment records of principals as their officers signed them. The broker
 * is only the messenger, and the asker checks the officers' signatures itself, so anyone with a
 * session may ask.
 *
 * Frames are cut where the link of the session wants them cut. When the socket is full the rest is
 * left out: who misses an answer asks again. */
#include "broker/ingress/room.h"

#include <string.h>

#include "proto/wire/approval.h"

#include "proto/base/banned.h"

/* Names in one Who, and the most records that one frame takes. */
enum { RECORDS_MOST = 256, KNOWN_FRAME_BYTES = 32768 };

struct known {
    struct ingress *in;
    struct session *s;
    ProtobufCBinaryData records[RECORDS_MOST];
    int64_t revoked_us[RECORDS_MOST];
    char *nobody[RECORDS_MOST];
    size_t n_records, n_nobody, bytes; /* in this frame */
    size_t of_name;                    /* records of the name that is being looked at */
    enum status st;
    char *order_rules; /* goes with the first frame; NULL = was not asked for, or has gone */
};

static void send_known(struct known *k)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Known known = EOCBUS__V1__KNOWN__INIT;

    known.n_enrolments = k->n_records;
    known.enrolments = k->records;
    known.n_revoked_us = k->n_records;
    known.revoked_us = k->revoked_us;
    known.n_nobody = k->n_nobody;
    known.nobody = k->nobody;
    if (k->order_rules)
        known.order_rules = k->order_rules;
    f.what_case = EOCBUS__V1__FRAME__WHAT_KNOWN;
    f.known = &known;
    if (k->st == ST_OK)
        k->st = answer_frame(k->in, k->s, &f);
    k->n_records = k->n_nobody = k->bytes = 0;
    k->order_rules = NULL;
}

static void make_room(struct known *k, size_t bytes)
{
    size_t most =
        k->st == ST_OK && k->s->link->frame_bytes ? k->s->link->frame_bytes : KNOWN_FRAME_BYTES;

    if (k->bytes && (k->bytes + bytes > most || k->n_records == RECORDS_MOST))
        send_known(k);
    k->bytes += bytes;
}

static void add_record(void *arg, const struct principal *p)
{
    struct known *k = arg;

    if (!p->enrolment_len)
        return;
    make_room(k, p->enrolment_len);
    k->revoked_us[k->n_records] = p->revoked_us;
    k->records[k->n_records].data = p->enrolment;
    k->records[k->n_records++].len = p->enrolment_len;
    k->of_name++;
}

/* One question would bring the same answer 64 times. */
static bool was_named(const Eocbus__V1__Who *who, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(who->names[i], who->names[at]) == 0)
            return true;
    return false;
}

void answer_who(struct ingress *in, struct session *s, const Eocbus__V1__Who *who)
{
    struct known k = {.in = in, .s = s};
    struct buf rules = {0};

    if (who->order_rules &&
        approval_pick_rules(&rules, access_rules_text(in->set.access)) == ST_OK) {
        buf_put(&rules, "", 1);
        k.order_rules = rules.failed ? NULL : (char *)rules.data;
        k.bytes = k.order_rules ? rules.len : 0;
    }
    for (size_t i = 0; i < who->n_names; i++) {
        if (was_named(who, i))
            continue;
        k.of_name = 0;
        access_each_named(in->set.access, who->names[i], add_record, &k);
        if (k.of_name)
            continue;
        make_room(&k, strlen(who->names[i]));
        k.nobody[k.n_nobody++] = who->names[i];
    }
    send_known(&k);
    buf_free(&rules);
}
