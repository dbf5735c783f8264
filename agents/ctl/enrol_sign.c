/* enrol_sign - an officer signs: the first one fills in the record, the second one signs the same.
 */
#include "agents/ctl/enrol_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/letter.h"
#include "agents/link/print.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

#define DAY_US INT64_C(86400000000)
/* An officer's clock may be ahead of the broker's. */
#define BACKDATED_US INT64_C(600000000)

int enrol_fail(struct ctl *c, const struct refusal *why)
{
    return program_fail(&c->program, EXIT_REFUSED, "%s%s%s", why->path, why->path[0] ? ": " : "",
                        why->text);
}

/* A time, or so many days from now: "730d". */
static bool read_until(int64_t *out, const char *text, int64_t now_us)
{
    char *end;
    unsigned long days = strtoul(text, &end, 10);

    if (end != text && strcmp(end, "d") == 0 && days > 0 && days < 36500) {
        *out = now_us + (int64_t)days * DAY_US;
        return true;
    }
    return time_parse(out, text);
}

static bool join(char *out, size_t size, const struct option_words *words)
{
    size_t used = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < words->count; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", words->items[i]);
        if (used >= size)
            return false;
    }
    return true;
}

/* ST_EXISTS: no record of this name will ever be taken; said before anybody signs one. */
static enum status ask_serial(struct db *d, struct record *r, char *err, size_t size)
{
    bool revoked = false;
    enum status st = enrol_was_revoked(d, r->name, &revoked);

    if (st == ST_OK && revoked) {
        snprintf(err, size,
                 "%s was revoked, and names are never given twice; choose another, for example "
                 "%s2",
                 r->name, r->name);
        return ST_EXISTS;
    }
    if (st == ST_OK)
        st = enrol_next_serial(d, r->name, &r->serial);
    if (st != ST_OK)
        snprintf(err, size, "the database does not say which serial is next: %s; --serial N does",
                 db_error(d));
    return st;
}

static enum status choose_serial(struct ctl *c, const struct enrol_form *f, struct record *r,
                                 char *err, size_t size)
{
    struct db *d;
    enum status st;

    r->serial = f->serial ? f->serial : 1;
    if (f->serial || !c->set.database || !*c->set.database)
        return ST_OK;
    st = db_open(&d, c->set.database, err, size);
    if (st != ST_OK)
        return st;
    st = ask_serial(d, r, err, size);
    db_close(d);
    return st;
}

/* What the first officer makes of a request. Answers -1, or an exit code. */
static int fill_record(struct ctl *c, const struct enrol_form *f, const struct request *q,
                       struct record *r)
{
    int64_t now_us = letter_now_us();
    char err[600];
    enum status st;

    *r = (struct record){.has_sign_key = q->has_sign_key, .valid_from_us = now_us - BACKDATED_US};
    snprintf(r->name, sizeof(r->name), "%s", q->name);
    memcpy(r->key, q->key, KEY_BYTES);
    memcpy(r->sign_key, q->sign_key, KEY_BYTES);
    if (!f->agency || !f->roles.count || !f->until)
        return program_fail(&c->program, EXIT_USAGE,
                            "of a request the first officer says --agency, --role and --until");
    if (snprintf(r->agency, sizeof(r->agency), "%s", f->agency) >= RECORD_AGENCY ||
        !join(r->roles, sizeof(r->roles), &f->roles) ||
        !join(r->places, sizeof(r->places), &f->places))
        return program_fail(&c->program, EXIT_USAGE,
                            "the agency, the roles or the places are too "
                            "many or too long");
    if (!read_until(&r->not_after_us, f->until, now_us))
        return program_fail(&c->program, EXIT_USAGE,
                            "--until \"%s\" is no time; write 2027-05-01T00:00:00Z or 730d",
                            f->until);
    st = choose_serial(c, f, r, err, sizeof(err));
    if (st != ST_OK)
        return program_fail(&c->program, st == ST_EXISTS ? EXIT_REFUSED : EXIT_UNREACHABLE, "%s",
                            err);
    return -1;
}

