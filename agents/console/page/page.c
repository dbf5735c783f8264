/* page - see page.h. */
#include "agents/console/page/page.h"

#include <stdio.h>
#include <string.h>

#include "agents/web/pack.h"
#include "proto/base/digest.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { BOOKS = 64, LEAFLET_BYTES = 2 << 20, TAG = 20 };

struct shelf {
    struct book {
        char path[64];
        const void *bytes;
        size_t len;
        bool is_ours;      /* to be freed */
        struct buf packed; /* empty: it stays as it is */
        char tag[TAG];
    } book[BOOKS];
    unsigned count;
};

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".webmanifest", "application/manifest+json"},
    };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

static void tag_of(char out[TAG], const void *bytes, size_t len)
{
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX];

    digest_of(digest, bytes, len);
    digest_hex(hex, digest);
    snprintf(out, TAG, "%.16s", hex);
}

static void add(struct shelf *s, const char *path, const void *bytes, size_t len, bool is_ours)
{
    struct book *b = &s->book[s->count++];

    snprintf(b->path, sizeof(b->path), "%s", path);
    b->bytes = bytes;
    b->len = len;
    b->is_ours = is_ours;
    tag_of(b->tag, bytes, len);
    if (strncmp(type_of(path), "image/png", 9) != 0 && pack_text(&b->packed, bytes, len) != ST_OK)
        buf_free(&b->packed);
}

static bool add_leaflet(struct shelf *s, const char *folder, const char *name)
{
    struct buf bytes = {0};
    char from[1100], path[64];

    snprintf(from, sizeof(from), "%s/%s", folder, name);
    snprintf(path, sizeof(path), "/leaflet/%s", name);
    if (s->count == BOOKS || file_read(from, &bytes, LEAFLET_BYTES) != ST_OK || bytes.failed) {
        buf_free(&bytes);
        return false;
    }
    add(s, path, bytes.data, bytes.len, true);
    return true;
}

static void load_leaflet(struct shelf *s, const char *folder)
{
    static const char *const names[] = {"leaflet.esm.min.js", "leaflet.css", "images/layers.png",
                                        "images/layers-2x.png", "images/marker-icon.png"};

    for (size_t i = 0; *folder && i < ARRAY_LEN(names); i++)
        if (!add_leaflet(s, folder, names[i]) && i < 2) {
            log_warn(
                "console.leaflet",
                "folder=%s missing=%s next=\"install libjs-leaflet, or the pages have no map\"",
                folder, names[i]);
            return;
        }
}

enum status shelf_create(struct shelf **out, const char *leaflet)
{
    struct shelf *s = mem_zalloc(sizeof(*s));

    if (!s)
        return ST_NOMEM;
    for (const struct page_file *f = page_files; f->path && s->count < BOOKS; f++)
        add(s, f->path, f->text, strlen(f->text), false);
    load_leaflet(s, leaflet);
    *out = s;
    return ST_OK;
}

void shelf_destroy(struct shelf *s)
{
    for (unsigned i = 0; s && i < s->count; i++) {
        buf_free(&s->book[i].packed);
        if (s->book[i].is_ours)
            mem_free((void *)(uintptr_t)s->book[i].bytes);
    }
    mem_free(s);
}

static bool takes_gzip(const struct exchange *x)
{
    const char *takes = exchange_header(x, "Accept-Encoding");

    return takes && strstr(takes, "gzip") && !strstr(takes, "gzip;q=0");
}

void shelf_answer(const struct shelf *s, struct exchange *x, const char *path)
{
    const char *wanted = strchr(path, '.') ? path : "/index.html";

    for (unsigned i = 0; i < s->count; i++) {
        const struct book *b = &s->book[i];
        const bool packed = b->packed.len && takes_gzip(x);

        if (strcmp(b->path, wanted) != 0)
            continue;
        http_answer(x, &(struct answer){.status = 200,
                                        .type = type_of(b->path),
                                        .body = packed ? b->packed.data : b->bytes,
                                        .len = packed ? b->packed.len : b->len,
                                        .encoding = packed ? "gzip" : NULL,
                                        .lasting = true,
                                        .tag = b->tag});
        return;
    }
    http_answer(x, &(struct answer){.status = 404, .body = "There is no such page.\n", .len = 23});
}
