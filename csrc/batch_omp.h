// The loops of batch_omp, over the lanes of the instruction set whose lanes_*.h was included before.
//
// For one signal, q_1 .. q_t are the chosen atoms made orthonormal, w_i = D'q_i, and c = D'r. A step takes
// j = argmax |c_j| and needs no triangular solve, because the new Cholesky row is read from the w_i:
//     l_i = w_i[j],   p^2 = G_jj - sum l_i^2,   z = c_j / p,
//     w = (G_j - sum l_i w_i) / p,   c <- c - z w,   |r|^2 <- |r|^2 - z^2.
// The coefficients follow once, at the end, from L'g = z.
//
// A few signals at a time are multiplied with the dictionary, so that their correlations are still in the first cache
// when they are pursued. Two signals take steps in turn: while one waits for its argmax, root and quotient, the other's
// vectors keep the processor busy. Every number is the same whatever signals are solved beside it.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstring>
#include <initializer_list>

#include "lanes.h"
#include "rows.h"

namespace gs {
namespace {

// What the recursions resolve, in roundings: below these a signal is left to a solver that looks at residuals.
constexpr int kErrorRoundings = 32;
constexpr int kPivotRoundings = 1000;
constexpr double kTargetSlack = 1e-3;
// Signals multiplied at once, a multiple of every kRows, and signals in flight. gossamer_kernels.h counts with both.
constexpr int64_t kBlock = 24;
constexpr int kInFlight = 2;

template <typename T>
constexpr T kEpsilon = sizeof(T) == 4 ? static_cast<T>(FLT_EPSILON) : static_cast<T>(DBL_EPSILON);

template <typename T>
struct Dictionary {
    const T *atoms;   // (n, m), rows of norm 1
    const T *gram;    // (n, n)
    const T *scales;  // (n,), what a coefficient is multiplied with
    int64_t n, m, k;
};

// How far apart rows of correlations lie: whole vectors of every width.
constexpr int64_t padded(int64_t n) { return (n + 15) / 16 * 16; }

// One signal on its way.
template <typename T>
struct Pursuit {
    T *spans, *triangle, *z;  // w (k, n); L (k, k) with reciprocals on its diagonal; z (k), at the end g
    int32_t *support;         // (k)
    T *left;                  // c (n)
    int64_t signal, best;
    T square, error, floor, target, most;
    int32_t chosen;
    bool lost;
};

// signals * atoms', by tiles of rows x vectors that are held in registers.
template <typename Lanes>
struct Product {
    using T = typename Lanes::T;
    using V = typename Lanes::V;
    static constexpr int64_t kPanel = Lanes::kVectors * Lanes::kWidth;

    // Panels of kPanel atoms, each (m, kPanel), so that a tile reads one straight line; the last is narrower, and ends
    // with atoms of zeros where the width asks for them.
    static void pack(const Dictionary<T> &d, T *panels) {
        const int64_t wide = padded(d.n);
        for (int64_t j = 0; j < wide; j += kPanel) {
            const int64_t stride = wide - j < kPanel ? wide - j : kPanel;
            for (int64_t i = 0; i < stride; ++i)
                for (int64_t t = 0; t < d.m; ++t)
                    panels[j * d.m + t * stride + i] = j + i < d.n ? d.atoms[(j + i) * d.m + t] : T{0};
        }
    }

    GS_TARGET static void run(const Dictionary<T> &d, const T *panels, const T *signals, int64_t count, T *c) {
        const int64_t wide = padded(d.n);
        int64_t j = 0;
        for (; j + kPanel <= wide; j += kPanel)
            rows<Lanes::kVectors>(d, panels + j * d.m, kPanel, signals, count, c + j);
        const T *panel = panels + j * d.m;
        for (const int64_t stride = wide - j; j < wide; j += Lanes::kWidth, panel += Lanes::kWidth)
            rows<1>(d, panel, stride, signals, count, c + j);
    }

    template <int Vectors>
    GS_TARGET static void rows(const Dictionary<T> &d, const T *panel, int64_t stride, const T *signals,
                               int64_t count, T *c) {
        const int64_t wide = padded(d.n);
        int64_t i = 0;
        for (; i + Lanes::kRows <= count; i += Lanes::kRows)
            tile<Lanes::kRows, Vectors>(d.m, panel, stride, signals + i * d.m, c + i * wide, wide);
        for (; i < count; ++i) tile<1, Vectors>(d.m, panel, stride, signals + i * d.m, c + i * wide, wide);
    }

