/* The C ABI of gossamer's kernels: every function that leaves the library.
 *
 * Streams are little-endian and least significant bit first: code i of a stream of b-bit codes holds bits
 * [i*b, (i+1)*b) counted from bit 0 of byte 0. A bitmask is such a stream with b = 1. Lengths are in bytes for streams
 * and in items for values. Pointers need no alignment; input and output must not overlap. A function returns GS_OK, or
 * a negative gs_status and then leaves the output in an unspecified state; it never reads or writes past the lengths
 * it is given, whatever the data hold.
 */
#ifndef GOSSAMER_KERNELS_H
#define GOSSAMER_KERNELS_H

#include <stdint.h>

#if defined(_WIN32)
#define GS_EXPORT __declspec(dllexport)
#else
#define GS_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised by one when a signature or the row below changes; the loader refuses any other version. */
#define GS_ABI_VERSION 4

enum gs_status {
    GS_OK = 0,
    GS_BAD_POINTER = -1, /* null where the length is not 0 */
    GS_BAD_LENGTH = -2,  /* a length is negative, too large, or does not follow from the others */
    GS_BAD_BITS = -3,    /* bits outside 1..8 */
    GS_BAD_CODE = -4,    /* a code needs more than `bits` bits */
    GS_BAD_MASK = -5,    /* bits set beyond the last item, or the number of set bits is not `kept` */
    GS_BAD_INDEX = -6    /* an index outside of its range, or out of order */
};

/* codes: count bytes -> out: ceil(count * bits / 8) bytes, unused top bits 0 */
typedef int32_t (*gs_pack_bits_fn)(const uint8_t *codes, int64_t count, int32_t bits, uint8_t *out, int64_t out_len);

/* packed: ceil(count * bits / 8) bytes (unused top bits are not looked at) -> out: count bytes */
typedef int32_t (*gs_unpack_bits_fn)(const uint8_t *packed, int64_t packed_len, int32_t bits, uint8_t *out,
                                     int64_t count);

/* dense: count items, mask: ceil(count / 8) bytes -> out: the kept items whose bit is 1, in order */
typedef int32_t (*gs_mask_compress_fn)(const void *dense, int64_t count, const uint8_t *mask, int64_t mask_len,
                                       void *out, int64_t kept);

/* values: kept items, mask: ceil(count / 8) bytes -> out: count items, 0 where the bit is 0 */
typedef int32_t (*gs_mask_expand_fn)(const void *values, int64_t kept, const uint8_t *mask, int64_t mask_len,
                                     void *out, int64_t count);

/* Orthogonal matching pursuit of count signals in k steps, or until the squared error falls to the signal's target.
 *
 * atoms (n, m) have rows of norm 1, gram (n, n) is atoms * atoms'; signals (count, m); scales (n,) multiply the
 * coefficients. A target below 0 is none. room is scratch of exactly N*(m + 24) + 2*(k*n + k*k + 2*k) items, where N
 * is n rounded up to a multiple of 16. All items are floats of the row's size and aligned to it.
 * Out: x (count, n); residuals (count,), the norm of signal - atoms' * coefficients, computed from these; steps, the
 * atoms chosen, or -1 - that where rounding leaves nothing to choose by and x must come from another solver.
 */
typedef int32_t (*gs_batch_omp_fn)(const void *atoms, const void *gram, const void *scales, int64_t n, int64_t m,
                                   int64_t k, const void *signals, const void *targets, int64_t count, void *room,
                                   int64_t room_items, void *x, void *residuals, int32_t *steps);

/* Sweeps of coordinate descent on 1/2 x'(G + ridge) x - c'x + sum level_j |x_j|, low <= x_j <= high, in place.
 *
 * gram: k rows of k numbers, `stride` apart; levels (k,); h (k,) holds c - (G + ridge) x and is kept so. It stops after
 * a sweep in which no move took away a slope above `accuracy`, or after `sweeps`. Out: done, the sweeps made, or -1 -
 * that where the last one still moved more.
 */
typedef int32_t (*gs_l1_sweeps_fn)(const double *gram, int64_t stride, int64_t k, const double *levels, double low,
                                   double high, double ridge, double accuracy, int32_t sweeps, double *x, double *h,
                                   int32_t *done);

