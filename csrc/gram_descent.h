// The loops of gram_descent, over the lanes of the instruction set whose lanes_*.h was included before.
//
// For one signal, in units that make the diagonal of G one, and with F = G - 1:
//     min_x  1/2 x'Gx - c'x + sum t_j |x_j|,   low_j <= x_j <= high_j,     z = c - F x,     h = z - x = c - Gx.
// A round moves a few coordinates, each time the one that has farthest to go: z_j alone says where to, and the move
// costs one row of F. It ends with a Newton step on the nonzeros, by elimination in their block: which entries are
// nonzero the coordinates find quickly, and how large they are the block says exactly. A round never raises the
// objective. Then z is computed anew, and the gap from it: nothing drifts.
#pragma once

#include <cmath>
#include <cstring>
#include <initializer_list>

#include "lanes.h"
#include "rows.h"

namespace gs {
namespace {

// A round moves coordinates until kCalm in a row have made no zero a nonzero or the reverse, and kGreedy at most. Fewer
// make more Newton steps, more move entries that the Newton step would have set better.
constexpr int kGreedy = 20, kCalm = 4;
// Rows of F lie a multiple of this apart: whole vectors of every width, four at a time.
constexpr int64_t kStride = 32;
// A column whose part outside of those before it is less than this (squared, of one) gives no direction of its own.
constexpr double kDependent = 1e-10;
// Rounds that may bring less than kNothing of the objective at zero before no more are made.
constexpr int kIdle = 3;
constexpr double kNothing = 1e-15;

struct Quadratic {
    const double *off_diagonal;  // F (n, stride)
    int64_t n, stride;
    const double *scales, *thresholds, *low, *high;  // (n) each; the caller's x is scales times the x here
    double tol;
    int32_t rounds;
    bool bounded, loose;  // whether there are bounds; whether an entry without threshold has an open side
};

// One signal's state. All but the rows to eliminate are vectors of `stride`; what lies beyond n never moves.
struct Signal {
    double *c, *z, *x, *t, *low, *high;
    double *above, *below;  // 1/t where the bound on that side is infinite, else 0
    double *slope, *move, *step, *over;
    int32_t *support, *moving;  // the nonzeros of x, in the order of arrival; those of them that a Newton step moves
    int64_t k;                  // how many of the former
    double *rows;

    Signal(double *room, int64_t stride) : k(0) {
        double **const parts[] = {&c, &z, &x, &t, &low, &high, &above, &below, &slope, &move, &step, &over};
        for (double **part : parts) {
            *part = room;
            room += stride;
        }
        support = reinterpret_cast<int32_t *>(room);
        moving = support + stride;
        rows = room + stride;
    }
    static int64_t items(int64_t n, int64_t stride) { return 13 * stride + n * (stride + 8); }

    void enter(int64_t j) {
        for (int64_t p = 0; p < k; ++p)
            if (support[p] == j) return;  // it came to zero in this round
        support[k++] = static_cast<int32_t>(j);
    }
    void drop_zeros() {
        int64_t left = 0;
        for (int64_t p = 0; p < k; ++p) {
            support[left] = support[p];
            left += x[support[p]] != 0;
        }
        k = left;
    }
};

struct Judged {
    double gap, objective;
};

constexpr int64_t whole(int64_t k) { return (k + 7) / 8 * 8; }

// z drawn towards zero by t, without a branch.
inline double shrunk(double z, double t) {
    const double below = z + t < 0 ? z + t : 0;
    return z - t > below ? z - t : below;
}

inline double between(double a, double low, double high) { return a < low ? low : (a > high ? high : a); }

template <typename Lanes>
struct Descent {
    using V = typename Lanes::V;
    using I = typename Lanes::I;
    static constexpr int64_t kWidth = Lanes::kWidth;

