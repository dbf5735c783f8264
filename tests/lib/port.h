/* port - a TCP port of 127.0.0.1 for a server that a test starts, ends and starts again. It is
 * bound here all the time and never listened at, so that no other test, and no connection that goes
 * out, gets it before the server has it or while it is away. (On Linux two sockets with
 * SO_REUSEADDR may be bound to one port as long as one at most listens; libzmq sets it.) */
#ifndef EOCBUS_TESTS_LIB_PORT_H
#define EOCBUS_TESTS_LIB_PORT_H

#include <stddef.h>

/* Writes "tcp://127.0.0.1:port"; a descriptor to be closed when nobody needs the port any more.
 * Aborts when there is none. */
int port_hold(char *endpoint, size_t size);

#endif