    template <int Rows, int Vectors>
    GS_TARGET static void tile(int64_t m, const T *panel, int64_t stride, const T *signals, T *c, int64_t wide) {
        V sums[Rows][Vectors];
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < Vectors; ++v) sums[i][v] = Lanes::all(0);
        for (int64_t t = 0; t < m; ++t, panel += stride) {
            V atoms[Vectors];
            for (int v = 0; v < Vectors; ++v) atoms[v] = Lanes::load(panel + v * Lanes::kWidth);
            for (int i = 0; i < Rows; ++i) {
                const V factor = Lanes::all(signals[i * m + t]);
                for (int v = 0; v < Vectors; ++v) sums[i][v] = Lanes::plus(factor, atoms[v], sums[i][v]);
            }
        }
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < Vectors; ++v) Lanes::store(c + i * wide + v * Lanes::kWidth, sums[i][v]);
    }
};

// The largest |c_i| seen so far in each lane, and where.
template <typename Lanes>
struct Peak {
    typename Lanes::V most;
    typename Lanes::I at, here;

    GS_TARGET explicit Peak(int64_t first) : most(Lanes::all(0)), at(Lanes::from(first)), here(at) {}

    GS_TARGET void see(typename Lanes::V left) {
        Lanes::raise(Lanes::size(left), here, most, at);
        here = Lanes::step(here, Lanes::kWidth);
    }
};

template <typename Lanes>
struct Solver {
    using T = typename Lanes::T;
    using V = typename Lanes::V;

    const Dictionary<T> d;
    const T *signals;
    T *x, *residuals;
    int32_t *steps;

    GS_TARGET void begin(int64_t signal, T *left, T target, Pursuit<T> &p) const {
        p.signal = signal;
        p.left = left;
        p.square = remaining(signals + signal * d.m, p, 0);
        p.error = p.square;
        p.floor = kErrorRoundings * kEpsilon<T> * p.square;
        p.target = target;
        p.chosen = 0;
        p.lost = false;
        Peak<Lanes> peak(0);
        int64_t i = 0;
        for (; i + Lanes::kWidth <= d.n; i += Lanes::kWidth) peak.see(Lanes::load(left + i));
        Peak<Plain<T>> rest(i);
        for (; i < d.n; ++i) rest.see(left[i]);
        settle(peak, rest, p);
    }

    // Chooses one atom more. False where the signal has ended: by count, by target, or `lost`, because the recursions
    // can resolve no more and another solver must begin anew.
    GS_TARGET bool step(Pursuit<T> &p) const {
        if ((p.error <= p.target && p.target >= p.floor) || p.chosen == d.k) return false;
        p.lost = p.error <= p.floor || !(p.most > 0);
        if (p.lost) return false;
        const int64_t j = p.best;
        T *l = p.triangle + p.chosen * d.k;
        T pivot = d.gram[j * d.n + j];
        for (int32_t t = 0; t < p.chosen; ++t) {
            l[t] = p.spans[t * d.n + j];
            pivot -= l[t] * l[t];
            p.lost |= p.support[t] == j;
        }
        p.lost |= !(pivot > kPivotRoundings * kEpsilon<T>);
        if (p.lost) return false;
        const T over = 1 / std::sqrt(pivot), z = p.left[j] * over;
        l[p.chosen] = over;
        p.z[p.chosen] = z;
        p.error -= z * z;
        p.support[p.chosen] = static_cast<int32_t>(j);
        if (p.chosen + 1 < d.k) advance(d.gram + j * d.n, l, over, z, p);
        ++p.chosen;
        return true;
    }

    GS_TARGET void advance(const T *row, const T *l, T over, T z, Pursuit<T> &p) const {
        Peak<Lanes> peak(0);
        constexpr int64_t kStep = Lanes::kAhead * Lanes::kWidth;
        int64_t i = 0;
        for (; i + kStep <= d.n; i += kStep) advance_some<Lanes, Lanes::kAhead>(row, l, over, z, i, p, peak);
        for (; i + Lanes::kWidth <= d.n; i += Lanes::kWidth) advance_some<Lanes, 1>(row, l, over, z, i, p, peak);
        Peak<Plain<T>> rest(i);
        for (; i < d.n; ++i) advance_some<Plain<T>, 1>(row, l, over, z, i, p, rest);
        settle(peak, rest, p);
    }

