/* agreement - what one agency gives another, on paper: an official of each party signs the file,
 * and each party says what is in it. Brokers look at the signatures (proto/wire/agreement.h). */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/letter.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "proto/wire/agreement.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

struct deed {
    struct ctl *c;
    const char *path, *out, *wait;
    struct arena *arena;
    Eocbus__V1__Envelope *m;
    bool yes;
};

static int fail(struct deed *d, int code, const char *text)
{
    return program_fail(&d->c->program, code, "%s", text);
}

static int read_deed(struct deed *d)
{
    int code = letter_read(d->c, &d->m, d->path, d->arena);

    if (code < 0 && d->m->body_case != EOCBUS__V1__ENVELOPE__BODY_SHARING_AGREEMENT)
        code = fail(d, EXIT_USAGE, "this is no sharing_agreement");
    return code;
}

static void put_deed(struct buf *out, const Eocbus__V1__SharingAgreement *a)
{
    letter_put(out, "gives", a->giver);
    letter_put(out, "takes", a->taker);
    letter_put_time(out, "from", a->valid_from_us);
    letter_put_time(out, "until", a->valid_to_us);
    letter_put(out, "rests on", a->legal_basis);
    for (size_t i = 0; i < a->n_grants; i++) {
        json_print(out, &a->grants[i]->base);
        buf_puts(out, "\n");
    }
    for (size_t i = 0; i < a->n_signatures; i++)
        letter_put(out, "signed by", a->signatures[i]->principal);
    if (!a->n_signatures)
        letter_put(out, "signed by", "nobody");
}

static int show(struct deed *d)
{
    struct buf out = {0};

    put_deed(&out, d->m->sharing_agreement);
    (void)print_flush(&out);
    buf_free(&out);
    return EXIT_DONE;
}

/* --- signing ---------------------------------------------------------------------------------- */

static int check_deed(struct deed *d, const Eocbus__V1__SharingAgreement *a)
{
    const char *name = letter_own_name(d->c);

    if (!name)
        return fail(d, EXIT_USAGE, "the setting `name` says who signs");
    for (size_t i = 0; i < a->n_signatures; i++)
        if (strcmp(a->signatures[i]->principal, name) == 0)
            return fail(d, EXIT_REFUSED, "you signed it already; the other party signs now");
    if (a->n_signatures >= AGREEMENT_SIGNATURES)
        return fail(d, EXIT_REFUSED, "four signed it already, and no agreement has more");
    return -1;
}

static int confirm(struct deed *d)
{
    const Eocbus__V1__SharingAgreement *a = d->m->sharing_agreement;
    struct buf text = {0};
    char answer[80] = "";

    put_deed(&text, a);
    fprintf(stderr, "%s signs:\n%.*s", letter_own_name(d->c), (int)text.len,
            (const char *)text.data);
    buf_free(&text);
    if (d->yes)
        return -1;
    fprintf(stderr, "Sign? Type the name of who takes (%s), or nothing to stop: ", a->taker);
    if (!fgets(answer, sizeof(answer), stdin))
        fprintf(stderr, "\n");
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, a->taker) == 0 ? -1 : fail(d, EXIT_REFUSED, "not signed");
}

static int add_signature(struct deed *d, Eocbus__V1__PartySignature *mine,
                         uint8_t signature[SIGN_BYTES])
{
    struct signer *signer = NULL;
    struct buf bytes = {0};
    int code = letter_signer(d->c, &signer);
    enum status st;

    if (code >= 0)
        return code;
    mine->principal = d->c->set.agent.name;
    mine->signed_us = letter_now_us();
    mine->signature = (ProtobufCBinaryData){SIGN_BYTES, signature};
    st = agreement_put_signed(&bytes, d->m->sharing_agreement, mine->principal, mine->signed_us);
    if (st == ST_OK)
        signer_sign(signer, signature, DOMAIN_AGREEMENT, bytes.data, bytes.len);
    signer_destroy(signer);
    buf_free(&bytes);
    return st == ST_OK ? -1 : fail(d, EXIT_MACHINE, "out of memory");
}

static int sign(struct deed *d)
{
    Eocbus__V1__SharingAgreement *a = d->m->sharing_agreement;
    Eocbus__V1__PartySignature mine = EOCBUS__V1__PARTY_SIGNATURE__INIT, *all[AGREEMENT_SIGNATURES];
    uint8_t signature[SIGN_BYTES];
    int code = check_deed(d, a);

    if (code < 0)
        code = confirm(d);
    if (code < 0)
        code = add_signature(d, &mine, signature);
    if (code >= 0)
        return code;
    for (size_t i = 0; i < a->n_signatures; i++)
        all[i] = a->signatures[i];
    all[a->n_signatures++] = &mine;
    a->signatures = all; /* cppcheck-suppress autoVariables ; for this call */
    code = letter_write(d->c, d->m, d->out ? d->out : d->path);
    a->n_signatures = 0;
    if (code < 0)
        fprintf(stderr, "signed. When an official of each party has signed, each party says it:\n"
                        "  eocctl agreement say FILE\n");
    return code < 0 ? EXIT_DONE : code;
}

/* --- the command ------------------------------------------------------------------------------ */

static int run(struct deed *d, const char *verb)
{
    int code;

    if (d->c->argc != 3 ||
        (strcmp(verb, "show") != 0 && strcmp(verb, "sign") != 0 && strcmp(verb, "say") != 0))
        return fail(d, EXIT_USAGE, "say `agreement show|sign|say FILE`; see --help");
    d->path = d->c->argv[2];
    code = read_deed(d);
    if (code >= 0)
        return code;
    if (strcmp(verb, "show") == 0)
        return show(d);
    return strcmp(verb, "sign") == 0 ? sign(d) : letter_say(d->c, d->path, d->wait);
}

int ctl_agreement(struct ctl *c)
{
    struct deed d = {.c = c, .wait = "30"};
    const struct option_row options[] = {{"--out", OPTION_TEXT, &d.out},
                                         {"--wait", OPTION_TEXT, &d.wait},
                                         {"--yes", OPTION_FLAG, &d.yes}};
    char err[600];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (arena_create(&d.arena, LIMIT_ARENA_BYTES) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "out of memory");
    code = run(&d, c->argc > 1 ? c->argv[1] : "");
    arena_destroy(d.arena);
    return code;
}
