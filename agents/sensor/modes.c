/* modes - see modes.h. The file: a line for each, mode, until, status; reality's first, also when
 * none was told. Older programs wrote one line without a status. */
#include "agents/sensor/modes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/file.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define MODE(word)   EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_##word
#define STATUS(word) EOCBUS__V1__STATUS__STATUS_##word

enum { FILE_MOST = 160 };

void modes_tell(struct modes *m, Eocbus__V1__Status status, struct told_mode told)
{
    if (status == STATUS(ACTUAL))
        *m = (struct modes){.actual = told};
    else
        m->exercise = told;
}

struct told_mode modes_now(const struct modes *m)
{
    if (m->exercise.mode)
        return m->exercise;
    return m->actual.mode ? m->actual : (struct told_mode){.mode = MODE(NORMAL)};
}

static bool end_one(struct told_mode *told, int64_t now_us)
{
    if (!told->until_us || now_us < told->until_us)
        return false;
    *told = (struct told_mode){0};
    return true;
}

bool modes_end(struct modes *m, int64_t now_us)
{
    bool exercise = end_one(&m->exercise, now_us);

    return end_one(&m->actual, now_us) || exercise;
}

int64_t modes_due_us(const struct modes *m)
{
    int64_t actual_us = m->actual.until_us ? m->actual.until_us : INT64_MAX;
    int64_t exercise_us = m->exercise.until_us ? m->exercise.until_us : INT64_MAX;

    return actual_us < exercise_us ? actual_us : exercise_us;
}

bool modes_end_exercise(struct modes *m)
{
    bool was_told = m->exercise.mode != 0;

    m->exercise = (struct told_mode){0};
    return was_told;
}

/* --- the file --------------------------------------------------------------------------------- */

static bool read_line(struct modes *out, const char *line)
{
    int mode = 0, status = STATUS(ACTUAL);
    struct told_mode told = {0};

    if (sscanf(line, "%d %" SCNd64 " %d", &mode, &told.until_us, &status) < 2 || mode < 0 ||
        mode > MODE(MAINTENANCE))
        return false;
    told.mode = (Eocbus__V1__SensorMode)mode;
    if (status == STATUS(ACTUAL))
        out->actual = told;
    else
        out->exercise = told;
    return true;
}

/* Text; one line or two. */
static enum status read_lines(struct modes *out, const char *text)
{
    const char *end = strchr(text, '\n');

    if (!read_line(out, text) || (end && end[1] && !read_line(out, end + 1)))
        return ST_INVALID;
    return ST_OK;
}

enum status modes_read(struct modes *out, const char *path)
{
    struct buf file = {0};
    enum status st = file_read(path, &file, FILE_MOST);

    *out = (struct modes){0};
    buf_put(&file, "", 1);
    if (st == ST_OK)
        st = file.failed ? ST_NOMEM : read_lines(out, (const char *)file.data);
    if (st != ST_OK)
        *out = (struct modes){0};
    buf_free(&file);
    return st;
}

enum status modes_write(const struct modes *m, const char *path)
{
    char lines[FILE_MOST];
    int len = snprintf(lines, sizeof(lines), "%d %" PRId64 " %d\n", (int)m->actual.mode,
                       m->actual.until_us, (int)STATUS(ACTUAL));

    if (m->exercise.mode)
        len += snprintf(lines + len, sizeof(lines) - (size_t)len, "%d %" PRId64 " %d\n",
                        (int)m->exercise.mode, m->exercise.until_us, (int)STATUS(EXERCISE));
    return file_replace(path, lines, (size_t)len);
}