/* On standard error: standard output may be the record. Answers -1, or an exit code. */
static int confirm(struct ctl *c, const struct officer_hand *h, const struct record *r,
                   const struct enrol_form *f)
{
    struct buf text = {0};
    char answer[80] = "";

    record_print(&text, r);
    fprintf(stderr, "%s signs:\n%.*s", h->who->name, (int)text.len, (const char *)text.data);
    buf_free(&text);
    if (f->yes)
        return -1;
    fprintf(stderr,
            "Compare the fingerprint with the device, by telephone.\n"
            "Sign? Type the name (%s) again, or nothing to stop: ",
            r->name);
    if (!fgets(answer, sizeof(answer), stdin))
        fprintf(stderr, "\n");
    answer[strcspn(answer, "\r\n")] = '\0';
    if (!answer[0])
        return program_fail(&c->program, EXIT_REFUSED, "not signed");
    if (strcmp(answer, r->name) != 0)
        return program_fail(&c->program, EXIT_REFUSED, "not signed: \"%s\" is not %s", answer,
                            r->name);
    return -1;
}

static int write_record(struct ctl *c, const struct officer_hand *h, const struct record *r,
                        const struct buf *bytes, const char *out)
{
    const char *names[OFFICERS_MOST];
    unsigned n = enrolment_signers(bytes->data, bytes->len, &h->pinned, names);
    char about[300], err[600];

    snprintf(about, sizeof(about), "record %llu of %s, signed by %u of the %u officers needed",
             (unsigned long long)r->serial, r->name, n, h->pinned.needed);
    if (paper_write(out, PAPER_ENROLMENT, about, bytes, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "%s", err);
    fprintf(stderr, "%s\n",
            n < h->pinned.needed ? "signed; another officer signs it as well: eocctl enrol sign"
                                 : "signed; it can be submitted: eocctl enrol submit");
    return EXIT_DONE;
}

static int sign_first(struct ctl *c, const struct enrol_form *f, const struct officer_hand *h,
                      const struct buf *paper)
{
    struct request q;
    struct record r;
    struct refusal why = {0};
    struct buf out = {0};
    int code;

    if (request_read(&q, paper->data, paper->len, &why) != ST_OK)
        return enrol_fail(c, &why);
    code = fill_record(c, f, &q, &r);
    if (code >= 0)
        return code;
    code = confirm(c, h, &r, f);
    if (code >= 0)
        return code;
    if (enrolment_begin(&out, &r, h->who->name, h->signer, letter_now_us(), &why) != ST_OK)
        code = enrol_fail(c, &why);
    else
        code = write_record(c, h, &r, &out, f->out ? f->out : "-");
    buf_free(&out);
    return code;
}

static int sign_again(struct ctl *c, const struct enrol_form *f, const struct officer_hand *h,
                      const struct buf *paper)
{
    struct record r;
    struct refusal why = {0};
    struct buf out = {0};
    int code;

    if (f->agency || f->roles.count || f->places.count || f->until || f->serial)
        return program_fail(&c->program, EXIT_USAGE,
                            "this record is made and signed; what it says cannot be changed");
    if (enrolment_read(&r, paper->data, paper->len, &why) != ST_OK)
        return enrol_fail(c, &why);
    code = confirm(c, h, &r, f);
    if (code >= 0)
        return code;
    if (enrolment_sign(&out, paper->data, paper->len, h->who->name, h->signer, letter_now_us(),
                       &why) != ST_OK)
        code = enrol_fail(c, &why);
    else
        code = write_record(c, h, &r, &out, f->out ? f->out : "-");
    buf_free(&out);
    return code;
}

int enrol_sign(struct ctl *c, const struct enrol_form *f, const char *path)
{
    struct officer_hand h = {0};
    struct buf paper = {0};
    char err[800];
    bool is_request;
    int code;

    if (!f->officer_key || !c->set.agent.officers_file || !*c->set.agent.officers_file)
        return program_fail(&c->program, EXIT_USAGE,
                            "--officer-key FILE, and the setting trust.officers, say who signs");
    if (paper_read(&paper, &is_request, path, err, sizeof(err)) != ST_OK)
        code = program_fail(&c->program, EXIT_USAGE, "%s", err);
    else if (officer_open(&h, c->set.agent.officers_file, f->officer_key, err, sizeof(err)) !=
             ST_OK)
        code = program_fail(&c->program, EXIT_REFUSED, "%s", err);
    else
        code = is_request ? sign_first(c, f, &h, &paper) : sign_again(c, f, &h, &paper);
    officer_close(&h);
    buf_free(&paper);
    return code;
}
