// batch_omp with AVX2 and FMA.
#include "lanes_avx2.h"

#if GS_HAVE_AVX2
#include "batch_omp.h"

namespace gs {
namespace {

const gs_kernel kRows[] = {
    row<Singles>("batch_omp_gram_f32_32x__avx2", "avx2", 32),
    row<Doubles>("batch_omp_gram_f64_16x__avx2", "avx2", 16),
};

}  // namespace

Rows batch_omp_avx2_rows() { return rows_of(kRows); }

}  // namespace gs
#else
#include "rows.h"

namespace gs {

Rows batch_omp_avx2_rows() { return {nullptr, 0}; }

}  // namespace gs
#endif
