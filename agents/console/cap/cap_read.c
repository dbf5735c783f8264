/* cap_read - CAP documents of others into a PublicAlert, element by element. */
#include <string.h>

#include "agents/console/cap/cap_parts.h"

#include "proto/base/banned.h"

/* --- info ------------------------------------------------------------------------------------- */

static void *read_words(struct cap_reading *r, xmlNode *parent, const char *name, size_t *n_out,
                        const ProtobufCEnumDescriptor *d, const char *prefix)
{
    int *out;
    xmlNode *n = cap_first(parent->children, name);

    *n_out = cap_count(parent, name);
    out = cap_room(r, *n_out * sizeof(*out));
    for (size_t i = 0; out && i < *n_out; i++, n = cap_first(n->next, name))
        out[i] = cap_word_of(r, name, cap_text(r, n), d, prefix);
    return out;
}

static void read_texts(struct cap_reading *r, Eocbus__V1__AlertInfo *out, xmlNode *n)
{
    out->language = cap_child_text(r, n, "language");
    out->event = cap_wanted(r, n, "event");
    out->audience = cap_child_text(r, n, "audience");
    out->sender_name = cap_child_text(r, n, "senderName");
    out->headline = cap_child_text(r, n, "headline");
    out->description = cap_child_text(r, n, "description");
    out->instruction = cap_child_text(r, n, "instruction");
    out->web = cap_child_text(r, n, "web");
    out->contact = cap_child_text(r, n, "contact");
}

static void read_levels(struct cap_reading *r, Eocbus__V1__AlertInfo *out, xmlNode *n)
{
    out->urgency = (Eocbus__V1__Urgency)cap_word_of(r, "urgency", cap_wanted(r, n, "urgency"),
                                                    &eocbus__v1__urgency__descriptor, "URGENCY_");
    out->severity =
        (Eocbus__V1__Severity)cap_word_of(r, "severity", cap_wanted(r, n, "severity"),
                                          &eocbus__v1__severity__descriptor, "SEVERITY_");
    out->certainty =
        (Eocbus__V1__Certainty)cap_word_of(r, "certainty", cap_wanted(r, n, "certainty"),
                                           &eocbus__v1__certainty__descriptor, "CERTAINTY_");
    out->effective_us = cap_time_of(r, n, "effective");
    out->onset_us = cap_time_of(r, n, "onset");
    out->expires_us = cap_time_of(r, n, "expires");
}

static void *read_info(struct cap_reading *r, xmlNode *n)
{
    static const char *const known[] = {
        "language",   "category", "event",       "responseType", "urgency", "severity",
        "certainty",  "audience", "eventCode",   "effective",    "onset",   "expires",
        "senderName", "headline", "description", "instruction",  "web",     "contact",
        "parameter",  "resource", "area"};
    Eocbus__V1__AlertInfo *out = cap_room(r, sizeof(*out));

    if (!out)
        return NULL;
    eocbus__v1__alert_info__init(out);
    read_texts(r, out, n);
    read_levels(r, out, n);
    out->categories = read_words(r, n, "category", &out->n_categories,
                                 &eocbus__v1__cap_category__descriptor, "CAP_CATEGORY_");
    if (!out->n_categories)
        cap_wrong(r, "category", "it is missing or empty");
    out->response_types =
        read_words(r, n, "responseType", &out->n_response_types,
                   &eocbus__v1__cap_response_type__descriptor, "CAP_RESPONSE_TYPE_");
    out->event_codes = cap_each(r, n, "eventCode", &out->n_event_codes, cap_read_value);
    out->parameters = cap_each(r, n, "parameter", &out->n_parameters, cap_read_value);
    out->resources = cap_each(r, n, "resource", &out->n_resources, cap_read_resource);
    out->areas = cap_each(r, n, "area", &out->n_areas, cap_read_area);
    cap_drop_others(r, n, known, ARRAY_LEN(known));
    return out;
}

/* --- alert ------------------------------------------------------------------------------------ */

