/* plan - what a scenario folder says: who takes part, and what is said when.
 *
 * agents.txt, one agent a line (the sample below is what holds when the file is missing):
 *
 *   SHORT PROGRAM NAME AGENCY ROLE[+ROLE...] PLACE|- [ARG...]
 *   district eocbus-district coes.ayni.office coes district 3505203 run
 *
 * Every line gets a key pair, an enrolled principal, settings in %d/conf/SHORT.conf and an outbox
 * in %d/outbox/SHORT.db. With ARGs it is also kept running as `PROGRAM -c %d/conf/SHORT.conf
 * ARG...`
 * ("." = kept running without arguments); without them it only serves commands of the plan. Lines
 * of SHORT.conf in the scenario folder are appended to its settings.
 *
 * plan.txt, one command a line, in order of time:
 *
 *   AT_MS SHORT ARG...
 *   12000 district send flash --file %s/veshist.json --once-key %k
 *
 * At AT_MS after the start (at once after the line before it with --once) the supervisor runs
 * `PROGRAM -c %d/conf/SHORT.conf ARG...` and waits for it. A line with "wait" instead of SHORT
 * holds the plan until every outbox is empty. Exit status 0 and 1 end a line (1: the bus refused,
 * as some lines plan); 3, 4 and a signal run it again. So a command must be safe to repeat: it
 * gives its puts the key %k (outbox_once in agents/link/outbox.h), and what it put before it was
 * killed is not put twice. Lines that ended are remembered in %d/plan.done; the next start goes on
 * behind them.
 *
 * With --once the end comes when every line has ended and every outbox is empty: what an agent that
 * is kept running says later, at a time of its own, is not waited for. Let commands of the plan say
 * what counts, such as the replay of a file.
 *
 *   AT_MS anew SHORT ARG...
 *
 * Such a line is for whoever watches (an alarm of this minute): a start that goes on behind it says it
 * once more, under a key of its own. With --once it is a line as any other.
 *
 * "refused N" in place of a time and a command says how many refusals the scenario plans (0).
 *
 * Words are split by blanks; "double quotes" hold blanks together; # begins a comment. %d run
 * folder, %b folder of the programs, %s scenario folder, %k once-key of the line, %% a percent
 * sign. */
#ifndef EOCBUS_CTL_PLAN_H
#define EOCBUS_CTL_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/mem.h"
#include "proto/base/status.h"

struct plan_agent {
    const char *short_name, *program, *name, *agency, *role, *place; /* place "" = none */
    const char **args;                                               /* NULL-terminated */
    unsigned arg_count;
    bool daemon;
};

struct plan_line {
    unsigned at_ms, number;         /* number: line of the file */
    const char *key;                /* once-key: stays the same while the line's text does */
    const struct plan_agent *agent; /* NULL: "wait" */
    const char **args;              /* NULL-terminated, placeholders filled in */
    unsigned arg_count;
    bool anew; /* at every start */
};

struct plan {
    struct plan_agent *agents;
    unsigned agent_count;
    struct plan_line *lines;
    unsigned line_count;
    unsigned refused; /* as planned */
};

struct plan_places {
    const char *run, *bin, *scenario;
};

/* Everything lives in `arena`. Texts may be NULL: no agents.txt, no plan. ST_INVALID: `err` says
 * file, line and what would be legal. */
MUST_CHECK enum status plan_read(struct plan *out, struct arena *arena, const char *agents_text,
                                 const char *plan_text, const struct plan_places *places, char *err,
                                 size_t err_size);
const struct plan_agent *plan_find(const struct plan *p, const char *short_name);
/* Fills in the placeholders; NULL past the arena's cap. */
const char *plan_fill(struct arena *arena, const struct plan_places *places, const char *key,
                      const char *text);

#endif
