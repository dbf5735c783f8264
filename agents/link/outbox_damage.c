/* outbox_damage - pages that cannot be read any more.
 *
 * A bad block takes some rows with it, not the alarms behind them: the file is marked (path.damaged
 * beside it says so to every program), and with the next put or commit it goes aside and a new one
 * takes its place (outbox_mend.c). Until then, and where that is not possible, what can be read is
 * still offered and settled, the rows that cannot are passed over, told once, and stay in the file
 * for a person with better tools; nothing new is taken. */
#include "agents/link/outbox_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/base/log.h"
#include "proto/base/banned.h"

/* Small rows stand about forty to a page: steps of eight find its end closely. Behind 4096 rows the
 * damage is no longer one page, and steps double. */
#define STEP_ROWS   8u
#define STEPS_CLOSE 512u

static void marker_path(const struct outbox *o, char *out, size_t size)
{
    snprintf(out, size, "%s.damaged", o->path);
}

static void say_damage(struct outbox *o)
{
    if (!o->damaged)
        log_error("outbox.damaged", "path=%s next=\"a new one is begun\"", o->path);
    o->damaged = true;
    ob_say(o, "the outbox %s is damaged; a new one takes its place", o->path);
}

bool ob_damage_is_marked(const struct outbox *o)
{
    char path[4096];

    marker_path(o, path, sizeof(path));
    return access(path, F_OK) == 0;
}

void ob_damage_look(struct outbox *o)
{
    if (ob_damage_is_marked(o))
        say_damage(o);
}

void ob_damage_note(struct outbox *o)
{
    char path[4096];
    int fd;

    say_damage(o);
    marker_path(o, path, sizeof(path));
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* on a full disk the next one tries */
    if (fd >= 0)
        close(fd);
}

enum status ob_damage_found(struct outbox *o)
{
    ob_damage_note(o);
    return o->writing ? ST_AGAIN : ST_OK;
}

/* A sector that cannot be read is damage like a page that makes no sense. What cannot be written is
 * not: the file is whole. */
bool ob_is_damage(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || rc == SQLITE_IOERR_READ ||
           rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_CORRUPTFS;
}

static bool can_read(struct outbox *o, enum query which, unsigned track, uint64_t from)
{
    sqlite3_stmt *q = use(o, which);
    int rc;

    bind_u64(q, 1, from);
    bind_u64(q, 2, tag_of(track + 1, 0));
    rc = sqlite3_step(q);
    sqlite3_reset(q);
    return !ob_is_damage(rc);
}

uint64_t ob_damage_end(struct outbox *o, enum query which, unsigned track, uint64_t at)
{
    uint64_t end = tag_of(track + 1, 0), bad = at, good = at, step = 1;

    for (unsigned tries = 0; good == bad; tries++) {
        good = end - bad > step ? bad + step : end;
        if (good != end && !can_read(o, which, track, good))
            bad = good;
        if (step < STEP_ROWS || tries >= STEPS_CLOSE)
            step *= 2;
    }
    while (good - bad > 1) {
        uint64_t middle = bad + (good - bad) / 2;

        if (can_read(o, which, track, middle))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

uint64_t ob_damage_skip(struct outbox *o, unsigned track, uint64_t at)
{
    uint64_t end;

    for (unsigned i = 0; i < o->hole_count; i++)
        if (at >= o->hole[i].from && at < o->hole[i].end)
            return o->hole[i].end;
    ob_damage_note(o);
    end = ob_damage_end(o, Q_WAITING, track, at);
    if (o->hole_count == HOLES)
        return end;
    o->hole[o->hole_count].from = at;
    o->hole[o->hole_count++].end = end;
    log_error("outbox.rows.unreadable",
              "path=%s lane=%u from=%" PRIu64 " to=%" PRIu64 " next=\"kept, and passed over\"",
              o->path, outbox_tag_lane(at), number_of(at) - o->start,
              (end == tag_of(track + 1, 0) ? o->track[track].last : number_of(end - 1)) - o->start);
    return end;
}