/* min_x 1/2 x'Gx - c'x + sum thresholds_j |x_j|, low <= x <= high, for each row c of correlations, where G has ones on
 * its diagonal, and both c and the answer are the caller's times `scales` (> 0).
 *
 * off_diagonal: n rows (fewer than 2^24) of `stride` items, a multiple of 32, holding G less its diagonal and zeros beyond n; thresholds,
 * low <= 0 and high >= 0 (either may be infinite), scales: (n,); correlations (count, n); squares (count,), of
 * the signals' norms. A signal ends where an estimate of its duality gap falls to tol * square / 2, or after `rounds`, or
 * when rounds bring nothing. room is scratch of exactly 13*stride + n*(stride + 8) items. In and out: x (count, n), where to
 * begin and where it ended. Out: done, the rounds made, or -1 - that where the estimate stayed above.
 */
typedef int32_t (*gs_gram_descent_fn)(const double *off_diagonal, int64_t n, int64_t stride, const double *scales,
                                      const double *thresholds, const double *low, const double *high,
                                      const double *correlations, const double *squares, double tol, int32_t rounds,
                                      int64_t count, double *room, int64_t room_items, double *x, int32_t *done);

/* Of a sparse matrix by its rows: row i holds entries [starts[i], starts[i + 1]), each in the column that `places` says
 * and with its value. starts: rows + 1 numbers, the first need not be 0; places, values: as many as `entries`. Values
 * are floats of the row's size, aligned to it.
 *
 * csr_mv: x (columns,) -> out (rows,).  csr_rmv, the transpose: x (rows,) -> out (columns,).
 */
typedef int32_t (*gs_csr_mv_fn)(const int32_t *starts, int64_t rows, const int32_t *places, const void *values,
                                int64_t entries, int64_t columns, const void *x, void *out);
typedef gs_csr_mv_fn gs_csr_rmv_fn;

/* k columns, by column: slots (columns,) says which of the k a column becomes, negative where it is not wanted; null
 * takes all as they are. hits (room,) and wanted (columns,) are scratch, not used without slots; room is `entries`.
 * Out: ends (k + 1,), where each column begins, and the number of entries found last; of these found_rows and
 * found_values (room,), rows in order within a column. Values are moved only, of 4, 8 or 16 bytes.
 */
typedef int32_t (*gs_csr_columns_fn)(const int32_t *starts, int64_t rows, const int32_t *places, const void *values,
                                     int64_t entries, int64_t columns, const int32_t *slots, int64_t k, int32_t *hits,
                                     uint8_t *wanted, int64_t room, int32_t *ends, int32_t *found_rows,
                                     void *found_values);

/* Products of the columns from `first` on with all k columns, (k - first, k); places ascend within a row. */
typedef int32_t (*gs_csr_gram_fn)(const int32_t *starts, int64_t rows, const int32_t *places, const void *values,
                                  int64_t entries, int64_t k, int64_t first, void *out);

/* l1_sweeps where the Gram matrix is CC', C (k, m) of doubles. room is scratch of exactly m + 2*k items. */
typedef int32_t (*gs_csr_l1_sweeps_fn)(const int32_t *starts, int64_t k, const int32_t *places, const double *values,
                                       int64_t entries, int64_t m, const double *levels, double low, double high,
                                       double ridge, double accuracy, int32_t sweeps, double *room, int64_t room_items,
                                       double *x, double *h, int32_t *done);

/* One row of the kernel table. Of one op and item size, dispatch takes the last row that the processor runs. */
typedef struct gs_kernel {
    const char *name;       /* op_format_wtype_atype_tile__isa, parts that do not apply left out */
    const char *op;         /* pack_bits .. csr_l1_sweeps, as above: fixes the type of `function` */
    const char *isa;        /* scalar | avx2 | avx512 | neon */
    int32_t item_size;      /* bytes of one item: 1, 2, 4, 8 or 16 */
    int32_t width;          /* items a step of the main loop; shorter rests take another path */
    void (*function)(void); /* cast to gs_<op>_fn */
} gs_kernel;

GS_EXPORT int32_t gs_abi_version(void);
GS_EXPORT int32_t gs_kernel_count(void);
GS_EXPORT const gs_kernel *gs_kernel_at(int32_t index); /* null outside 0 .. count - 1 */
GS_EXPORT int32_t gs_isa_supported(const char *isa);    /* 1 when this processor runs it, 0 otherwise */

#ifdef __cplusplus
}
#endif

#endif
