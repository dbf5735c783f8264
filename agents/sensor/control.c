/* control - see control.h. */
#include "agents/sensor/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/control_codes.h"
#include "agents/sensor/modes.h"
#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

#define RESULT(word) EOCBUS__V1__SIREN_RESULT__SIREN_RESULT_##word
#define LEVEL(word)  EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_##word
#define MODE(word)   EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_##word
#define SECOND_US    INT64_C(1000000)

enum { PATH = 1024, HOUR_MS = 3600000 };
/* A restart waits until its answer is on disk: a turn of the loop would do. */
#define RESTART_MS 500

struct control {
    struct control_settings set;
    struct speaker speaker;
    struct loop_timer *timer, *restart_timer;
    char mode_path[PATH], inbox_path[PATH], numbers_path[PATH];
    struct numbers *numbers;
    struct modes modes;
};

/* --- mode ------------------------------------------------------------------------------------- */

static void keep_mode(struct control *c)
{
    if (modes_write(&c->modes, c->mode_path) != ST_OK)
        log_error("control.mode.unkept", "path=%s why=%s next=\"as before it after a restart\"",
                  c->mode_path, strerror(errno));
}

static void enter_mode(struct control *c)
{
    const struct told_mode now = modes_now(&c->modes);
    int64_t left_s = (now.until_us - loop_utc_us(c->set.loop)) / SECOND_US;

    log_info("control.mode", "mode=%d until_us=%" PRId64, (int)now.mode, now.until_us);
    site_maintenance(c->set.site, now.mode == MODE(MAINTENANCE));
    if (c->set.mode)
        c->set.mode(c->set.arg, now.mode, !now.until_us ? 0 : left_s < 1 ? 1 : (uint32_t)left_s);
}

/* One timer: the end of a mode, and numbers that come into force later. A clock may be set
 * meanwhile, so it looks once an hour. */
static void arm(struct control *c)
{
    int64_t due_us = numbers_due_us(c->numbers), left_ms;

    if (modes_due_us(&c->modes) < due_us)
        due_us = modes_due_us(&c->modes);
    if (due_us == INT64_MAX) {
        loop_timer_stop(c->timer);
        return;
    }
    left_ms = (due_us - loop_utc_us(c->set.loop)) / 1000 + 1;
    loop_timer_start(c->timer,
                     left_ms < 1         ? 1
                     : left_ms > HOUR_MS ? HOUR_MS
                                         : (unsigned)left_ms,
                     0);
}

static void tell_numbers(struct control *c)
{
    enum status st = numbers_tell(c->numbers, loop_utc_us(c->set.loop));

    if (st != ST_OK)
        log_warn("numbers.untold", "status=%s next=\"told after a restart\"", status_name(st));
}

static void on_timer(void *arg)
{
    struct control *c = arg;
    int64_t now_us = loop_utc_us(c->set.loop);

    if (modes_end(&c->modes, now_us)) {
        enter_mode(c);
        keep_mode(c);
    }
    if (numbers_due_us(c->numbers) <= now_us) {
        numbers_tick(c->numbers, now_us);
        tell_numbers(c);
    }
    arm(c);
}

