/* office_help - what `COMMAND --help` says of the commands that every office has. */
#include <string.h>

#include "agents/link/office.h"

#include "proto/base/banned.h"

static const struct {
    const char *command, *text;
} texts[] = {
    {"run", "run\n\n"
            "Stays up until SIGTERM or ctrl-C: sends what waits in the outbox, hears what concerns "
            "the\nplace of the settings and what is sent to this office, and writes the latter "
            "down for\n`inbox` and `receipts`. On a terminal everything heard is shown, and "
            "senders are told that\nit was displayed; without one nothing is printed.\n"},
    {"inbox",
     "inbox\n\n"
     "What was sent to this office (by its name, its agency, or a role it is on duty for), "
     "oldest\nfirst, as `run` heard it. Needs no link; what comes while `run` is down "
     "comes when it is up\nagain. A line: time, ID, sender, kind, what it says.\n"
     "`accept ID` and `reject ID --because WORD` answer it.\n"},
    {"receipts",
     "receipts\n\n"
     "What became of what this office sent with --to, as `run` heard it, oldest first. Needs no\n"
     "link. A line: time, ID, recipient, how far it got there, who did it, why.\n"
     "Ends of the way are accepted, rejected, expired and undeliverable.\n"},
    {"outbox",
     "outbox\noutbox seen NUMBER\n\n"
     "What waits for a link and what was refused, with the reason; needs no link. A line: "
     "what is\nwith it, NUMBER, time, what it says. `outbox seen NUMBER` takes a refused "
     "one off the list,\nonce somebody has read why and said it again rightly.\n"},
};

void office_help(struct buf *out, const char *name, const char *word)
{
    (void)word;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(texts[i].command, name) == 0)
            buf_puts(out, texts[i].text);
}
