/* program - what the main functions of all our programs share: options, exit codes, errors.
 *
 * Exit codes, for scripts: 0 done; 1 the bus or a message refused (see the text); 2 wrong use or wrong
 * settings; 3 not reachable or not in time; 4 this machine: file, disk, key, port. */
#ifndef EOCBUS_BASE_PROGRAM_H
#define EOCBUS_BASE_PROGRAM_H

#include "proto/base/conf.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3, EXIT_MACHINE = 4 };

#define EOCBUS_VERSION "0.1.0"

struct program {
    const char *name;              /* "eocbus-sensor" */
    const char *usage;             /* whole text of --help */
    const struct conf_row *rows;
    size_t row_count;
    const char *default_config;    /* "/etc/eocbus/sensor.conf" */
};

/* No core image of this process is ever written, and only root may look into it, unless the environment
 * says EOCBUS_CORE=1 (for who debugs it). Handles --help, --version, --print-config (sample file), --check-config, -c/--config FILE,
 * -o/--set name=value anywhere on the command line before "--", and takes them out of argv. Loads the
 * settings into `into`; the first -o of a CONF_LIST row replaces what the file said, the next ones add.
 * Answers -1 to go on (conf_free is the caller's), else the exit code; everything to say was said. */
int program_start(const struct program *p, int *argc, char **argv, void *into);
/* The same settings once more, for a reload: the rows' defaults, the file, then -o. `into` is a fresh
 * struct; on failure `err` is a sentence and conf_free(into) is still due. */
MUST_CHECK enum status program_settings(const struct program *p, void *into, char *err,
                                        size_t err_size);
/* "eocbus-sensor: sentence" on standard error; returns code. */
int program_fail(const struct program *p, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
