/* disk - see disk.h. Power is cut with ext4's own shutdown, without flushing its journal: what
 * xfstests does to see what a file system promises. */
#include "tests/fault/chaos/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/fault/chaos/chaos.h"

#include "proto/base/banned.h"

enum { TEXT = 1024, RELEASE_S = 30 };

#define SHUT_DOWN       _IOR('X', 125, uint32_t) /* EXT4_IOC_SHUTDOWN */
#define WITHOUT_A_FLUSH 2u                       /* EXT4_GOING_FLAGS_NOLOGFLUSH */

static int run_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run_shell(const char *fmt, ...)
{
    char command[TEXT];
    va_list args;

    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    return system(command); /* NOLINT(cert-env33-c): names made here */
}

static _Noreturn void die(const char *what, const char *name)
{
    fprintf(stderr, "disk: %s %s: %s\n", what, name, strerror(errno));
    abort();
}

void remove_tree(const char *dir)
{
    run_shell("rm -rf %s", dir);
}

bool disk_make(const char *dir, const char *name, unsigned mib)
{
    char path[PATH];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    mkdir(path, 0700);
    return run_shell("truncate -s %uM %s.img && mkfs.ext4 -q -m 0 -E lazy_itable_init=1 -F %s.img "
                     "&& mount -o loop %s.img %s && rm -rf %s/lost+found",
                     mib, path, path, path, path, path) == 0;
}

void disk_end(const char *dir, const char *name, bool keep)
{
    if (keep)
        run_shell("cp -a %s/%s %s/%s.kept", dir, name, dir, name);
    run_shell("umount %s/%s 2>/dev/null; rm -f %s/%s.img", dir, name, dir, name);
}

static int open_mount(const char *dir, const char *name)
{
    char path[PATH];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        die("cannot open", name);
    return fd;
}

void disk_sync(const char *dir, const char *name)
{
    int fd = open_mount(dir, name);

    if (syncfs(fd) != 0)
        die("cannot sync", name);
    close(fd);
}

void disk_fill(const char *dir, const char *name)
{
    char path[PATH];
    struct statvfs fs;
    int fd;

    snprintf(path, sizeof(path), "%s/%s/ballast", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstatvfs(fd, &fs) != 0)
        die("cannot fill", name);
    /* In halves: the last blocks go to the file's own bookkeeping. */
    for (off_t step = (off_t)(fs.f_bavail * fs.f_frsize), end = 0; step >= 4096; step /= 2)
        while (posix_fallocate(fd, end, step) == 0)
            end += step;
    close(fd);
}

void disk_free(const char *dir, const char *name)
{
    char path[PATH];

    snprintf(path, sizeof(path), "%s/%s/ballast", dir, name);
    unlink(path);
}

void disk_cut_power(const char *dir, const char *name)
{
    uint32_t how = WITHOUT_A_FLUSH;
    int fd = open_mount(dir, name);

    if (ioctl(fd, SHUT_DOWN, &how) != 0)
        die("cannot cut the power of", name);
    close(fd);
}

void disk_restore_power(const char *dir, const char *name)
{
    uint64_t end_us = clock_us() + RELEASE_S * 1000000ull;

    while (run_shell("umount %s/%s 2>/dev/null", dir, name) != 0) {
        if (clock_us() > end_us)
            die("somebody still holds", name);
        rest_ms(50);
    }
    if (run_shell("mount -o loop %s/%s.img %s/%s", dir, name, dir, name) != 0)
        die("cannot mount again", name);
    disk_free(dir, name); /* that it was freed before may not have reached the disk */
}
