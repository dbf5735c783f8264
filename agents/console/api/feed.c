/* feed - see feed.h. */
#include "agents/console/api/feed.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/api/taking.h"
#include "agents/console/cap/cap.h"
#include "proto/base/digest.h"
#include "proto/base/file.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/base/password.h"
#include "proto/wire/json.h"

#include "proto/base/banned.h"

enum { PEM_BYTES = 1 << 16, FRESH_US = 2000000 };

struct feed {
    struct console *console;
    struct cap_signer *signer; /* NULL: nothing is signed */
    struct buf text;           /* as the database said it at read_us */
    uint64_t read_us;
};

static void tag_of(char tag[DIGEST_HEX], const void *bytes, size_t len)
{
    uint8_t digest[DIGEST_BYTES];

    digest_of(digest, bytes, len);
    digest_hex(tag, digest);
    tag[32] = '\0';
}

static void answer_away(struct exchange *x)
{
    answer_later(x, 503, "store_away", "The alerts cannot be read now; try again.", 2);
}

/* --- the list -----------------------------------------------------------------------------------
 */

static void answer_feed(const struct feed *f, struct exchange *x)
{
    const char *text = (const char *)f->text.data, *xml = text ? strchr(text, '\n') : NULL;
    char tag[DIGEST_HEX], changed[40];

    if (!xml || xml - text >= (long)sizeof(changed)) {
        answer_away(x);
        return;
    }
    snprintf(changed, sizeof(changed), "%.*s", (int)(xml - text), text);
    xml++;
    tag_of(tag, xml, strlen(xml));
    http_answer(x, &(struct answer){.status = 200,
                                    .type = "application/atom+xml; charset=utf-8",
                                    .body = xml,
                                    .len = strlen(xml),
                                    .tag = tag,
                                    .modified = changed});
}

static void on_feed(void *arg, enum status st, const char *text, const char *why)
{
    struct taking *t = exchange_kept(arg);
    struct feed *f = t->console->feed;

    if (st != ST_OK) {
        log_warn("console.view", "path=feed status=%s why=\"%s\"", status_name(st), why);
        answer_away(t->x);
    } else {
        buf_clear(&f->text);
        buf_put(&f->text, text, strlen(text) + 1);
        f->read_us = loop_now_us(t->console->loop);
        answer_feed(f, t->x);
    }
    taking_end(t);
}

static void ask(struct console *c, struct exchange *x, const char *name, const char *const *params,
                unsigned n, reader_done_fn done)
{
    struct taking *t = taking_begin(c, x, NULL);

    if (!t || reader_ask(c->reader, "", name, params, n, done, x) == ST_OK)
        return;
    answer_away(x);
    taking_end(t);
}

static void ask_feed(struct console *c, struct exchange *x)
{
    struct feed *f = c->feed;
    const char *params[] = {c->set.status, c->set.cap_sender};

    if (f->text.len && !f->text.failed && loop_now_us(c->loop) - f->read_us < FRESH_US)
        answer_feed(f, x);
    else
        ask(c, x, "feed", params, ARRAY_LEN(params), on_feed);
}

/* --- one alert ----------------------------------------------------------------------------------
 */

/* The tag is of what is signed: an elliptic signature is another one each time. */
static void answer_alert(const struct feed *f, struct exchange *x, const Eocbus__V1__PublicAlert *a)
{
    struct buf xml = {0};
    char tag[DIGEST_HEX] = "";
    enum status st = ST_OK;

    cap_write(&xml, a);
    if (!xml.failed)
        tag_of(tag, xml.data, xml.len);
    if (!xml.failed && f->signer)
        st = cap_sign(f->signer, &xml);
    if (st != ST_OK || xml.failed) {
        log_error("console.cap.sign", "identifier=%s next=\"asked again, it is tried again\"",
                  a->identifier);
        answer_later(x, 503, "sign", "The alert cannot be signed now; try again.", 5);
    } else {
        http_answer(x, &(struct answer){.status = 200,
                                        .type = "application/cap+xml; charset=utf-8",
                                        .body = xml.data,
                                        .len = xml.len,
                                        .tag = tag});
    }
    buf_free(&xml);
}

static void answer_json_alert(struct taking *t, const char *json)
{
    ProtobufCMessage *m = NULL;
    char err[400] = "";

    if (json_parse(&m, &eocbus__v1__envelope__descriptor, json, strlen(json), t->arena, err,
                   sizeof(err)) == ST_OK)
        answer_alert(t->console->feed, t->x, ((Eocbus__V1__Envelope *)m)->public_alert);
    else
        answer_later(t->x, 503, "memory", "The alert cannot be read now; try again.", 5);
}

static void on_alert(void *arg, enum status st, const char *json, const char *why)
{
    struct taking *t = exchange_kept(arg);

    if (st != ST_OK) {
        log_warn("console.view", "path=cap status=%s why=\"%s\"", status_name(st), why);
        answer_away(t->x);
    } else if (!*json) {
        answer_error(t->x, 404, "alert", "There is no such alert in force.");
    } else {
        answer_json_alert(t, json);
    }
    taking_end(t);
}

void feed_ask(struct console *c, struct exchange *x, const char *path)
{
    char id[ID_TEXT] = "";
    const char *params[] = {id, c->set.status};
    uint8_t bytes[ID_BYTES];

    if (strcmp(path, "alerts.atom") == 0) {
        ask_feed(c, x);
        return;
    }
    snprintf(id, sizeof(id), "%s", path);
    if (strlen(path) != ID_TEXT - 1 + strlen(".xml") || strcmp(path + ID_TEXT - 1, ".xml") != 0 ||
        !id_parse(bytes, id)) {
        answer_error(x, 404, "path", "There is no such path.");
        return;
    }
    ask(c, x, "cap", params, ARRAY_LEN(params), on_alert);
}

/* --- its keys -----------------------------------------------------------------------------------
 */

static enum status load_signer(struct feed *f, char *err, size_t err_size)
{
    const struct console_settings *set = &f->console->set;
    struct buf key = {0}, cert = {0};
    enum status st;

    if (!*set->cap_key && !*set->cap_cert) {
        log_warn("console.cap.unsigned",
                 "next=\"alerts go out without a signature; set cap.key and cap.cert\"");
        return ST_OK;
    }
    st = file_read(set->cap_key, &key, PEM_BYTES);
    if (st == ST_OK)
        st = file_read(set->cap_cert, &cert, PEM_BYTES);
    if (st != ST_OK)
        snprintf(err, err_size, "cap.key and cap.cert: %s or %s cannot be read", set->cap_key,
                 set->cap_cert);
    else
        st = cap_signer_create(&f->signer, &key, &cert, err, err_size);
    password_wipe((char *)key.data, key.len);
    buf_free(&key);
    buf_free(&cert);
    return st;
}

enum status feed_create(struct feed **out, struct console *c, char *err, size_t err_size)
{
    struct feed *f = mem_zalloc(sizeof(*f));
    enum status st;

    if (!f)
        return ST_NOMEM;
    f->console = c;
    st = load_signer(f, err, err_size);
    if (st != ST_OK) {
        feed_destroy(f);
        return st;
    }
    *out = f;
    return ST_OK;
}

void feed_destroy(struct feed *f)
{
    if (!f)
        return;
    cap_signer_destroy(f->signer);
    buf_free(&f->text);
    mem_free(f);
}
