// batch_omp with AVX-512.
#include "lanes_avx512.h"

#if GS_HAVE_AVX512
#include "batch_omp.h"

namespace gs {
namespace {

const gs_kernel kRows[] = {
    row<Singles>("batch_omp_gram_f32_128x__avx512", "avx512", 128),
    row<Doubles>("batch_omp_gram_f64_64x__avx512", "avx512", 64),
};

}  // namespace

Rows batch_omp_avx512_rows() { return rows_of(kRows); }

}  // namespace gs
#else
#include "rows.h"

namespace gs {

Rows batch_omp_avx512_rows() { return {nullptr, 0}; }

}  // namespace gs
#endif
