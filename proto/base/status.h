/* status - the one set of results every function of the bus answers with. */
#ifndef EOCBUS_BASE_STATUS_H
#define EOCBUS_BASE_STATUS_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum status {
    ST_OK = 0,
    ST_AGAIN,    /* nothing now; ask again when told to */
    ST_FULL,     /* a bounded queue or budget has no room; the argument stays with the caller */
    ST_NOMEM,    /* no memory, or an arena's cap was reached */
    ST_INVALID,  /* the input breaks a rule */
    ST_NOTFOUND, /* no such peer, file, row or name */
    ST_EXISTS,   /* there already */
    ST_DENIED,   /* not allowed: rights, file mode */
    ST_CLOSED,   /* the other side or the object is gone */
    ST_IO,       /* the system refused: errno tells why */
    ST_TIMEOUT,
    ST_CONFLICT, /* same identity, different content */
    ST_STATUSES
};

/* Short word for logs: "ok", "full". Never NULL. */
const char *status_name(enum status st);

#endif
