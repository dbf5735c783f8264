/* run - see run.h. */
#include "tests/lib/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/banned.h"
#include "tests/lib/beside.h"
#include "tests/lib/patience.h"

enum { WORDS_MAX = 64, LIMIT_S = 240 };

static void die(const char *what, const char *why)
{
    fprintf(stderr, "run: %s: %s\n", what, why);
    abort();
}

static int typed = -1; /* of the next program */

static int open_nameless(void)
{
    char path[] = "/tmp/eocbus-run-XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0)
        die("mkstemp", path);
    unlink(path);
    return fd;
}

static void read_back(int fd, char *out)
{
    ssize_t n = pread(fd, out, RUN_TEXT - 1, 0);

    out[n > 0 ? n : 0] = 0;
    close(fd);
}

static void exec_words(char *const *words, int out, int err)
{
    int input = typed >= 0 ? typed : open("/dev/null", O_RDONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (input < 0 || dup2(input, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(126);
    alarm(PATIENCE * LIMIT_S);
    execv(words[0], words);
    _exit(127);
}

void run_program(struct ran *r, const char *program, ...)
{
    char path[BESIDE_PATH], *words[WORDS_MAX] = {path};
    int out = open_nameless(), err = open_nameless(), status = 0;
    size_t n = 1;
    va_list args;
    pid_t pid;

    find_beside(path, sizeof(path), program);
    va_start(args, program);
    while (n < WORDS_MAX - 1 && (words[n] = va_arg(args, char *)))
        n++;
    va_end(args);
    pid = fork();
    if (pid == 0)
        exec_words(words, out, err);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        die("fork", program);
    r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    read_back(out, r->out);
    read_back(err, r->err);
    if (typed >= 0)
        close(typed);
    typed = -1;
}

void run_type(const char *text)
{
    size_t len = strlen(text);

    typed = open_nameless();
    if (write(typed, text, len) != (ssize_t)len || lseek(typed, 0, SEEK_SET) != 0)
        die("write", "what is typed");
}

void run_expect(const struct ran *r, int code, const char *words)
{
    if (r->code == code && (!words || strstr(r->out, words) || strstr(r->err, words)))
        return;
    fail_msg("expected exit code %d and \"%s\"; it ended with %d and said:\n%s%s", code,
             words ? words : "", r->code, r->out, r->err);
}

void write_text_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        die("write", path);
}