    // w = (row - sum l_i w_i) / p and c -= z w; several vectors at once hide the latency of the sums.
    template <typename Some, int Vectors>
    GS_TARGET void advance_some(const T *row, const T *l, T over, T z, int64_t i, Pursuit<T> &p,
                                Peak<Some> &peak) const {
        typename Some::V sums[Vectors];
        for (int v = 0; v < Vectors; ++v) sums[v] = Some::load(row + i + v * Some::kWidth);
        const T *span = p.spans + i;
        for (int32_t t = 0; t < p.chosen; ++t, span += d.n) {
            const typename Some::V factor = Some::all(l[t]);
            for (int v = 0; v < Vectors; ++v)
                sums[v] = Some::minus(factor, Some::load(span + v * Some::kWidth), sums[v]);
        }
        const typename Some::V scale = Some::all(over), length = Some::all(z);
        T *w = p.spans + p.chosen * d.n + i, *c = p.left + i;
        for (int v = 0; v < Vectors; ++v) {
            const typename Some::V made = Some::times(sums[v], scale);
            Some::store(w + v * Some::kWidth, made);
            const typename Some::V left = Some::minus(length, made, Some::load(c + v * Some::kWidth));
            Some::store(c + v * Some::kWidth, left);
            peak.see(left);
        }
    }

    GS_TARGET static void settle(const Peak<Lanes> &peak, const Peak<Plain<T>> &rest, Pursuit<T> &p) {
        p.most = Lanes::highest(peak.most, peak.at, p.best);
        if (!(rest.most > p.most)) return;
        p.most = rest.most;
        p.best = rest.at;
    }

    // Coefficients from L'g = z, then x and the residual, which has the last word on whether the target is met.
    GS_TARGET void finish(Pursuit<T> &p) const {
        for (int32_t i = p.chosen - 1; i >= 0; --i) {
            const T *l = p.triangle + i * d.k;
            p.z[i] *= l[i];
            for (int32_t t = 0; t < i; ++t) p.z[t] -= l[t] * p.z[i];
        }
        const T square = remaining(signals + p.signal * d.m, p, p.chosen);
        T *out = x + p.signal * d.n;
        std::memset(static_cast<void *>(out), 0, static_cast<size_t>(d.n) * sizeof(T));
        for (int32_t t = 0; t < p.chosen; ++t) out[p.support[t]] = p.z[t] * d.scales[p.support[t]];
        residuals[p.signal] = std::sqrt(square);
        const bool missed = p.chosen < d.k && !(square <= p.target * static_cast<T>(1 + kTargetSlack));
        steps[p.signal] = p.lost || missed ? -1 - p.chosen : p.chosen;
    }

    // |y - sum g_t a_t|^2 over the first `chosen` atoms.
    GS_TARGET T remaining(const T *y, const Pursuit<T> &p, int32_t chosen) const {
        constexpr int kVectors = 4;
        constexpr int64_t kStep = kVectors * Lanes::kWidth;
        V squares = Lanes::all(0);
        int64_t i = 0;
        for (; i + kStep <= d.m; i += kStep) remaining_some<Lanes, kVectors>(y + i, i, p, chosen, squares);
        for (; i + Lanes::kWidth <= d.m; i += Lanes::kWidth)
            remaining_some<Lanes, 1>(y + i, i, p, chosen, squares);
        T sum = 0;
        for (; i < d.m; ++i) remaining_some<Plain<T>, 1>(y + i, i, p, chosen, sum);
        return sum + Lanes::sum(squares);
    }

    template <typename Some, int Vectors>
    GS_TARGET void remaining_some(const T *y, int64_t i, const Pursuit<T> &p, int32_t chosen,
                                  typename Some::V &squares) const {
        typename Some::V r[Vectors];
        for (int v = 0; v < Vectors; ++v) r[v] = Some::load(y + v * Some::kWidth);
        for (int32_t t = 0; t < chosen; ++t) {
            const T *atom = d.atoms + p.support[t] * d.m + i;
            const typename Some::V factor = Some::all(p.z[t]);
            for (int v = 0; v < Vectors; ++v) r[v] = Some::minus(factor, Some::load(atom + v * Some::kWidth), r[v]);
        }
        for (int v = 0; v < Vectors; ++v) squares = Some::plus(r[v], r[v], squares);
    }

