// Eight items of 1, 2 or 4 bytes moved by a row of lane numbers (kMaskTable.kept or .rank), kOutside giving 0.
//
// One architecture has one spelling of it; mask_compress and mask_expand are the same loop over `shuffle8`.
#pragma once

#include "mask.h"

#define GS_HAVE_SHUFFLE (GS_HAVE_AVX2 || GS_HAVE_NEON)

namespace gs {

#if GS_HAVE_AVX2
#define GS_SHUFFLE_ISA "avx2"
#define GS_SHUFFLE_TARGET GS_TARGET_AVX2

GS_SHUFFLE_TARGET inline void shuffle8(const Item<1> *from, Item<1> *to, const uint8_t *lanes) {
    const __m128i items = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(from));
    const __m128i index = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(lanes));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(to), _mm_shuffle_epi8(items, index));
}

GS_SHUFFLE_TARGET inline void shuffle8(const Item<2> *from, Item<2> *to, const uint8_t *lanes) {
    const __m128i items = _mm_loadu_si128(reinterpret_cast<const __m128i *>(from));
    const __m128i index = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(lanes));
    // Lane i is bytes 2i and 2i + 1. The saturating add keeps the top bit of kOutside set.
    const __m128i twice = _mm_adds_epu8(index, index);
    const __m128i bytes = _mm_unpacklo_epi8(twice, _mm_adds_epu8(twice, _mm_set1_epi8(1)));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm_shuffle_epi8(items, bytes));
}

GS_SHUFFLE_TARGET inline void shuffle8(const Item<4> *from, Item<4> *to, const uint8_t *lanes) {
    const __m256i items = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from));
    const __m256i index = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(lanes)));
    // permutevar looks at three bits only: lanes outside are cleared after it.
    const __m256i inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(kOutside), index);
    const __m256i moved = _mm256_and_si256(_mm256_permutevar8x32_epi32(items, index), inside);
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), moved);
}
#endif

#if GS_HAVE_NEON
#define GS_SHUFFLE_ISA "neon"
#define GS_SHUFFLE_TARGET

inline void shuffle8(const Item<1> *from, Item<1> *to, const uint8_t *lanes) {
    vst1_u8(to->bytes, vtbl1_u8(vld1_u8(from->bytes), vld1_u8(lanes)));
}

inline void shuffle8(const Item<2> *from, Item<2> *to, const uint8_t *lanes) {
    const uint8x8_t index = vld1_u8(lanes);
    const uint8x8_t twice = vqadd_u8(index, index);  // saturates, so kOutside stays out of range
    const uint8x8x2_t bytes = vzip_u8(twice, vqadd_u8(twice, vdup_n_u8(1)));
    const uint8x16_t items = vld1q_u8(from->bytes);
    vst1q_u8(to->bytes, vqtbl1q_u8(items, vcombine_u8(bytes.val[0], bytes.val[1])));
}

inline void shuffle8(const Item<4> *from, Item<4> *to, const uint8_t *lanes) {
    const uint8_t *source = from->bytes;
    const uint8x16x2_t items = {{vld1q_u8(source), vld1q_u8(source + 16)}};
    const uint8x8_t index = vld1_u8(lanes);
    const uint8x8_t twice = vqadd_u8(index, index);
    const uint8x8_t four = vqadd_u8(twice, twice);  // 4 i, and 255 outside: not below the 32 bytes of the two tables
    const uint8x8x2_t pairs = vzip_u8(four, vqadd_u8(four, vdup_n_u8(1)));
    for (int half = 0; half < 2; ++half) {
        const uint8x8_t low = pairs.val[half];                         // 4i, 4i + 1 of four lanes
        const uint8x8_t high = vqadd_u8(low, vdup_n_u8(2));            // 4i + 2, 4i + 3
        const uint16x4x2_t words = vzip_u16(vreinterpret_u16_u8(low), vreinterpret_u16_u8(high));
        const uint8x16_t bytes =
            vcombine_u8(vreinterpret_u8_u16(words.val[0]), vreinterpret_u8_u16(words.val[1]));
        vst1q_u8(to->bytes + 16 * half, vqtbl2q_u8(items, bytes));
    }
}
#endif

}  // namespace gs