    // z -= move * row; gives the coordinate that then has farthest to go, or -1 where none has.
    template <bool kBounded>
    GS_TARGET static int64_t farthest(const Quadratic &q, const Signal &s, const double *row, double move) {
        const V by = Lanes::all(move), none = Lanes::all(0);
        const double *const t = s.t, *const x = s.x, *const low = s.low, *const high = s.high;
        double *const z = s.z;
        V most[2] = {none, none};
        I place = Lanes::back(kMark);
        const int64_t stride = q.stride;
        for (int64_t start = 0; start < stride; start += 2 * kWidth)
            for (int64_t v = 0; v < 2; ++v) {
                const int64_t i = start + v * kWidth;
                const V at = Lanes::minus(by, Lanes::load(row + i), Lanes::load(z + i)), level = Lanes::load(t + i);
                Lanes::store(z + i, at);
                V to = Lanes::larger(Lanes::less(at, level), Lanes::smaller(Lanes::added(at, level), none));
                if (kBounded) to = Lanes::smaller(Lanes::larger(to, Lanes::load(low + i)), Lanes::load(high + i));
                most[v] = Lanes::larger(Lanes::marked(Lanes::less(to, Lanes::load(x + i)), place), most[v]);
                place = Lanes::step(place, -kWidth);
            }
        const double top = Lanes::top(Lanes::larger(most[0], most[1]));
        int64_t bits;
        std::memcpy(&bits, &top, sizeof bits);
        return bits > kMark ? kMark - (bits & kMark) : -1;
    }

    template <bool kBounded>
    GS_TARGET static void descend(const Quadratic &q, Signal &s) {
        int64_t j = farthest<kBounded>(q, s, q.off_diagonal, 0);
        for (int count = 0, calm = 0; count < kGreedy && calm < kCalm && j >= 0; ++count) {
            const double to = between(shrunk(s.z[j], s.t[j]), s.low[j], s.high[j]), move = to - s.x[j];
            calm = (s.x[j] == 0) == (to == 0) ? calm + 1 : 0;
            if (s.x[j] == 0) s.enter(j);
            s.x[j] = to;
            j = farthest<kBounded>(q, s, q.off_diagonal + j * q.stride, move);
        }
    }

    // z = c - F x.
    GS_TARGET static void refresh(const Quadratic &q, const Signal &s) {
        for (int64_t i = 0; i < q.stride; i += 4 * kWidth) {
            V a = Lanes::load(s.c + i), b = Lanes::load(s.c + i + kWidth);
            V d = Lanes::load(s.c + i + 2 * kWidth), e = Lanes::load(s.c + i + 3 * kWidth);
            for (int64_t p = 0; p < s.k; ++p) {
                const double *row = q.off_diagonal + s.support[p] * q.stride + i;
                const V by = Lanes::all(s.x[s.support[p]]);
                a = Lanes::minus(by, Lanes::load(row), a);
                b = Lanes::minus(by, Lanes::load(row + kWidth), b);
                d = Lanes::minus(by, Lanes::load(row + 2 * kWidth), d);
                e = Lanes::minus(by, Lanes::load(row + 3 * kWidth), e);
            }
            Lanes::store(s.z + i, a);
            Lanes::store(s.z + i + kWidth, b);
            Lanes::store(s.z + i + 2 * kWidth, d);
            Lanes::store(s.z + i + 3 * kWidth, e);
        }
    }

    // move = G_SS^-1 slope over the k entries of s.moving, by elimination in the rows [G_SS slope] to the right of their
    // diagonal, which symmetry allows. What depends on the columns before it does not move.
    GS_TARGET static void solve(const Quadratic &q, const Signal &s, int64_t k) {
        const int64_t wide = whole(k + 1);
        for (int64_t p = 0; p < k; ++p) {
            const double *from = q.off_diagonal + s.moving[p] * q.stride;
            double *row = s.rows + p * wide;
            for (int64_t i = p / 8 * 8; i < k; ++i) row[i] = from[s.moving[i]];
            row[p] = 1;
            row[k] = s.slope[p];
            for (int64_t i = k + 1; i < wide; ++i) row[i] = 0;
        }
        for (int64_t p = 0; p < k; ++p) {
            const double *row = s.rows + p * wide;
            s.over[p] = row[p] > kDependent ? 1 / row[p] : 0;
            for (int64_t r = p + 1; r < k; ++r) {
                const V by = Lanes::all(row[r] * s.over[p]);
                double *other = s.rows + r * wide;
                for (int64_t i = r / 8 * 8; i < wide; i += kWidth)
                    Lanes::store(other + i, Lanes::minus(by, Lanes::load(row + i), Lanes::load(other + i)));
            }
        }
        for (int64_t p = 0; p < k; ++p) s.move[p] = s.rows[p * wide + k];
        for (int64_t p = k - 1; p >= 0; --p) {
            const double move = s.move[p] * s.over[p];
            s.move[p] = move;
            for (int64_t r = 0; r < p; ++r) s.move[r] -= s.rows[r * wide + p] * move;
        }
    }

