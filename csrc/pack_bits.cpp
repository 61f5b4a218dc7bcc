// pack_bits: one byte a code -> a stream of `bits` bits a code.
#include "bitstream.h"
#include "rows.h"

namespace gs {
namespace {

// Packers return the OR of all codes: that a code was too wide is seen once, at the end.
using Packer = uint8_t (*)(const uint8_t *codes, int64_t count, int bits, uint8_t *out);

uint8_t pack_plain(const uint8_t *codes, int64_t count, int bits, uint8_t *out) {
    std::memset(out, 0, static_cast<size_t>((count * bits + 7) / 8));
    uint8_t seen = 0;
    for (int64_t i = 0; i < count; ++i) {
        seen |= codes[i];
        for (int b = 0; b < bits; ++b) {
            const int64_t at = i * bits + b;
            out[at / 8] = static_cast<uint8_t>(out[at / 8] | ((codes[i] >> b) & 1) << (at % 8));
        }
    }
    return seen;
}

// Eight codes make `bits` whole bytes, so steps of eight always begin on a byte.
uint8_t pack_words(const uint8_t *codes, int64_t count, int bits, uint8_t *out) {
    uint64_t seen = 0;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8, out += bits) {
        const uint64_t x = load64(codes + i);
        seen |= x;
        store_partial(out, squeeze8(x, bits), bits);
    }
    const uint64_t rest = load_partial(codes + i, count - i);
    store_partial(out, squeeze8(rest, bits), ((count - i) * bits + 7) / 8);
    seen |= rest;
    seen |= seen >> 32;
    seen |= seen >> 16;
    seen |= seen >> 8;
    return static_cast<uint8_t>(seen);
}

#if GS_HAVE_AVX2
// squeeze8 in four words at once. maddubs and madd join neighbours as lo * 1 + hi * 2^bits; their signed operand holds
// codes of at most 7 bits and sums of at most 14, so nothing saturates. 8-bit codes are a copy.
GS_TARGET_AVX2 uint8_t pack_avx2(const uint8_t *codes, int64_t count, int bits, uint8_t *out) {
    if (bits == 8) {
        std::memcpy(out, codes, static_cast<size_t>(count));
        return 0xFF;
    }
    const __m256i join1 = _mm256_set1_epi16(static_cast<short>(1 | (1 << bits) << 8));
    const __m256i join2 = _mm256_set1_epi32(1 | (1 << (2 * bits)) << 16);
    const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
    const __m128i up = _mm_cvtsi32_si128(4 * bits);
    __m256i seen = _mm256_setzero_si256();
    int64_t i = 0;
    // The last of the four words begins 24 codes in and is stored whole; 64 more codes hold its eight bytes. What it
    // writes beyond its own `bits` bytes the next store mends.
    for (; i + 24 + 64 <= count; i += 32, out += 4 * bits) {
        const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(codes + i));
        seen = _mm256_or_si256(seen, x);
        const __m256i x2 = _mm256_maddubs_epi16(join1, x);
        const __m256i x4 = _mm256_madd_epi16(x2, join2);
        const __m256i x8 = _mm256_or_si256(_mm256_and_si256(x4, low), _mm256_sll_epi64(_mm256_srli_epi64(x4, 32), up));
        alignas(32) uint64_t words[4];
        _mm256_store_si256(reinterpret_cast<__m256i *>(words), x8);
        for (int w = 0; w < 4; ++w) store64(out + w * bits, words[w]);
    }
    alignas(32) uint8_t bytes[32];
    _mm256_store_si256(reinterpret_cast<__m256i *>(bytes), seen);
    uint8_t all = pack_words(codes + i, count - i, bits, out);
    for (uint8_t byte : bytes) all |= byte;
    return all;
}
#endif

template <Packer pack>
int32_t checked(const uint8_t *codes, int64_t count, int32_t bits, uint8_t *out, int64_t out_len) {
    if (const int32_t status = check_bitstream(codes, count, bits, out, out_len); status != GS_OK) return status;
    if (count == 0) return GS_OK;
    return pack(codes, count, bits, out) >> bits ? GS_BAD_CODE : GS_OK;
}

const gs_kernel kRows[] = {
    {"pack_bits_u8_1x__scalar", "pack_bits", "scalar", 1, 1, erased(checked<pack_plain>)},
    {"pack_bits_u8_8x__scalar", "pack_bits", "scalar", 1, 8, erased(checked<pack_words>)},
#if GS_HAVE_AVX2
    {"pack_bits_u8_32x__avx2", "pack_bits", "avx2", 1, 32, erased(checked<pack_avx2>)},
#endif
};

}  // namespace

Rows pack_bits_rows() { return rows_of(kRows); }

}  // namespace gs
