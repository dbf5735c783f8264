/* login_form - the body of POST /api/login: name=...&password=..., as a browser writes it. Pure. */
#ifndef EOCBUS_CONSOLE_LOGIN_FORM_H
#define EOCBUS_CONSOLE_LOGIN_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* One value of the form, decoded; false if it is not there, too long, or holds a NUL. */
bool login_form_value(const char *form, size_t len, const char *name, char *out, size_t size);

#endif