    // x_j kept on its side of zero where there is a threshold, and within its bounds.
    static double kept(const Signal &s, int64_t j, double to) {
        if (s.t[j] > 0) to = s.x[j] > 0 ? (to < 0 ? 0 : to) : (to > 0 ? 0 : to);
        return between(to, s.low[j], s.high[j]);
    }

    // A minimiser over the orthant of the present signs where there is one, else as far as the first entry that would
    // leave it. Where stopping every such entry at its edge, and no other, lowers the objective more, that is done.
    GS_TARGET static void newton(const Quadratic &q, Signal &s) {
        int64_t k = 0;
        for (int64_t p = 0; p < s.k; ++p) {
            const int32_t j = s.support[p];
            if (s.x[j] == 0 || s.x[j] <= s.low[j] || s.x[j] >= s.high[j]) continue;
            s.slope[k] = s.z[j] - s.x[j] - (s.t[j] > 0 ? std::copysign(s.t[j], s.x[j]) : 0);
            s.moving[k++] = j;
        }
        solve(q, s, k);
        int64_t first = -1;
        double reach = 1;
        for (int64_t p = 0; p < k; ++p) {
            const int32_t j = s.moving[p];
            const double to = s.x[j] + s.move[p], stays = kept(s, j, to);
            s.step[p] = stays == to ? s.move[p] : stays - s.x[j];
            if (stays == to || !(s.step[p] / s.move[p] < reach)) continue;
            reach = s.step[p] / s.move[p];
            first = p;
        }
        const bool shorter = first >= 0 && along(s, k, reach) > at_edges(q, s, k);
        for (int64_t p = 0; p < k; ++p) {
            const int32_t j = s.moving[p];
            const double edge = kept(s, j, s.x[j] + s.move[p]);
            s.x[j] = shorter && p != first ? kept(s, j, s.x[j] + reach * s.move[p]) : edge;
        }
        s.drop_zeros();
    }

    // What the objective falls by on the way to the minimiser, as far as `reach` of it.
    static double along(const Signal &s, int64_t k, double reach) {
        double fall = 0;
        for (int64_t p = 0; p < k; ++p) fall += s.slope[p] * s.move[p];
        return reach * (1 - 0.5 * reach) * fall;
    }

    // What it falls by `step`: G_SS move is the slope, so there is a product to take only where they differ.
    static double at_edges(const Quadratic &q, const Signal &s, int64_t k) {
        double fall = 0;
        for (int64_t p = 0; p < k; ++p) {
            fall += 0.5 * s.slope[p] * s.step[p];
            if (s.step[p] == s.move[p]) continue;
            const double *row = q.off_diagonal + s.moving[p] * q.stride;
            double curved = s.step[p];
            for (int64_t r = 0; r < k; ++r) curved += (r == p ? 0 : row[s.moving[r]]) * s.step[r];
            fall -= 0.5 * (s.step[p] - s.move[p]) * curved;
        }
        return fall;
    }

    // The largest |h_j| beyond its threshold, as a multiple of it: what h must be divided by to be dual.
    GS_TARGET static double excess(const Quadratic &q, const Signal &s) {
        const V one = Lanes::all(1);
        V most = one;
        for (int64_t i = 0; i < q.stride; i += kWidth) {
            const V h = Lanes::minus(one, Lanes::load(s.x + i), Lanes::load(s.z + i));
            most = Lanes::larger(most, Lanes::times(h, Lanes::load(s.above + i)));
            most = Lanes::larger(most, Lanes::minus(h, Lanes::load(s.below + i), Lanes::all(0)));
        }
        return Lanes::top(most);
    }

    // What the objective is, and by how much it may be above the minimum: with r the residual and s = 1 / excess,
    //     gap = 1/2 |r|^2 + sum t_j |x_j| - s y'r + 1/2 s^2 |r|^2 + (what bounds add).
    // An entry without threshold and with an open side has no dual bound; what it could gain stands in for one. So this
    // is a reason to stop, and no certificate.
    static Judged judge(const Quadratic &q, const Signal &s, double square) {
        const double scale = 1 / excess(q, s);
        double fitted = 0, slack = 0, level = 0, most = 0;
        for (int64_t p = 0; p < s.k; ++p) {
            const int32_t j = s.support[p];
            const double x = s.x[j];
            fitted += s.c[j] * x;
            slack += (s.z[j] - x) * x;
            level += s.t[j] * std::fabs(x);
            most = std::fabs(x) > most ? std::fabs(x) : most;
        }
        const double residual = square - fitted - slack;
        double gap = 0.5 * residual + level - scale * (square - fitted) + 0.5 * scale * scale * residual;
        for (int64_t j = 0; j < q.n && (q.bounded || q.loose); ++j) {
            const double h = s.z[j] - s.x[j], high = s.high[j], low = s.low[j];
            const double beyond = scale * std::fabs(h) - s.t[j];
            const double bound = h > 0 ? high : -low;
            if (beyond > 0 && std::isfinite(bound)) gap += beyond * bound;
            if (s.t[j] > 0 || std::isfinite(bound)) continue;
            gap += std::fabs(h) * (most + 0.5 * std::fabs(h));
        }
        return {gap, 0.5 * residual + level};
    }

