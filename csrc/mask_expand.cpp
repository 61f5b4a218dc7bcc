// mask_expand: kept items and a bitmask -> dense items, zero where the bit is 0.
#include "rows.h"
#include "shuffle.h"

namespace gs {
namespace {

// Arguments are checked: `values` holds exactly as many items as the mask has ones, `kept`.
template <int Size>
using Expander = void (*)(const Item<Size> *values, int64_t kept, const uint8_t *mask, Item<Size> *out,
                          int64_t count);

template <int Size>
void expand_plain(const Item<Size> *values, int64_t, const uint8_t *mask, Item<Size> *out, int64_t count) {
    for (int64_t i = 0; i < count; ++i) out[i] = mask[i / 8] >> (i % 8) & 1 ? *values++ : Item<Size>{};
}

// 64 items a step: zeros, then the set bits of the word in turn; one copy where it is full.
template <int Size>
void expand_words(const Item<Size> *values, int64_t, const uint8_t *mask, Item<Size> *out, int64_t count) {
    for (int64_t i = 0; i < count; i += 64) {
        const int64_t items = count - i < 64 ? count - i : 64;
        const int64_t bytes = (items + 7) / 8;
        uint64_t word = bytes == 8 ? load64(mask + i / 8) : load_partial(mask + i / 8, bytes);
        if (word == ~uint64_t{0}) {
            std::memcpy(out + i, values, 64 * Size);
            values += 64;
            continue;
        }
        std::memset(static_cast<void *>(out + i), 0, static_cast<size_t>(items) * Size);
        for (; word != 0; word &= word - 1) out[i + lowest_bit(word)] = *values++;
    }
}

#if GS_HAVE_SHUFFLE
// A shuffle reads eight values, of which the first few are wanted. So it is used while eight are left.
template <int Size>
GS_SHUFFLE_TARGET void expand_shuffle(const Item<Size> *values, int64_t kept, const uint8_t *mask, Item<Size> *out,
                                      int64_t count) {
    int64_t i = 0;
    int64_t done = 0;
    for (; i + 8 <= count && done + 8 <= kept; i += 8) {
        const uint8_t byte = mask[i / 8];
        shuffle8(values + done, out + i, kMaskTable.rank[byte]);
        done += kMaskTable.count[byte];
    }
    expand_words(values + done, kept - done, mask + i / 8, out + i, count - i);
}
#endif

template <int Size, Expander<Size> expand>
int32_t checked(const void *values, int64_t kept, const uint8_t *mask, int64_t mask_len, void *out, int64_t count) {
    const int32_t status = check_mask(out, count, Size, mask, mask_len, values, kept);
    if (status != GS_OK) return status;
    if (count > 0) expand(static_cast<const Item<Size> *>(values), kept, mask, static_cast<Item<Size> *>(out), count);
    return GS_OK;
}

template <int Size, Expander<Size> expand>
gs_kernel row(const char *name, const char *isa, int32_t width) {
    return {name, "mask_expand", isa, Size, width, erased(checked<Size, expand>)};
}

const gs_kernel kRows[] = {
    row<1, expand_plain<1>>("mask_expand_bitmask_b8_1x__scalar", "scalar", 1),
    row<2, expand_plain<2>>("mask_expand_bitmask_b16_1x__scalar", "scalar", 1),
    row<4, expand_plain<4>>("mask_expand_bitmask_b32_1x__scalar", "scalar", 1),
    row<1, expand_words<1>>("mask_expand_bitmask_b8_64x__scalar", "scalar", 64),
    row<2, expand_words<2>>("mask_expand_bitmask_b16_64x__scalar", "scalar", 64),
    row<4, expand_words<4>>("mask_expand_bitmask_b32_64x__scalar", "scalar", 64),
#if GS_HAVE_SHUFFLE
    row<1, expand_shuffle<1>>("mask_expand_bitmask_b8_8x__" GS_SHUFFLE_ISA, GS_SHUFFLE_ISA, 8),
    row<2, expand_shuffle<2>>("mask_expand_bitmask_b16_8x__" GS_SHUFFLE_ISA, GS_SHUFFLE_ISA, 8),
    row<4, expand_shuffle<4>>("mask_expand_bitmask_b32_8x__" GS_SHUFFLE_ISA, GS_SHUFFLE_ISA, 8),
#endif
};

}  // namespace

Rows mask_expand_rows() { return rows_of(kRows); }

}  // namespace gs
