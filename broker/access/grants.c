#include "broker/access/grants.h"

#include <string.h>

#include "broker/access/rulebook.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct grant {
    char *roles, *agency;
    struct rights *rights;
};

struct grants {
    struct rulebook *book;
    struct approval_policy *orders;
    struct grant *list;
    size_t count, room;
};

enum status grants_create(struct grants **out, const char *text, char *err, size_t err_size)
{
    struct grants *g = mem_zalloc(sizeof(*g));
    enum status st = g ? rulebook_read(&g->book, text, err, err_size) : ST_NOMEM;

    if (st == ST_OK)
        st = approval_policy_read(&g->orders, text, err, err_size);
    if (st != ST_OK) {
        grants_destroy(g);
        return st;
    }
    *out = g;
    return ST_OK;
}

static void free_grant(struct grant *one)
{
    rights_destroy(one->rights);
    mem_free(one->roles);
    mem_free(one->agency);
}

void grants_destroy(struct grants *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->count; i++)
        free_grant(&g->list[i]);
    mem_free(g->list);
    approval_policy_destroy(g->orders);
    rulebook_destroy(g->book);
    mem_free(g);
}

enum status grants_share(struct grants *g, const struct roll *r, bool must_be_signed,
                         struct sharing_result *out)
{
    return sharing_admit(g->book, r, must_be_signed, out);
}

const char *grants_text(const struct grants *g)
{
    return rulebook_text(g->book);
}

const struct approval_policy *grants_orders(const struct grants *g)
{
    return g->orders;
}

static bool takes_anything(const struct grants *g, const char *agency)
{
    for (size_t i = 0; i < g->book->count; i++) {
        const char *role = g->book->rules[i].role;

        if (role[0] == '@' && strcmp(role + 1, agency) == 0)
            return true;
    }
    return false;
}

static bool make_room(struct grants *g)
{
    size_t room = g->room ? g->room * 2 : 16;

    if (g->count < g->room)
        return true;
    struct grant *grown = mem_realloc(g->list, room * sizeof(*grown));
    if (!grown)
        return false;
    g->list = grown;
    g->room = room;
    return true;
}

enum status grants_for(const struct rights **out, struct grants *g, const char *roles,
                       const char *agency)
{
    struct grant fresh = {0};

    agency = takes_anything(g, agency) ? agency : "";
    for (size_t i = 0; i < g->count; i++)
        if (!strcmp(g->list[i].roles, roles) && !strcmp(g->list[i].agency, agency)) {
            *out = g->list[i].rights;
            return ST_OK;
        }
    fresh.roles = mem_strdup(roles);
    fresh.agency = mem_strdup(agency);
    if (!fresh.roles || !fresh.agency || !make_room(g) ||
        rights_compile(&fresh.rights, g->book, roles, agency) != ST_OK) {
        free_grant(&fresh);
        return ST_NOMEM;
    }
    g->list[g->count++] = fresh;
    *out = fresh.rights;
    return ST_OK;
}
