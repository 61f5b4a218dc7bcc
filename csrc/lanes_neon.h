// Lanes of 128 bits: NEON, which every aarch64 processor has.
#pragma once

#include "platform.h"

#if GS_HAVE_NEON
#define GS_TARGET
#define GS_FUSED 1

#include "lanes.h"

namespace gs {
namespace {

// larger and smaller give b where one of the two is no number, as Plain and the other lanes do; vmaxq would give that.
struct Singles {
    using T = float;
    using V = float32x4_t;
    using I = uint32x4_t;
    static constexpr int64_t kWidth = 4;
    static constexpr int kRows = 6, kVectors = 4, kAhead = 8;
    static V load(const T *p) { return vld1q_f32(p); }
    static void store(T *p, V v) { vst1q_f32(p, v); }
    static V all(T x) { return vdupq_n_f32(x); }
    static V times(V a, V b) { return vmulq_f32(a, b); }
    static V plus(V a, V b, V c) { return vfmaq_f32(c, a, b); }
    static V minus(V a, V b, V c) { return vfmsq_f32(c, a, b); }
    static V size(V a) { return vabsq_f32(a); }
    static V larger(V a, V b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
    static V smaller(V a, V b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
    static T sum(V a) { return vaddvq_f32(a); }
    static I from(int64_t i) {
        const uint32_t lanes[] = {0, 1, 2, 3};
        return vaddq_u32(vdupq_n_u32(static_cast<uint32_t>(i)), vld1q_u32(lanes));
    }
    static I step(I i, int64_t by) { return vaddq_u32(i, vdupq_n_u32(static_cast<uint32_t>(by))); }
    static void raise(V size, I i, V &most, I &at) {
        const uint32x4_t more = vcgtq_f32(size, most);
        at = vbslq_u32(more, i, at);
        most = vbslq_f32(more, size, most);
    }
    static T highest(V most, I at, int64_t &where) {
        const T top = vmaxvq_f32(most);
        // Lanes that do not hold it count as the largest unsigned number.
        where = vminvq_u32(vornq_u32(at, vceqq_f32(most, vdupq_n_f32(top))));
        return top;
    }
};

struct Doubles {
    using T = double;
    using V = float64x2_t;
    using I = uint64x2_t;
    static constexpr int64_t kWidth = 2;
    static constexpr int kRows = 6, kVectors = 4, kAhead = 8;
    static V load(const T *p) { return vld1q_f64(p); }
    static void store(T *p, V v) { vst1q_f64(p, v); }
    static V all(T x) { return vdupq_n_f64(x); }
    static V times(V a, V b) { return vmulq_f64(a, b); }
    static V plus(V a, V b, V c) { return vfmaq_f64(c, a, b); }
    static V minus(V a, V b, V c) { return vfmsq_f64(c, a, b); }
    static V added(V a, V b) { return vaddq_f64(a, b); }
    static V less(V a, V b) { return vsubq_f64(a, b); }
    static V size(V a) { return vabsq_f64(a); }
    static V larger(V a, V b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
    static V smaller(V a, V b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
    static T sum(V a) { return vaddvq_f64(a); }
    static T top(V a) { return vmaxvq_f64(a); }
    static I from(int64_t i) { return both(i, i + 1); }
    static I back(int64_t i) { return both(i, i - 1); }
    static I step(I i, int64_t by) { return vaddq_u64(i, vdupq_n_u64(static_cast<uint64_t>(by))); }
    static V marked(V a, I i) {
        const uint64x2_t kept = vdupq_n_u64(static_cast<uint64_t>(INT64_MAX & ~kMark));
        return vreinterpretq_f64_u64(vorrq_u64(vandq_u64(vreinterpretq_u64_f64(a), kept), i));
    }
    static void raise(V size, I i, V &most, I &at) {
        const uint64x2_t more = vcgtq_f64(size, most);
        at = vbslq_u64(more, i, at);
        most = vbslq_f64(more, size, most);
    }
    static T highest(V most, I at, int64_t &where) {
        const T low = vgetq_lane_f64(most, 0), high = vgetq_lane_f64(most, 1);
        const uint64_t first = vgetq_lane_u64(at, 0), second = vgetq_lane_u64(at, 1);
        const bool other = high > low || (high == low && second < first);
        where = static_cast<int64_t>(other ? second : first);
        return other ? high : low;
    }

 private:
    static I both(int64_t first, int64_t second) {
        return vcombine_u64(vcreate_u64(static_cast<uint64_t>(first)), vcreate_u64(static_cast<uint64_t>(second)));
    }
};

}  // namespace
}  // namespace gs
#endif
