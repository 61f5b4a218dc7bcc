// batch_omp: orthogonal matching pursuit of many signals over one dictionary, from its Gram matrix.
//
// For one signal, q_1 .. q_t are the chosen atoms made orthonormal, w_i = D'q_i, and c = D'r. A step takes
// j = argmax |c_j| and needs no triangular solve, because the new Cholesky row is read from the w_i:
//     l_i = w_i[j],   p^2 = G_jj - sum l_i^2,   z = c_j / p,
//     w = (G_j - sum l_i w_i) / p,   c <- c - z w,   |r|^2 <- |r|^2 - z^2.
// The coefficients follow once, at the end, from L'g = z. The w_i of one signal stay in the first cache.
#include <cfloat>
#include <cmath>
#include <cstring>
#include <initializer_list>

#include "platform.h"
#include "rows.h"

namespace gs {
namespace {

// What the recursions resolve, in roundings: below these a signal is left to a solver that looks at residuals.
constexpr int kErrorRoundings = 32;
constexpr int kPivotRoundings = 1000;
constexpr double kTargetSlack = 1e-3;

template <typename T>
constexpr T kEpsilon = sizeof(T) == 4 ? static_cast<T>(FLT_EPSILON) : static_cast<T>(DBL_EPSILON);

template <typename T>
struct Dictionary {
    const T *atoms;   // (n, m), rows of norm 1
    const T *gram;    // (n, n)
    const T *scales;  // (n,), what a coefficient is multiplied with
    int64_t n, m, k;
};

// One signal's state: w (k, n), then c (n), then l (k, k), then z and g (k each), then the residual (m).
template <typename T>
struct State {
    T *spans, *left, *triangle, *z, *coefficients, *residual;

    State(T *room, const Dictionary<T> &d)
        : spans(room),
          left(spans + d.k * d.n),
          triangle(left + d.n),
          z(triangle + d.k * d.k),
          coefficients(z + d.k),
          residual(coefficients + d.k) {}

    static int64_t items(int64_t n, int64_t m, int64_t k) { return k * n + n + k * k + 2 * k + m; }
};

// The three loops over whole vectors; everything else is short.
template <typename T>
struct Plain {
    // max |c_i|
    static T largest(const T *c, int64_t n) {
        T most = 0;
        for (int64_t i = 0; i < n; ++i) most = std::fabs(c[i]) > most ? std::fabs(c[i]) : most;
        return most;
    }
    // The first i with |c_i| = most, or n where there is none (NaN).
    static int64_t find(const T *c, int64_t n, T most) {
        for (int64_t i = 0; i < n; ++i)
            if (std::fabs(c[i]) == most) return i;
        return n;
    }
    // w = (row - sum l_i w_i) / p, c -= z w; gives max |c_i|.
    static T advance(const T *row, const T *l, int64_t chosen, T over_p, T z, T *spans, int64_t n, T *c) {
        T most = 0;
        T *w = spans + chosen * n;
        for (int64_t i = 0; i < n; ++i) {
            T sum = row[i];
            for (int64_t t = 0; t < chosen; ++t) sum -= l[t] * spans[t * n + i];
            w[i] = sum * over_p;
            c[i] -= z * w[i];
            most = std::fabs(c[i]) > most ? std::fabs(c[i]) : most;
        }
        return most;
    }
    // r -= g a; gives |r|^2.
    static T subtract(T *r, const T *a, T g, int64_t m) {
        T square = 0;
        for (int64_t i = 0; i < m; ++i) {
            r[i] -= g * a[i];
            square += r[i] * r[i];
        }
        return square;
    }
};

#if GS_HAVE_AVX2
#define GS_TARGET_FMA __attribute__((target("avx2,fma")))

struct Singles {
    using T = float;
    using V = __m256;
    static constexpr int64_t kWidth = 8;
    GS_TARGET_FMA static V load(const T *p) { return _mm256_loadu_ps(p); }
    GS_TARGET_FMA static void store(T *p, V v) { _mm256_storeu_ps(p, v); }
    GS_TARGET_FMA static V all(T x) { return _mm256_set1_ps(x); }
    GS_TARGET_FMA static V zero() { return _mm256_setzero_ps(); }
    GS_TARGET_FMA static V times(V a, V b) { return _mm256_mul_ps(a, b); }
    GS_TARGET_FMA static V plus(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    GS_TARGET_FMA static V minus(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
    GS_TARGET_FMA static V more(V a, V b) { return _mm256_max_ps(a, b); }
    GS_TARGET_FMA static V size(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    GS_TARGET_FMA static int equal(V a, V b) { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)); }
};

struct Doubles {
    using T = double;
    using V = __m256d;
    static constexpr int64_t kWidth = 4;
    GS_TARGET_FMA static V load(const T *p) { return _mm256_loadu_pd(p); }
    GS_TARGET_FMA static void store(T *p, V v) { _mm256_storeu_pd(p, v); }
    GS_TARGET_FMA static V all(T x) { return _mm256_set1_pd(x); }
    GS_TARGET_FMA static V zero() { return _mm256_setzero_pd(); }
    GS_TARGET_FMA static V times(V a, V b) { return _mm256_mul_pd(a, b); }
    GS_TARGET_FMA static V plus(V a, V b, V c) { return _mm256_fmadd_pd(a, b, c); }
    GS_TARGET_FMA static V minus(V a, V b, V c) { return _mm256_fnmadd_pd(a, b, c); }
    GS_TARGET_FMA static V more(V a, V b) { return _mm256_max_pd(a, b); }
    GS_TARGET_FMA static V size(V a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a); }
    GS_TARGET_FMA static int equal(V a, V b) { return _mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_EQ_OQ)); }
};

