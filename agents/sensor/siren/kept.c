/* kept - see kept.h. The line: version, cause, by order, pattern, duration, recording, asked, begin
 * by, started, sounded, and a sum over what stands before it. */
#include "agents/sensor/siren/kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/station/text.h"
#include "proto/base/file.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

enum { LINE = 300, VERSION = 1 };

enum status siren_kept_write(const char *path, const struct siren_sound *s)
{
    char line[LINE] = "", id[ID_TEXT];
    size_t len = 0;

    if (s) {
        id_format(id, s->cause);
        len = (size_t)snprintf(
            line, sizeof(line),
            "%d %s %d %d %" PRIu32 " %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu32 " ",
            VERSION, id, s->by_order, (int)s->pattern, s->duration_s, s->recording, s->asked_us,
            s->begin_by_us, s->started_us, s->sounded_s);
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%016" PRIx64 "\n",
                                text_hash(0, line, len));
    }
    return file_replace(path, line, len);
}

static enum status read_line(struct siren_sound *out, const char *line)
{
    const char *last = strrchr(line, ' ');
    int version, by_order, pattern;
    char id[ID_TEXT];
    uint64_t sum;

    memset(out, 0, sizeof(*out));
    if (sscanf(line,
               "%d %36s %d %d %" SCNu32 " %" SCNu32 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu32
               " %" SCNx64,
               &version, id, &by_order, &pattern, &out->duration_s, &out->recording, &out->asked_us,
               &out->begin_by_us, &out->started_us, &out->sounded_s, &sum) != 11 ||
        version != VERSION || !id_parse(out->cause, id) ||
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
