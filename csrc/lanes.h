// Arithmetic on kWidth floats at once, one struct an instruction set and type; a kernel is a template over them.
//
// V holds the floats and I as many integers of the same size. `Plain` is one float a step: the scalar rows, and what
// remains of every loop whose length is no multiple of a width. A file of a kernel includes one of lanes_neon.h,
// lanes_avx2.h, lanes_avx512.h and lanes_baseline.h: all are compiled for the baseline, and GS_TARGET lets the compiler use more in
// the functions that carry it. GS_FUSED says that a b + c is rounded once there, in vectors and in Plain alike, so that
// equal columns have equal numbers wherever they stand.
#pragma once

#include <cmath>
#include <cstring>

#include "platform.h"

namespace gs {
namespace {

// Places that `marked` can write into the last bits of a double; its size then keeps 28 of its 52.
constexpr int64_t kMark = (int64_t{1} << 24) - 1;

// kRows x kVectors sums of products are kept in registers at once; kAhead vectors of other sums hide their latency.
template <typename Float>
struct Plain {
    using T = Float;
    using V = Float;
    using I = int64_t;
    static constexpr int64_t kWidth = 1;
    static constexpr int kRows = 2, kVectors = 8, kAhead = 8;
    GS_TARGET static V load(const T *p) { return *p; }
    GS_TARGET static void store(T *p, V v) { *p = v; }
    GS_TARGET static V all(T x) { return x; }
    GS_TARGET static V times(V a, V b) { return a * b; }
    // a b + c
    GS_TARGET static V plus(V a, V b, V c) {
#if GS_FUSED
        return std::fma(a, b, c);
#else
        return a * b + c;
#endif
    }
    GS_TARGET static V minus(V a, V b, V c) { return plus(-a, b, c); }  // c - a b
    GS_TARGET static V added(V a, V b) { return a + b; }
    GS_TARGET static V less(V a, V b) { return a - b; }
    GS_TARGET static V size(V a) { return std::fabs(a); }
    GS_TARGET static V larger(V a, V b) { return a > b ? a : b; }
    GS_TARGET static V smaller(V a, V b) { return a < b ? a : b; }
    GS_TARGET static T sum(V a) { return a; }
    GS_TARGET static T top(V a) { return a; }         // the largest lane
    GS_TARGET static I from(int64_t i) { return i; }  // i, i + 1, .. in the lanes
    GS_TARGET static I back(int64_t i) { return i; }  // i, i - 1, .. in the lanes
    GS_TARGET static I step(I i, int64_t by) { return i + by; }
    // |a| with i, from 0 to kMark, in its last bits: of such the larger is found, and where it was, by one comparison.
    GS_TARGET static V marked(V a, I i) {
        static_assert(sizeof(T) == 8, "a float has no bits to spare");
        int64_t bits;
        std::memcpy(&bits, &a, 8);
        bits = (bits & INT64_MAX & ~kMark) | i;
        std::memcpy(&a, &bits, 8);
        return a;
    }
    // Where size > most, most and at become size and i.
    GS_TARGET static void raise(V size, I i, V &most, I &at) {
        at = size > most ? i : at;
        most = size > most ? size : most;
    }
    // The largest lane, and of the lanes that equal it the lowest `at`.
    GS_TARGET static T highest(V most, I at, int64_t &where) {
        where = at;
        return most;
    }
};

}  // namespace
}  // namespace gs