template <typename Lanes>
struct Wide {
    using T = typename Lanes::T;
    using V = typename Lanes::V;
    static constexpr int64_t kWidth = Lanes::kWidth;

    GS_TARGET_FMA static T across_largest(V v) {
        T lanes[kWidth];
        Lanes::store(lanes, v);
        T most = lanes[0];
        for (int64_t i = 1; i < kWidth; ++i) most = lanes[i] > most ? lanes[i] : most;
        return most;
    }

    GS_TARGET_FMA static T largest(const T *c, int64_t n) {
        V most = Lanes::zero();
        int64_t i = 0;
        for (; i + kWidth <= n; i += kWidth) most = Lanes::more(most, Lanes::size(Lanes::load(c + i)));
        const T wide = across_largest(most), rest = Plain<T>::largest(c + i, n - i);
        return wide > rest ? wide : rest;
    }

    GS_TARGET_FMA static int64_t find(const T *c, int64_t n, T most) {
        const V wanted = Lanes::all(most);
        int64_t i = 0;
        for (; i + kWidth <= n; i += kWidth)
            if (const int hit = Lanes::equal(Lanes::size(Lanes::load(c + i)), wanted))
                return i + lowest_bit(static_cast<uint64_t>(hit));
        return i + Plain<T>::find(c + i, n - i, most);
    }

    // Four vectors at once hide the latency of the sums.
    GS_TARGET_FMA static T advance(const T *row, const T *l, int64_t chosen, T over_p, T z, T *spans, int64_t n,
                                   T *c) {
        constexpr int64_t kStep = 4 * kWidth;
        T *w = spans + chosen * n;
        const V scale = Lanes::all(over_p), step = Lanes::all(z);
        V most0 = Lanes::zero(), most1 = most0, most2 = most0, most3 = most0;
        int64_t i = 0;
        for (; i + kStep <= n; i += kStep) {
            V a = Lanes::load(row + i), b = Lanes::load(row + i + kWidth);
            V d = Lanes::load(row + i + 2 * kWidth), e = Lanes::load(row + i + 3 * kWidth);
            const T *span = spans + i;
            for (int64_t t = 0; t < chosen; ++t, span += n) {
                const V factor = Lanes::all(l[t]);
                a = Lanes::minus(factor, Lanes::load(span), a);
                b = Lanes::minus(factor, Lanes::load(span + kWidth), b);
                d = Lanes::minus(factor, Lanes::load(span + 2 * kWidth), d);
                e = Lanes::minus(factor, Lanes::load(span + 3 * kWidth), e);
            }
            most0 = finish(a, scale, step, w + i, c + i, most0);
            most1 = finish(b, scale, step, w + i + kWidth, c + i + kWidth, most1);
            most2 = finish(d, scale, step, w + i + 2 * kWidth, c + i + 2 * kWidth, most2);
            most3 = finish(e, scale, step, w + i + 3 * kWidth, c + i + 3 * kWidth, most3);
        }
        T most = across_largest(Lanes::more(Lanes::more(most0, most1), Lanes::more(most2, most3)));
        for (; i < n; ++i) {
            T sum = row[i];
            for (int64_t t = 0; t < chosen; ++t) sum -= l[t] * spans[t * n + i];
            w[i] = sum * over_p;
            c[i] -= z * w[i];
            most = std::fabs(c[i]) > most ? std::fabs(c[i]) : most;
        }
        return most;
    }

