/* demo_enrol - the two officers of the demonstration, and everybody enrolled by their signatures.
 *
 * In life each officer's key is on a machine of its own; here both lie beside the others, so that
 * one can try what they do. */
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agents/ctl/demo.h"
#include "agents/ctl/enrol.h"
#include "proto/base/keys.h"

#include "proto/base/banned.h"

enum { OFFICERS = 2 };

#define DAY_US      INT64_C(86400000000)
#define BACKDATE_US INT64_C(600000000)

struct desk {
    const char *path; /* of the pins */
    struct officer_hand officer[OFFICERS];
};

struct wish {
    const struct desk *desk;
    const struct plan_agent *agent;
    const struct keys *keys;
};

static const char *const officer_names[OFFICERS] = {"coes.officer.first", "mia.officer.second"};

static int64_t utc_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int demo_key(struct demo *d, const char *short_name, const char *name, struct keys *k)
{
    const char *path = demo_path(d, "keys/%s.key", short_name);
    char err[600] = "a key cannot be made";
    enum status st = ST_OK;

    if (access(path, F_OK) != 0) {
        st = keys_generate(k);
        if (st == ST_OK)
            st = keys_save(k, path, name, err, sizeof(err));
    }
    if (st == ST_OK)
        st = keys_load(k, path, err, sizeof(err));
    return st == ST_OK ? -1 : program_fail(&d->ctl->program, EXIT_MACHINE, "%s", err);
}

static int write_pins(struct demo *d, const char *path)
{
    struct keys k;
    char name[32];
    FILE *f = fopen(path, "we");
    int code = f ? -1 : EXIT_MACHINE;

    for (unsigned i = 0; i < OFFICERS && code < 0; i++) {
        snprintf(name, sizeof(name), "officer%u", i + 1);
        code = demo_key(d, name, officer_names[i], &k);
        if (code < 0)
            fprintf(f, "%s %s\n", officer_names[i], k.sign_public_z85);
        keys_wipe(&k);
    }
    if (f && (fchmod(fileno(f), 0644) != 0 || fclose(f) != 0) && code < 0)
        code = EXIT_MACHINE;
    return code < 0 ? -1 : program_fail(&d->ctl->program, code, "%s cannot be written", path);
}

static void close_desk(struct desk *desk)
{
    for (unsigned i = 0; i < OFFICERS; i++)
        officer_close(&desk->officer[i]);
}

static int open_desk(struct demo *d, struct desk *desk)
{
    char err[800];

    desk->path = demo_path(d, "conf/officers");
    int code = write_pins(d, desk->path);
    for (unsigned i = 0; i < OFFICERS && code < 0; i++)
        if (officer_open(&desk->officer[i], desk->path, demo_path(d, "keys/officer%u.key", i + 1),
                         err, sizeof(err)) != ST_OK)
            code = program_fail(&d->ctl->program, EXIT_MACHINE, "%s", err);
    return code;
}

/* Of an earlier start; one that was enrolled on nobody's signature gets its record now. */
static enum status is_enrolled(struct db *db, const char *name, const struct buf *key_hex,
                               bool *there)
{
    const char *params[] = {name, (const char *)key_hex->data};
    struct db_rows *r;
    enum status st = db_query(db, &r,
                              "SELECT 1 FROM bus.principal_list WHERE name = $1 AND serial > 0"
                              " AND public_key = $2::bytea AND state = 'active'",
                              params, 2);

    if (st != ST_OK)
        return st;
    *there = db_count(r) > 0;
    db_rows_free(r);
    return ST_OK;
}

static enum status fill_record(struct db *db, const struct wish *w, struct record *r)
{
    int64_t now_us = utc_now_us();
    const struct plan_agent *a = w->agent;

    *r = (struct record){.has_sign_key = w->keys->sign_public_z85[0] != '\0',
                         .valid_from_us = now_us - BACKDATE_US,
                         .not_after_us = now_us + 730 * DAY_US};
    snprintf(r->name, sizeof(r->name), "%s", a->name);
    snprintf(r->agency, sizeof(r->agency), "%s", a->agency);
    snprintf(r->roles, sizeof(r->roles), "%s", a->role);
    for (char *at = r->roles; (at = strchr(at, '+')) != NULL;)
        *at = ' ';
    snprintf(r->places, sizeof(r->places), "%s", a->place);
    if (keys_z85_decode(r->key, w->keys->public_z85) != ST_OK ||
        (r->has_sign_key && keys_z85_decode(r->sign_key, w->keys->sign_public_z85) != ST_OK))
        return ST_INVALID;
    return enrol_next_serial(db, a->name, &r->serial);
}

static enum status sign_both(const struct desk *desk, const struct record *r, struct buf *out,
                             struct refusal *why)
{
    const struct officer_hand *one = &desk->officer[0], *two = &desk->officer[1];
    struct buf half = {0};
    enum status st = enrolment_begin(&half, r, one->who->name, one->signer, utc_now_us(), why);

    if (st == ST_OK)
        st = enrolment_sign(out, half.data, half.len, two->who->name, two->signer, utc_now_us(),
                            why);
    buf_free(&half);
    return st;
}

static enum status enrol_new(struct db *db, const struct wish *w, char *err, size_t err_size)
{
    struct record r;
    struct refusal why = {0};
    struct buf bytes = {0};
    bool fresh;
    enum status st = fill_record(db, w, &r);

    snprintf(err, err_size, "%s was not enrolled: %s", w->agent->name, db_error(db));
    if (st != ST_OK)
        return st;
    st = sign_both(w->desk, &r, &bytes, &why);
    if (st != ST_OK) {
        snprintf(err, err_size, "%s: %s %s", w->agent->name, why.path, why.text);
    } else {
        st = enrol_submit(db, &r, &bytes, &fresh);
        if (st != ST_OK)
            snprintf(err, err_size, "%s was not enrolled: %s", r.name, db_error(db));
    }
    buf_free(&bytes);
    return st;
}

static enum status enrol_one(struct db *db, void *arg, char *err, size_t err_size)
{
    const struct wish *w = arg;
    uint8_t key[KEY_BYTES];
    struct buf hex = {0};
    bool there = false;
    enum status st = keys_z85_decode(key, w->keys->public_z85);

    db_hex(&hex, key, sizeof(key));
    buf_put(&hex, "", 1);
    if (st == ST_OK)
        st = hex.failed ? ST_NOMEM : is_enrolled(db, w->agent->name, &hex, &there);
    if (st != ST_OK)
        snprintf(err, err_size, "%s was not enrolled: %s", w->agent->name, db_error(db));
    else if (!there)
        st = enrol_new(db, w, err, err_size);
    buf_free(&hex);
    return st;
}

int demo_enrol(struct demo *d, const struct plan_agent *agents, unsigned count)
{
    struct desk desk = {0};
    char err[1000] = "";
    int code = open_desk(d, &desk);

    for (unsigned i = 0; i < count && code < 0; i++) {
        struct keys k;
        struct wish w = {.desk = &desk, .agent = &agents[i], .keys = &k};

        code = demo_key(d, agents[i].short_name, agents[i].name, &k);
        if (code < 0 && demo_ask(d, enrol_one, &w, err, sizeof(err)) != ST_OK)
            code = program_fail(&d->ctl->program, EXIT_MACHINE, "%s", err);
        keys_wipe(&k);
    }
    close_desk(&desk);
    return code;
}
