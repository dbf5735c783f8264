/* renumber - every id that a message holds, at any depth: its own, its thread's, and those of the
 * households, incidents, offers and messages it speaks of. */
#ifndef EOCBUS_WIRE_RENUMBER_H
#define EOCBUS_WIRE_RENUMBER_H

#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

/* Calls `id` once for each field marked @id that is set, 16 bytes to be changed in place. m is one
 * of the contract's messages, unpacked and held to the gate's rules; its bytes belong to the caller
 * and are written to. */
void renumber(ProtobufCMessage *m, void (*id)(void *arg, uint8_t bytes[16]), void *arg);

#endif
