// Lanes of 256 bits: AVX2 with FMA.
#pragma once

#include "platform.h"

#if GS_HAVE_AVX2
#define GS_TARGET __attribute__((target("avx2,fma")))
#define GS_FUSED 1

#include "lanes.h"

namespace gs {
namespace {

struct Singles {
    using T = float;
    using V = __m256;
    using I = __m256i;
    static constexpr int64_t kWidth = 8;
    static constexpr int kRows = 6, kVectors = 2, kAhead = 4;
    GS_TARGET static V load(const T *p) { return _mm256_loadu_ps(p); }
    GS_TARGET static void store(T *p, V v) { _mm256_storeu_ps(p, v); }
    GS_TARGET static V all(T x) { return _mm256_set1_ps(x); }
    GS_TARGET static V times(V a, V b) { return _mm256_mul_ps(a, b); }
    GS_TARGET static V plus(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    GS_TARGET static V minus(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
    GS_TARGET static V size(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    GS_TARGET static V larger(V a, V b) { return _mm256_max_ps(a, b); }
    GS_TARGET static V smaller(V a, V b) { return _mm256_min_ps(a, b); }
    GS_TARGET static T sum(V a) {
        __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        half = _mm_add_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
    }
    GS_TARGET static I from(int64_t i) {
        return _mm256_add_epi32(_mm256_set1_epi32(static_cast<int32_t>(i)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
    GS_TARGET static I step(I i, int64_t by) {
        return _mm256_add_epi32(i, _mm256_set1_epi32(static_cast<int32_t>(by)));
    }
    GS_TARGET static void raise(V size, I i, V &most, I &at) {
        const __m256 more = _mm256_cmp_ps(size, most, _CMP_GT_OQ);
        at = _mm256_blendv_epi8(at, i, _mm256_castps_si256(more));
        most = _mm256_blendv_ps(most, size, more);
    }
    GS_TARGET static T highest(V most, I at, int64_t &where) {
        __m128 top = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
        top = _mm_max_ps(top, _mm_movehl_ps(top, top));
        const __m256 all = _mm256_broadcastss_ps(_mm_max_ss(top, _mm_movehdup_ps(top)));
        // Lanes that do not hold it count as the largest unsigned number.
        const __m256i other = _mm256_castps_si256(_mm256_cmp_ps(most, all, _CMP_NEQ_UQ));
        const __m256i places = _mm256_or_si256(at, other);
        __m128i low = _mm_min_epu32(_mm256_castsi256_si128(places), _mm256_extracti128_si256(places, 1));
        low = _mm_min_epu32(low, _mm_shuffle_epi32(low, 0x4E));
        low = _mm_min_epu32(low, _mm_shuffle_epi32(low, 0xB1));
        where = static_cast<uint32_t>(_mm_cvtsi128_si32(low));
        return _mm256_cvtss_f32(all);
    }
};

struct Doubles {
    using T = double;
    using V = __m256d;
    using I = __m256i;
    static constexpr int64_t kWidth = 4;
    static constexpr int kRows = 6, kVectors = 2, kAhead = 4;
    GS_TARGET static V load(const T *p) { return _mm256_loadu_pd(p); }
    GS_TARGET static void store(T *p, V v) { _mm256_storeu_pd(p, v); }
    GS_TARGET static V all(T x) { return _mm256_set1_pd(x); }
    GS_TARGET static V times(V a, V b) { return _mm256_mul_pd(a, b); }
    GS_TARGET static V plus(V a, V b, V c) { return _mm256_fmadd_pd(a, b, c); }
    GS_TARGET static V minus(V a, V b, V c) { return _mm256_fnmadd_pd(a, b, c); }
    GS_TARGET static V added(V a, V b) { return _mm256_add_pd(a, b); }
    GS_TARGET static V less(V a, V b) { return _mm256_sub_pd(a, b); }
    GS_TARGET static V size(V a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a); }
    GS_TARGET static V larger(V a, V b) { return _mm256_max_pd(a, b); }
    GS_TARGET static V smaller(V a, V b) { return _mm256_min_pd(a, b); }
    GS_TARGET static T sum(V a) {
        const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
        return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
    }
    GS_TARGET static T top(V a) {
        const __m128d half = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
        return _mm_cvtsd_f64(_mm_max_sd(half, _mm_unpackhi_pd(half, half)));
    }
    GS_TARGET static I from(int64_t i) {
        return _mm256_add_epi64(_mm256_set1_epi64x(i), _mm256_setr_epi64x(0, 1, 2, 3));
    }
    GS_TARGET static I back(int64_t i) {
        return _mm256_sub_epi64(_mm256_set1_epi64x(i), _mm256_setr_epi64x(0, 1, 2, 3));
    }
    GS_TARGET static I step(I i, int64_t by) { return _mm256_add_epi64(i, _mm256_set1_epi64x(by)); }
    GS_TARGET static V marked(V a, I i) {
        const V size = _mm256_and_pd(a, _mm256_castsi256_pd(_mm256_set1_epi64x(INT64_MAX & ~kMark)));
        return _mm256_or_pd(size, _mm256_castsi256_pd(i));
    }
    GS_TARGET static void raise(V size, I i, V &most, I &at) {
        const __m256d more = _mm256_cmp_pd(size, most, _CMP_GT_OQ);
        at = _mm256_blendv_epi8(at, i, _mm256_castpd_si256(more));
        most = _mm256_blendv_pd(most, size, more);
    }
    GS_TARGET static T highest(V most, I at, int64_t &where) {
        T sizes[4];
        int64_t places[4];
        store(sizes, most);
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(places), at);
        T top = sizes[0];
        where = places[0];
        for (int lane = 1; lane < 4; ++lane) {
            if (!(sizes[lane] > top || (sizes[lane] == top && places[lane] < where))) continue;
            top = sizes[lane];
            where = places[lane];
        }
        return top;
    }
};

}  // namespace
}  // namespace gs
#endif
