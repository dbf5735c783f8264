/* eocctl - see eocctl.h. */
#include "tests/lib/eocctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "proto/base/banned.h"
#include "tests/lib/beside.h"

char eocctl_said[EOCCTL_TEXT];

int eocctl_begin(void **state)
{
    *state = pgserver_start();
    return 0;
}

int eocctl_end(void **state)
{
    pgserver_end(*state);
    return 0;
}

int eocctl(struct pgserver *s, const char *words)
{
    char program[BESIDE_PATH], command[1200];
    size_t len;
    int status;
    FILE *f;

    find_beside(program, sizeof(program), "eocctl");
    snprintf(command, sizeof(command),
             "%s -o 'database=host=%s dbname=eocbus user=bus_admin' %s 2>&1", program,
             pgserver_socket(s), words);
    f = popen(command, "r");
    assert_non_null(f);
    len = fread(eocctl_said, 1, sizeof(eocctl_said) - 1, f);
    eocctl_said[len] = '\0';
    status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void eocctl_expect(struct pgserver *s, const char *words, int code, const char *part)
{
    int is = eocctl(s, words);

    if (is != code || !strstr(eocctl_said, part))
        fail_msg("eocctl %s: %d instead of %d, or no \"%s\" in:\n%s", words, is, code, part,
                 eocctl_said);
}
