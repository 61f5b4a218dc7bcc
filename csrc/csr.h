// A matrix by its rows, as the kernels on it read it: nothing that it says of itself is believed before it is looked at.
#pragma once

#include <cstdint>
#include <limits>

#include "gossamer_kernels.h"
#include "platform.h"

namespace gs {
namespace {

template <typename T>
struct Csr {
    const int32_t *starts;  // rows + 1
    int64_t rows;
    const int32_t *places;  // entries
    const T *values;        // entries
    int64_t entries;
    int64_t columns;

    int32_t status() const {
        constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
        if (rows < 0 || entries < 0 || columns < 0 || rows >= kMost || entries > kMost || columns > kMost)
            return GS_BAD_LENGTH;
        if ((rows > 0 && starts == nullptr) || (entries > 0 && (places == nullptr || values == nullptr))) return GS_BAD_POINTER;
        return GS_OK;
    }
};

// Goes from row to row, and looks at starts and places before they are used: a piece of places at a time, so that the
// look reads what the use then has at hand.
template <typename T>
class Walk {
public:
    explicit Walk(const Csr<T> &matrix) : m_(matrix), seen_(matrix.rows > 0 ? matrix.starts[0] : 0) {}

    // Whether entries [from, to) of a row may be used.
    bool row(int64_t i, int32_t &from, int32_t &to) {
        from = m_.starts[i];
        to = m_.starts[i + 1];
        if (from < 0 || to < from || to > m_.entries) return false;
        return to <= seen_ || look(to);
    }

private:
    static constexpr int64_t kPiece = 64, kLine = 64, kAhead = 1024;  // places, bytes, places

    bool look(int64_t to) {
        const int64_t ahead = seen_ + kPiece, until = ahead < to ? to : (ahead < m_.entries ? ahead : m_.entries);
        if (seen_ + kAhead + kPiece <= m_.entries) {
            for (int64_t p = 0; p < kPiece; p += kLine / static_cast<int64_t>(sizeof(T))) prefetch(m_.values + seen_ + kAhead + p);
            for (int64_t p = 0; p < kPiece; p += kLine / static_cast<int64_t>(sizeof(int32_t))) prefetch(m_.places + seen_ + kAhead + p);
        }
        const uint32_t last = static_cast<uint32_t>(m_.columns - 1);
        uint32_t outside = m_.columns == 0 ? 1u << 31 : 0;
        for (int64_t p = seen_; p < until; ++p) {
            const uint32_t place = static_cast<uint32_t>(m_.places[p]);
            outside |= place | (last - place);  // either has its top bit set where the place is not one of 0 .. last
        }
        seen_ = until;
        return outside >> 31 == 0;
    }

    const Csr<T> &m_;
    int64_t seen_;
};

}  // namespace
}  // namespace gs
