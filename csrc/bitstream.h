// Shared by pack_bits and unpack_bits: argument checks, and eight codes of b bits <-> one word of 8b bits.
#pragma once

#include "gossamer_kernels.h"
#include "platform.h"

namespace gs {

// Eight bytes of at most b bits each, squeezed into the low 8b bits. Pairs of lanes are joined, three times over:
// 8 lanes of b bits -> 4 of 2b -> 2 of 4b -> 1 of 8b.
inline uint64_t squeeze8(uint64_t x, int bits) {
    x = (x & 0x00FF00FF00FF00FFu) | ((x >> 8) & 0x00FF00FF00FF00FFu) << bits;
    x = (x & 0x0000FFFF0000FFFFu) | ((x >> 16) & 0x0000FFFF0000FFFFu) << (2 * bits);
    x = (x & 0x00000000FFFFFFFFu) | (x >> 32) << (4 * bits);
    return x;
}

// The inverse: the low 8b bits of x, spread to eight bytes. Bits above 8b are dropped.
inline uint64_t spread8(uint64_t x, int bits) {
    const uint64_t m4 = (uint64_t{1} << (4 * bits)) - 1;
    const uint64_t m2 = ((uint64_t{1} << (2 * bits)) - 1) * 0x0000000100000001u;
    const uint64_t m1 = ((uint64_t{1} << bits) - 1) * 0x0001000100010001u;
    x = (x & m4) | ((x >> (4 * bits)) & m4) << 32;
    x = (x & m2) | ((x >> (2 * bits)) & m2) << 16;
    x = (x & m1) | ((x >> bits) & m1) << 8;
    return x;
}

// GS_OK when `count` codes of `bits` bits fill exactly `stream_len` bytes.
inline int32_t check_bitstream(const void *codes, int64_t count, int32_t bits, const void *stream,
                               int64_t stream_len) {
    if (bits < 1 || bits > 8) return GS_BAD_BITS;
    if (count < 0 || count > INT64_MAX / 8 - 1) return GS_BAD_LENGTH;
    if (stream_len != (count * bits + 7) / 8) return GS_BAD_LENGTH;
    if (count > 0 && (codes == nullptr || stream == nullptr)) return GS_BAD_POINTER;
    return GS_OK;
}

}  // namespace gs
