/* ctl - eocctl, the operator's hand: one file per command, one table of them in commands.c.
 *
 * A command gets its own settings and arguments and answers with an exit code of
 * proto/base/program.h. What a command asks of the settings stands in its `needs`, and main.c says
 * what is missing before the command starts: making keys needs no bus, and the quarantine no
 * broker. */
#ifndef EOCBUS_CTL_CTL_H
#define EOCBUS_CTL_CTL_H

#include "agents/link/agent.h"
#include "proto/base/program.h"

struct ctl_settings {
    struct agent_settings agent;
    char *database;       /* libpq connection string */
    char *control_socket; /* of the broker on this machine */
};

struct ctl {
    struct ctl_settings set;
    struct program program; /* for program_fail */
    const struct conf_row *rows;
    size_t row_count;
    int argc; /* argv[0] is the command's own name */
    char **argv;
};

enum ctl_need {
    CTL_LISTEN = 1, /* name, key, endpoint and key of the broker */
    CTL_SPEAK = 2,  /* the same and an outbox */
    CTL_DATABASE = 4,
    CTL_CONTROL = 8,
};

struct ctl_command {
    const char *name;
    const char *summary; /* one line of `eocctl help` */
    const char *usage;   /* whole text of --help */
    unsigned needs;      /* enum ctl_need */
    int (*run)(struct ctl *c);
};

#define CTL_DEFAULT_CONFIG "/etc/eocbus/eocctl.conf"

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;
/* NULL if no command has this name. */
const struct ctl_command *ctl_find(const char *name);
/* Appends its help; NULL: that of all. */
void ctl_put_usage(struct buf *out, const struct ctl_command *cmd);
int ctl_fail_unknown(const struct program *p, const char *word);

int ctl_keygen(struct ctl *c);
int ctl_escrow(struct ctl *c);
int ctl_enrol(struct ctl *c);
int ctl_migrate(struct ctl *c);
int ctl_order(struct ctl *c);
int ctl_agreement(struct ctl *c);
int ctl_principal(struct ctl *c);
int ctl_publish(struct ctl *c);
int ctl_tail(struct ctl *c);
int ctl_show(struct ctl *c);
int ctl_quarantine(struct ctl *c);
int ctl_listeners(struct ctl *c);
int ctl_receipts(struct ctl *c);
int ctl_roster(struct ctl *c);
int ctl_counts(struct ctl *c);
int ctl_status(struct ctl *c);
int ctl_metrics(struct ctl *c);
int ctl_log(struct ctl *c);
int ctl_rights(struct ctl *c);
int ctl_why(struct ctl *c);
int ctl_audit(struct ctl *c);
int ctl_board(struct ctl *c);
int ctl_rules(struct ctl *c);
int ctl_undecided(struct ctl *c);
int ctl_gazetteer(struct ctl *c);
int ctl_ask(struct ctl *c);
int ctl_blobs(struct ctl *c);
int ctl_edxl(struct ctl *c);
int ctl_replay(struct ctl *c);
int ctl_demo(struct ctl *c);
int ctl_help(struct ctl *c);

#endif
