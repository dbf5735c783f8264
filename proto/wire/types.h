/* types - what each kind of body is: its number, name, family, and how the bus treats it. */
#ifndef EOCBUS_WIRE_TYPES_H
#define EOCBUS_WIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "eocbus/v1/envelope.pb-c.h"

enum type_flag {
    TYPE_BULK = 1,   /* goes into the log set-based, no JSON copy: observations, status, chunks */
    TYPE_LEDGER = 2, /* PostgreSQL keeps a JSONB copy and decides its life cycle */
    TYPE_FLASH = 4,  /* may travel as FLASH: has no ledger verdict */
    TYPE_EXPIRES = 8 /* not_after_us is mandatory: commands and alerts */
};

struct type_info {
    unsigned number;    /* field number in Envelope.body; the type's number for ever */
    const char *name;   /* "flash_report" */
    const char *family; /* "report" */
    unsigned flags;     /* enum type_flag */
    const ProtobufCMessageDescriptor *descriptor; /* of the body */
};

/* NULL if there is no such type. */
const struct type_info *type_by_number(unsigned number);
const struct type_info *type_by_name(const char *name);
size_t type_count(void);
const struct type_info *type_at(size_t i);

#endif