    GS_TARGET_FMA static V finish(V sum, V scale, V step, T *w, T *c, V most) {
        const V span = Lanes::times(sum, scale);
        Lanes::store(w, span);
        const V left = Lanes::minus(step, span, Lanes::load(c));
        Lanes::store(c, left);
        return Lanes::more(most, Lanes::size(left));
    }

    GS_TARGET_FMA static T subtract(T *r, const T *a, T g, int64_t m) {
        const V factor = Lanes::all(g);
        V square = Lanes::zero();
        int64_t i = 0;
        for (; i + kWidth <= m; i += kWidth) {
            const V left = Lanes::minus(factor, Lanes::load(a + i), Lanes::load(r + i));
            Lanes::store(r + i, left);
            square = Lanes::plus(left, left, square);
        }
        T lanes[kWidth];
        Lanes::store(lanes, square);
        T sum = Plain<T>::subtract(r + i, a + i, g, m - i);
        for (int64_t lane = 0; lane < kWidth; ++lane) sum += lanes[lane];
        return sum;
    }
};
#endif

template <typename T>
void solve_transposed(const T *triangle, int64_t k, int64_t chosen, const T *z, T *g) {
    for (int64_t i = chosen - 1; i >= 0; --i) {
        T sum = z[i];
        for (int64_t t = i + 1; t < chosen; ++t) sum -= triangle[t * k + i] * g[t];
        g[i] = sum / triangle[i * k + i];
    }
}

// Chooses atoms until k are chosen or the error falls to the target. Gives how many, or -1 - how many where the
// recursions can resolve no more: then another solver must begin anew.
template <typename T, typename Loops>
int32_t pursue(const Dictionary<T> &d, T square, T target, const State<T> &s, int32_t *support) {
    const T floor = kErrorRoundings * kEpsilon<T> * square;
    T error = square, most = Loops::largest(s.left, d.n);
    for (int32_t chosen = 0;; ++chosen) {
        if (error <= target && target >= floor) return chosen;
        if (chosen == d.k) return chosen;
        if (error <= floor || !(most > 0)) return -1 - chosen;
        const int64_t j = Loops::find(s.left, d.n, most);
        if (j == d.n) return -1 - chosen;
        T *l = s.triangle + chosen * d.k;
        T pivot = d.gram[j * d.n + j];
        bool fresh = true;
        for (int32_t t = 0; t < chosen; ++t) {
            l[t] = s.spans[t * d.n + j];
            pivot -= l[t] * l[t];
            fresh = fresh && support[t] != j;
        }
        if (!fresh || !(pivot > kPivotRoundings * kEpsilon<T>)) return -1 - chosen;
        l[chosen] = std::sqrt(pivot);
        s.z[chosen] = s.left[j] / l[chosen];
        error -= s.z[chosen] * s.z[chosen];
        support[chosen] = static_cast<int32_t>(j);
        if (chosen + 1 < d.k)
            most = Loops::advance(d.gram + j * d.n, l, chosen, 1 / l[chosen], s.z[chosen], s.spans, d.n, s.left);
    }
}

