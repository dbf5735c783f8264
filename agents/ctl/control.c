/* control - a UNIX socket, one line in, text out. */
#include "agents/ctl/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/base/banned.h"

static enum status explain(const char *path, int error, char *err, size_t err_size)
{
    switch (error) {
    case ENOENT:
        snprintf(err, err_size,
                 "there is no control socket %s: start the broker, or set control.socket", path);
        return ST_NOTFOUND;
    case ECONNREFUSED:
        snprintf(err, err_size, "no broker listens on %s: it died or was killed; start it again",
                 path);
        return ST_CLOSED;
    case EACCES:
    case EPERM:
        snprintf(err, err_size, "%s belongs to another user: ask as the broker's user or as root",
                 path);
        return ST_DENIED;
    case EAGAIN:
        snprintf(err, err_size, "the broker did not answer on %s within 5 s: look at its log",
                 path);
        return ST_TIMEOUT;
    default:
        snprintf(err, err_size, "%s: %s", path, strerror(error));
        return ST_IO;
    }
}

static int converse(int fd, const struct sockaddr_un *at, struct buf *out, const char *question)
{
    const struct timeval patience = {.tv_sec = 5};
    char line[64], chunk[4096];
    ssize_t n;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0)
        return errno;
    snprintf(line, sizeof(line), "%s\n", question);
    if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
        return errno;
    while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
        buf_put(out, chunk, (size_t)n);
    return n < 0 ? errno : 0;
}

enum status control_ask(struct buf *out, const char *path, const char *question, char *err,
                        size_t err_size)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd, error;

    if (strlen(path) >= sizeof(at.sun_path)) {
        snprintf(err, err_size, "the path of the control socket is too long: %s", path);
        return ST_INVALID;
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return explain(path, errno, err, err_size);
    error = converse(fd, &at, out, question);
    close(fd);
    if (error)
        return explain(path, error, err, err_size);
    buf_put(out, "", 1);
    if (out->failed)
        return ST_NOMEM;
    out->len--;
    return ST_OK;
}

void control_value(char *out, size_t size, const struct buf *answer, const char *key)
{
    const char *line = (const char *)answer->data;
    size_t len = strlen(key);

    out[0] = '\0';
    while (line && *line) {
        const char *end = strchr(line, '\n');

        if (strncmp(line, key, len) == 0 && line[len] == '=') {
            line += len + 1;
            snprintf(out, size, "%.*s", (int)(end ? end - line : (long)strlen(line)), line);
            return;
        }
        line = end ? end + 1 : NULL;
    }
}
