/* plan - a line reader for agents.txt and plan.txt. */
#include "agents/ctl/plan.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

enum { WORDS_MAX = 48, AGENTS_MAX = 32, LINES_MAX = 4096 };

static const char default_agents[] =
    "sensor   eocbus-sensor   coes.tj3505203.gw07  coes     gateway    3505203 .\n"
    "district eocbus-district coes.ayni.office     coes     district   3505203 run\n"
    "registry eocbus-registry coes.ayni.registry   coes     registry   3505203 run\n"
    "duty     eocctl          coes.dushanbe.duty   coes     dispatcher -\n";

struct reader {
    struct arena *arena;
    const struct plan_places *places;
    const char *file;
    unsigned line;
    char *err;
    size_t err_size;
    const char *words[WORDS_MAX + 1];
    unsigned count;
};

static enum status complain(struct reader *r, const char *what)
{
    snprintf(r->err, r->err_size, "%s line %u: %s", r->file, r->line, what);
    return ST_INVALID;
}

static char *copy_span(struct arena *a, const char *from, size_t len)
{
    char *out = arena_alloc(a, len + 1);

    if (!out)
        return NULL;
    memcpy(out, from, len);
    out[len] = '\0';
    return out;
}

/* One word at *at; "double quotes" keep blanks. */
static enum status take_word(struct reader *r, const char **at, const char *end)
{
    const char *p = *at, *from;
    bool quoted = *p == '"';

    from = quoted ? ++p : p;
    while (p < end && (quoted ? *p != '"' : !isblank((unsigned char)*p) && *p != '\r'))
        p++;
    if (quoted && p == end)
        return complain(r, "a double quote is not closed");
    if (r->count == WORDS_MAX)
        return complain(r, "more words than a command may have (48)");
    r->words[r->count] = copy_span(r->arena, from, (size_t)(p - from));
    if (!r->words[r->count++])
        return ST_NOMEM;
    *at = quoted ? p + 1 : p;
    return ST_OK;
}

static enum status split(struct reader *r, const char *line, const char *end)
{
    r->count = 0;
    while (line < end) {
        enum status st;

        if (isblank((unsigned char)*line) || *line == '\r') {
            line++;
            continue;
        }
        if (*line == '#')
            break;
        st = take_word(r, &line, end);
        if (st != ST_OK)
            return st;
    }
    r->words[r->count] = NULL;
    return ST_OK;
}

/* Calls `each` for every line with at least one word; `raw` is the line as it stands. */
static enum status each_line(struct reader *r, const char *text,
                             enum status (*each)(struct reader *r, struct plan *p, const char *raw),
                             struct plan *p)
{
    r->line = 0;
    while (*text) {
        const char *end = strchr(text, '\n');
        enum status st;

        if (!end)
            end = text + strlen(text);
        r->line++;
        st = split(r, text, end);
        if (st == ST_OK && r->count) {
            const char *raw = copy_span(r->arena, text, (size_t)(end - text));

            st = raw ? each(r, p, raw) : ST_NOMEM;
        }
        if (st != ST_OK)
            return st;
        text = *end ? end + 1 : end;
    }
    return ST_OK;
}

static const char *placeholder(const struct plan_places *places, const char *key, char letter)
{
    switch (letter) {
    case 'd':
        return places->run;
    case 'b':
        return places->bin;
    case 's':
        return places->scenario;
    case 'k':
        return key ? key : "";
    default:
        return "%";
    }
}

const char *plan_fill(struct arena *arena, const struct plan_places *places, const char *key,
                      const char *text)
{
    struct buf b = {0};
    char *out = NULL;

    for (const char *p = text; *p; p++) {
        if (*p == '%' && p[1] && strchr("dbsk%", p[1]))
            buf_puts(&b, placeholder(places, key, *++p));
        else
            buf_put(&b, p, 1);
    }
    if (!b.failed)
        out = copy_span(arena, b.data ? (const char *)b.data : "", b.len);
    buf_free(&b);
    return out;
}

static const char **fill_words(struct reader *r, unsigned from, const char *key, unsigned *count)
{
    const char **out = arena_alloc(r->arena, (r->count - from + 1) * sizeof(*out));

    if (!out)
        return NULL;
    *count = r->count - from;
    for (unsigned i = 0; i < *count; i++) {
        out[i] = plan_fill(r->arena, r->places, key, r->words[from + i]);
        if (!out[i])
            return NULL;
    }
    out[*count] = NULL;
    return out;
}

static enum status read_agent(struct reader *r, struct plan *p, const char *raw)
{
    struct plan_agent *a = &p->agents[p->agent_count];