/* What an exercise told ends with it: nobody has to remember to take it back. */
static void read_mode(struct control *c)
{
    enum status st = modes_read(&c->modes, c->mode_path);

    if (st != ST_OK) {
        if (st != ST_NOTFOUND)
            log_warn("control.mode.unread", "path=%s next=normal", c->mode_path);
        return;
    }
    if (c->speaker.status != EOCBUS__V1__STATUS__STATUS_EXERCISE && modes_end_exercise(&c->modes)) {
        log_warn("control.mode.exercise", "mode=%d next=\"dropped, the exercise is over\"",
                 (int)modes_now(&c->modes).mode);
        keep_mode(c);
    }
    enter_mode(c);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void answer(struct control *c, const Eocbus__V1__Envelope *m, const char *code,
                   const char *text)
{
    const struct say_answer a = {.message_id = m->message_id.data,
                                 .level = *code ? LEVEL(REJECTED) : LEVEL(ACCEPTED),
                                 .to = m->sender,
                                 .code = code,
                                 .text = text};
    enum status st = say_answer(&c->speaker, &a, loop_utc_us(c->set.loop));

    if (st != ST_OK)
        log_error("control.unsaid", "status=%s code=%s path=%s", status_name(st),
                  c->speaker.why.code ? c->speaker.why.code : "", c->speaker.why.path);
}

static void reject(struct control *c, const Eocbus__V1__Envelope *m, const char *code,
                   const char *text)
{
    char words[80];

    order_words(words, sizeof(words), m);
    log_warn("control.rejected", "order=\"%s\" sender=%s code=%s", words, m->sender, code);
    answer(c, m, code, text);
}

/* --- sensor_control --------------------------------------------------------------------------- */

static void set_mode(struct control *c, const Eocbus__V1__Envelope *m)
{
    const Eocbus__V1__SensorControl *o = m->sensor_control;
    struct told_mode told = {0};

    if (o->mode < MODE(NORMAL) || o->mode > MODE(MAINTENANCE)) {
        reject(c, m, "no_mode", "the mode is one of NORMAL, EVENT and MAINTENANCE");
        return;
    }
    told.mode = o->mode;
    if (o->duration_s)
        told.until_us = loop_utc_us(c->set.loop) + o->duration_s * SECOND_US;
    modes_tell(&c->modes, m->status, told);
    enter_mode(c);
    keep_mode(c);
    arm(c);
    answer(c, m, "", "");
}

static void not_supported(struct control *c, const Eocbus__V1__Envelope *m, const char *text)
{
    reject(c, m, "not_supported", text);
}

static void send_history(struct control *c, const Eocbus__V1__Envelope *m)
{
    const Eocbus__V1__Period *span = m->sensor_control->span;
    size_t count = 0;
    char text[80];
    enum status st =
        !span ? ST_INVALID : c->set.history(c->set.arg, span->from_us, span->to_us, &count);

    if (st == ST_INVALID) {
        reject(c, m, "no_span", "say in span from when to when, from before to");
    } else if (st == ST_NOTFOUND) {
        reject(c, m, "no_samples", "the journal has none of that time");
    } else if (st == ST_FULL) {
        reject(c, m, "too_much", "these are more than 100,000 samples: ask for a shorter span");
    } else if (st != ST_OK) {
        reject(c, m, "not_kept", "not all of it could be said: ask again later");
    } else {
        snprintf(text, sizeof(text), "%zu samples follow, marked BACKFILLED", count);
        answer(c, m, "", text);
    }
}

static void obey(struct control *c, const Eocbus__V1__Envelope *m)
{
    char words[80];

    order_words(words, sizeof(words), m);
    log_warn("control.ordered", "order=\"%s\" sender=%s", words, m->sender);
    switch (m->sensor_control->action) {
    case EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SET_MODE:
        set_mode(c, m);
        break;
    case EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_CLEAR:
        if (!c->set.clear) {
            not_supported(c, m, "this gateway concludes nothing");
            break;
        }
        c->set.clear(c->set.arg);
        answer(c, m, "", "");
        break;
    case EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_RESTART:
        answer(c, m, "", "");
        loop_timer_start(c->restart_timer, RESTART_MS, 0);
        break;
    case EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SEND_HISTORY:
        if (c->set.history)
            send_history(c, m);
        else
            not_supported(c, m, "this gateway has no journal");
        break;
    case EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SYNC_CLOCK:
        not_supported(c, m, "its clock is kept by the time service of its machine");
        break;
    default:
        not_supported(c, m, "this gateway does not know this action");
    }
}

static void on_restart(void *arg)
{
    struct control *c = arg;

    if (c->set.restart)
        c->set.restart(c->set.arg);
}

/* --- orders ----------------------------------------------------------------------------------- */

static enum status take(struct control *c, const Eocbus__V1__Delivery *d,
                        const Eocbus__V1__Envelope *m, struct refusal *why)
{
    /* It is looked into, and is as it was afterwards. */
    return agent_take_order(c->set.agent, c->speaker.gateway, d,
                            (Eocbus__V1__Envelope *)(uintptr_t)m, why);
}

static void take_siren_command(struct control *c, const Eocbus__V1__Delivery *d,
                               const Eocbus__V1__Envelope *m)
{
    struct refusal why = {.code = ""};
    const char *unreal = control_unreal(m);

    if (site_goes_on_with(c->set.site, m->message_id.data))
        return;
    if (!site_has_siren(c->set.site))
        site_refuse(c->set.site, m, RESULT(REFUSED), "no_siren");
    else if (unreal)
        site_refuse(c->set.site, m, RESULT(REFUSED), unreal);
    else if (!site_clock_is_known(c->set.site))
        site_refuse(c->set.site, m, RESULT(REFUSED), "clock_unknown");
    else if (take(c, d, m, &why) == ST_OK)
        site_obey(c->set.site, m);
    else
        site_refuse(c->set.site, m, control_is_over(&why) ? RESULT(EXPIRED) : RESULT(REFUSED),
                    control_code(m, &why));
}

static void take_numbers(struct control *c, const Eocbus__V1__Delivery *d,
                         const Eocbus__V1__Envelope *m)
{
    char why[NUMBERS_WHY];
    enum status st = numbers_take(c->numbers, d, loop_utc_us(c->set.loop), why);

    if (st == ST_OK || st == ST_AGAIN) {
        log_warn("control.numbers", "profile=%s version=%" PRIu32 " sender=%s later=%d",
                 m->sensor_configuration->profile, m->sensor_configuration->profile_version,
                 m->sender, st == ST_AGAIN);
        answer(c, m, "", st == ST_OK ? "" : "kept; in force when its time comes");
    } else {
        reject(c, m, st == ST_INVALID ? "numbers" : "not_kept", why);
    }
    tell_numbers(c);
    arm(c);
}

/* Of an order that was kept for later: it was accepted then. */
static void on_numbers(void *arg, const Eocbus__V1__Envelope *order, const char *why)
{
    if (why)
        reject(arg, order, "numbers", why);
}

static void take_other(struct control *c, const Eocbus__V1__Delivery *d,
                       const Eocbus__V1__Envelope *m)
{
    struct refusal why = {.code = ""};

    if (take(c, d, m, &why) != ST_OK)
        reject(c, m, control_code(m, &why), why.text);
    else if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL)
        obey(c, m);
    else
        take_numbers(c, d, m);
}