/* The next word of a list; quoted ones may hold blanks. NULL at its end. */
static char *next_word(struct cap_reading *r, char **at)
{
    char *word, *end;
    bool quoted;

    *at += strspn(*at, " \t\r\n");
    if (!**at || r->st != ST_OK)
        return NULL;
    quoted = **at == '"' && strchr(*at + 1, '"');
    word = *at + quoted;
    end = word + strcspn(word, quoted ? "\"" : " \t\r\n");
    *at = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

static char **read_list(struct cap_reading *r, xmlNode *n, const char *name, size_t *n_out)
{
    char *text = cap_child_text(r, n, name), *word, **out;

    *n_out = 0;
    out = cap_room(r, (strlen(text) / 2 + 1) * sizeof(*out));
    while (out && (word = next_word(r, &text)))
        if (*word)
            out[(*n_out)++] = word;
    return out;
}

static Eocbus__V1__CapReference *read_reference(struct cap_reading *r, char *word)
{
    Eocbus__V1__CapReference *out = cap_room(r, sizeof(*out));
    char *name = strchr(word, ','), *sent = name ? strrchr(name + 1, ',') : NULL;

    if (!out)
        return NULL;
    eocbus__v1__cap_reference__init(out);
    if (!sent || !cap_read_time(&out->sent_us, &out->sent_offset_min, sent + 1)) {
        cap_wrong(r, "references", "each is sender,identifier,sent");
        return out;
    }
    *name = *sent = '\0';
    out->cap_sender = word;
    out->identifier = name + 1;
    return out;
}

static void read_references(struct cap_reading *r, Eocbus__V1__PublicAlert *out, xmlNode *n)
{
    char **words = read_list(r, n, "references", &out->n_references);

    out->references = cap_room(r, out->n_references * sizeof(void *));
    for (size_t i = 0; r->st == ST_OK && i < out->n_references; i++)
        out->references[i] = read_reference(r, words[i]);
}

static void read_head(struct cap_reading *r, Eocbus__V1__PublicAlert *out, xmlNode *n)
{
    const char *sent = cap_wanted(r, n, "sent");

    out->identifier = cap_wanted(r, n, "identifier");
    out->cap_sender = cap_wanted(r, n, "sender");
    if (!cap_read_time(&out->sent_us, &out->sent_offset_min, sent))
        cap_wrong(r, "sent", "it is no time with an offset");
    out->status =
        (Eocbus__V1__CapStatus)cap_word_of(r, "status", cap_wanted(r, n, "status"),
                                           &eocbus__v1__cap_status__descriptor, "CAP_STATUS_");
    out->msg_type =
        (Eocbus__V1__CapMsgType)cap_word_of(r, "msgType", cap_wanted(r, n, "msgType"),
                                            &eocbus__v1__cap_msg_type__descriptor, "CAP_MSG_TYPE_");
    out->scope = (Eocbus__V1__CapScope)cap_word_of(
        r, "scope", cap_wanted(r, n, "scope"), &eocbus__v1__cap_scope__descriptor, "CAP_SCOPE_");
}

static void *read_code(struct cap_reading *r, xmlNode *n)
{
    return cap_text(r, n);
}

static Eocbus__V1__PublicAlert *read_alert(struct cap_reading *r, xmlNode *n)
{
    static const char *const known[] = {
        "identifier",  "sender",    "sent", "status", "msgType",    "source",    "scope",
        "restriction", "addresses", "code", "note",   "references", "incidents", "info"};
    Eocbus__V1__PublicAlert *out = cap_room(r, sizeof(*out));

    if (!out)
        return NULL;
    eocbus__v1__public_alert__init(out);
    read_head(r, out, n);
    out->source = cap_child_text(r, n, "source");
    out->restriction = cap_child_text(r, n, "restriction");
    out->addresses = read_list(r, n, "addresses", &out->n_addresses);
    out->codes = cap_each(r, n, "code", &out->n_codes, read_code);
    out->note = cap_child_text(r, n, "note");
    read_references(r, out, n);
    out->incidents = read_list(r, n, "incidents", &out->n_incidents);
    out->infos = cap_each(r, n, "info", &out->n_infos, read_info);
    cap_drop_others(r, n, known, ARRAY_LEN(known));
    return out;
}

/* --- the document ----------------------------------------------------------------------------- */

static bool is_cap(const xmlNode *root)
{
    const char *ns = root && root->ns && root->ns->href ? (const char *)root->ns->href : "";

    return root && strcmp((const char *)root->name, "alert") == 0 &&
           (strcmp(ns, CAP_NS_12) == 0 || strcmp(ns, CAP_NS_11) == 0);
}

enum status cap_read(Eocbus__V1__PublicAlert **out, struct buf *dropped, const void *bytes,
                     size_t len, struct arena *arena, char *err, size_t err_size)
{
    struct cap_reading r = {.arena = arena, .dropped = dropped, .err = err, .err_size = err_size};
    xmlDoc *doc = NULL;

    if (len > CAP_BYTES_MAX)
        cap_wrong(&r, "document", "it has more than 1 MiB");
    else
        doc = cap_parse(&r, bytes, len);
    if (r.st == ST_OK && !is_cap(xmlDocGetRootElement(doc)))
        cap_wrong(&r, "document", "it is no alert of CAP 1.1 or 1.2");
    if (r.st == ST_OK)
        *out = read_alert(&r, xmlDocGetRootElement(doc));
    xmlFreeDoc(doc);
    return r.st == ST_OK && dropped->failed ? ST_NOMEM : r.st;
}
