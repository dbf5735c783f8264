/* page - the pages themselves: the files of this folder, compiled in, and the map library from a
 * folder of the system. */
#ifndef EOCBUS_CONSOLE_PAGE_H
#define EOCBUS_CONSOLE_PAGE_H

#include "agents/web/http.h"

struct page_file {
    const char *path; /* "/app.js" */
    const char *text;
};
/* Ends with a NULL path; made by the build (embed.awk of this folder). */
extern const struct page_file page_files[];

struct shelf;

/* `leaflet`: folder with leaflet.esm.min.js, leaflet.css and images/, as Debian's libjs-leaflet has
 * it; "" or a folder without them: the pages have no map, and say so (a warning in the log). */
MUST_CHECK enum status shelf_create(struct shelf **out, const char *leaflet);
void shelf_destroy(struct shelf *s); /* NULL is allowed */
/* Answers with the file of this path, 404 for what is none. "/" is index.html, and so is a path
 * without a dot: the page finds its own way from there. "/page/VERSION/NAME" is the same file as
 * "/NAME", kept by browsers for good, while VERSION is that of these files; index.html speaks of
 * them by such addresses, so that no page gets modules of two programs. */
void shelf_answer(const struct shelf *s, struct exchange *x, const char *path);

#endif
