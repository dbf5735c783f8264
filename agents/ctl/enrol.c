/* enrol - from a device's request to a principal: two officers sign, on machines of their own that
 * need neither bus nor database; then anybody may submit what they signed.
 *
 *   device    enrol request   -> request
 *   officer   enrol sign      -> record with one signature
 *   officer   enrol sign      -> record with two
 *   operator  enrol submit    -> database; brokers hold it against their pins */
#include "agents/ctl/enrol.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

#define DAY_US INT64_C(86400000000)
/* An officer's clock may be ahead of the broker's. */
#define BACKDATED_US INT64_C(600000000)

struct form {
    const char *agency, *until, *officer_key, *out, *key_file;
    struct option_words roles, places;
    uint64_t serial;
    bool yes;
};

static int64_t utc_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int fail_refusal(struct ctl *c, const struct refusal *why)
{
    return program_fail(&c->program, EXIT_REFUSED, "%s%s%s", why->path, why->path[0] ? ": " : "",
                        why->text);
}

/* --- request ------------------------------------------------------------------------------------
 */

static int make_key_file(struct ctl *c, const char *path, const char *name)
{
    struct keys k;
    char err[600];
    enum status st;

    if (access(path, F_OK) == 0)
        return -1;
    if (keys_generate(&k) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "no key could be made");
    st = keys_save(&k, path, name, err, sizeof(err));
    keys_wipe(&k);
    return st == ST_OK ? -1 : program_fail(&c->program, EXIT_MACHINE, "%s", err);
}

static enum status load_key(struct request *r, struct signer **signer, const char *path, char *err,
                            size_t size)
{
    struct keys k;
    enum status st = keys_load(&k, path, err, size);

    if (st != ST_OK)
        return st;
    st = keys_z85_decode(r->key, k.public_z85);
    if (st == ST_OK) {
        st = signer_create(signer, &k);
        r->has_sign_key = st == ST_OK;
        if (st == ST_OK)
            memcpy(r->sign_key, signer_public(*signer), KEY_BYTES);
        else if (st == ST_NOTFOUND)
            st = ST_OK;
    }
    keys_wipe(&k);
    return st;
}

static int write_request(struct ctl *c, const struct request *r, const struct signer *signer,
                         const char *out)
{
    char about[200], print[FINGERPRINT], err[600];
    struct buf bytes = {0};
    struct refusal why = {0};
    int code = EXIT_DONE;

    keys_fingerprint(print, r->key, r->has_sign_key ? r->sign_key : NULL);
    snprintf(about, sizeof(about), "%s asks to be enrolled; fingerprint %s", r->name, print);
    if (request_put(&bytes, r, signer, &why) != ST_OK)
        code = fail_refusal(c, &why);
    else if (paper_write(out, PAPER_REQUEST, about, &bytes, err, sizeof(err)) != ST_OK)
        code = program_fail(&c->program, EXIT_MACHINE, "%s", err);
    else
        fprintf(stderr,
                "Send it to an enrolment officer, and read the fingerprint to them by "
                "telephone:\n  %s\n",
                print);
    buf_free(&bytes);
    return code;
}

