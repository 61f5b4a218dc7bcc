// What the compiler and the target are, in one place. A kernel asks these macros, never a compiler's own.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "gossamer's kernels read streams as little-endian words; on this machine the torch reference is used"
#endif

// Only GCC and Clang compile one function for another instruction set than the file's; elsewhere scalar rows remain.
#if defined(__GNUC__) && defined(__x86_64__)
#define GS_HAVE_AVX2 1
#define GS_HAVE_AVX512 1
#define GS_TARGET_AVX2 __attribute__((target("avx2")))
#include <immintrin.h>
#else
#define GS_HAVE_AVX2 0
#define GS_HAVE_AVX512 0
#endif

// Every aarch64 processor has NEON, so no function attribute and no detection is needed.
#if defined(__GNUC__) && defined(__aarch64__)
#define GS_HAVE_NEON 1
#include <arm_neon.h>
#else
#define GS_HAVE_NEON 0
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

namespace gs {

// memcpy is the one portable unaligned access; compilers turn these into single moves.
inline uint64_t load64(const void *from) {
    uint64_t word;
    std::memcpy(&word, from, 8);
    return word;
}

inline void store64(void *to, uint64_t word) { std::memcpy(to, &word, 8); }

// The lowest `bytes` (0..8) bytes, for the ends of buffers where eight would be too many.
inline uint64_t load_partial(const uint8_t *from, int64_t bytes) {
    uint64_t word = 0;
    for (int64_t i = 0; i < bytes; ++i) word |= uint64_t{from[i]} << (8 * i);
    return word;
}

inline void store_partial(uint8_t *to, uint64_t word, int64_t bytes) {
    for (int64_t i = 0; i < bytes; ++i) to[i] = static_cast<uint8_t>(word >> (8 * i));
}

// Asks for the memory at `from`, which need not exist, to be brought near.
inline void prefetch(const void *from) {
#if defined(__GNUC__)
    __builtin_prefetch(from);
#else
    (void)from;
#endif
}

// Index of the lowest set bit; word must not be 0.
inline int lowest_bit(uint64_t word) {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned long index;
    _BitScanForward64(&index, word);
    return static_cast<int>(index);
#else
    return __builtin_ctzll(word);
#endif
}

// Set bits of a word without the popcnt instruction, which the x86-64 baseline lacks.
inline int popcount64(uint64_t x) {
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return static_cast<int>((x * 0x0101010101010101u) >> 56);
}

}  // namespace gs
