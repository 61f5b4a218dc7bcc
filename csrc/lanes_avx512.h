// Lanes of 512 bits: AVX-512 Foundation, with FMA for what remains.
#pragma once

// GCC 12 and 13 take the undefined vectors inside of their own intrinsics for mistakes (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include "platform.h"

#if GS_HAVE_AVX512
#define GS_TARGET __attribute__((target("avx512f,fma")))
#define GS_FUSED 1

#include "lanes.h"

namespace gs {
namespace {

struct Singles {
    using T = float;
    using V = __m512;
    using I = __m512i;
    static constexpr int64_t kWidth = 16;
    static constexpr int kRows = 6, kVectors = 4, kAhead = 8;
    GS_TARGET static V load(const T *p) { return _mm512_loadu_ps(p); }
    GS_TARGET static void store(T *p, V v) { _mm512_storeu_ps(p, v); }
    GS_TARGET static V all(T x) { return _mm512_set1_ps(x); }
    GS_TARGET static V times(V a, V b) { return _mm512_mul_ps(a, b); }
    GS_TARGET static V plus(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    GS_TARGET static V minus(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
    GS_TARGET static V size(V a) { return _mm512_abs_ps(a); }
    GS_TARGET static V larger(V a, V b) { return _mm512_max_ps(a, b); }
    GS_TARGET static V smaller(V a, V b) { return _mm512_min_ps(a, b); }
    GS_TARGET static T sum(V a) { return _mm512_reduce_add_ps(a); }
    GS_TARGET static I from(int64_t i) {
        const I lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        return _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(i)), lanes);
    }
    GS_TARGET static I step(I i, int64_t by) {
        return _mm512_add_epi32(i, _mm512_set1_epi32(static_cast<int32_t>(by)));
    }
    GS_TARGET static void raise(V size, I i, V &most, I &at) {
        const __mmask16 more = _mm512_cmp_ps_mask(size, most, _CMP_GT_OQ);
        at = _mm512_mask_mov_epi32(at, more, i);
        most = _mm512_mask_mov_ps(most, more, size);
    }
    GS_TARGET static T highest(V most, I at, int64_t &where) {
        const T top = _mm512_reduce_max_ps(most);
        const __mmask16 holds = _mm512_cmp_ps_mask(most, _mm512_set1_ps(top), _CMP_EQ_OQ);
        where = static_cast<uint32_t>(_mm512_mask_reduce_min_epu32(holds, at));
        return top;
    }
};

struct Doubles {
    using T = double;
    using V = __m512d;
    using I = __m512i;
    static constexpr int64_t kWidth = 8;
    static constexpr int kRows = 6, kVectors = 4, kAhead = 8;
    GS_TARGET static V load(const T *p) { return _mm512_loadu_pd(p); }
    GS_TARGET static void store(T *p, V v) { _mm512_storeu_pd(p, v); }
    GS_TARGET static V all(T x) { return _mm512_set1_pd(x); }
    GS_TARGET static V times(V a, V b) { return _mm512_mul_pd(a, b); }
    GS_TARGET static V plus(V a, V b, V c) { return _mm512_fmadd_pd(a, b, c); }
    GS_TARGET static V minus(V a, V b, V c) { return _mm512_fnmadd_pd(a, b, c); }
    GS_TARGET static V added(V a, V b) { return _mm512_add_pd(a, b); }
    GS_TARGET static V less(V a, V b) { return _mm512_sub_pd(a, b); }
    GS_TARGET static V size(V a) { return _mm512_abs_pd(a); }
    GS_TARGET static V larger(V a, V b) { return _mm512_max_pd(a, b); }
    GS_TARGET static V smaller(V a, V b) { return _mm512_min_pd(a, b); }
    GS_TARGET static T sum(V a) { return _mm512_reduce_add_pd(a); }
    GS_TARGET static T top(V a) { return _mm512_reduce_max_pd(a); }
    GS_TARGET static I from(int64_t i) {
        return _mm512_add_epi64(_mm512_set1_epi64(i), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
    }
    GS_TARGET static I back(int64_t i) {
        return _mm512_sub_epi64(_mm512_set1_epi64(i), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
    }
    GS_TARGET static I step(I i, int64_t by) { return _mm512_add_epi64(i, _mm512_set1_epi64(by)); }
    GS_TARGET static V marked(V a, I i) {
        const __m512i size = _mm512_and_epi64(_mm512_castpd_si512(a), _mm512_set1_epi64(INT64_MAX & ~kMark));
        return _mm512_castsi512_pd(_mm512_or_epi64(size, i));
    }
    GS_TARGET static void raise(V size, I i, V &most, I &at) {
        const __mmask8 more = _mm512_cmp_pd_mask(size, most, _CMP_GT_OQ);
        at = _mm512_mask_mov_epi64(at, more, i);
        most = _mm512_mask_mov_pd(most, more, size);
    }
    GS_TARGET static T highest(V most, I at, int64_t &where) {
        const T top = _mm512_reduce_max_pd(most);
        const __mmask8 holds = _mm512_cmp_pd_mask(most, _mm512_set1_pd(top), _CMP_EQ_OQ);
        where = static_cast<int64_t>(_mm512_mask_reduce_min_epu64(holds, at));
        return top;
    }
};

}  // namespace
}  // namespace gs
#endif
