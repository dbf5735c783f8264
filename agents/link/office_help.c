/* office_help - what `help COMMAND` and `COMMAND --help` say, from the catalogue. */
#include "agents/link/office.h"

#include "proto/base/banned.h"

const char *office_help_text(enum lang lang, const char *name)
{
    const char *text = lang_text(lang, "help", name);

    if (!text)
        text = lang_text(LANG_ENGLISH, "help", name);
    return text ? text : "";
}

void office_help(struct buf *out, enum lang lang, const char *name, const char *word)
{
    (void)word;
    buf_printf(out, "%s\n", office_help_text(lang, name));
}
