// mask_compress: dense items and a bitmask -> the kept items, in order.
#include "rows.h"
#include "shuffle.h"

namespace gs {
namespace {

// Arguments are checked: `out` has room for exactly as many items as the mask has ones, `kept`.
template <int Size>
using Compressor = void (*)(const Item<Size> *dense, int64_t count, const uint8_t *mask, Item<Size> *out,
                            int64_t kept);

template <int Size>
void compress_plain(const Item<Size> *dense, int64_t count, const uint8_t *mask, Item<Size> *out, int64_t) {
    for (int64_t i = 0; i < count; ++i) {
        if (mask[i / 8] >> (i % 8) & 1) *out++ = dense[i];
    }
}

// 64 items a step: nothing to do where the word is 0, one copy where it is full, else its set bits in turn.
template <int Size>
void compress_words(const Item<Size> *dense, int64_t count, const uint8_t *mask, Item<Size> *out, int64_t) {
    for (int64_t i = 0; i < count; i += 64) {
        const int64_t bytes = count - i < 64 ? (count - i + 7) / 8 : 8;
        uint64_t word = bytes == 8 ? load64(mask + i / 8) : load_partial(mask + i / 8, bytes);
        if (word == ~uint64_t{0}) {
            std::memcpy(out, dense + i, 64 * Size);
            out += 64;
            continue;
        }
        for (; word != 0; word &= word - 1) *out++ = dense[i + lowest_bit(word)];
    }
}

#if GS_HAVE_SHUFFLE
// A shuffle stores eight items, of which the first few count; the next one overwrites the others. So it is used while
// eight fit into what is left of `out`.
template <int Size>
GS_SHUFFLE_TARGET void compress_shuffle(const Item<Size> *dense, int64_t count, const uint8_t *mask,
                                        Item<Size> *out, int64_t kept) {
    int64_t i = 0;
    int64_t done = 0;
    while (i + 8 <= count && done + 8 <= kept) {
        if (i % 64 == 0 && i + 64 <= count && load64(mask + i / 8) == 0) {
            i += 64;
            continue;
        }
        const uint8_t byte = mask[i / 8];
        shuffle8(dense + i, out + done, kMaskTable.kept[byte]);
        done += kMaskTable.count[byte];
        i += 8;
    }
    compress_words(dense + i, count - i, mask + i / 8, out + done, kept - done);
}
#endif

template <int Size, Compressor<Size> compress>
int32_t checked(const void *dense, int64_t count, const uint8_t *mask, int64_t mask_len, void *out, int64_t kept) {
    const int32_t status = check_mask(dense, count, Size, mask, mask_len, out, kept);
    if (status != GS_OK) return status;
    if (kept > 0) compress(static_cast<const Item<Size> *>(dense), count, mask, static_cast<Item<Size> *>(out), kept);
    return GS_OK;
}

template <int Size, Compressor<Size> compress>
gs_kernel row(const char *name, const char *isa, int32_t width) {
    return {name, "mask_compress", isa, Size, width, erased(checked<Size, compress>)};
}

const gs_kernel kRows[] = {
    row<1, compress_plain<1>>("mask_compress_bitmask_b8_1x__scalar", "scalar", 1),
    row<2, compress_plain<2>>("mask_compress_bitmask_b16_1x__scalar", "scalar", 1),
    row<4, compress_plain<4>>("mask_compress_bitmask_b32_1x__scalar", "scalar", 1),
    row<1, compress_words<1>>("mask_compress_bitmask_b8_64x__scalar", "scalar", 64),
    row<2, compress_words<2>>("mask_compress_bitmask_b16_64x__scalar", "scalar", 64),
    row<4, compress_words<4>>("mask_compress_bitmask_b32_64x__scalar", "scalar", 64),
#if GS_HAVE_SHUFFLE
    row<1, compress_shuffle<1>>("mask_compress_bitmask_b8_8x__" GS_SHUFFLE_ISA, GS_SHUFFLE_ISA, 8),
    row<2, compress_shuffle<2>>("mask_compress_bitmask_b16_8x__" GS_SHUFFLE_ISA, GS_SHUFFLE_ISA, 8),
    row<4, compress_shuffle<4>>("mask_compress_bitmask_b32_8x__" GS_SHUFFLE_ISA, GS_SHUFFLE_ISA, 8),
#endif
};

}  // namespace

Rows mask_compress_rows() { return rows_of(kRows); }

}  // namespace gs