template <typename T, typename Loops>
int32_t one_signal(const Dictionary<T> &d, const T *signal, T target, const State<T> &s, int32_t *support, T *x,
                   T *residual) {
    std::memcpy(s.residual, signal, static_cast<size_t>(d.m) * sizeof(T));
    T square = Loops::subtract(s.residual, d.atoms, T{0}, d.m);
    int32_t steps = pursue<T, Loops>(d, square, target, s, support);
    const int32_t chosen = steps < 0 ? -1 - steps : steps;
    solve_transposed(s.triangle, d.k, chosen, s.z, s.coefficients);
    std::memset(static_cast<void *>(x), 0, static_cast<size_t>(d.n) * sizeof(T));
    for (int32_t t = 0; t < chosen; ++t) {
        const int32_t j = support[t];
        square = Loops::subtract(s.residual, d.atoms + j * d.m, s.coefficients[t], d.m);
        x[j] = s.coefficients[t] * d.scales[j];
    }
    *residual = std::sqrt(square);
    // The recursion said that the target is met; the residual itself has the last word.
    const bool missed = steps >= 0 && steps < d.k && !(square <= target * static_cast<T>(1 + kTargetSlack));
    return missed ? -1 - steps : steps;
}

bool fits(int64_t a, int64_t b, int64_t c) {  // whether a * b items and as many bytes as c times that can be counted
    return a == 0 || b <= INT64_MAX / 64 / a / (c > 0 ? c : 1);
}

template <typename T, typename Loops>
int32_t checked(const void *atoms, const void *gram, const void *scales, int64_t n, int64_t m, int64_t k,
                const void *signals, const void *correlations, const void *targets, int64_t count, void *room,
                int64_t room_items, void *x, void *residuals, int32_t *steps) {
    if (n < 1 || m < 1 || k < 1 || k > n || n > INT32_MAX || count < 0) return GS_BAD_LENGTH;
    if (!fits(n, n, 1) || !fits(n, m, 1) || !fits(k, n, 2) || !fits(count, n, 1) || !fits(count, m, 1))
        return GS_BAD_LENGTH;
    // The support, as 32-bit indices, takes at most k more items.
    if (room_items != State<T>::items(n, m, k) + k) return GS_BAD_LENGTH;
    if (count == 0) return GS_OK;
    for (const void *pointer : {atoms, gram, scales, signals, correlations, targets})
        if (pointer == nullptr) return GS_BAD_POINTER;
    if (room == nullptr || x == nullptr || residuals == nullptr || steps == nullptr) return GS_BAD_POINTER;
    const Dictionary<T> d = {static_cast<const T *>(atoms), static_cast<const T *>(gram),
                             static_cast<const T *>(scales), n, m, k};
    const State<T> state(static_cast<T *>(room), d);
    auto *support = reinterpret_cast<int32_t *>(state.residual + m);
    for (int64_t i = 0; i < count; ++i) {
        std::memcpy(state.left, static_cast<const T *>(correlations) + i * n, static_cast<size_t>(n) * sizeof(T));
        steps[i] = one_signal<T, Loops>(d, static_cast<const T *>(signals) + i * m,
                                        static_cast<const T *>(targets)[i], state, support,
                                        static_cast<T *>(x) + i * n, static_cast<T *>(residuals) + i);
    }
    return GS_OK;
}

template <typename T, typename Loops>
gs_kernel row(const char *name, const char *isa, int32_t width) {
    return {name, "batch_omp", isa, sizeof(T), width, erased(checked<T, Loops>)};
}

const gs_kernel kRows[] = {
    row<float, Plain<float>>("batch_omp_gram_f32_1x__scalar", "scalar", 1),
    row<double, Plain<double>>("batch_omp_gram_f64_1x__scalar", "scalar", 1),
#if GS_HAVE_AVX2
    row<float, Wide<Singles>>("batch_omp_gram_f32_32x__avx2", "avx2", 32),
    row<double, Wide<Doubles>>("batch_omp_gram_f64_16x__avx2", "avx2", 16),
#endif
};

}  // namespace

Rows batch_omp_rows() { return rows_of(kRows); }

}  // namespace gs
