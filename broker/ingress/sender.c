#include "broker/ingress/sender.h"

#include "proto/base/banned.h"

enum status senders_init(struct senders *all, size_t buckets)
{
    all->buckets = mem_alloc(buckets * sizeof(*all->buckets));
    if (!all->buckets)
        return ST_NOMEM;
    for (size_t i = 0; i < buckets; i++)
        list_init(&all->buckets[i]);
    all->mask = buckets - 1;
    return ST_OK;
}

void senders_free(struct senders *all)
{
    struct list *link;

    for (size_t i = 0; all->buckets && i <= all->mask; i++)
        while ((link = list_first(&all->buckets[i]))) {
            list_remove(link);
            mem_free(container_of(link, struct sender, link));
        }
    mem_free(all->buckets);
    all->buckets = NULL;
}

/* Numbers of principals are given one after the other. */
static struct list *bucket_of(const struct senders *all, int32_t principal_id)
{
    return &all->buckets[(uint32_t)principal_id & all->mask];
}

struct sender *senders_find(const struct senders *all, int32_t principal_id)
{
    struct list *bucket = bucket_of(all, principal_id);
    struct list *link;

    list_each(link, bucket) {
        struct sender *s = container_of(link, struct sender, link);

        if (s->principal_id == principal_id)
            return s;
    }
    return NULL;
}

struct sender *senders_make(struct senders *all, int32_t principal_id)
{
    struct sender *s = senders_find(all, principal_id);

    if (s)
        return s;
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return NULL;
    s->principal_id = principal_id;
    list_init(&s->own);
    list_add_tail(bucket_of(all, principal_id), &s->link);
    return s;
}

void sender_release(struct sender *s)
{
    if (s->sessions || s->items)
        return;
    list_remove(&s->link);
    mem_free(s);
}

void sender_took(struct sender *s, size_t len)
{
    s->items++;
    s->bytes += len;
}

void sender_gave(struct sender *s, size_t len)
{
    s->items -= s->items ? 1 : 0;
    s->bytes -= len < s->bytes ? len : s->bytes;
}
