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
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/enrol_form.h"
#include "agents/ctl/letter.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

/* --- request ---------------------------------------------------------------------------------- */

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
        code = enrol_fail(c, &why);
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

static int ask_for(struct ctl *c, const struct enrol_form *f, const char *name)
{
    const char *path = f->key_file ? f->key_file : c->set.agent.key_file;
    struct request r = {.made_us = letter_now_us()};
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

/* --- show, submit ----------------------------------------------------------------------------- */

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
    return st == ST_OK ? -1 : enrol_fail(c, &why);
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
            return enrol_fail(c, &why);
        keys_fingerprint(print, q.key, q.has_sign_key ? q.sign_key : NULL);
        buf_printf(&out, "%s asks to be enrolled; fingerprint %s\n", q.name, print);
    } else {
        if (enrolment_read(&r, paper->data, paper->len, &why) != ST_OK)
            return enrol_fail(c, &why);
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
    struct enrol_form f = {0};
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
        return enrol_sign(c, &f, c->argv[2]);
    if ((strcmp(verb, "show") == 0 || strcmp(verb, "submit") == 0) && c->argc == 3)
        return with_paper(c, verb, c->argv[2]);
    return program_fail(&c->program, EXIT_USAGE,
                        "say `enrol request [NAME]`, `enrol sign FILE`, `enrol show FILE` or "
                        "`enrol submit FILE`; see --help");
}
