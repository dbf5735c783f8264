/* office_blob - `send-file`: a photograph or a scan into the outbox, in pieces.
 *
 * Killed anywhere and run again, it goes on where it was: the pieces are counted in the outbox
 * under the hash of the file (outbox_once). What is in the outbox leaves behind everything more
 * urgent and needs this command no more. */
#include "agents/link/office.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/link/blob.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

/* Shown so often while pieces are put. */
enum { TELL_PIECES = 256 };

static const struct form_row rows[] = {
    {"--name", "blob_chunk.name", "what people call it (default: name of the file)"},
    {"--media-type", "blob_chunk.media_type", "image/jpeg (default: from the name)"},
    {"--about", "originating_id", "message it belongs to, UUID"},
    OFFICE_COMMON_ROWS,
};

struct sending {
    struct office *o;
    struct speak *speak;
    struct blob blob;
    Eocbus__V1__Envelope *message;
    const char *path;
    size_t stored, refused;
    bool terminal;
    int64_t told; /* per cent */
};

static void tell(struct sending *s, uint64_t pieces, enum say what)
{
    uint64_t all = blob_pieces(&s->blob);
    int64_t share = (int64_t)(pieces * 100 / all);

    if (!s->terminal || share == s->told)
        return;
    s->told = share;
    fprintf(stderr, "\r%" PRId64 " %%  %" PRIu64 "/%" PRIu64 " %s ", share, pieces, all,
            lang_say(s->o->lang, what));
    if (pieces == all)
        fputs("\n", stderr);
}

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    struct sending *s = arg;

    (void)number;
    s->stored += oc->stored;
    s->refused += !oc->stored;
    if (!oc->stored && s->refused == 1)
        office_tell_refused(s->o, oc);
    tell(s, s->stored, SAY_PIECES_STORED);
}

static int fail_put(struct sending *s, enum status st, const struct refusal *why)
{
    if (st == ST_INVALID)
        return office_fail_refused(s->o, "", why);
    return office_fail(s->o, st == ST_AGAIN ? EXIT_UNREACHABLE : EXIT_MACHINE, "%s",
                       *why->text ? why->text : outbox_trouble(speak_outbox(s->speak)));
}

/* -1 to go on. */
static int put_pieces(struct sending *s)
{
    uint64_t all = blob_pieces(&s->blob);
    struct refusal why = {.code = ""};
    enum status st = ST_OK;

    for (uint64_t n = 0; n < all; n++) {
        Eocbus__V1__Envelope m = *s->message; /* the outbox lends each its own id */
        Eocbus__V1__BlobChunk c = *s->message->blob_chunk;

        m.blob_chunk = &c;
        if (blob_piece(&s->blob, n, &c) != ST_OK)
            return office_fail(s->o, EXIT_MACHINE, "%s changed while it was read: send it again",
                               s->path);
        st = speak_put(s->speak, &m, &why);
        if (st != ST_OK)
            return fail_put(s, st, &why);
        if (n % TELL_PIECES == 0)
            tell(s, n, SAY_PIECES_KEPT);
    }
    st = speak_commit(s->speak);
    if (st != ST_OK)
        return fail_put(s, st, &why);
    tell(s, all, SAY_PIECES_KEPT);
    return -1;
}

static void print_kept(struct sending *s)
{
    struct speak_result r;
    struct buf b = {0};
    char hash[DIGEST_HEX];

    speak_result(s->speak, &r);
    digest_hex(hash, s->blob.hash);
    buf_printf(&b, "%s: %" PRIu64 " %s, %s\n", hash, blob_pieces(&s->blob),
               lang_say(s->o->lang, SAY_PIECES_KEPT),
               lang_say(s->o->lang, r.before == r.said ? SAY_KEPT_BEFORE
                                    : r.sender_runs    ? SAY_KEPT_ON_ITS_WAY
                                                       : SAY_KEPT_NO_LINK));
    print_flush(&b);
    buf_free(&b);
}