    (void)raw;
    if (r->count < 6)
        return complain(r, "wanted: SHORT PROGRAM NAME AGENCY ROLE PLACE|- [ARG...]");
    if (p->agent_count == AGENTS_MAX)
        return complain(r, "more than 32 agents");
    if (strchr(r->words[0], '/') || strchr(r->words[1], '/'))
        return complain(r, "the short name and the program are names, not paths");
    if (plan_find(p, r->words[0]))
        return complain(r, "this short name is taken by a line above");
    *a = (struct plan_agent){.short_name = r->words[0],
                             .program = r->words[1],
                             .name = r->words[2],
                             .agency = r->words[3],
                             .role = r->words[4],
                             .place = r->words[5]};
    if (strcmp(a->place, "-") == 0)
        a->place = "";
    a->daemon = r->count > 6;
    a->args = fill_words(r, 6, NULL, &a->arg_count);
    if (!a->args)
        return ST_NOMEM;
    if (a->arg_count == 1 && strcmp(a->args[0], ".") == 0)
        a->args[a->arg_count = 0] = NULL;
    p->agent_count++;
    return ST_OK;
}

/* The key of a line is made of its words and of how often the same words stood above it, so it
 * survives lines that are put in before. FNV-1a: nobody attacks it, and it must only differ. */
static const char *make_key(struct reader *r, const struct plan *p, const char *raw)
{
    uint64_t hash = 14695981039346656037u;
    char base[24];
    unsigned same = 0;

    for (; *raw; raw++)
        hash = (hash ^ (unsigned char)*raw) * 1099511628211u;
    snprintf(base, sizeof(base), "plan.%016llx", (unsigned long long)hash);
    for (unsigned i = 0; i < p->line_count; i++)
        same += strncmp(p->lines[i].key, base, strlen(base)) == 0;
    return arena_printf(r->arena, "%s.%u", base, same);
}

static bool parse_number(const char *word, unsigned *out)
{
    char *end;
    unsigned long n = strtoul(word, &end, 10);

    if (end == word || *end || n > 1000000000ul || word[0] == '-')
        return false;
    *out = (unsigned)n;
    return true;
}

static enum status read_line(struct reader *r, struct plan *p, const char *raw)
{
    struct plan_line *l = &p->lines[p->line_count];
    unsigned who = 1;

    if (r->count == 2 && strcmp(r->words[0], "refused") == 0)
        return parse_number(r->words[1], &p->refused) ? ST_OK
                                                      : complain(r, "wanted: refused NUMBER");
    if (p->line_count == LINES_MAX)
        return complain(r, "more than 4096 lines");
    if (r->count < 2 || !parse_number(r->words[0], &l->at_ms))
        return complain(r, "wanted: AT_MS [anew] SHORT ARG..., AT_MS wait, or refused NUMBER");
    l->anew = r->count > 2 && strcmp(r->words[1], "anew") == 0;
    who += l->anew;
    l->number = r->line;
    l->agent = plan_find(p, r->words[who]);
    if (!l->agent && strcmp(r->words[1], "wait") != 0)
        return complain(r, "no agent of agents.txt has this short name");
    l->key = make_key(r, p, raw);
    if (!l->key)
        return ST_NOMEM;
    l->args = fill_words(r, who + 1, l->key, &l->arg_count);
    if (!l->args)
        return ST_NOMEM;
    p->line_count++;
    return ST_OK;
}

const struct plan_agent *plan_find(const struct plan *p, const char *short_name)
{
    for (unsigned i = 0; i < p->agent_count; i++)
        if (strcmp(p->agents[i].short_name, short_name) == 0)
            return &p->agents[i];
    return NULL;
}

enum status plan_read(struct plan *out, struct arena *arena, const char *agents_text,
                      const char *plan_text, const struct plan_places *places, char *err,
                      size_t err_size)
{
    struct plan p = {0};
    struct reader r = {.arena = arena, .places = places, .err = err, .err_size = err_size};
    enum status st;

    err[0] = '\0';
    p.agents = arena_alloc(arena, AGENTS_MAX * sizeof(*p.agents));
    p.lines = arena_alloc(arena, LINES_MAX * sizeof(*p.lines));
    if (!p.agents || !p.lines)
        return ST_NOMEM;
    r.file = "agents.txt";
    st = each_line(&r, agents_text ? agents_text : default_agents, read_agent, &p);
    r.file = "plan.txt";
    if (st == ST_OK && plan_text)
        st = each_line(&r, plan_text, read_line, &p);
    if (st == ST_NOMEM && !err[0])
        snprintf(err, err_size, "the scenario is larger than its memory");
    if (st == ST_OK)
        *out = p;
    return st;
}
