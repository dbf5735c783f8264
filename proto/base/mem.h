/* mem - allocation with a door for failure tests, and an arena with a cap for untrusted input. */
#ifndef EOCBUS_BASE_MEM_H
#define EOCBUS_BASE_MEM_H

#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/base/status.h"

/* NULL when out of memory; mem_zalloc's block is zeroed; mem_free(NULL) is allowed. */
void *mem_alloc(size_t size_bytes);
void *mem_zalloc(size_t size_bytes);
void *mem_realloc(void *p, size_t size_bytes);
char *mem_strdup(const char *s);
void mem_free(void *p);
/* Free pages go back to the system; the C library keeps those below the last one in use. Takes some
 * milliseconds where much is free. */
void mem_give_back(void);

/* Test seam: the n-th allocation from now (1 = next) fails, once; 0 switches it off. */
void mem_fail_at(unsigned long n);

/* An arena: blocks are carved from chunks, never freed one by one, dropped by one reset. A request
 * beyond the cap answers NULL. Used to unpack protobuf from outside. */
struct arena;
MUST_CHECK enum status arena_create(struct arena **out, size_t cap_bytes);
void arena_destroy(struct arena *a);
void *arena_alloc(struct arena *a, size_t size_bytes); /* 16-byte aligned; NULL past the cap */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_reset(struct arena *a);
size_t arena_used_bytes(const struct arena *a);
ProtobufCAllocator *arena_allocator(struct arena *a); /* lives as long as the arena */

/* A growing byte buffer. `failed` sticks: check it once at the end. */
struct buf {
    unsigned char *data;
    size_t len, cap;
    int failed;
};
void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_clear(struct buf *b); /* keeps the memory */
void buf_free(struct buf *b);

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define BIT(n)                          (1u << (n))

#endif
