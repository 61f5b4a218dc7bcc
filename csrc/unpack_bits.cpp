// unpack_bits: a stream of `bits` bits a code -> one byte a code.
#include "bitstream.h"
#include "rows.h"

namespace gs {
namespace {

using Unpacker = void (*)(const uint8_t *packed, int bits, uint8_t *out, int64_t count);

void unpack_plain(const uint8_t *packed, int bits, uint8_t *out, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        int code = 0;
        for (int b = 0; b < bits; ++b) {
            const int64_t at = i * bits + b;
            code |= ((packed[at / 8] >> (at % 8)) & 1) << b;
        }
        out[i] = static_cast<uint8_t>(code);
    }
}

void unpack_words(const uint8_t *packed, int bits, uint8_t *out, int64_t count) {
    int64_t i = 0;
    // Whole words are read while eight bytes remain; 64 codes make at least eight.
    for (; i + 64 <= count; i += 8, packed += bits) store64(out + i, spread8(load64(packed), bits));
    for (; i + 8 <= count; i += 8, packed += bits) store64(out + i, spread8(load_partial(packed, bits), bits));
    const uint64_t rest = load_partial(packed, ((count - i) * bits + 7) / 8);
    store_partial(out + i, spread8(rest, bits), count - i);
}

#if GS_HAVE_AVX2
// spread8 in four words at once. 8-bit codes are a copy.
GS_TARGET_AVX2 void unpack_avx2(const uint8_t *packed, int bits, uint8_t *out, int64_t count) {
    if (bits == 8) {
        std::memcpy(out, packed, static_cast<size_t>(count));
        return;
    }
    const __m256i m4 = _mm256_set1_epi64x((int64_t{1} << (4 * bits)) - 1);
    const __m256i m2 = _mm256_set1_epi32((1 << (2 * bits)) - 1);
    const __m256i m1 = _mm256_set1_epi16(static_cast<short>((1 << bits) - 1));
    const __m128i s4 = _mm_cvtsi32_si128(4 * bits);
    const __m128i s2 = _mm_cvtsi32_si128(2 * bits);
    const __m128i s1 = _mm_cvtsi32_si128(bits);
    int64_t i = 0;
    // The last of the four words starts 24 codes in and is read whole; 24 + 64 codes hold its eight bytes.
    for (; i + 24 + 64 <= count; i += 32, packed += 4 * bits) {
        const __m256i x = _mm256_set_epi64x(static_cast<int64_t>(load64(packed + 3 * bits)),
                                            static_cast<int64_t>(load64(packed + 2 * bits)),
                                            static_cast<int64_t>(load64(packed + bits)),
                                            static_cast<int64_t>(load64(packed)));
        // After each split the lanes are half as wide, so a shift cannot carry into the neighbour once m masks it.
        const __m256i x4 = _mm256_or_si256(
            _mm256_and_si256(x, m4), _mm256_slli_epi64(_mm256_and_si256(_mm256_srl_epi64(x, s4), m4), 32));
        const __m256i x2 = _mm256_or_si256(
            _mm256_and_si256(x4, m2), _mm256_slli_epi32(_mm256_and_si256(_mm256_srl_epi32(x4, s2), m2), 16));
        const __m256i x1 = _mm256_or_si256(
            _mm256_and_si256(x2, m1), _mm256_slli_epi16(_mm256_and_si256(_mm256_srl_epi16(x2, s1), m1), 8));
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + i), x1);
    }
    unpack_words(packed, bits, out + i, count - i);
}
#endif

template <Unpacker unpack>
int32_t checked(const uint8_t *packed, int64_t packed_len, int32_t bits, uint8_t *out, int64_t count) {
    if (const int32_t status = check_bitstream(out, count, bits, packed, packed_len); status != GS_OK) return status;
    if (count > 0) unpack(packed, bits, out, count);
    return GS_OK;
}

const gs_kernel kRows[] = {
    {"unpack_bits_u8_1x__scalar", "unpack_bits", "scalar", 1, 1, erased(checked<unpack_plain>)},
    {"unpack_bits_u8_8x__scalar", "unpack_bits", "scalar", 1, 8, erased(checked<unpack_words>)},
#if GS_HAVE_AVX2
    {"unpack_bits_u8_32x__avx2", "unpack_bits", "avx2", 1, 32, erased(checked<unpack_avx2>)},
#endif
};

}  // namespace

Rows unpack_bits_rows() { return rows_of(kRows); }

}  // namespace gs