    // All signals, whose room is laid out as `items` counts it.
    GS_TARGET void solve(const T *targets, int64_t count, T *room) const {
        T *panels = room, *left = panels + padded(d.n) * d.m, *next = left + kBlock * padded(d.n);
        Pursuit<T> flying[kInFlight];
        for (Pursuit<T> &p : flying) {
            p.spans = next;
            next += d.k * d.n;
        }
        for (Pursuit<T> &p : flying) {
            p.triangle = next;
            p.z = p.triangle + d.k * d.k;
            p.support = reinterpret_cast<int32_t *>(p.z + d.k);
            next = p.z + 2 * d.k;
        }
        Product<Lanes>::pack(d, panels);
        for (int64_t first = 0; first < count; first += kBlock) {
            const int64_t end = first + kBlock < count ? first + kBlock : count;
            Product<Lanes>::run(d, panels, signals + first * d.m, end - first, left);
            pursue(targets, first, end, left, flying);
        }
    }

    GS_TARGET void pursue(const T *targets, int64_t first, int64_t end, T *left, Pursuit<T> *flying) const {
        int64_t next = first, busy = 0;
        for (; busy < kInFlight && next < end; ++busy, ++next)
            begin(next, left + (next - first) * padded(d.n), targets[next], flying[busy]);
        while (busy > 0) {
            for (int64_t i = 0; i < busy; ++i) {
                if (step(flying[i])) continue;
                finish(flying[i]);
                if (next < end) {
                    begin(next, left + (next - first) * padded(d.n), targets[next], flying[i]);
                    ++next;
                } else {
                    // The last one in flight takes its place; it is not the worse for waiting a turn.
                    const Pursuit<T> ended = flying[i];
                    flying[i] = flying[busy - 1];
                    flying[busy - 1] = ended;
                    --busy;
                }
            }
        }
    }

    static int64_t items(int64_t n, int64_t m, int64_t k) {
        return padded(n) * (m + kBlock) + kInFlight * (k * n + k * k + 2 * k);
    }
};

// Whether a * b items, and as many bytes as c times that, can be counted.
inline bool fits(int64_t a, int64_t b, int64_t c) { return a == 0 || b <= INT64_MAX / 64 / a / (c > 0 ? c : 1); }

template <typename Lanes>
int32_t checked(const void *atoms, const void *gram, const void *scales, int64_t n, int64_t m, int64_t k,
                const void *signals, const void *targets, int64_t count, void *room, int64_t room_items, void *x,
                void *residuals, int32_t *steps) {
    using T = typename Lanes::T;
    if (n < 1 || m < 1 || k < 1 || k > n || n > INT32_MAX || count < 0) return GS_BAD_LENGTH;
    if (!fits(n, n, 1) || !fits(n + 15, m, 1) || !fits(k, n, 4) || !fits(count, n, 1) || !fits(count, m, 1))
        return GS_BAD_LENGTH;
    if (room_items != Solver<Lanes>::items(n, m, k)) return GS_BAD_LENGTH;
    if (count == 0) return GS_OK;
    for (const void *pointer : {atoms, gram, scales, signals, targets})
        if (pointer == nullptr) return GS_BAD_POINTER;
    if (room == nullptr || x == nullptr || residuals == nullptr || steps == nullptr) return GS_BAD_POINTER;
    const Dictionary<T> d = {static_cast<const T *>(atoms), static_cast<const T *>(gram),
                             static_cast<const T *>(scales), n, m, k};
    const Solver<Lanes> solver = {d, static_cast<const T *>(signals), static_cast<T *>(x),
                                  static_cast<T *>(residuals), steps};
    solver.solve(static_cast<const T *>(targets), count, static_cast<T *>(room));
    return GS_OK;
}

template <typename Lanes>
gs_kernel row(const char *name, const char *isa, int32_t width) {
    return {name, "batch_omp", isa, sizeof(typename Lanes::T), width, erased(checked<Lanes>)};
}

}  // namespace
}  // namespace gs
