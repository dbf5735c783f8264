/* rowsum - a number that tells whether a row of a file is what was written: SQLite does not look at
 * what stands in its pages, and a disk that flips a bit says nothing. Against chance, not against
 * forgers. A change within eight bytes is always found; any other with 1 - 2^-64. */
#ifndef EOCBUS_LINK_ROWSUM_H
#define EOCBUS_LINK_ROWSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t rowsum_number(uint64_t sum, uint64_t number); /* begin with sum 0 */
uint64_t rowsum_bytes(uint64_t sum, const void *bytes, size_t len);

#endif
