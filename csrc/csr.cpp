// csr_mv, csr_rmv, csr_columns, csr_gram: products of a sparse matrix, some of its columns, and their Gram matrix.
#include "csr.h"

#include <algorithm>

#include "platform.h"
#include "rows.h"

namespace gs {
namespace {

struct Complex {
    double real, imaginary;
};

template <typename T>
int32_t mv(const int32_t *starts, int64_t rows, const int32_t *places, const void *values, int64_t entries,
           int64_t columns, const void *x, void *out) {
    const Csr<T> m = {starts, rows, places, static_cast<const T *>(values), entries, columns};
    if (const int32_t bad = m.status()) return bad;
    if ((columns > 0 && x == nullptr) || (rows > 0 && out == nullptr)) return GS_BAD_POINTER;
    const T *from = static_cast<const T *>(x);
    T *to = static_cast<T *>(out);
    Walk<T> walk(m);
    for (int64_t i = 0; i < rows; ++i) {
        int32_t p, end;
        if (!walk.row(i, p, end)) return GS_BAD_INDEX;
        T sum = 0;
        for (; p < end; ++p) sum += m.values[p] * from[m.places[p]];
        to[i] = sum;
    }
    return GS_OK;
}

template <typename T>
int32_t rmv(const int32_t *starts, int64_t rows, const int32_t *places, const void *values, int64_t entries,
            int64_t columns, const void *y, void *out) {
    const Csr<T> m = {starts, rows, places, static_cast<const T *>(values), entries, columns};
    if (const int32_t bad = m.status()) return bad;
    if ((rows > 0 && y == nullptr) || (columns > 0 && out == nullptr)) return GS_BAD_POINTER;
    const T *from = static_cast<const T *>(y);
    T *to = static_cast<T *>(out);
    std::fill_n(to, columns, T(0));
    Walk<T> walk(m);
    for (int64_t i = 0; i < rows; ++i) {
        int32_t p, end;
        if (!walk.row(i, p, end)) return GS_BAD_INDEX;
        const T times = from[i];  // zeros too: 0 * NaN must show
        for (; p < end; ++p) to[m.places[p]] += m.values[p] * times;
    }
    return GS_OK;
}

// How many entries each column has, as where it ends: `slot` says which column of k entry number `at(h)` is in.
template <typename Slot>
bool ends_of(int64_t count, Slot slot, int64_t k, int32_t *ends) {
    std::fill_n(ends, k + 1, 0);
    for (int64_t h = 0; h < count; ++h) {
        const int32_t s = slot(h);
        if (s >= k) return false;
        ++ends[s + 1];
    }
    for (int64_t s = 0; s < k; ++s) ends[s + 1] += ends[s];
    return true;
}

// Each column's next entry goes to where it begins, which moves on, and is set back when all are placed.
void set_back(int64_t k, int32_t *ends) {
    for (int64_t s = k; s > 0; --s) ends[s] = ends[s - 1];
    ends[0] = 0;
}

template <typename T>
int32_t turned(const Csr<T> &m, int32_t *ends, int32_t *rows, T *values) {
    Walk<T> walk(m);
    int32_t p, end;
    for (int64_t i = 0; i < m.rows; ++i)
        if (!walk.row(i, p, end)) return GS_BAD_INDEX;
    const int32_t first = m.starts[0], last = m.starts[m.rows];
    ends_of(last - first, [&](int64_t h) { return m.places[first + h]; }, m.columns, ends);
    for (int64_t i = 0; i < m.rows; ++i)
        for (p = m.starts[i]; p < m.starts[i + 1]; ++p) {
            const int32_t to = ends[m.places[p]]++;
            rows[to] = static_cast<int32_t>(i);
            values[to] = m.values[p];
        }
    set_back(m.columns, ends);
    return GS_OK;
}

// Entries are asked one after another, with no branch on the answer, whether their column is wanted; only those that
// are, few as a rule, are then counted and placed.
template <typename T>
int32_t chosen(const Csr<T> &m, const int32_t *slots, int64_t k, int32_t *hits, uint8_t *wanted, int32_t *ends,
               int32_t *rows, T *values) {
    for (int64_t j = 0; j < m.columns; ++j) wanted[j] = slots[j] >= 0;
    Walk<T> walk(m);
    int64_t found = 0;
    int32_t p, end;
    for (int64_t i = 0; i < m.rows; ++i) {
        if (!walk.row(i, p, end)) return GS_BAD_INDEX;
        for (; p < end; ++p) {
            hits[found] = p;
            found += wanted[m.places[p]];
        }
    }
    if (!ends_of(found, [&](int64_t h) { return slots[m.places[hits[h]]]; }, k, ends)) return GS_BAD_INDEX;
    int64_t i = 0;
    for (int64_t h = 0; h < found; ++h) {
        while (m.starts[i + 1] <= hits[h]) ++i;
        const int32_t to = ends[slots[m.places[hits[h]]]]++;
        rows[to] = static_cast<int32_t>(i);
        values[to] = m.values[hits[h]];
    }
    set_back(k, ends);
    return GS_OK;
}

template <typename T>
int32_t columns(const int32_t *starts, int64_t rows, const int32_t *places, const void *values, int64_t entries,
                int64_t width, const int32_t *slots, int64_t k, int32_t *hits, uint8_t *wanted, int64_t room,
                int32_t *ends, int32_t *found_rows, void *found_values) {
    const Csr<T> m = {starts, rows, places, static_cast<const T *>(values), entries, width};
    if (const int32_t bad = m.status()) return bad;
    if (k < 0 || k >= std::numeric_limits<int32_t>::max() || (slots == nullptr && k != width)) return GS_BAD_LENGTH;
    if (room != entries) return GS_BAD_LENGTH;
    if (ends == nullptr || (room > 0 && (found_rows == nullptr || found_values == nullptr))) return GS_BAD_POINTER;
    T *to = static_cast<T *>(found_values);
    if (rows == 0) std::fill_n(ends, k + 1, 0);
    if (rows == 0) return GS_OK;
    if (slots == nullptr) return turned(m, ends, found_rows, to);
    if (width > 0 && wanted == nullptr) return GS_BAD_POINTER;
    if (room > 0 && hits == nullptr) return GS_BAD_POINTER;
    return chosen(m, slots, k, hits, wanted, ends, found_rows, to);
}

// Row by row: an entry of a late column times every entry up to it; then the square of late columns is mirrored.
template <typename T>
int32_t gram(const int32_t *starts, int64_t rows, const int32_t *places, const void *values, int64_t entries,
             int64_t k, int64_t first, void *out) {
    const Csr<T> m = {starts, rows, places, static_cast<const T *>(values), entries, k};
    if (const int32_t bad = m.status()) return bad;
    if (first < 0 || first > k) return GS_BAD_LENGTH;
    const int64_t late = k - first;
    if (late == 0) return GS_OK;
    if (out == nullptr) return GS_BAD_POINTER;
    T *to = static_cast<T *>(out);
    std::fill_n(to, late * k, T(0));
    Walk<T> walk(m);
    for (int64_t i = 0; i < rows; ++i) {
        int32_t from, end;
        if (!walk.row(i, from, end)) return GS_BAD_INDEX;
        for (int32_t a = from; a < end; ++a) {
            const int32_t place = m.places[a];
            if (a > from && place <= m.places[a - 1]) return GS_BAD_INDEX;
            if (place < first) continue;
            T *line = to + (place - first) * k;
            const T times = m.values[a];
            for (int32_t b = from; b <= a; ++b) line[m.places[b]] += times * m.values[b];
        }
    }
    for (int64_t a = 0; a < late; ++a)
        for (int64_t b = 0; b < a; ++b) to[b * k + first + a] = to[a * k + first + b];
    return GS_OK;
}

const gs_kernel kRows[] = {
    {"csr_mv_f32__scalar", "csr_mv", "scalar", 4, 1, erased(mv<float>)},
    {"csr_mv_f64__scalar", "csr_mv", "scalar", 8, 1, erased(mv<double>)},
    {"csr_rmv_f32__scalar", "csr_rmv", "scalar", 4, 1, erased(rmv<float>)},
    {"csr_rmv_f64__scalar", "csr_rmv", "scalar", 8, 1, erased(rmv<double>)},
    {"csr_columns_f32__scalar", "csr_columns", "scalar", 4, 1, erased(columns<float>)},
    {"csr_columns_f64__scalar", "csr_columns", "scalar", 8, 1, erased(columns<double>)},
    {"csr_columns_c128__scalar", "csr_columns", "scalar", 16, 1, erased(columns<Complex>)},
    {"csr_gram_f32__scalar", "csr_gram", "scalar", 4, 1, erased(gram<float>)},
    {"csr_gram_f64__scalar", "csr_gram", "scalar", 8, 1, erased(gram<double>)},
};

}  // namespace

Rows csr_rows() { return rows_of(kRows); }

}  // namespace gs
