// csr_l1_sweeps: l1_sweeps where the columns are few entries each, which then cost less than a row of their Gram matrix.
//
//     min_x  1/2 x'(CC' + ridge) x - c'x + sum_j level_j |x_j|,   low <= x_j <= high,   h = c - (CC' + ridge) x
//
// Row j of C holds column j of the design. What x moved by since the start is kept as fit = C'(x0 - x), one number a
// sample, so that h_j = (h_j + ridge x_j at the start) + <C_j, fit> - ridge x_j costs a look at the entries of row j.
#include <cmath>
#include <initializer_list>

#include "csr.h"
#include "platform.h"
#include "rows.h"
#include "soft_threshold.h"

namespace gs {
namespace {

struct Entries {
    Csr<double> c;
    const double *levels;
    double low, high, ridge;
    double *fit, *base, *curves;

    double pull(int64_t j) const {
        double sum = base[j];
        for (int32_t p = c.starts[j], end = c.starts[j + 1]; p < end; ++p) sum += c.values[p] * fit[c.places[p]];
        return sum;
    }
};

// Moves every coordinate to its minimiser given the others; gives the largest |slope| that a move took away.
double sweep(const Entries &q, double *x) {
    double most = 0;
    for (int64_t j = 0; j < q.c.rows; ++j) {
        const double old = x[j], level = q.levels[j], curve = q.curves[j];
        const double z = q.pull(j) + (curve - q.ridge) * old;
        if (!(curve > 0) || (old == 0 && std::fabs(z) <= level)) continue;  // a column of zeros stays
        const double to = soft_threshold(z, level, curve, q.low, q.high);
        const double move = to - old;
        if (move == 0) continue;
        x[j] = to;
        for (int32_t p = q.c.starts[j], end = q.c.starts[j + 1]; p < end; ++p)
            q.fit[q.c.places[p]] -= move * q.c.values[p];
        const double slope = std::fabs(move) * curve;
        most = slope > most ? slope : most;
    }
    return most;
}

int32_t checked(const int32_t *starts, int64_t k, const int32_t *places, const double *values, int64_t entries,
                int64_t m, const double *levels, double low, double high, double ridge, double accuracy, int32_t sweeps,
                double *room, int64_t room_items, double *x, double *h, int32_t *done) {
    const Csr<double> c = {starts, k, places, values, entries, m};
    if (const int32_t bad = c.status()) return bad;
    if (sweeps < 0 || room_items != m + 2 * k) return GS_BAD_LENGTH;
    if (done == nullptr) return GS_BAD_POINTER;
    *done = 0;
    if (k == 0) return GS_OK;
    for (const double *pointer : {levels, static_cast<const double *>(room), static_cast<const double *>(x),
                                  static_cast<const double *>(h)})
        if (pointer == nullptr) return GS_BAD_POINTER;
    const Entries q = {c, levels, low, high, ridge, room, room + m, room + m + k};
    for (int64_t i = 0; i < m; ++i) q.fit[i] = 0;
    Walk<double> walk(c);
    for (int64_t j = 0; j < k; ++j) {
        int32_t p, end;
        if (!walk.row(j, p, end)) return GS_BAD_INDEX;
        double square = 0;
        for (; p < end; ++p) square += values[p] * values[p];
        q.curves[j] = square + ridge;
        q.base[j] = h[j] + ridge * x[j];
    }
    bool settled = false;
    while (!settled && *done < sweeps) {
        ++*done;
        settled = sweep(q, x) <= accuracy;
    }
    for (int64_t j = 0; j < k; ++j) h[j] = q.pull(j) - ridge * x[j];
    if (!settled) *done = -1 - sweeps;
    return GS_OK;
}

const gs_kernel kRows[] = {{"csr_l1_sweeps_f64__scalar", "csr_l1_sweeps", "scalar", 8, 1, erased(checked)}};

}  // namespace

Rows csr_l1_sweeps_rows() { return rows_of(kRows); }

}  // namespace gs
