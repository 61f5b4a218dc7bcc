// Runs every row of the kernel table against loops written here, without Python: for compilers, sanitizers, emulators.
//
// Every buffer is a heap block of exactly the length that the kernel is told, shifted by 0 to 3 bytes: a sanitizer sees
// the first byte too far, and canaries behind the output see it without one.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "gossamer_kernels.h"

namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t kCanary = 0xA5;
constexpr int64_t kCanaries = 64;

int failures = 0;

void expect(bool good, const gs_kernel &row, const char *what, int64_t count, int detail) {
    if (good) return;
    ++failures;
    std::printf("FAILED %s: %s, count %lld, detail %d\n", row.name, what, static_cast<long long>(count), detail);
}

uint32_t next_random() {
    static uint32_t state = 2463534242u;  // xorshift32 (Marsaglia 2003): the same on every machine
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

// Exactly `bytes` readable bytes at an address of our choosing.
class Input {
public:
    Input(const Bytes &data, size_t shift) : block_(static_cast<uint8_t *>(std::malloc(data.size() + shift + 1))) {
        // The block ends with the data: no readable byte follows. (+ 1 keeps malloc(0) out of it, in front.)
        start_ = block_ + shift + 1;
        if (!data.empty()) std::memcpy(start_, data.data(), data.size());
    }
    Input(const Input &) = delete;
    Input &operator=(const Input &) = delete;
    ~Input() { std::free(block_); }
    const uint8_t *data() const { return start_; }

private:
    uint8_t *block_;
    uint8_t *start_;
};

// Room for `bytes`, with canaries behind.
class Output {
public:
    Output(int64_t bytes, size_t shift) : shift_(shift), bytes_(bytes) {
        block_.assign(shift + static_cast<size_t>(bytes + kCanaries), kCanary);
    }
    uint8_t *data() { return block_.data() + shift_; }
    bool equals(const Bytes &wanted) const {
        return static_cast<int64_t>(wanted.size()) == bytes_ &&
               (bytes_ == 0 || std::memcmp(block_.data() + shift_, wanted.data(), wanted.size()) == 0);
    }
    bool untouched_outside() const {
        for (size_t i = 0; i < shift_; ++i)
            if (block_[i] != kCanary) return false;
        for (size_t i = shift_ + static_cast<size_t>(bytes_); i < block_.size(); ++i)
            if (block_[i] != kCanary) return false;
        return true;
    }

private:
    Bytes block_;
    size_t shift_;
    int64_t bytes_;
};

Bytes random_bytes(int64_t count, int bits) {
    Bytes bytes(static_cast<size_t>(count));
    for (uint8_t &byte : bytes) byte = static_cast<uint8_t>(next_random() >> 24 >> (8 - bits));
    return bytes;
}

Bytes pack(const Bytes &codes, int bits) {
    Bytes stream((codes.size() * static_cast<size_t>(bits) + 7) / 8);
    for (size_t i = 0, at = 0; i < codes.size(); ++i)
        for (int b = 0; b < bits; ++b, ++at)
            stream[at / 8] = static_cast<uint8_t>(stream[at / 8] | ((codes[i] >> b) & 1) << (at % 8));
    return stream;
}

// Lengths about the row's own step, and about where the vector loops begin and end.
std::vector<int64_t> lengths(int64_t width) {
    std::vector<int64_t> result = {0, 1, 63, 64, 65, 87, 88, 89, 127, 129, 200, 1003};
    for (int64_t length : {width - 1, width, width + 1, 2 * width + 3}) result.push_back(length);
    return result;
}

void test_pack_bits(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_pack_bits_fn>(row.function);
    for (int64_t count : lengths(row.width))
        for (int bits = 1; bits <= 8; ++bits)
            for (size_t shift = 0; shift < 4; ++shift) {
                const Bytes codes = random_bytes(count, bits);
                const Bytes stream = pack(codes, bits);
                const auto bytes = static_cast<int64_t>(stream.size());
                const Input in(codes, shift);
                Output out(bytes, shift);
                expect(function(in.data(), count, bits, out.data(), bytes) == GS_OK, row, "status", count, bits);
                expect(out.equals(stream), row, "result", count, bits);
                expect(out.untouched_outside(), row, "wrote outside", count, bits);
            }
    const Bytes codes(100, 7);
    uint8_t out[100];
    expect(function(codes.data(), 100, 3, out, 38) == GS_OK, row, "sound arguments", 100, 3);
    expect(function(codes.data(), 100, 2, out, 25) == GS_BAD_CODE, row, "wide code", 100, 2);
    expect(function(codes.data(), 100, 0, out, 0) == GS_BAD_BITS, row, "0 bits", 100, 0);
    expect(function(codes.data(), 100, 9, out, 100) == GS_BAD_BITS, row, "9 bits", 100, 9);
    expect(function(codes.data(), 100, 3, out, 37) == GS_BAD_LENGTH, row, "short output", 100, 3);
    expect(function(codes.data(), -1, 3, out, 0) == GS_BAD_LENGTH, row, "negative count", -1, 3);
    expect(function(codes.data(), INT64_MAX, 8, out, 100) == GS_BAD_LENGTH, row, "huge count", INT64_MAX, 8);
    expect(function(nullptr, 100, 3, out, 38) == GS_BAD_POINTER, row, "null codes", 100, 3);
    expect(function(codes.data(), 100, 3, nullptr, 38) == GS_BAD_POINTER, row, "null output", 100, 3);
    expect(function(nullptr, 0, 3, nullptr, 0) == GS_OK, row, "null and empty", 0, 3);
    for (size_t i = 0; i < 100; ++i) {  // a wide code is seen wherever it stands
        Bytes wide(100, 1);
        wide[i] = 2;
        expect(function(wide.data(), 100, 1, out, 13) == GS_BAD_CODE, row, "one wide code", 100, static_cast<int>(i));
    }
}

void test_unpack_bits(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_unpack_bits_fn>(row.function);
    for (int64_t count : lengths(row.width))
        for (int bits = 1; bits <= 8; ++bits)
            for (size_t shift = 0; shift < 4; ++shift) {
                const Bytes codes = random_bytes(count, bits);
                Bytes stream = pack(codes, bits);
                // The unused top bits of the last byte are not looked at.
                const int unused = static_cast<int>(stream.size() * 8 - static_cast<size_t>(count * bits));
                if (unused > 0) stream.back() = static_cast<uint8_t>(stream.back() | 0xFF << (8 - unused));
                const Input in(stream, shift);
                Output out(count, shift);
                const auto bytes = static_cast<int64_t>(stream.size());
                expect(function(in.data(), bytes, bits, out.data(), count) == GS_OK, row, "status", count, bits);
                expect(out.equals(codes), row, "result", count, bits);
                expect(out.untouched_outside(), row, "wrote outside", count, bits);
            }
    const Bytes stream(38, 0);
    uint8_t out[100];
    expect(function(stream.data(), 38, 3, out, 100) == GS_OK, row, "sound arguments", 100, 3);
    expect(function(stream.data(), 38, 0, out, 100) == GS_BAD_BITS, row, "0 bits", 100, 0);
    expect(function(stream.data(), 38, 9, out, 100) == GS_BAD_BITS, row, "9 bits", 100, 9);
    expect(function(stream.data(), 37, 3, out, 100) == GS_BAD_LENGTH, row, "short stream", 100, 3);
    expect(function(stream.data(), 38, 3, out, -1) == GS_BAD_LENGTH, row, "negative count", -1, 3);
    expect(function(stream.data(), 38, 8, out, INT64_MAX) == GS_BAD_LENGTH, row, "huge count", INT64_MAX, 8);
    expect(function(nullptr, 38, 3, out, 100) == GS_BAD_POINTER, row, "null stream", 100, 3);
    expect(function(stream.data(), 38, 3, nullptr, 100) == GS_BAD_POINTER, row, "null output", 100, 3);
}

// A dense tensor, its mask with one item kept in `one_in` (0: none, 1: all), and the kept items.
struct Masked {
    Bytes dense, mask, values;
    int64_t kept = 0;
};

Masked masked(int64_t count, int64_t size, uint32_t one_in) {
    Masked m;
    m.dense = random_bytes(count * size, 8);
    m.mask.assign(static_cast<size_t>((count + 7) / 8), 0);
    for (int64_t i = 0; i < count; ++i) {
        const auto item = m.dense.begin() + i * size;
        if (one_in != 0 && next_random() % one_in == 0) {
            m.mask[static_cast<size_t>(i / 8)] |= static_cast<uint8_t>(1 << (i % 8));
            m.values.insert(m.values.end(), item, item + size);
            ++m.kept;
        } else {
            std::fill(item, item + size, uint8_t{0});
        }
    }
    return m;
}

// The arguments that both directions must refuse. `call(mask, mask_len, kept, count)` has buffers of 100 items.
template <typename Call>
void test_bad_masks(const gs_kernel &row, Call call) {
    Bytes mask(13, 0);
    mask[0] = 0x0F;
    expect(call(mask.data(), 13, 4, 100) == GS_OK, row, "sound arguments", 100, 0);
    expect(call(mask.data(), 13, 3, 100) == GS_BAD_MASK, row, "kept too few", 100, 3);
    expect(call(mask.data(), 13, 5, 100) == GS_BAD_MASK, row, "kept too many", 100, 5);
    expect(call(mask.data(), 12, 4, 100) == GS_BAD_LENGTH, row, "short mask", 100, 0);
    expect(call(mask.data(), 13, -1, 100) == GS_BAD_LENGTH, row, "negative kept", 100, -1);
    expect(call(mask.data(), 13, 101, 100) == GS_BAD_LENGTH, row, "kept beyond count", 100, 101);
    expect(call(mask.data(), 13, 4, -1) == GS_BAD_LENGTH, row, "negative count", -1, 0);
    expect(call(mask.data(), 13, 4, INT64_MAX) == GS_BAD_LENGTH, row, "huge count", INT64_MAX, 0);
    expect(call(nullptr, 13, 4, 100) == GS_BAD_POINTER, row, "null mask", 100, 0);
    mask[0] = 0x07;
    mask[12] = 0x10;  // the 101st item of 100
    expect(call(mask.data(), 13, 4, 100) == GS_BAD_MASK, row, "bit beyond count", 100, 0);
}

void test_mask_compress(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_mask_compress_fn>(row.function);
    const int64_t size = row.item_size;
    for (int64_t count : lengths(row.width))
        for (uint32_t one_in : {0u, 1u, 2u, 10u, 100u})
            for (size_t shift = 0; shift < 4; ++shift) {
                const Masked m = masked(count, size, one_in);
                const Input dense(m.dense, shift);
                const Input mask(m.mask, shift);
                Output out(m.kept * size, shift);
                const int32_t status = function(dense.data(), count, mask.data(),
                                                static_cast<int64_t>(m.mask.size()), out.data(), m.kept);
                expect(status == GS_OK, row, "status", count, static_cast<int>(one_in));
                expect(out.equals(m.values), row, "result", count, static_cast<int>(one_in));
                expect(out.untouched_outside(), row, "wrote outside", count, static_cast<int>(one_in));
            }
    const Bytes dense(400, 1);
    uint8_t out[400];
    test_bad_masks(row, [&](const uint8_t *mask, int64_t mask_len, int64_t kept, int64_t count) {
        return function(dense.data(), count, mask, mask_len, out, kept);
    });
}

void test_mask_expand(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_mask_expand_fn>(row.function);
    const int64_t size = row.item_size;
    for (int64_t count : lengths(row.width))
        for (uint32_t one_in : {0u, 1u, 2u, 10u, 100u})
            for (size_t shift = 0; shift < 4; ++shift) {
                const Masked m = masked(count, size, one_in);
                const Input values(m.values, shift);
                const Input mask(m.mask, shift);
                Output out(count * size, shift);
                const int32_t status = function(values.data(), m.kept, mask.data(),
                                                static_cast<int64_t>(m.mask.size()), out.data(), count);
                expect(status == GS_OK, row, "status", count, static_cast<int>(one_in));
                expect(out.equals(m.dense), row, "result", count, static_cast<int>(one_in));
                expect(out.untouched_outside(), row, "wrote outside", count, static_cast<int>(one_in));
            }
    const Bytes values(400, 1);
    uint8_t out[400];
    test_bad_masks(row, [&](const uint8_t *mask, int64_t mask_len, int64_t kept, int64_t count) {
        return function(values.data(), kept, mask, mask_len, out, count);
    });
}

// Two orthogonal atoms and one between them: the answers are known, and the arguments that must be refused are few.
template <typename T>
void test_batch_omp_of(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_batch_omp_fn>(row.function);
    const std::vector<T> atoms = {1, 0, 0, 1, T(0.6), T(0.8)}, gram = {1, 0, T(0.6), 0, 1, T(0.8), T(0.6), T(0.8), 1};
    const std::vector<T> scales = {1, 2, 1}, signals = {3, 0, T(0.5), -4}, targets = {-1, -1};
    constexpr int64_t kRoom = 16 * (2 + 24) + 2 * (3 + 1 + 2);
    std::vector<T> room(kRoom), x(6), residuals(2);
    std::vector<int32_t> steps(2);
    const auto call = [&](int64_t k, int64_t count, int64_t items, const T *b) {
        return function(atoms.data(), gram.data(), scales.data(), 3, 2, k, b, targets.data(), count,
                        room.data(), items, x.data(), residuals.data(), steps.data());
    };
    expect(call(1, 2, kRoom, signals.data()) == GS_OK, row, "status", 2, 1);
    expect(x == std::vector<T>({3, 0, 0, 0, -8, 0}), row, "x", 2, 1);
    expect(residuals == std::vector<T>({0, T(0.5)}), row, "residuals", 2, 1);
    expect(steps == std::vector<int32_t>({1, 1}), row, "steps", 2, 1);
    expect(call(0, 2, kRoom, signals.data()) == GS_BAD_LENGTH, row, "no step", 2, 0);
    expect(call(4, 2, kRoom, signals.data()) == GS_BAD_LENGTH, row, "more steps than atoms", 2, 4);
    expect(call(1, -1, kRoom, signals.data()) == GS_BAD_LENGTH, row, "negative count", -1, 1);
    expect(call(1, INT64_MAX, kRoom, signals.data()) == GS_BAD_LENGTH, row, "huge count", INT64_MAX, 1);
    expect(call(1, 2, kRoom - 1, signals.data()) == GS_BAD_LENGTH, row, "short room", 2, 1);
    expect(call(1, 2, kRoom, nullptr) == GS_BAD_POINTER, row, "null signals", 2, 1);
    expect(call(1, 0, kRoom, nullptr) == GS_OK, row, "empty", 0, 1);
}

void test_batch_omp(const gs_kernel &row) {
    row.item_size == 4 ? test_batch_omp_of<float>(row) : test_batch_omp_of<double>(row);
}

// Two columns that share nothing: each lands on its soft threshold at once.
void test_l1_sweeps(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_l1_sweeps_fn>(row.function);
    for (int64_t k : lengths(row.width)) {
        const auto size = static_cast<size_t>(k);
        std::vector<double> gram(size * (size + 1)), levels(size, 1), x(size), h(size), wanted(size);
        for (size_t j = 0; j < size; ++j) {
            gram[j * (size + 1) + j] = 2;
            h[j] = j % 2 == 0 ? 5 : -0.5;
            wanted[j] = j % 2 == 0 ? 1 : 0;
        }
        int32_t done = 7;
        expect(function(gram.data(), k + 1, k, levels.data(), 0, 1.5, 2, 1e-9, 9, x.data(), h.data(), &done) == GS_OK,
               row, "status", k, 0);
        expect(x == wanted && done == (k == 0 ? 0 : 2), row, "x", k, done);
    }
    double one = 1;
    int32_t done = 0;
    const auto call = [&](int64_t stride, int64_t k, int32_t sweeps, double *x) {
        return function(&one, stride, k, &one, 0, 1, 0, 0, sweeps, x, &one, &done);
    };
    expect(call(1, 2, 1, &one) == GS_BAD_LENGTH, row, "short stride", 2, 1);
    expect(call(-1, -1, 1, &one) == GS_BAD_LENGTH, row, "negative length", -1, 1);
    expect(call(INT64_MAX, INT64_MAX, 1, &one) == GS_BAD_LENGTH, row, "huge length", INT64_MAX, 1);
    expect(call(1, 1, -1, &one) == GS_BAD_LENGTH, row, "negative sweeps", 1, -1);
    expect(call(1, 1, 1, nullptr) == GS_BAD_POINTER, row, "null x", 1, 1);
}

// Columns that share nothing: each lands on its soft threshold, within its bounds.
void test_gram_descent(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_gram_descent_fn>(row.function);
    for (int64_t n : {1, 7, 31, 32, 33, 67}) {
        const auto size = static_cast<size_t>(n), stride = (size + 31) / 32 * 32;
        const std::vector<double> gram(size * stride), scales(size, 2), thresholds(size, 1), low(size), high(size, 3);
        std::vector<double> c(2 * size), squares(2), room(13 * stride + size * (stride + 8)), x(2 * size), wanted(2 * size);
        for (size_t j = 0; j < 2 * size; ++j) {
            const double value = j % 3 == 0 ? 1.5 : (j % 3 == 1 ? -4 : 9);
            c[j] = value;
            squares[j / size] += 4 * value * value;
            wanted[j] = j % 3 == 0 ? 4 : (j % 3 == 1 ? 0 : 6);
        }
        std::vector<int32_t> done(2);
        const auto call = [&](int64_t wide, int64_t count, size_t items, const double *correlations) {
            return function(gram.data(), n, wide, scales.data(), thresholds.data(), low.data(), high.data(),
                            correlations, squares.data(), 1e-9, 50, count, room.data(), static_cast<int64_t>(items),
                            x.data(), done.data());
        };
        const auto wide = static_cast<int64_t>(stride);
        expect(call(wide, 2, room.size(), c.data()) == GS_OK, row, "status", n, 0);
        expect(x == wanted && done[0] >= 0 && done[1] >= 0, row, "x", n, done[0]);
        expect(call(wide + 1, 2, room.size(), c.data()) == GS_BAD_LENGTH, row, "odd stride", n, 0);
        expect(call(wide - 32, 2, room.size(), c.data()) == GS_BAD_LENGTH, row, "short stride", n, 0);
        expect(call(wide, -1, room.size(), c.data()) == GS_BAD_LENGTH, row, "negative count", n, 0);
        expect(call(wide, INT64_MAX, room.size(), c.data()) == GS_BAD_LENGTH, row, "huge count", n, 0);
        expect(call(wide, 2, room.size() - 1, c.data()) == GS_BAD_LENGTH, row, "short room", n, 0);
        expect(call(wide, 2, room.size(), nullptr) == GS_BAD_POINTER, row, "null correlations", n, 0);
        expect(call(wide, 0, room.size(), nullptr) == GS_OK, row, "empty", n, 0);
    }
}

// [1 0 2; 0 0 3; 0 4 0], its first entry two places into memory; and the same with each index that may be wrong.
template <typename T>
struct Matrix {
    std::vector<int32_t> starts = {2, 4, 5, 6}, places = {9, 9, 0, 2, 2, 1};
    std::vector<T> values = {99, 99, 1, 2, 3, 4};
    int64_t entries() const { return static_cast<int64_t>(places.size()); }
};

template <typename T, typename Call>
void test_broken(const gs_kernel &row, Call call) {
    for (int32_t bad : {-1, 3, INT32_MAX, INT32_MIN}) {
        Matrix<T> m;
        m.places[3] = bad;
        expect(call(m, m.entries()) == GS_BAD_INDEX, row, "place", 3, bad);
    }
    for (int32_t bad : {-1, 1, 7, INT32_MAX}) {
        Matrix<T> m;
        m.starts[2] = bad;
        expect(call(m, m.entries()) == GS_BAD_INDEX, row, "start", 2, bad);
    }
    expect(call(Matrix<T>(), -1) == GS_BAD_LENGTH, row, "negative entries", -1, 0);
    expect(call(Matrix<T>(), INT64_MAX) == GS_BAD_LENGTH, row, "huge entries", INT64_MAX, 0);
}

template <typename T>
void test_csr_product_of(const gs_kernel &row, bool transposed) {
    const auto function = reinterpret_cast<gs_csr_mv_fn>(row.function);
    const std::vector<T> x = {1, 10, 100}, forward = {201, 300, 40}, back = {1, 400, 32};
    std::vector<T> out(3);
    const auto call = [&](const Matrix<T> &m, int64_t entries) {
        return function(m.starts.data(), 3, m.places.data(), m.values.data(), entries, 3, x.data(), out.data());
    };
    expect(call(Matrix<T>(), 6) == GS_OK, row, "status", 3, 0);
    expect(out == (transposed ? back : forward), row, "product", 3, 0);
    test_broken<T>(row, call);
    const Matrix<T> m;
    expect(function(m.starts.data(), 3, m.places.data(), m.values.data(), 6, 3, nullptr, out.data()) == GS_BAD_POINTER,
           row, "null x", 3, 0);
    expect(function(nullptr, 0, nullptr, nullptr, 0, 0, nullptr, nullptr) == GS_OK, row, "empty", 0, 0);
}

void test_csr_mv(const gs_kernel &row) {
    row.item_size == 4 ? test_csr_product_of<float>(row, false) : test_csr_product_of<double>(row, false);
}

void test_csr_rmv(const gs_kernel &row) {
    row.item_size == 4 ? test_csr_product_of<float>(row, true) : test_csr_product_of<double>(row, true);
}

struct Sixteen {
    Sixteen(double value = 0) : one(value), two(-value) {}
    bool operator==(const Sixteen &other) const { return one == other.one && two == other.two; }
    double one, two;
};

template <typename T>
void test_csr_columns_of(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_csr_columns_fn>(row.function);
    const std::vector<int32_t> slots = {1, -1, 0}, wild = {1, -1, 2};
    std::vector<int32_t> hits(6), ends(4), rows(6);
    std::vector<uint8_t> wanted(3);
    std::vector<T> values(6);
    const auto call = [&](const Matrix<T> &m, int64_t entries, const int32_t *which, int64_t k, int64_t room) {
        return function(m.starts.data(), 3, m.places.data(), m.values.data(), entries, 3, which, k, hits.data(),
                        wanted.data(), room, ends.data(), rows.data(), values.data());
    };
    const auto first = [](auto all, size_t count) { return all.resize(count), all; };
    expect(call(Matrix<T>(), 6, slots.data(), 2, 6) == GS_OK, row, "status", 2, 0);
    expect(first(ends, 3) == std::vector<int32_t>({0, 2, 3}), row, "ends", 2, 0);
    expect(first(rows, 3) == std::vector<int32_t>({0, 1, 0}), row, "rows", 2, 0);
    expect(first(values, 3) == std::vector<T>({2, 3, 1}), row, "values", 2, 0);
    expect(call(Matrix<T>(), 6, nullptr, 3, 6) == GS_OK, row, "status", 3, 0);
    expect(ends == std::vector<int32_t>({0, 1, 2, 4}), row, "ends", 3, 0);
    expect(first(rows, 4) == std::vector<int32_t>({0, 2, 0, 1}), row, "rows", 3, 0);
    expect(first(values, 4) == std::vector<T>({1, 4, 2, 3}), row, "values", 3, 0);
    expect(call(Matrix<T>(), 6, wild.data(), 2, 6) == GS_BAD_INDEX, row, "slot", 2, 2);
    expect(call(Matrix<T>(), 6, slots.data(), 2, 5) == GS_BAD_LENGTH, row, "short room", 2, 5);
    expect(call(Matrix<T>(), 6, nullptr, 2, 6) == GS_BAD_LENGTH, row, "k without slots", 2, 6);
    expect(call(Matrix<T>(), 6, slots.data(), -1, 6) == GS_BAD_LENGTH, row, "negative k", -1, 6);
    for (const int32_t *which : {static_cast<const int32_t *>(nullptr), slots.data()})
        test_broken<T>(row, [&](const Matrix<T> &m, int64_t entries) {
            return call(m, entries, which, which == nullptr ? 3 : 2, entries);
        });
}

void test_csr_columns(const gs_kernel &row) {
    if (row.item_size == 4) return test_csr_columns_of<float>(row);
    row.item_size == 8 ? test_csr_columns_of<double>(row) : test_csr_columns_of<Sixteen>(row);
}

template <typename T>
void test_csr_gram_of(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_csr_gram_fn>(row.function);
    std::vector<T> out(9);
    const auto call = [&](const Matrix<T> &m, int64_t entries, int64_t first) {
        return function(m.starts.data(), 3, m.places.data(), m.values.data(), entries, 3, first, out.data());
    };
    expect(call(Matrix<T>(), 6, 0) == GS_OK && out == std::vector<T>({1, 0, 2, 0, 16, 0, 2, 0, 13}), row, "all", 3, 0);
    expect(call(Matrix<T>(), 6, 2) == GS_OK && out[0] == 2 && out[1] == 0 && out[2] == 13, row, "last", 3, 2);
    expect(call(Matrix<T>(), 6, 4) == GS_BAD_LENGTH, row, "first", 3, 4);
    Matrix<T> twice;
    twice.places[2] = 2;
    expect(call(twice, 6, 0) == GS_BAD_INDEX, row, "place given twice", 3, 0);
    test_broken<T>(row, [&](const Matrix<T> &m, int64_t entries) { return call(m, entries, 0); });
}

void test_csr_gram(const gs_kernel &row) {
    row.item_size == 4 ? test_csr_gram_of<float>(row) : test_csr_gram_of<double>(row);
}

// Rows that share nothing land on their soft thresholds; a row of zeros stays.
void test_csr_l1_sweeps(const gs_kernel &row) {
    const auto function = reinterpret_cast<gs_csr_l1_sweeps_fn>(row.function);
    Matrix<double> apart;
    apart.places = {9, 9, 0, 0, 2, 1};
    apart.starts = {2, 3, 5, 6};
    apart.values = {99, 99, 2, 0, 0, 4};
    const std::vector<double> levels(3, 1);
    std::vector<double> x(3), h = {5, 9, -17}, room(9);
    int32_t done = 7;
    const auto call = [&](const Matrix<double> &m, int64_t entries, int32_t sweeps, int64_t items) {
        return function(m.starts.data(), 3, m.places.data(), m.values.data(), entries, 3, levels.data(), -9, 9, 0, 1e-9,
                        sweeps, room.data(), items, x.data(), h.data(), &done);
    };
    expect(call(apart, 6, 9, 9) == GS_OK && done == 2, row, "status", 3, done);
    expect(x == std::vector<double>({1, 0, -1}) && h == std::vector<double>({1, 9, -1}), row, "x", 3, 0);
    expect(call(apart, 6, -1, 9) == GS_BAD_LENGTH, row, "negative sweeps", 3, -1);
    expect(call(apart, 6, 1, 8) == GS_BAD_LENGTH, row, "short room", 3, 8);
    test_broken<double>(row, [&](const Matrix<double> &m, int64_t entries) { return call(m, entries, 1, 9); });
}

struct Test {
    const char *op;
    void (*run)(const gs_kernel &row);
};

constexpr Test kTests[] = {
    {"pack_bits", test_pack_bits},
    {"unpack_bits", test_unpack_bits},
    {"mask_compress", test_mask_compress},
    {"mask_expand", test_mask_expand},
    {"batch_omp", test_batch_omp},
    {"l1_sweeps", test_l1_sweeps},
    {"gram_descent", test_gram_descent},
    {"csr_mv", test_csr_mv},
    {"csr_rmv", test_csr_rmv},
    {"csr_columns", test_csr_columns},
    {"csr_gram", test_csr_gram},
    {"csr_l1_sweeps", test_csr_l1_sweeps},
};

}  // namespace

int main() {
    int ran = 0;
    for (int32_t i = 0; i < gs_kernel_count(); ++i) {
        const gs_kernel &row = *gs_kernel_at(i);
        if (!gs_isa_supported(row.isa)) {
            std::printf("not run, this processor lacks %s: %s\n", row.isa, row.name);
            continue;
        }
        bool known = false;
        for (const Test &test : kTests) {
            if (std::strcmp(test.op, row.op) != 0) continue;
            test.run(row);
            known = true;
            ++ran;
        }
        expect(known, row, "has no test", 0, 0);
    }
    if (gs_kernel_at(-1) != nullptr || gs_kernel_at(gs_kernel_count()) != nullptr) ++failures;
    if (gs_isa_supported("none such") != 0 || gs_isa_supported(nullptr) != 0) ++failures;
    std::printf("%d rows of %d ran, %d failures\n", ran, gs_kernel_count(), failures);
    return failures == 0 && ran > 0 ? 0 : 1;
}
