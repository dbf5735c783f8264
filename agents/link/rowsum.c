/* rowsum - see rowsum.h. Each step is one to one in the sum and in the eight bytes, so a change in
 * one of them is never undone by the others. */
#include "agents/link/rowsum.h"

#include "proto/base/banned.h"

/* 2^64 / the golden ratio, odd: spreads every bit over those above it. */
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

uint64_t rowsum_number(uint64_t sum, uint64_t number)
{
    sum = (sum ^ number) * SPREAD;
    return sum ^ sum >> 29;
}

uint64_t rowsum_bytes(uint64_t sum, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    size_t left = len;

    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word = 0;

        for (unsigned i = 0; i < 8; i++)
            word |= (uint64_t)at[i] << 8 * i;
        sum = rowsum_number(sum, word);
    }
    for (uint64_t word = 0; left > 0; left--) {
        word = word << 8 | at[left - 1];
        if (left == 1)
            sum = rowsum_number(sum, word);
    }
    return rowsum_number(sum, len);
}
