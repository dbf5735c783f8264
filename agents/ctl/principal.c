/* principal - who may use the bus: a name that a public key stands for. */
#include "agents/ctl/principal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/enrol.h"
#include "agents/ctl/listing.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "proto/base/ids.h"
#include "proto/base/keys.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

static enum status check_form(const struct principal_form *f, char *err, size_t err_size)
{
    int64_t when;

    if (!gate_name_is_valid(f->name))
        snprintf(err, err_size,
                 "\"%s\" is no principal's name; small letters, digits, - and _ in words joined by "
                 "dots: coes.ayni.office",
                 f->name);
    else if (!f->agency || !f->role)
        snprintf(err, err_size,
                 "--agency and --role are needed: who answers for it, and what it is");
    else if (f->place && *f->place && !strchr(f->place, ' ') && !gate_pcode_is_valid(f->place))
        snprintf(err, err_size, "\"%s\" is no P-code; a district has 7 digits: 3505203", f->place);
    else if (!f->public_z85 || !keys_z85_is_valid(f->public_z85))
        snprintf(
            err, err_size,
            "a public key of 40 characters is needed: --key as keygen printed it, or --key-file");
    else if (f->not_after && !time_parse(&when, f->not_after))
        snprintf(err, err_size, "\"%s\" is no time; write 2027-05-01T00:00:00Z", f->not_after);
    else
        return ST_OK;
    return ST_INVALID;
}

static enum status is_enrolled(struct db *d, const char *name, const char *key_hex, bool *there)
{
    const char *params[] = {name, key_hex};
    struct db_rows *r;
    enum status st = db_query(d, &r,
                              "SELECT 1 FROM bus.principal_list WHERE name = $1"
                              " AND public_key = $2::bytea AND state = 'active'",
                              params, 2);

    if (st != ST_OK)
        return st;
    *there = db_count(r) > 0;
    db_rows_free(r);
    return ST_OK;
}

static enum status insert_form(struct db *d, const struct principal_form *f, const char *key_hex,
                               bool *fresh)
{
    const char *params[] = {f->name, f->agency,   f->role, f->place ? f->place : "",
                            key_hex, f->not_after};
    bool there = false;
    enum status st = is_enrolled(d, f->name, key_hex, &there);

    *fresh = !there;
    if (st != ST_OK || there)
        return st;
    return db_query(d, NULL, "SELECT bus.principal_add($1, $2, $3, $4, $5::bytea, $6::timestamptz)",
                    params, 6);
}

enum status principal_enrol(struct db *d, const struct principal_form *f, bool *fresh, char *err,
                            size_t err_size)
{
    uint8_t key[KEY_BYTES];
    struct buf hex = {0};
    char role_err[400];
    enum status st = check_form(f, err, err_size);

    if (st != ST_OK)
        return st;
    st = enrol_check_roles(d, f->role, role_err, sizeof(role_err));
    if (st != ST_OK) {
        snprintf(err, err_size, "%s was not enrolled: %s", f->name, role_err);
        return st;
    }
    st = keys_z85_decode(key, f->public_z85);
    db_hex(&hex, key, sizeof(key));
    buf_put(&hex, "", 1);
    if (st == ST_OK && hex.failed)
        st = ST_NOMEM;
    if (st == ST_OK)
        st = insert_form(d, f, (const char *)hex.data, fresh);
    if (st != ST_OK)
        snprintf(err, err_size, "%s was not enrolled: %s", f->name, db_error(d));
    buf_free(&hex);
    return st;
}

/* The public half alone: an operator may hold a key file of somebody else's device only by mistake,
 * but then at least the secret goes no further. */
static enum status read_key_file(const char *path, char out[KEY_Z85], char *err, size_t err_size)
{
    struct keys k;
    enum status st = keys_load(&k, path, err, err_size);

    if (st != ST_OK)
        return st;
    memcpy(out, k.public_z85, KEY_Z85);
    keys_wipe(&k);
    return ST_OK;
}

static int code_of(enum status st)
{
    return st == ST_CLOSED ? EXIT_UNREACHABLE : st == ST_INVALID ? EXIT_USAGE : EXIT_REFUSED;
}

