/* login_form - see login_form.h. */
#include "agents/console/api/login_form.h"

#include <string.h>

#include "proto/base/banned.h"

static int hex_of(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);

    return c && at ? (int)(at - digits) : -1;
}

/* Where the value begins; `len` if the form has no such name. */
static size_t find_value(const char *form, size_t len, const char *name)
{
    size_t key = strlen(name);

    for (size_t i = 0; i + key < len; i++)
        if ((!i || form[i - 1] == '&') && memcmp(form + i, name, key) == 0 && form[i + key] == '=')
            return i + key + 1;
    return len;
}

bool login_form_value(const char *form, size_t len, const char *name, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = find_value(form, len, name); i < len && form[i] != '&'; i++) {
        char c = form[i] == '+' ? ' ' : form[i];

        if (c == '%' && i + 2 < len && hex_of(form[i + 1]) >= 0 && hex_of(form[i + 2]) >= 0) {
            c = (char)(hex_of(form[i + 1]) * 16 + hex_of(form[i + 2]));
            i += 2;
        }
        if (!c || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return n > 0;
}
