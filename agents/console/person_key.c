/* person_key - eocbus-console person key: what a person approves orders to machines with.
 *
 *   new key, or FILE ─▶ locked with the person's password ─▶ PEOPLE.keys
 *                    └▶ a request, as `eocctl enrol request` writes it, to the enrolment officers
 *
 * Until two officers signed it in under the person's name, no machine believes it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agents/console/person.h"
#include "proto/base/sign.h"
#include "proto/wire/record.h"

#include "proto/base/banned.h"

enum { PATH = 1100, HEX_PER_LINE = 32 };

/* --- the request ------------------------------------------------------------------------------ */

static void print_paper(const char *name, const struct buf *bytes)
{
    printf("# %s asks to be enrolled; eocctl enrol show tells the fingerprint\neocbus-request\n",
           name);
    for (size_t i = 0; i < bytes->len; i++)
        printf("%02x%s", bytes->data[i],
               (i + 1) % HEX_PER_LINE == 0 || i + 1 == bytes->len ? "\n" : "");
}

static enum status fill_request(struct request *r, const char *name, const struct keys *k)
{
    struct timespec now;
    enum status st = keys_z85_decode(r->key, k->public_z85);

    clock_gettime(CLOCK_REALTIME, &now);
    r->made_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    r->has_sign_key = true;
    snprintf(r->name, sizeof(r->name), "%s", name);
    return st == ST_OK ? keys_z85_decode(r->sign_key, k->sign_public_z85) : st;
}

static int print_request(struct console *c, const char *name, const struct keys *k)
{
    struct request r = {.name = ""};
    struct signer *signer = NULL;
    struct refusal why = {.code = NULL};
    struct buf bytes = {0};
    enum status st = fill_request(&r, name, k);

    if (st == ST_OK)
        st = signer_create(&signer, k);
    if (st == ST_OK)
        st = request_put(&bytes, &r, signer, &why);
    if (st == ST_OK)
        print_paper(name, &bytes);
    signer_destroy(signer);
    buf_free(&bytes);
    if (st != ST_OK)
        return program_fail(c->program, EXIT_USAGE, "no request can be made: %s %s", why.path,
                            why.text);
    fprintf(stderr,
            "the key of %s is locked with the password; have it enrolled under that name: give the "
            "request above to an officer, for eocctl enrol sign\n",
            name);
    return EXIT_DONE;
}

/* --- the command ------------------------------------------------------------------------------ */

static enum status take_keys(struct keys *k, const char *file, char *err, size_t err_size)
{
    snprintf(err, err_size, "no key can be made");
    if (!file)
        return keys_generate(k);
    enum status st = keys_load(k, file, err, err_size);

    if (st == ST_OK && !k->sign_public_z85[0]) {
        snprintf(err, err_size, "%s: there is no signing pair in it", file);
        st = ST_NOTFOUND;
    }
    return st;
}

/* The password is the one that signs in: with another the key would open for nobody at a page. */
static int ask_password(struct console *c, const char *name, char password[PASSWORD_MOST + 2])
{
    struct person p = {.name = ""};
    char err[400] = "";
    enum status st = people_find(c->set.people, name, &p, err, sizeof(err));
    int code = -1;

    if (st != ST_OK)
        return person_report(c, st, err);
    if (!person_read_secret(password, "the person's password: "))
        code = program_fail(c->program, EXIT_USAGE, "no password came in; give it on one line");
    else if (!password_is(p.hash, password))
        code = program_fail(c->program, EXIT_USAGE, "this is not the password of %s", name);
    password_wipe(p.hash, sizeof(p.hash));
    return code;
}

int person_key(struct console *c, const char *name, const char *file)
{
    char password[PASSWORD_MOST + 2] = "", err[400] = "";
    struct keys k = {.public_z85 = ""};
    int code = ask_password(c, name, password);

    if (code < 0) {
        enum status st = take_keys(&k, file, err, sizeof(err));

        code = st == ST_OK ? person_lock(c, name, &k, password) : person_report(c, st, err);
    }
    if (code < 0)
        code = print_request(c, name, &k);
    keys_wipe(&k);
    password_wipe(password, sizeof(password));
    return code;
}

/* --- another password, nobody any more -------------------------------------------------------- */

int person_lock(struct console *c, const char *name, const struct keys *k, const char *password)
{
    char path[PATH], err[400] = "the key cannot be locked";
    struct person_key line;
    enum status st;

    if (!k->sign_secret_z85[0])
        return -1;
    keyring_path(path, sizeof(path), c->set.people);
    st = keyring_lock(&line, name, k, password);
    if (st == ST_OK)
        st = keyring_put(path, &line, err, sizeof(err));
    return st == ST_OK ? -1 : person_report(c, st, err);
}

int person_unlock(struct console *c, const char *name, struct keys *out, bool *lost)
{
    char path[PATH], former[PASSWORD_MOST + 2] = "", err[400] = "";
    struct person_key line;
    enum status st;
    int code = -1;

    keyring_path(path, sizeof(path), c->set.people);
    st = keyring_find(path, name, &line, err, sizeof(err));
    if (st == ST_NOTFOUND)
        return -1;
    if (st != ST_OK)
        return person_report(c, st, err);
    if (!person_read_secret(former, "password of before (nothing: forgotten; the key is lost): "))
        code = program_fail(c->program, EXIT_USAGE,
                            "%s has a key: give the password of before on one line, and the new "
                            "one on the next",
                            name);
    else if (!*former)
        *lost = true;
    else if (keyring_open(out, &line, former) != ST_OK)
        code = program_fail(c->program, EXIT_USAGE,
                            "the key of %s does not open with it; nothing was changed", name);
    password_wipe(former, sizeof(former));
    return code;
}

int person_drop_key(struct console *c, const char *name)
{
    char path[PATH], err[400] = "";
    enum status st;

    keyring_path(path, sizeof(path), c->set.people);
    st = keyring_remove(path, name, err, sizeof(err));
    return st == ST_NOTFOUND ? EXIT_DONE : person_report(c, st, err);
}
