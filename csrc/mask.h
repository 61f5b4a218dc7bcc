// Shared by mask_compress and mask_expand: argument checks, and where the kept ones of eight items go.
#pragma once

#include "gossamer_kernels.h"
#include "platform.h"

namespace gs {

// An item is moved, never computed with. As bytes it may lie at any address; its copy is still one move.
template <int Size>
struct Item {
    uint8_t bytes[Size];
};

// For each mask byte: its number of set bits; `kept[j]`, the lane of the j-th set bit; `rank[lane]`, the inverse.
// kOutside marks the rest: byte shuffles of SSE and NEON give 0 for it.
constexpr uint8_t kOutside = 0x80;

struct MaskTable {
    uint8_t count[256];
    alignas(16) uint8_t kept[256][8];
    alignas(16) uint8_t rank[256][8];
};

constexpr MaskTable make_mask_table() {
    MaskTable table{};
    for (int mask = 0; mask < 256; ++mask) {
        int count = 0;
        for (int lane = 0; lane < 8; ++lane) {
            table.kept[mask][lane] = kOutside;
            table.rank[mask][lane] = kOutside;
        }
        for (int lane = 0; lane < 8; ++lane) {
            if ((mask >> lane & 1) == 0) continue;
            table.rank[mask][lane] = static_cast<uint8_t>(count);
            table.kept[mask][count++] = static_cast<uint8_t>(lane);
        }
        table.count[mask] = static_cast<uint8_t>(count);
    }
    return table;
}

inline constexpr MaskTable kMaskTable = make_mask_table();

inline int64_t popcount(const uint8_t *mask, int64_t bytes) {
    int64_t count = 0;
    int64_t i = 0;
    for (; i + 8 <= bytes; i += 8) count += popcount64(load64(mask + i));
    return count + popcount64(load_partial(mask + i, bytes - i));
}

// GS_OK when the mask has one bit an item, nothing beyond, and exactly `kept` ones: after this a kernel may trust it.
inline int32_t check_mask(const void *dense, int64_t count, int64_t item_size, const uint8_t *mask, int64_t mask_len,
                          const void *values, int64_t kept) {
    if (count < 0 || count > INT64_MAX / item_size - 8) return GS_BAD_LENGTH;
    if (kept < 0 || kept > count || mask_len != (count + 7) / 8) return GS_BAD_LENGTH;
    if (count == 0) return GS_OK;
    if (dense == nullptr || mask == nullptr || (kept > 0 && values == nullptr)) return GS_BAD_POINTER;
    if (count % 8 != 0 && mask[mask_len - 1] >> (count % 8) != 0) return GS_BAD_MASK;
    return popcount(mask, mask_len) == kept ? GS_OK : GS_BAD_MASK;
}

}  // namespace gs
