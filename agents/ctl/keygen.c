/* keygen - a key pair, made on the device it belongs to. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "agents/link/options.h"
#include "proto/base/keys.h"
#include "proto/base/mem.h"
#include "proto/base/seal.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

static int make_seal_key(struct ctl *c, const char *path, const char *name)
{
    struct seal_reader *r;
    char err[512] = "no key could be made: no memory that can be locked", public[KEY_Z85];
    enum status st = seal_reader_generate(&r);

    if (st == ST_OK) {
        st = seal_reader_save(r, path, name, err, sizeof(err));
        keys_z85_encode(public, seal_reader_public(r));
        seal_reader_destroy(r);
    }
    if (st != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "%s", err);
    printf("%s\n", public);
    return EXIT_DONE;
}

int ctl_keygen(struct ctl *c)
{
    const char *name = NULL;
    bool seal = false;
    const struct option_row options[] = {{"--name", OPTION_TEXT, &name},
                                         {"--seal", OPTION_FLAG, &seal}};
    char err[512];
    struct keys k;
    enum status st;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 2)
        return program_fail(&c->program, EXIT_USAGE, "keygen wants one file name; see --help");
    if (name && !gate_name_is_valid(name))
        return program_fail(&c->program, EXIT_USAGE,
                            "\"%s\" is no principal's name; one looks like agency.unit.node", name);
    if (access(c->argv[1], F_OK) == 0)
        return program_fail(&c->program, EXIT_MACHINE,
                            "%s is there already and a key is never overwritten; choose another "
                            "name, or move the old file away first",
                            c->argv[1]);
    if (seal)
        return make_seal_key(c, c->argv[1], name ? name : "an unnamed reader");
    if (keys_generate(&k) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE,
                            "no key could be made: this libzmq was built without CURVE");
    st = keys_save(&k, c->argv[1], name ? name : "an unnamed principal", err, sizeof(err));
    if (st == ST_OK)
        printf("%s\n", k.public_z85);
    keys_wipe(&k);
    return st == ST_OK ? EXIT_DONE : program_fail(&c->program, EXIT_MACHINE, "%s", err);
}