static bool is_sent_to(const Eocbus__V1__Envelope *m, const char *own)
{
    for (size_t i = 0; i < m->n_to; i++)
        if (strcmp(m->to[i], own) == 0)
            return true;
    return false;
}

static void pass_over(struct control *c, const Eocbus__V1__Envelope *m)
{
    if (!is_sent_to(m, c->speaker.gateway))
        return;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND)
        site_refuse(c->set.site, m, RESULT(REFUSED), "wrong_site");
    else
        reject(c, m, "not_mine", "it names another machine as its target");
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct control *c = arg;
    const char *target = m ? order_target(m) : NULL;

    /* What it says of itself comes back to it as well; a draft is for people. */
    if (!target || strcmp(m->sender, c->speaker.gateway) == 0 || order_is_draft(m))
        return true;
    if (strcmp(target, c->speaker.gateway) != 0)
        pass_over(c, m);
    else if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND)
        take_siren_command(c, d, m);
    else
        take_other(c, d, m);
    return true;
}

/* --- life ------------------------------------------------------------------------------------- */

static enum status listen_to_orders(struct control *c, char *err, size_t err_size)
{
    static const char *const patterns[] = {"*.sensor.siren_command.**",
                                           "*.sensor.sensor_control.**",
                                           "*.sensor.sensor_configuration.**"};
    const struct agent_subscription sub = {
        .patterns = patterns,
        .pattern_count = ARRAY_LEN(patterns),
        .from_now = true,
        .inbox_path = c->inbox_path,
        .name = "orders",
        .arg = c,
        .message = on_message,
    };

    return agent_subscribe(c->set.agent, &sub, err, err_size);
}

static enum status begin_numbers(struct control *c)
{
    const struct numbers_settings set = {.path = c->numbers_path,
                                         .detect = c->set.detect,
                                         .speaker = &c->speaker,
                                         .once = c->set.once,
                                         .once_arg = c->set.arg,
                                         .settled = on_numbers,
                                         .arg = c};

    return numbers_create(&c->numbers, &set);
}

static bool name_file(char out[PATH], const char *path, const char *ending)
{
    int n = snprintf(out, PATH, "%s%s", path, ending);

    return n > 0 && n < PATH;
}

enum status control_create(struct control **out, const struct control_settings *set, char *err,
                           size_t err_size)
{
    struct control *c = mem_zalloc(sizeof(*c));
    enum status st = ST_INVALID;

    snprintf(err, err_size, "outbox.path is too long");
    if (!c)
        return ST_NOMEM;
    c->set = *set;
    c->speaker = *set->speaker;
    if (name_file(c->mode_path, set->path, ".mode") &&
        name_file(c->inbox_path, set->path, ".inbox") &&
        name_file(c->numbers_path, set->path, ".numbers"))
        st = loop_timer_create(&c->timer, set->loop, on_timer, c);
    if (st == ST_OK)
        st = loop_timer_create(&c->restart_timer, set->loop, on_restart, c);
    if (st == ST_OK)
        st = begin_numbers(c);
    if (st == ST_OK)
        st = listen_to_orders(c, err, err_size);
    if (st != ST_OK) {
        control_destroy(c);
        return st;
    }
    read_mode(c);
    numbers_tick(c->numbers, loop_utc_us(set->loop));
    tell_numbers(c);
    arm(c);
    *out = c;
    return ST_OK;
}

void control_destroy(struct control *c)
{
    if (!c)
        return;
    loop_timer_destroy(c->timer);
    loop_timer_destroy(c->restart_timer);
    numbers_destroy(c->numbers);
    mem_free(c);
}