static int add(struct ctl *c, struct db *d, const struct principal_form *given,
               const char *key_file)
{
    struct principal_form f = *given;
    char key[KEY_Z85], err[800];
    bool fresh;
    enum status st;

    f.name = c->argv[2];
    if (key_file && read_key_file(key_file, key, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "%s", err);
    if (key_file)
        f.public_z85 = key;
    st = principal_enrol(d, &f, &fresh, err, sizeof(err));
    if (st != ST_OK)
        return program_fail(&c->program, code_of(st), "%s", err);
    printf(fresh ? "%s is enrolled; brokers know it within seconds\n"
                 : "%s is enrolled with this key already\n",
           f.name);
    return EXIT_DONE;
}

struct choice {
    struct principal_form form;
    const char *key_file, *reason, *officer_key, *expiring;
    bool json;
};

/* Appends an OfficerAct; nothing where no officers are pinned. Answers -1, or an exit code. */
static int sign_revocation(struct ctl *c, const struct choice *ch, const uint8_t *key,
                           struct buf *act)
{
    static const char *const words[] = {"", "lost", "compromised", "replaced", "left", "mistake"};
    const char *pins = c->set.agent.officers_file, *reason = ch->reason ? ch->reason : "lost";
    struct officer_hand h = {0};
    struct refusal why = {0};
    char err[800];
    struct timespec now;
    unsigned i = 1;
    int code = -1;

    while (i < ARRAY_LEN(words) && strcmp(words[i], reason) != 0)
        i++;
    if (i == ARRAY_LEN(words))
        return program_fail(&c->program, EXIT_USAGE,
                            "--reason is lost, compromised, replaced, left or mistake");
    if (!pins || !*pins)
        return -1;
    if (!ch->officer_key)
        return program_fail(&c->program, EXIT_USAGE,
                            "officers are pinned here: --officer-key FILE says who revokes");
    clock_gettime(CLOCK_REALTIME, &now);
    if (officer_open(&h, pins, ch->officer_key, err, sizeof(err)) != ST_OK)
        code = program_fail(&c->program, EXIT_REFUSED, "%s", err);
    else if (revocation_put(act, c->argv[2], key, (Eocbus__V1__RevocationReason)i, h.who->name,
                            h.signer, (int64_t)now.tv_sec * 1000000, &why) != ST_OK)
        code = program_fail(&c->program, EXIT_REFUSED, "%s: %s", why.path, why.text);
    officer_close(&h);
    return code;
}

static int revoke_signed(struct ctl *c, struct db *d, const char *key_hex, const char *act_hex)
{
    const char *params[] = {c->argv[2], act_hex, key_hex};
    struct db_rows *r;
    enum status st =
        key_hex
            ? db_query(d, &r, "SELECT bus.principal_key_revoke($1, $3::bytea, $2::bytea) AS was",
                       params, 3)
            : db_query(d, &r, "SELECT bus.principal_revoke($1, $2::bytea) AS was", params, 2);

    if (st != ST_OK)
        return program_fail(&c->program, code_of(st) == EXIT_USAGE ? EXIT_REFUSED : code_of(st),
                            "%s was not revoked: %s", c->argv[2], db_error(d));
    if (strcmp(db_cell(r, 0, "was"), "t") != 0)
        printf("%s was revoked before\n", c->argv[2]);
    else if (key_hex)
        printf("this key of %s is revoked; its others go on\n", c->argv[2]);
    else
        printf("%s is revoked; what it says from now on is refused\n", c->argv[2]);
    db_rows_free(r);
    return EXIT_DONE;
}

static int revoke(struct ctl *c, struct db *d, const struct choice *ch)
{
    struct buf act = {0}, act_hex = {0}, key_hex = {0};
    uint8_t key[KEY_BYTES];
    const char *z85 = ch->form.public_z85;
    int code;

    if (z85 && keys_z85_decode(key, z85) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "--key has 40 characters");
    code = sign_revocation(c, ch, z85 ? key : NULL, &act);
    if (z85)
        db_hex(&key_hex, key, sizeof(key));
    buf_put(&key_hex, "", 1);
    if (act.len)
        db_hex(&act_hex, act.data, act.len);
    buf_put(&act_hex, "", 1);
    if (code < 0 && (key_hex.failed || act_hex.failed))
        code = program_fail(&c->program, EXIT_MACHINE, "no memory");
    if (code < 0)
        code = revoke_signed(c, d, z85 ? (const char *)key_hex.data : NULL,
                             act.len ? (const char *)act_hex.data : NULL);
    buf_free(&act);
    buf_free(&act_hex);
    buf_free(&key_hex);
    return code;
}

/* --- list ------------------------------------------------------------------------------------- */

#define LIST_SQL                                                                                   \
    "SELECT name, agency, CASE WHEN $2::bool AND enrolment IS NULL AND bool_or(enrolment IS NOT "  \
    "NULL)"                                                                                        \
    " OVER (PARTITION BY name) THEN 'unvouched' ELSE roles END AS roles,"                          \
    " places, public_key, state, serial, enrolment, "                                              \
    "to_char(not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS not_after "        \
    "FROM bus.principal_list"                                                                      \
    " WHERE $1::interval IS NULL OR (state = 'active' AND not_after < now() + $1::interval)"       \
    " ORDER BY CASE WHEN $1::interval IS NOT NULL THEN not_after END, name, serial, created_at"

/* Whether officers who are pinned here vouch for it, as far as it can be told here. */
static const char *vouched_word(const struct db_rows *r, unsigned i, const struct officers *o)
{
    struct buf bytes = {0};
    struct record record;
    struct refusal why;
    const char *word = "no";

    if (db_bytes(r, i, "enrolment", &bytes) && bytes.len) {
        word = o->count ? "no" : "unchecked";
        if (o->count && enrolment_check(&record, bytes.data, bytes.len, o, &why) == ST_OK &&
            strcmp(record.name, db_cell(r, i, "name")) == 0)
            word = "yes";
    }
    buf_free(&bytes);
    return word;
}

static const char *const columns[] = {"name",  "agency", "roles",   "places",   "key",
                                      "state", "serial", "vouched", "not_after"};

static void print_row(const struct db_rows *r, unsigned i, const struct officers *o, bool json,
                      struct buf *out, struct columns *table)
{
    char z85[KEY_Z85] = "";
    struct buf key = {0};

    if (db_bytes(r, i, "public_key", &key) && key.len == KEY_BYTES)
        keys_z85_encode(z85, key.data);
    buf_free(&key);
    for (size_t n = 0; n < ARRAY_LEN(columns); n++) {
        const char *cell = strcmp(columns[n], "key") == 0       ? z85
                           : strcmp(columns[n], "vouched") == 0 ? vouched_word(r, i, o)
                                                                : db_cell(r, i, columns[n]);

        if (json) {
            buf_printf(out, "%s\"%s\":", n ? "," : "{", columns[n]);
            print_json_text(out, cell);
        } else {
            columns_put(table, cell);
        }
    }
    buf_puts(out, json ? "}\n" : "");
}

/* "30d" as PostgreSQL says it; false if it is something else. */
static bool read_days(char *out, size_t size, const char *text)
{
    char *end;
    unsigned long days = strtoul(text, &end, 10);

    if (end == text || strcmp(end, "d") != 0 || days > 36500)
        return false;
    snprintf(out, size, "%lu days", days);
    return true;
}

static int list(struct ctl *c, struct db *d, const struct choice *ch)
{
    const char *pins = c->set.agent.officers_file;
    char days[32], err[800];
    const char *params[] = {ch->expiring ? days : NULL, pins && *pins ? "t" : "f"};
    struct officers o = {0};
    struct columns table;
    struct buf out = {0};
    struct db_rows *r;

    if (ch->expiring && !read_days(days, sizeof(days), ch->expiring))
        return program_fail(&c->program, EXIT_USAGE, "--expiring takes days: 30d");
    if (pins && *pins && officers_load(&o, pins, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "%s", err);
    enum status st = db_query(d, &r, LIST_SQL, params, 2);
    if (st != ST_OK)
        return program_fail(&c->program, code_of(st), "the principals cannot be read: %s",
                            db_error(d));
    listing_begin(&table, columns, ARRAY_LEN(columns));
    for (unsigned i = 0; i < db_count(r); i++)
        print_row(r, i, &o, ch->json, &out, &table);
    columns_end(&table, &out);
    if (!ch->json && db_count(r) == 0)
        buf_puts(&out, ch->expiring ? "no key ends so soon\n"
                                    : "nobody is enrolled yet; `eocctl enrol` enrols\n");
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

int ctl_principal(struct ctl *c)
{
    struct choice ch = {0};
    const struct option_row options[] = {
        {"--agency", OPTION_TEXT, &ch.form.agency},
        {"--role", OPTION_TEXT, &ch.form.role},
        {"--place", OPTION_TEXT, &ch.form.place},
        {"--key", OPTION_TEXT, &ch.form.public_z85},
        {"--key-file", OPTION_TEXT, &ch.key_file},
        {"--not-after", OPTION_TEXT, &ch.form.not_after},
        {"--reason", OPTION_TEXT, &ch.reason},
        {"--officer-key", OPTION_TEXT, &ch.officer_key},
        {"--expiring", OPTION_TEXT, &ch.expiring},
        {"--json", OPTION_FLAG, &ch.json},
    };
    char err[800];
    const char *verb;
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    verb = c->argc > 1 ? c->argv[1] : "";
    if (!(c->argc == 2 && !strcmp(verb, "list")) &&
        !(c->argc == 3 && (!strcmp(verb, "add") || !strcmp(verb, "revoke"))))
        return program_fail(&c->program, EXIT_USAGE,
                            "say `principal add NAME ...`, `principal list` or `principal revoke "
                            "NAME`; see --help");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    if (strcmp(verb, "list") == 0)
        code = list(c, d, &ch);
    else
        code = strcmp(verb, "add") == 0 ? add(c, d, &ch.form, ch.key_file) : revoke(c, d, &ch);
    db_close(d);
    return code;
}
