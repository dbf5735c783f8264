#include "broker/access/acl.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire/limits.h"
#include "proto/wire/topic.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* A foreign name is refused and never overwritten: the content is signed as it is. */
static enum status deny_sender(const struct principal *p, const char *claimed, struct refusal *why)
{
    why->code = CODE_SENDER;
    snprintf(why->path, sizeof(why->path), "sender");
    snprintf(why->text, sizeof(why->text),
             "this session is %s by its key, and the message names %.*s as its sender; a message "
             "carries the name of the session that sends it",
             p->name, LIMIT_NAME_BYTES, claimed);
    return ST_DENIED;
}

/* Who could withdraw an alarm could silence it. */
static enum status deny_withdrawal(struct refusal *why)
{
    why->code = CODE_RIGHTS;
    snprintf(why->path, sizeof(why->path), "withdrawn");
    snprintf(why->text, sizeof(why->text),
             "only the bus itself withdraws a message; to take back one of your own, send its "
             "correction as KIND_CANCEL");
    return ST_DENIED;
}

static const char *type_name(unsigned number)
{
    const struct type_info *t = type_by_number(number);

    return t ? t->name : "unknown";
}

/* What is missing, and what would be legal. */
static enum status deny(const struct principal *p, enum verb verb, const struct rights_question *q,
                        struct refusal *why)
{
    char legal[160];

    if (p->rights)
        rights_say_legal(p->rights, verb, q->type, legal, sizeof(legal));
    else
        legal[0] = '\0';
    why->code = CODE_RIGHTS;
    snprintf(why->path, sizeof(why->path), "%s", verb == VERB_FLASH ? "lane" : type_name(q->type));
    snprintf(why->text, sizeof(why->text),
             "no right to %s %.60s at %.40s labelled %s: %s; see eocctl why",
             verb == VERB_FLASH   ? "say as FLASH"
             : verb == VERB_CARRY ? "carry"
                                  : "say",
             type_name(q->type), q->places[0] ? q->places : "no place", rights_label_word(q->label),
             legal[0] ? legal : "no rule of its roles speaks of it");
    return ST_DENIED;
}

static bool may(const struct principal *p, enum verb verb, struct rights_question *q)
{
    q->name = p->name;
    q->own = p->places;
    return p->rights && rights_may(p->rights, verb, q);
}

/* Several speak through this sender, and it names one who is not there. */
static enum status deny_person(const Eocbus__V1__Envelope *m, struct refusal *why)
{
    why->code = CODE_RIGHTS;
    snprintf(why->path, sizeof(why->path), "author");
    snprintf(why->text, sizeof(why->text),
             "%.*s is the name of no principal in force; whoever speaks through a desk is enrolled",
             LIMIT_NAME_BYTES, m->author);
    return ST_DENIED;
}

enum status acl_may_publish(const struct principal *p, const struct principal *author,
                            const struct principal *person, const Eocbus__V1__Envelope *m,
                            int64_t utc_us, struct refusal *why)
{
    char places[PLACES_TEXT];
    struct rights_question q = {.type = (unsigned)m->body_case,
                                .label = (unsigned)m->label,
                                .places = places,
                                .agency = "",
                                .reach = "",
                                .utc_us = utc_us};

    if (!author)
        return deny_sender(p, m->sender, why);
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_WITHDRAWN)
        return deny_withdrawal(why);
    if (!person)
        return deny_person(m, why);
    places_of(places, m);
    if (author != p && !may(p, VERB_CARRY, &q))
        return deny(p, VERB_CARRY, &q, why);
    if (person != author && !may(author, VERB_CARRY, &q))
        return deny(author, VERB_CARRY, &q, why);
    if (!may(person, VERB_SAY, &q))
        return deny(person, VERB_SAY, &q, why);
    if (m->lane == EOCBUS__V1__LANE__LANE_FLASH && !may(person, VERB_FLASH, &q))
        return deny(person, VERB_FLASH, &q, why);
    return ST_OK;
}

enum status acl_may_order(const struct principal *person, const struct principal *machine,
                          const Eocbus__V1__Envelope *m, int64_t utc_us, struct refusal *why)
{
    struct rights_question q = {.type = (unsigned)m->body_case,
                                .label = (unsigned)m->label,
                                .places = machine->places,
                                .agency = "",
                                .reach = "",
                                .utc_us = utc_us};

    return may(person, VERB_SAY, &q) ? ST_OK : deny(person, VERB_SAY, &q, why);
}

enum status acl_may_listen(const struct principal *p, const char *pattern, struct refusal *why)
{
    if (p->rights && rights_could_hear(p->rights, pattern))
        return ST_OK;
    why->code = CODE_RIGHTS;
    why->path[0] = '\0';
    snprintf(
        why->text, sizeof(why->text),
        "nothing that matches %.80s may be heard by %.64s: no rule of its roles (%.60s) lets it; "
        "see eocctl why",
        pattern, p->name, p->roles[0] ? p->roles : "none");
    return ST_DENIED;
}
