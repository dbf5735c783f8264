/* kept - see kept.h. The line: version, cause, by order, pattern, duration, recording, asked, begin
 * by, started, sounded, in version 2 the level that owes it, and a sum over what stands before it.
 * A sound without a level is version 1. */
#include "agents/sensor/siren/kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/station/text.h"
#include "proto/base/file.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

enum { LINE = 300, PLAIN = 1, WITH_LEVEL = 2 };

enum status siren_kept_write(const char *path, const struct siren_sound *s)
{
    char line[LINE] = "", id[ID_TEXT];
    size_t len = 0;

    if (s) {
        id_format(id, s->cause);
        len = (size_t)snprintf(
            line, sizeof(line),
            "%d %s %d %d %" PRIu32 " %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu32 " ",
            s->level ? WITH_LEVEL : PLAIN, id, s->by_order, (int)s->pattern, s->duration_s,
            s->recording, s->asked_us, s->begin_by_us, s->started_us, s->sounded_s);
        if (s->level)
            len += (size_t)snprintf(line + len, sizeof(line) - len, "%d ", (int)s->level);
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%016" PRIx64 "\n",
                                text_hash(0, line, len));
    }
    return file_replace(path, line, len);
}

/* What stands behind `sounded`. */
static bool read_tail(struct siren_sound *out, int version, const char *tail, uint64_t *sum)
{
    int level = 0;

    if (version == PLAIN)
        return sscanf(tail, "%" SCNx64, sum) == 1;
    if (version != WITH_LEVEL || sscanf(tail, "%d %" SCNx64, &level, sum) != 2)
        return false;
    out->level = (Eocbus__V1__DetectionLevel)level;
    return level > 0 && level <= EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM;
}

static enum status read_line(struct siren_sound *out, const char *line)
{
    const char *last = strrchr(line, ' ');
    int version, by_order, pattern, head = 0;
    char id[ID_TEXT];
    uint64_t sum;

    memset(out, 0, sizeof(*out));
    if (sscanf(line,
               "%d %36s %d %d %" SCNu32 " %" SCNu32 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu32
               " %n",
               &version, id, &by_order, &pattern, &out->duration_s, &out->recording, &out->asked_us,
               &out->begin_by_us, &out->started_us, &out->sounded_s, &head) != 10 ||
        !head || !read_tail(out, version, line + head, &sum) || !id_parse(out->cause, id) ||
        sum != text_hash(0, line, (size_t)(last - line) + 1))
        return ST_INVALID;
    out->by_order = by_order;
    out->pattern = (Eocbus__V1__SirenPattern)pattern;
    return ST_OK;
}

enum status siren_kept_read(const char *path, struct siren_sound *out)
{
    struct buf file = {0};
    enum status st = file_read(path, &file, LINE);

    if (st == ST_OK && !file.len)
        st = ST_NOTFOUND;
    buf_put(&file, "", 1);
    if (st == ST_OK)
        st = file.failed ? ST_NOMEM : read_line(out, (const char *)file.data);
    buf_free(&file);
    return st;
}
