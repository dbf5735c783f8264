/* escrow - a seal key that no single person has: made and split in one go, put together again by
 * enough of those who hold a share. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "agents/link/options.h"
#include "proto/base/mem.h"
#include "proto/base/seal.h"
#include "proto/base/shares.h"

#include "proto/base/banned.h"

static int save_shares(struct ctl *c, const char *path, const struct share *shares, unsigned count)
{
    char err[512], file[4096];

    for (unsigned i = 0; i < count; i++) {
        if (snprintf(file, sizeof(file), "%s.%u", path, i + 1) >= (int)sizeof(file))
            return program_fail(&c->program, EXIT_USAGE, "the path of the shares is too long");
        if (share_save(&shares[i], file, err, sizeof(err)) != ST_OK)
            return program_fail(&c->program, EXIT_MACHINE, "%s", err);
    }
    return EXIT_DONE;
}

static int make_shares(struct ctl *c, const char *path, unsigned count, unsigned needed)
{
    struct share shares[SHARES_MOST];
    uint8_t secret[SEAL_KEY_BYTES];
    char public[KEY_Z85];
    struct seal_reader *r;
    enum status st = seal_reader_generate(&r);
    int code;

    if (st != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "no memory that can be locked");
    keys_z85_encode(public, seal_reader_public(r));
    seal_reader_secret(r, secret);
    seal_reader_destroy(r);
    st = shares_make(shares, count, needed, secret, public);
    explicit_bzero(secret, sizeof(secret));
    code = st == ST_OK ? save_shares(c, path, shares, count)
                       : program_fail(&c->program, EXIT_USAGE,
                                      "--needed is at least 2 and at most --shares, and that at "
                                      "most %d",
                                      SHARES_MOST);
    explicit_bzero(shares, sizeof(shares));
    if (code == EXIT_DONE)
        printf("%s\n", public);
    return code;
}

static enum status save_recovered(const struct share *like, const uint8_t secret[SEAL_KEY_BYTES],
                                  const char *path, char *err, size_t err_size)
{
    char public[KEY_Z85];
    struct seal_reader *r;
    enum status st = seal_reader_of(&r, secret);

    snprintf(err, err_size, "no memory that can be locked");
    if (st != ST_OK)
        return st;
    keys_z85_encode(public, seal_reader_public(r));
    if (strcmp(public, like->key_z85) == 0) {
        st = seal_reader_save(r, path, "the escrow", err, err_size);
    } else {
        snprintf(err, err_size, "these shares do not give the key they belong to: one is damaged");
        st = ST_INVALID;
    }
    seal_reader_destroy(r);
    return st;
}

static int recover(struct ctl *c, const char *path, char **files, unsigned count)
{
    struct share shares[SHARES_MOST];
    uint8_t secret[SEAL_KEY_BYTES];
    char err[512];
    enum status st = ST_OK;

    for (unsigned i = 0; i < count && st == ST_OK; i++)
        st = share_load(&shares[i], files[i], err, sizeof(err));
    if (st == ST_OK)
        st = shares_join(secret, shares, count, err, sizeof(err));
    if (st == ST_OK)
        st = save_recovered(&shares[0], secret, path, err, sizeof(err));
    if (st == ST_OK)
        printf("%s\n", shares[0].key_z85);
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(shares, sizeof(shares));
    return st == ST_OK ? EXIT_DONE : program_fail(&c->program, EXIT_MACHINE, "%s", err);
}

int ctl_escrow(struct ctl *c)
{
    uint64_t count = 0, needed = 0;
    const struct option_row options[] = {{"--shares", OPTION_NUMBER, &count},
                                         {"--needed", OPTION_NUMBER, &needed}};
    char err[512];

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc == 3 && strcmp(c->argv[1], "make") == 0 && count <= SHARES_MOST)
        return make_shares(c, c->argv[2], (unsigned)count, (unsigned)needed);
    if (c->argc >= 4 && c->argc - 3 <= SHARES_MOST && strcmp(c->argv[1], "recover") == 0)
        return recover(c, c->argv[2], c->argv + 3, (unsigned)c->argc - 3);
    return program_fail(&c->program, EXIT_USAGE,
                        "escrow make --shares N --needed M PATH, or escrow recover FILE SHARE ...; "
                        "see --help");
}
