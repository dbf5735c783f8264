/* demo_seal - seal keys of the night's registries, and who may open what they seal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/demo.h"
#include "proto/base/seal.h"

#include "proto/base/banned.h"

/* The key of a registry, made with its first start. */
static int open_key(struct demo *d, const struct plan_agent *a, struct seal_reader **out)
{
    const char *path = demo_path(d, "keys/%s.seal", a->short_name);
    char err[512] = "no memory that can be locked";
    enum status st = ST_OK;

    if (access(path, F_OK) != 0) {
        st = seal_reader_generate(out);
        if (st == ST_OK) {
            st = seal_reader_save(*out, path, a->name, err, sizeof(err));
            seal_reader_destroy(*out);
        }
    }
    if (st == ST_OK)
        st = seal_reader_load(out, path, err, sizeof(err));
    return st == ST_OK ? -1 : program_fail(&d->ctl->program, EXIT_MACHINE, "%s", err);
}

static int put_reader(struct demo *d, const struct plan_agent *a, FILE *f)
{
    struct seal_reader *r;
    char key[KEY_Z85];
    int code = open_key(d, a, &r);

    if (code >= 0)
        return code;
    keys_z85_encode(key, seal_reader_public(r));
    seal_reader_destroy(r);
    fprintf(f, "registry %s %s %s\n", a->name, key, a->place);
    return -1;
}

/* The one key of all registries, for the marks of names. */
static int make_blind_key(struct demo *d)
{
    const char *path = demo_path(d, "keys/registries.blind");
    struct seal_reader *key;
    char err[512] = "no memory that can be locked";
    enum status st;

    if (access(path, F_OK) == 0)
        return -1;
    st = seal_reader_generate(&key);
    if (st == ST_OK) {
        st = seal_reader_save(key, path, "the registries' marks", err, sizeof(err));
        seal_reader_destroy(key);
    }
    return st == ST_OK ? -1 : program_fail(&d->ctl->program, EXIT_MACHINE, "%s", err);
}

int demo_write_readers(struct demo *d)
{
    const char *path = demo_path(d, "conf/readers");
    FILE *f = fopen(path, "we");
    int code = make_blind_key(d);

    if (!f)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s: %s", path, strerror(errno));
    for (unsigned i = 0; i < d->plan.agent_count && code < 0; i++)
        if (strcmp(d->plan.agents[i].program, "eocbus-registry") == 0)
            code = put_reader(d, &d->plan.agents[i], f);
    if (fclose(f) != 0 && code < 0)
        code = program_fail(&d->ctl->program, EXIT_MACHINE, "%s: %s", path, strerror(errno));
    return code;
}