static int wait_stored(struct sending *s)
{
    enum status st = speak_wait(s->speak, false);
    struct speak_result r;

    speak_result(s->speak, &r);
    if (st == ST_AGAIN)
        return office_fail(s->o, EXIT_UNREACHABLE, "%zu/%" PRIu64 " %s; %s", s->stored,
                           blob_pieces(&s->blob), lang_say(s->o->lang, SAY_PIECES_STORED),
                           lang_say(s->o->lang, SAY_NOT_IN_TIME));
    if (st != ST_OK)
        return office_fail(s->o, EXIT_MACHINE, "out of memory");
    printf("%zu %s\n", s->stored, lang_say(s->o->lang, SAY_PIECES_STORED));
    return s->refused ? EXIT_REFUSED : EXIT_DONE;
}

/* Sent again to others, or about something else, it is other work. */
static enum status begin_work(struct sending *s)
{
    struct buf about = {0};
    char key[BLOB_KEY];
    enum status st = ST_NOMEM;

    for (size_t i = 0; i < s->message->n_to; i++)
        buf_printf(&about, "%s ", s->message->to[i]);
    buf_put(&about, s->message->originating_id.data, s->message->originating_id.len);
    buf_put(&about, s->message->preceding_id.data, s->message->preceding_id.len);
    if (!about.failed) {
        blob_key(key, &s->blob, about.data, about.len);
        st = outbox_once(speak_outbox(s->speak), s->o->once_key ? s->o->once_key : key);
    }
    buf_free(&about);
    return st;
}

static int send_blob(struct sending *s)
{
    const struct speak_settings set = {
        .agent = &s->o->set.agent,
        .program = arena_printf(s->o->arena, "%s " EOCBUS_VERSION, s->o->program.name),
        .wait_s = s->o->wait_s > 86400 ? 86400 : (unsigned)s->o->wait_s,
        .arg = s,
        .settled = on_settled,
    };
    char err[600];
    int code = -1;

    if (speak_create(&s->speak, &set, err, sizeof(err)) != ST_OK)
        return office_fail(s->o, EXIT_MACHINE, "%s", err);
    if (begin_work(s) != ST_OK)
        code = office_fail(s->o, EXIT_MACHINE, "%s", outbox_trouble(speak_outbox(s->speak)));
    if (code < 0)
        code = put_pieces(s);
    if (code < 0)
        print_kept(s);
    if (code < 0)
        code = s->o->wait_s ? wait_stored(s) : EXIT_DONE;
    speak_destroy(s->speak);
    return code;
}

/* Only the last part of the path: where a person keeps it is nobody's affair. */
static void name_it(struct sending *s)
{
    Eocbus__V1__BlobChunk *c = s->message->blob_chunk;
    const char *slash = strrchr(s->path, '/');

    if (!*c->name)
        c->name = arena_printf(s->o->arena, "%s", slash ? slash + 1 : s->path);
    if (!*c->media_type)
        c->media_type = arena_printf(s->o->arena, "%s", blob_media_type(s->path));
}

int office_send_file(struct office *o)
{
    const struct link_profile *profile = link_profile_by_name(o->set.agent.link_profile);
    struct sending s = {.o = o, .terminal = isatty(STDERR_FILENO), .told = -1};
    char err[600];
    int code;

    s.message = office_message(o, EOCBUS__V1__KIND__KIND_REPORT, EOCBUS__V1__LANE__LANE_BULK);
    if (!s.message)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    s.message->blob_chunk = form_new(&eocbus__v1__blob_chunk__descriptor, o->arena);
    s.message->body_case = EOCBUS__V1__ENVELOPE__BODY_BLOB_CHUNK;
    if (!s.message->blob_chunk)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    code = office_fill(o, s.message, rows, ARRAY_LEN(rows));
    if (code >= 0)
        return code;
    if (o->argc != 2 || !profile)
        return office_fail(o, EXIT_USAGE, "send-file FILE [--about ID] [--name NAME]");
    s.message->message_id.len = 0; /* each piece has one of its own */
    s.path = o->argv[1];
    name_it(&s);
    if (!s.message->blob_chunk->name || !s.message->blob_chunk->media_type)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    if (blob_open(&s.blob, s.path, blob_piece_bytes(profile), err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    code = send_blob(&s);
    blob_close(&s.blob);
    return code;
}

void office_send_file_help(struct buf *out, enum lang lang, const char *name, const char *word)
{
    (void)word;
    buf_printf(out, "%s\n\n", office_help_text(lang, name));
    form_help(out, lang, rows, ARRAY_LEN(rows));
}