    // One signal from its x to the gap; gives the rounds, or -1 - that where the gap stayed above.
    static int32_t run(const Quadratic &q, Signal &s, double square) {
        const double goal = 0.5 * q.tol * square;
        double last = INFINITY;
        int idle = 0;
        s.k = q.n;
        for (int64_t j = 0; j < q.n; ++j) s.support[j] = static_cast<int32_t>(j);
        s.drop_zeros();
        refresh(q, s);
        for (int32_t round = 0;; ++round) {
            const Judged now = judge(q, s, square);
            if (now.gap <= goal) return round;
            idle = now.objective < last - 0.5 * kNothing * square ? 0 : idle + 1;
            if (round == q.rounds || idle == kIdle) return -1 - round;
            last = now.objective;
            q.bounded ? descend<true>(q, s) : descend<false>(q, s);
            newton(q, s);
            refresh(q, s);
        }
    }
};

inline bool countable(int64_t a, int64_t b) { return a == 0 || b <= INT64_MAX / 64 / a; }

template <typename Lanes>
int32_t checked(const double *off_diagonal, int64_t n, int64_t stride, const double *scales, const double *thresholds,
                const double *low, const double *high, const double *correlations, const double *squares, double tol,
                int32_t rounds, int64_t count, double *room, int64_t room_items, double *x, int32_t *done) {
    if (n < 1 || n > kMark || stride < n || stride % kStride != 0 || count < 0 || rounds < 0) return GS_BAD_LENGTH;
    if (!countable(stride + 8, n + 13) || !countable(count, n)) return GS_BAD_LENGTH;
    if (room_items != Signal::items(n, stride)) return GS_BAD_LENGTH;
    if (count == 0) return GS_OK;
    for (const double *pointer : {off_diagonal, scales, thresholds, low, high, correlations, squares})
        if (pointer == nullptr) return GS_BAD_POINTER;
    if (room == nullptr || x == nullptr || done == nullptr) return GS_BAD_POINTER;
    Quadratic q = {off_diagonal, n, stride, scales, thresholds, low, high, tol, rounds, false, false};
    Signal s(room, stride);
    for (int64_t j = 0; j < stride; ++j) {
        const bool real = j < n;
        s.c[j] = s.x[j] = 0;
        s.t[j] = real ? thresholds[j] : INFINITY;
        s.low[j] = real ? low[j] : -INFINITY;
        s.high[j] = real ? high[j] : INFINITY;
        s.above[j] = s.high[j] == INFINITY && s.t[j] > 0 ? 1 / s.t[j] : 0;
        s.below[j] = s.low[j] == -INFINITY && s.t[j] > 0 ? 1 / s.t[j] : 0;
        const bool open = s.high[j] == INFINITY || s.low[j] == -INFINITY;
        q.loose = q.loose || (s.t[j] == 0 && open);
        q.bounded = q.bounded || s.high[j] != INFINITY || s.low[j] != -INFINITY;
    }
    for (int64_t i = 0; i < count; ++i) {
        for (int64_t j = 0; j < n; ++j) {
            s.c[j] = correlations[i * n + j] * scales[j];
            s.x[j] = between(x[i * n + j] / scales[j], low[j], high[j]);
        }
        done[i] = Descent<Lanes>::run(q, s, squares[i]);
        for (int64_t j = 0; j < n; ++j) x[i * n + j] = s.x[j] * scales[j];
    }
    return GS_OK;
}

template <typename Lanes>
gs_kernel row(const char *name, const char *isa) {
    return {name, "gram_descent", isa, sizeof(double), static_cast<int32_t>(Lanes::kWidth), erased(checked<Lanes>)};
}

}  // namespace
}  // namespace gs
