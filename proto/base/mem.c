/* mem - malloc behind one door, an arena with a cap, a growing buffer.
 *
 * The door exists for the sweep: a test makes the first allocation fail, then the second, and so on
 * until the thing under test succeeds, with the address sanitizer watching for leaks.
 *
 * The arena carves 16-byte aligned blocks from chunks. Small requests share a chunk; large ones get
 * a chunk of their own, so that at most a quarter of a chunk is ever wasted and the memory taken
 * stays near the cap. Under the address sanitizer what was not handed out is poisoned. */
#include "proto/base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

/* --- the door --------------------------------------------------------------------------------- */

static unsigned long fail_in; /* 0 = off; only tests set it, before anything runs */

static bool must_fail(void)
{
    return fail_in && --fail_in == 0;
}

void mem_fail_at(unsigned long n)
{
    fail_in = n;
}

/* malloc(0) may answer NULL, which callers would take for "no memory". */
void *mem_alloc(size_t size_bytes)
{
    return must_fail() ? NULL : malloc(size_bytes ? size_bytes : 1);
}

void *mem_zalloc(size_t size_bytes)
{
    return must_fail() ? NULL : calloc(1, size_bytes ? size_bytes : 1);
}

void *mem_realloc(void *p, size_t size_bytes)
{
    return must_fail() ? NULL : realloc(p, size_bytes ? size_bytes : 1);
}

char *mem_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = mem_alloc(size);

    if (copy)
        memcpy(copy, s, size);
    return copy;
}

void mem_free(void *p)
{
    free(p);
}

void mem_give_back(void)
{
    malloc_trim(0);
}

/* --- arena ------------------------------------------------------------------------------------ */

/* One Envelope of a report unpacks into 1 to 4 KiB; 8 KiB serves it without a second chunk. */
#define CHUNK_BYTES 8192
#define ALIGN_BYTES 16u
#define GUARD_BYTES 16u /* a poisoned gap behind each block, only under the address sanitizer */

struct chunk {
    struct chunk *next;
    size_t size, used; /* of data */
    _Alignas(16) unsigned char data[];
};

struct arena {
    struct chunk *chunks; /* the first is the one that small requests are carved from */
    size_t cap, used;
    ProtobufCAllocator allocator;
};

static void *allocate_for_protobuf(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void free_for_protobuf(void *arena, void *p)
{
    (void)arena, (void)p; /* arena_reset frees all at once */
}

enum status arena_create(struct arena **out, size_t cap_bytes)
{
    struct arena *a = mem_zalloc(sizeof(*a));

    if (!a)
        return ST_NOMEM;
    a->cap = cap_bytes;
    a->allocator.alloc = allocate_for_protobuf;
    a->allocator.free = free_for_protobuf;
    a->allocator.allocator_data = a;
    *out = a;
    return ST_OK;
}

static void free_chunk(struct chunk *c)
{
    SHOW(c->data, c->size);
    mem_free(c);
}

void arena_destroy(struct arena *a)
{
    struct chunk *c;

    if (!a)
        return;
    while ((c = a->chunks)) {
        a->chunks = c->next;
        free_chunk(c);
    }
    mem_free(a);
}

/* A large chunk goes behind the first, which keeps serving small requests. */
static struct chunk *add_chunk(struct arena *a, size_t size)
{
    bool is_large = size > CHUNK_BYTES / 4;
    size_t bytes = is_large ? size : CHUNK_BYTES;
    struct chunk *c = mem_alloc(sizeof(*c) + bytes);

    if (!c)
        return NULL;
    c->size = bytes;
    c->used = 0;
    HIDE(c->data, bytes);
    if (is_large && a->chunks) {
        c->next = a->chunks->next;
        a->chunks->next = c;
    } else {
        c->next = a->chunks;
        a->chunks = c;
    }
    return c;
}

static size_t block_bytes(size_t size)
{
    size_t rounded = (size + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);

#ifdef HAVE_ASAN
    rounded += GUARD_BYTES;
#endif
    return rounded ? rounded : ALIGN_BYTES;
}

void *arena_alloc(struct arena *a, size_t size_bytes)
{
    size_t counted, block;
    struct chunk *c = a->chunks;
    void *p;

    if (size_bytes > a->cap || a->cap - a->used < size_bytes)
        return NULL;
    counted = (size_bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    if (!counted)
        counted = ALIGN_BYTES;
    if (a->cap - a->used < counted)
        return NULL;
    block = block_bytes(size_bytes);
    if (!c || c->size - c->used < block)
        c = add_chunk(a, block);
    if (!c)
        return NULL;
    p = c->data + c->used;
    c->used += block;
    a->used += counted;
    SHOW(p, size_bytes);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        return NULL;
    text = arena_alloc(a, (size_t)len + 1);
    if (!text)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

/* Keeps one ordinary chunk, so that the next message of usual size needs no malloc. */
void arena_reset(struct arena *a)
{
    struct chunk *keep = NULL, *c;

    while ((c = a->chunks)) {
        a->chunks = c->next;
        if (!keep && c->size == CHUNK_BYTES)
            keep = c;
        else
            free_chunk(c);
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
        HIDE(keep->data, keep->size);
    }
    a->chunks = keep;
    a->used = 0;
}

size_t arena_used_bytes(const struct arena *a)
{
    return a->used;
}

ProtobufCAllocator *arena_allocator(struct arena *a)
{
    return &a->allocator;
}

/* --- buffer ----------------------------------------------------------------------------------- */

static bool make_room(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;
    unsigned char *data;

    if (b->failed)
        return false;
    if (b->cap - b->len >= more)
        return true;
    while (cap - b->len < more) {
        if (cap > SIZE_MAX / 2) {
            b->failed = 1;
            return false;
        }
        cap *= 2;
    }
    data = mem_realloc(b->data, cap);
    if (!data) {
        b->failed = 1;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    if (!len || !make_room(b, len))
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buf_puts(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        b->failed = 1;
        return;
    }
    if (!make_room(b, (size_t)len + 1))
        return;
    va_start(args, fmt);
    vsnprintf((char *)b->data + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = 0;
}

void buf_free(struct buf *b)
{
    mem_free(b->data);
    memset(b, 0, sizeof(*b));
}