static int ask_for(struct ctl *c, const struct form *f, const char *name)
{
    const char *path = f->key_file ? f->key_file : c->set.agent.key_file;
    struct request r = {.made_us = utc_now_us()};
    struct signer *signer = NULL;
    char err[600];
    int code;

    if (!name || !gate_name_is_valid(name))
        return program_fail(&c->program, EXIT_USAGE,
                            "say `enrol request NAME`; a name looks like agency.unit.node");
    if (!path || !*path)
        return program_fail(&c->program, EXIT_USAGE,
                            "--key-file says where the key is, or shall be");
    code = make_key_file(c, path, name);
    if (code >= 0)
        return code;
    snprintf(r.name, sizeof(r.name), "%s", name);
    if (load_key(&r, &signer, path, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "%s", err);
    code = write_request(c, &r, signer, f->out ? f->out : "-");
    signer_destroy(signer);
    return code;
}

/* --- sign ---------------------------------------------------------------------------------------
 */

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

static enum status choose_serial(struct ctl *c, const struct form *f, struct record *r, char *err,
                                 size_t size)
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
static int fill_record(struct ctl *c, const struct form *f, const struct request *q,
                       struct record *r)
{
    int64_t now_us = utc_now_us();
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
                   const struct form *f)
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

static int sign_first(struct ctl *c, const struct form *f, const struct officer_hand *h,
                      const struct buf *paper)
{
    struct request q;
    struct record r;
    struct refusal why = {0};
    struct buf out = {0};
    int code;

    if (request_read(&q, paper->data, paper->len, &why) != ST_OK)
        return fail_refusal(c, &why);
    code = fill_record(c, f, &q, &r);
    if (code >= 0)
        return code;
    code = confirm(c, h, &r, f);
    if (code >= 0)
        return code;
    if (enrolment_begin(&out, &r, h->who->name, h->signer, utc_now_us(), &why) != ST_OK)
        code = fail_refusal(c, &why);
    else
        code = write_record(c, h, &r, &out, f->out ? f->out : "-");
    buf_free(&out);
    return code;
}

static int sign_again(struct ctl *c, const struct form *f, const struct officer_hand *h,
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
        return fail_refusal(c, &why);
    code = confirm(c, h, &r, f);
    if (code >= 0)
        return code;
    if (enrolment_sign(&out, paper->data, paper->len, h->who->name, h->signer, utc_now_us(),
                       &why) != ST_OK)
        code = fail_refusal(c, &why);
    else
        code = write_record(c, h, &r, &out, f->out ? f->out : "-");
    buf_free(&out);
    return code;
}

static int sign(struct ctl *c, const struct form *f, const char *path)
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

/* --- show, submit -------------------------------------------------------------------------------
 */

/* With pins at hand a record that brokers would not believe goes no further. */
static int check(struct ctl *c, const struct buf *paper, struct record *r)
{
    const char *pins = c->set.agent.officers_file;
    struct officers o = {0};
    struct refusal why = {0};
    char err[600];
    enum status st;

    if (!pins || !*pins)
        st = enrolment_read(r, paper->data, paper->len, &why);
    else if (officers_load(&o, pins, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "%s", err);
    else
        st = enrolment_check(r, paper->data, paper->len, &o, &why);
    return st == ST_OK ? -1 : fail_refusal(c, &why);
}

static int submit_record(struct ctl *c, const struct buf *paper)
{
    struct record r = {0};
    struct db *d;
    char err[800];
    bool fresh = false;
    int code = check(c, paper, &r);
    enum status st;

    if (code >= 0)
        return code;
    if (!c->set.database || !*c->set.database)
        return program_fail(&c->program, EXIT_USAGE, "submit needs the setting \"database\"");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    st = enrol_check_roles(d, r.roles, err, sizeof(err));
    if (st == ST_OK) {
        st = enrol_submit(d, &r, paper, &fresh);
        snprintf(err, sizeof(err), "%s", db_error(d));
    }
    if (st != ST_OK)
        code = program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED,
                            "%s was not enrolled: %s", r.name, err);
    else
        printf(fresh ? "%s is enrolled with record %llu; brokers know it within seconds\n"
                     : "%s: record %llu is there already\n",
               r.name, (unsigned long long)r.serial);
    db_close(d);
    return st == ST_OK ? EXIT_DONE : code;
}

static void print_signers(struct ctl *c, const struct buf *paper, struct buf *out)
{
    const char *pins = c->set.agent.officers_file, *names[OFFICERS_MOST];
    struct officers o;
    char err[600];

    if (!pins || !*pins || officers_load(&o, pins, err, sizeof(err)) != ST_OK)
        return;
    unsigned n = enrolment_signers(paper->data, paper->len, &o, names);
    buf_printf(out, "  %-13s", "signed by");
    for (unsigned i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? ", " : "", names[i]);
    buf_printf(out, "%s of %u needed\n", n ? "" : "nobody", o.needed);
}

static int show(struct ctl *c, const struct buf *paper, bool is_request)
{
    struct buf out = {0};
    struct refusal why = {0};
    struct request q;
    struct record r;
    char print[FINGERPRINT];

    if (is_request) {
        if (request_read(&q, paper->data, paper->len, &why) != ST_OK)
            return fail_refusal(c, &why);
        keys_fingerprint(print, q.key, q.has_sign_key ? q.sign_key : NULL);
        buf_printf(&out, "%s asks to be enrolled; fingerprint %s\n", q.name, print);
    } else {
        if (enrolment_read(&r, paper->data, paper->len, &why) != ST_OK)
            return fail_refusal(c, &why);
        record_print(&out, &r);
        print_signers(c, paper, &out);
    }
    (void)print_flush(&out);
    buf_free(&out);
    return EXIT_DONE;
}

static int with_paper(struct ctl *c, const char *verb, const char *path)
{
    struct buf paper = {0};
    bool is_request = false;
    char err[600];
    int code;

    if (paper_read(&paper, &is_request, path, err, sizeof(err)) != ST_OK)
        code = program_fail(&c->program, EXIT_USAGE, "%s", err);
    else if (strcmp(verb, "show") == 0)
        code = show(c, &paper, is_request);
    else if (is_request)
        code = program_fail(&c->program, EXIT_USAGE,
                            "%s is a request; two officers sign it first: eocctl enrol sign", path);
    else
        code = submit_record(c, &paper);
    buf_free(&paper);
    return code;
}

int ctl_enrol(struct ctl *c)
{
    struct form f = {0};
    const struct option_row options[] = {
        {"--agency", OPTION_TEXT, &f.agency},
        {"--role", OPTION_WORDS, &f.roles},
        {"--place", OPTION_WORDS, &f.places},
        {"--until", OPTION_TEXT, &f.until},
        {"--officer-key", OPTION_TEXT, &f.officer_key},
        {"--out", OPTION_TEXT, &f.out},
        {"--key-file", OPTION_TEXT, &f.key_file},
        {"--serial", OPTION_NUMBER, &f.serial},
        {"--yes", OPTION_FLAG, &f.yes},
    };
    char err[600];
    const char *verb;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    verb = c->argc > 1 ? c->argv[1] : "";
    if (strcmp(verb, "request") == 0 && c->argc <= 3)
        return ask_for(c, &f, c->argc == 3 ? c->argv[2] : c->set.agent.name);
    if (strcmp(verb, "sign") == 0 && c->argc == 3)
        return sign(c, &f, c->argv[2]);
    if ((strcmp(verb, "show") == 0 || strcmp(verb, "submit") == 0) && c->argc == 3)
        return with_paper(c, verb, c->argv[2]);
    return program_fail(&c->program, EXIT_USAGE,
                        "say `enrol request [NAME]`, `enrol sign FILE`, `enrol show FILE` or "
                        "`enrol submit FILE`; see --help");
}
