/* Settings: what each room gets of them, what a reload changes while the broker runs, and what the
 * record is told of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/hall.h"
#include "proto/base/digest.h"
#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/program.h"
#include "proto/base/sign.h"

#include "proto/base/banned.h"

enum { SILENT_TIMEOUTS = 4 }; /* heartbeat.timeout times this: forgotten, whatever its link */
enum { OFFICERS_BYTES_MOST = 1 << 20 };
enum { SUBSCRIPTIONS_PER_SESSION = 4 }; /* on average; LIMIT_SUBSCRIPTIONS is the most for one */

struct store_settings hall_store_settings(const struct broker *b)
{
    const struct config *c = b->config;

    return (struct store_settings){
        .loop = b->loop,
        .conninfo = c->database,
        .broker = c->name,
        .batch_rows = c->batch_rows,
        .queue_rows = c->queue_rows,
        .queue_bytes = c->queue_bytes,
        .commit_ms = c->commit_ms,
        .follow_ms = c->follow_ms,
        .needs_standby = c->needs_standby,
    };
}

struct ingress_settings hall_ingress_settings(const struct broker *b)
{
    const struct config *c = b->config;

    return (struct ingress_settings){
        .loop = b->loop,
        .access = b->access,
        .name = c->name,
        .window_items = c->ingress_window_items,
        .sessions_max = c->sessions_max,
        .sessions_per_principal = c->sessions_per_principal,
        .window_bytes = c->ingress_window_bytes,
        .quarantine_per_hour = c->quarantine_per_hour,
        .messages_per_second = c->messages_per_second,
        .bytes_per_second = c->bytes_per_second,
        .flash_per_minute = c->flash_per_minute,
        .idle_ms = SILENT_TIMEOUTS * c->heartbeat_timeout_ms,
    };
}

struct egress_settings hall_egress_settings(const struct broker *b)
{
    const struct config *c = b->config;

    return (struct egress_settings){
        .loop = b->loop,
        .window_bytes = c->egress_window_bytes,
        .page_rows = c->page_rows,
        .horizon_ms = c->horizon_ms,
        .listeners_max = c->sessions_max * SUBSCRIPTIONS_PER_SESSION,
    };
}

void hall_apply_settings(struct broker *b)
{
    struct ingress_settings in = hall_ingress_settings(b);
    struct egress_settings out = hall_egress_settings(b);
    enum log_level level;

    if (log_level_parse(b->config->log_level, &level) == ST_OK)
        log_set_level(level);
    access_let_unsigned(b->access, b->config->lets_unsigned);
    ingress_set(b->ingress, &in);
    egress_set(b->egress, &out);
}

/* --- for the record --------------------------------------------------------------------------- */

/* As conf_print has it, without its name; what could be taken for the end of it is not in it. */
static void put_value(struct buf *out, const struct conf_row *row, const struct config *c)
{
    char *text = NULL, *at;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (f)
        conf_print(row, 1, c, f);
    if (!f || fclose(f) != 0 || !text) {
        out->failed = 1;
        free(text);
        return;
    }
    at = strstr(text, " = ");
    at = at ? at + strlen(" = ") : text;
    if (*at && at[strlen(at) - 1] == '\n')
        at[strlen(at) - 1] = '\0';
    for (char *ch = at; *ch; ch++)
        if ((unsigned char)*ch < ' ')
            *ch = '?';
    buf_puts(out, at);
    free(text);
}

/* Of a secret only whether it is another one: nobody without the broker's key can guess it from
 * this. */
static void put_secret_mark(struct buf *out, const struct broker *b, const char *secret)
{
    uint8_t mark[SIGN_BYTES];

    if (!b->signer || !secret || !*secret)
        return;
    signer_sign(b->signer, mark, "eocbus setting 1\n", secret, strlen(secret));
    buf_printf(out, " %02x%02x%02x%02x", mark[0], mark[1], mark[2], mark[3]);
}

/* A file that a setting names is a part of it. */
static void put_officers(struct buf *out, const struct broker *b)
{
    struct buf file = {0};
    struct sha256 s;
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX] = "";

    if (b->config->officers_file && *b->config->officers_file &&
        file_read(b->config->officers_file, &file, OFFICERS_BYTES_MOST) == ST_OK) {
        sha256_begin(&s);
        sha256_add(&s, file.data, file.len);
        sha256_end(&s, digest);
        digest_hex(hex, digest);
    }
    buf_free(&file);
    buf_printf(out, "trust.officers.sha256\t\t%s\n", hex);
}

void hall_say_settings(struct broker *b)
{
    struct config deflt = {0};
    struct buf out = {0};
    char err[200];
    size_t n;
    const struct conf_row *rows = config_rows(&n);

    if (conf_load(rows, n, NULL, &deflt, err, sizeof(err)) == ST_OK) {
        for (size_t i = 0; i < n; i++) {
            buf_printf(&out, "%s\t", rows[i].name);
            put_value(&out, &rows[i], &deflt);
            buf_puts(&out, "\t");
            put_value(&out, &rows[i], b->config);
            if (rows[i].flags & CONF_SECRET)
                put_secret_mark(&out, b,
                                *(char *const *)((const char *)b->config + rows[i].offset));
            buf_puts(&out, "\n");
        }
        put_officers(&out, b);
    }
    conf_free(rows, n, &deflt);
    if (out.len && !out.failed)
        store_say_settings(b->store, b->config->name, &out);
    buf_free(&out);
}

/* --- reload ----------------------------------------------------------------------------------- */

static void add_trouble(char *text, size_t size, const char *what, const char *why)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "; %s: %s", what, why);
}

/* What settings only name. */
static void reread_files(struct broker *b, char *text, size_t size)
{
    char err[512];

    if (hall_pin_officers(b, err, sizeof(err)) != ST_OK) {
        log_error("broker.officers.kept", "why=\"%s\"", err);
        add_trouble(text, size, "the officers are those of before", err);
    }
    if (hall_listen_also(b, err, sizeof(err)) != ST_OK) {
        log_error("broker.endpoint.next", "why=\"%s\"", err);
        add_trouble(text, size, "endpoint.next does not stand", err);
    }
    hall_ask_principals(b);
}

/* One sentence on what came of it. */
void hall_reload(struct broker *b, char *text, size_t size)
{
    struct config next = {0};
    size_t n;
    const struct conf_row *rows = config_rows(&n);
    char waiting[512] = "", err[512] = "";
    enum status st = b->set.reread(&next, err, sizeof(err));

    if (st == ST_OK)
        st = config_adopt(b->config, &next, waiting, sizeof(waiting));
    conf_free(rows, n, &next);
    if (st != ST_OK) {
        snprintf(text, size, "nothing changed: %s", err[0] ? err : waiting);
        log_error("broker.reload.refused", "why=\"%s\"", text);
        return;
    }
    hall_apply_settings(b);
    snprintf(text, size, "settings are in force%s%s",
             waiting[0] ? "; these wait for a restart: " : "", waiting);
    reread_files(b, text, size);
    hall_say_settings(b);
    log_info("broker.reload", "waiting=\"%s\"", waiting);
}

void hall_admin_reload(void *arg, FILE *out)
{
    char text[640];

    hall_reload(arg, text, sizeof(text));
    fprintf(out, "%s\n", text);
}

void hall_admin_settings(void *arg, FILE *out)
{
    struct broker *b = arg;
    size_t n;
    const struct conf_row *rows = config_rows(&n);

    conf_print(rows, n, b->config, out);
}
