// l1_sweeps: coordinate descent on a penalised quadratic whose Gram matrix is held.
//
//     min_x  1/2 x'(G + ridge) x - c'x + sum_j level_j |x_j|,   low <= x_j <= high,   h = c - (G + ridge) x
//
// A coordinate whose minimiser is where it stands costs one comparison; a move by d costs one row of G:
//     h <- h - d G_j,   h_j <- h_j - ridge d.
#include <cmath>
#include <initializer_list>

#include "platform.h"
#include "rows.h"
#include "soft_threshold.h"

namespace gs {
namespace {

struct Plain {
    // h -= move * row
    static void subtract(double *h, const double *row, double move, int64_t k) {
        for (int64_t i = 0; i < k; ++i) h[i] -= move * row[i];
    }
};

#if GS_HAVE_AVX2
struct Avx2 {
    __attribute__((target("avx2,fma"))) static void subtract(double *h, const double *row, double move, int64_t k) {
        const __m256d by = _mm256_set1_pd(move);
        int64_t i = 0;
        for (; i + 8 <= k; i += 8) {
            const __m256d a = _mm256_fnmadd_pd(by, _mm256_loadu_pd(row + i), _mm256_loadu_pd(h + i));
            const __m256d b = _mm256_fnmadd_pd(by, _mm256_loadu_pd(row + i + 4), _mm256_loadu_pd(h + i + 4));
            _mm256_storeu_pd(h + i, a);
            _mm256_storeu_pd(h + i + 4, b);
        }
        Plain::subtract(h + i, row + i, move, k - i);
    }
};
#endif

struct Quadratic {
    const double *gram;  // row j begins at j * stride
    int64_t stride, k;
    const double *levels;
    double low, high, ridge;
};

// Moves every coordinate to its minimiser given the others; gives the largest |slope| that a move took away.
template <typename Loops>
double sweep(const Quadratic &q, double *x, double *h) {
    double most = 0;
    for (int64_t j = 0; j < q.k; ++j) {
        const double old = x[j], level = q.levels[j];
        if (old == 0 && std::fabs(h[j]) <= level) continue;
        const double *row = q.gram + j * q.stride;
        const double curve = row[j] + q.ridge;
        if (!(curve > 0)) continue;  // a column of zeros
        const double to = soft_threshold(h[j] + curve * old, level, curve, q.low, q.high);
        const double move = to - old;
        if (move == 0) continue;
        x[j] = to;
        Loops::subtract(h, row, move, q.k);
        h[j] -= q.ridge * move;
        const double slope = std::fabs(move) * curve;
        most = slope > most ? slope : most;
    }
    return most;
}

template <typename Loops>
int32_t checked(const double *gram, int64_t stride, int64_t k, const double *levels, double low, double high,
                double ridge, double accuracy, int32_t sweeps, double *x, double *h, int32_t *done) {
    if (k < 0 || stride < k || sweeps < 0 || (k > 0 && stride > INT64_MAX / 8 / k)) return GS_BAD_LENGTH;
    if (done == nullptr) return GS_BAD_POINTER;
    *done = 0;
    if (k == 0) return GS_OK;
    for (const double *pointer : {gram, levels, static_cast<const double *>(x), static_cast<const double *>(h)})
        if (pointer == nullptr) return GS_BAD_POINTER;
    const Quadratic q = {gram, stride, k, levels, low, high, ridge};
    while (*done < sweeps) {
        ++*done;
        if (sweep<Loops>(q, x, h) <= accuracy) return GS_OK;
    }
    *done = -1 - sweeps;
    return GS_OK;
}

template <typename Loops>
gs_kernel row(const char *name, const char *isa, int32_t width) {
    return {name, "l1_sweeps", isa, sizeof(double), width, erased(checked<Loops>)};
}

const gs_kernel kRows[] = {
    row<Plain>("l1_sweeps_gram_f64_1x__scalar", "scalar", 1),
#if GS_HAVE_AVX2
    row<Avx2>("l1_sweeps_gram_f64_8x__avx2", "avx2", 8),
#endif
};

}  // namespace

Rows l1_sweeps_rows() { return rows_of(kRows); }

}  // namespace gs
