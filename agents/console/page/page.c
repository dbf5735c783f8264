/* page - see page.h. */
#include "agents/console/page/page.h"

#include <stdio.h>
#include <string.h>

#include "agents/web/pack.h"
#include "proto/base/digest.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { BOOKS = 128, LEAFLET_BYTES = 2 << 20, TAG = 20 };

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
    char version[TAG]; /* of all files that were compiled in */
    struct buf index;  /* index.html with the version in its addresses */
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

static void fill(struct book *b, const void *bytes, size_t len)
{
    b->bytes = bytes;
    b->len = len;
    tag_of(b->tag, bytes, len);
    if (strncmp(type_of(b->path), "image/png", 9) != 0 &&
        pack_text(&b->packed, bytes, len) != ST_OK)
        buf_free(&b->packed);
}

static void add(struct shelf *s, const char *path, const void *bytes, size_t len, bool is_ours)
{
    struct book *b = &s->book[s->count++];

    snprintf(b->path, sizeof(b->path), "%s", path);
    b->is_ours = is_ours;
    fill(b, bytes, len);
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

/* --- addresses that name a version ---------------------------------------------------------------
 *
 * index.html speaks of "/page/app.js"; browsers get "/page/VERSION/app.js", and everything that
 * app.js imports beside it has the version in its address too. So a page never mixes modules of two
 * programs: what it asks of another version is not there. */

static const char versioned[] = "/page/";

static void find_version(struct shelf *s)
{
    struct sha256 sum;
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX];

    sha256_begin(&sum);
    for (unsigned i = 0; i < s->count; i++)
        sha256_add(&sum, s->book[i].tag, strlen(s->book[i].tag));
    sha256_end(&sum, digest);
    digest_hex(hex, digest);
    snprintf(s->version, TAG, "%.16s", hex);
}

static void name_version(struct buf *out, const char *text, const char *version)
{
    for (const char *at; (at = strstr(text, versioned)); text = at + strlen(versioned)) {
        buf_put(out, text, (size_t)(at - text));
        buf_printf(out, "%s%s/", versioned, version);
    }
    buf_puts(out, text);
}

static struct book *find(struct shelf *s, const char *path)
{
    for (unsigned i = 0; i < s->count; i++)
        if (strcmp(s->book[i].path, path) == 0)
            return &s->book[i];
    return NULL;
}

/* The one page that names the version is the only one that browsers ask for again and again. */
static enum status name_all(struct shelf *s)
{
    struct book *index = find(s, "/index.html");

    find_version(s);
    if (!index)
        return ST_OK;
    name_version(&s->index, index->bytes, s->version);
    if (s->index.failed)
        return ST_NOMEM;
    buf_free(&index->packed);
    fill(index, s->index.data, s->index.len);
    return ST_OK;
}

enum status shelf_create(struct shelf **out, const char *leaflet)
{
    struct shelf *s = mem_zalloc(sizeof(*s));

    if (!s)
        return ST_NOMEM;
    for (const struct page_file *f = page_files; f->path && s->count < BOOKS; f++)
        add(s, f->path, f->text, strlen(f->text), false);
    if (name_all(s) != ST_OK) {
        shelf_destroy(s);
        return ST_NOMEM;
    }
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
    if (s)
        buf_free(&s->index);
    mem_free(s);
}

static bool takes_gzip(const struct exchange *x)
{
    const char *takes = exchange_header(x, "Accept-Encoding");

    return takes && strstr(takes, "gzip") && !strstr(takes, "gzip;q=0");
}

static bool names_version(const char *path)
{
    return strncmp(path, versioned, strlen(versioned)) == 0;
}

/* "/page/VERSION/app.js" of our version is "/app.js"; of another one it is nothing. */
static const char *plain_path(const struct shelf *s, const char *path)
{
    const size_t len = strlen(s->version);

    if (!names_version(path))
        return strchr(path, '.') ? path : "/index.html";
    path += strlen(versioned);
    return strncmp(path, s->version, len) == 0 && path[len] == '/' ? path + len : NULL;
}

void shelf_answer(const struct shelf *s, struct exchange *x, const char *path)
{
    const char *wanted = plain_path(s, path);

    for (unsigned i = 0; wanted && i < s->count; i++) {
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
                                        .for_good = names_version(path),
                                        .tag = b->tag});
        return;
    }
    http_answer(x, &(struct answer){.status = 404, .body = "There is no such page.\n", .len = 23});
}
