/* receipt_book - see receipt_book.h. */
#include "agents/link/receipt_book.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/link/print.h"
#include "agents/link/summary.h"
#include "proto/base/ids.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

enum { READ_MOST = 524288 };

/* Words of the contract hold neither blanks nor controls; of what people may type, only text. */
static void put_word(struct buf *out, const char *word)
{
    buf_puts(out, " ");
    buf_puts(out, word && *word ? word : "-");
}

static void put_level(struct buf *out, const Eocbus__V1__Receipt *r)
{
    static const char prefix[] = "RECEIPT_LEVEL_";
    const ProtobufCEnumValue *level =
        protobuf_c_enum_descriptor_get_value(&eocbus__v1__receipt_level__descriptor, (int)r->level);

    put_word(out, level ? level->name + sizeof(prefix) - 1 : NULL);
}

static void put_receipt(struct buf *out, const Eocbus__V1__Receipt *r)
{
    struct buf code = {0};

    put_level(out, r);
    put_word(out, r->recipient);
    put_word(out, r->by);
    print_escaped(&code, r->code, strlen(r->code));
    buf_put(&code, "", 1);
    put_word(out, code.failed ? NULL : (const char *)code.data);
    buf_free(&code);
}

void receipt_book_line(struct buf *out, const Eocbus__V1__Envelope *m, int64_t received_us)
{
    bool is_receipt = m->body_case == EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
    const struct type_info *type = type_by_number((unsigned)m->body_case);
    struct buf text = {0};
    char time[TIME_TEXT], id[ID_TEXT];

    time_format(time, received_us);
    id_format(id, is_receipt ? m->receipt->message_id.data : m->message_id.data);
    buf_printf(out, "%s %s %s", is_receipt ? "receipt" : "heard", time, id);
    if (is_receipt) {
        put_receipt(out, m->receipt);
        return;
    }
    put_word(out, m->sender);
    put_word(out, type ? type->name : NULL);
    summary_put(&text, m);
    buf_puts(out, " ");
    print_escaped(out, (const char *)text.data, text.len);
    buf_free(&text);
}

void receipt_book_answer(struct buf *out, const Eocbus__V1__Receipt *r)
{
    char time[TIME_TEXT], id[ID_TEXT];

    time_format(time, r->time_us);
    id_format(id, r->message_id.data);
    buf_printf(out, "answered %s %s", time, id);
    put_level(out, r);
    put_word(out, r->recipient);
}

enum status receipt_book_add(const char *path, const struct buf *line)
{
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct buf whole = {0};
    enum status st = ST_IO;

    if (file < 0)
        return ST_IO;
    /* A line that was cut by a full disk ends here, not in the middle of the next one. */
    buf_put(&whole, line->data, line->len);
    buf_puts(&whole, "\n");
    if (!whole.failed && write(file, whole.data, whole.len) == (ssize_t)whole.len &&
        fdatasync(file) == 0)
        st = ST_OK;
    else if (!whole.failed)
        (void)!write(file, "\n", 1);
    buf_free(&whole);
    close(file);
    return st;
}

static enum status read_tail(struct buf *out, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char part[16384];
    struct stat about;
    ssize_t n = 0;

    if (file < 0)
        return ST_NOTFOUND;
    if (fstat(file, &about) == 0 && about.st_size > READ_MOST)
        (void)!lseek(file, about.st_size - READ_MOST, SEEK_SET);
    while (!out->failed && (n = read(file, part, sizeof(part))) > 0)
        buf_put(out, part, (size_t)n);
    close(file);
    buf_put(out, "", 1);
    return n < 0 || out->failed ? ST_IO : ST_OK;
}

static bool was_before(const char *text, const char *line)
{
    size_t len = strlen(line) + 1;

    for (const char *at = text; at < line; at += strlen(at) + 1)
        if (memcmp(at, line, len) == 0)
            return true;
    return false;
}

enum status receipt_book_read(const char *path, const char *kind,
                              void (*each)(void *arg, const char *line), void *arg)
{
    struct buf text = {0};
    enum status st = read_tail(&text, path);
    size_t len = strlen(kind);
    char *at = (char *)text.data, *end;

    for (; st == ST_OK && (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        if (strncmp(at, kind, len) == 0 && at[len] == ' ' &&
            !was_before((const char *)text.data, at))
            each(arg, at + len + 1);
    }
    buf_free(&text);
    return st;
}
