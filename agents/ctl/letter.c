#include "agents/ctl/letter.h"

#include <string.h>
#include <time.h>

#include "agents/link/json_input.h"
#include "agents/link/print.h"
#include "proto/base/file.h"
#include "proto/base/ids.h"
#include "proto/wire/json.h"

#include "proto/base/banned.h"

int64_t letter_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

const char *letter_own_name(const struct ctl *c)
{
    return c->set.agent.name && *c->set.agent.name ? c->set.agent.name : NULL;
}

int letter_read(struct ctl *c, Eocbus__V1__Envelope **m, const char *path, struct arena *arena)
{
    struct buf text = {0};
    unsigned number = 0;
    char err[600];
    int code = -1;

    if (input_read(&text, path, err, sizeof(err)) != ST_OK) {
        code = program_fail(&c->program, EXIT_MACHINE, "%s", err);
    } else {
        const char *at = (const char *)text.data;
        enum status st = input_next(m, &at, at + text.len, false, &number, arena, err, sizeof(err));

        if (st == ST_NOTFOUND)
            code = program_fail(&c->program, EXIT_USAGE, "%s is empty", path);
        else if (st != ST_OK)
            code = program_fail(&c->program, EXIT_USAGE, "%s", err);
    }
    buf_free(&text);
    return code;
}

int letter_write(struct ctl *c, const Eocbus__V1__Envelope *m, const char *path)
{
    struct buf text = {0};
    int code = -1;

    json_print_pretty(&text, &m->base);
    buf_puts(&text, "\n");
    if (text.failed)
        code = program_fail(&c->program, EXIT_MACHINE, "out of memory");
    else if (strcmp(path, "-") == 0)
        (void)print_flush(&text);
    else if (file_replace(path, text.data, text.len) != ST_OK)
        code = program_fail(&c->program, EXIT_MACHINE, "%s cannot be written", path);
    buf_free(&text);
    return code;
}

int letter_signer(struct ctl *c, struct signer **out)
{
    char err[600] = "the key file has no signing pair; make a new one with eocctl keygen";
    struct keys k;
    enum status st;

    if (!letter_own_name(c) || !c->set.agent.key_file || !*c->set.agent.key_file)
        return program_fail(&c->program, EXIT_USAGE,
                            "the settings `name` and `key.file` say who signs");
    st = keys_load(&k, c->set.agent.key_file, err, sizeof(err));
    if (st == ST_OK) {
        st = signer_create(out, &k);
        keys_wipe(&k);
    }
    return st == ST_OK ? -1 : program_fail(&c->program, EXIT_MACHINE, "%s", err);
}

int letter_say(struct ctl *c, const char *path, const char *wait)
{
    char *words[] = {(char *)"publish", (char *)"--file",        (char *)(uintptr_t)path,
                     (char *)"--wait",  (char *)(uintptr_t)wait, NULL};

    c->argv = words; /* cppcheck-suppress autoVariables ; for this call */
    c->argc = 5;
    return ctl_publish(c);
}

void letter_put(struct buf *out, const char *label, const char *text)
{
    buf_printf(out, "  %-12s", label);
    print_escaped(out, text, strlen(text));
    buf_puts(out, "\n");
}

void letter_put_time(struct buf *out, const char *label, int64_t utc_us)
{
    char text[TIME_TEXT];

    time_format(text, utc_us);
    letter_put(out, label, utc_us ? text : "none");
}
