// batch_omp with NEON.
#include "lanes_neon.h"

#if GS_HAVE_NEON
#include "batch_omp.h"

namespace gs {
namespace {

const gs_kernel kRows[] = {
    row<Singles>("batch_omp_gram_f32_32x__neon", "neon", 32),
    row<Doubles>("batch_omp_gram_f64_16x__neon", "neon", 16),
};

}  // namespace

Rows batch_omp_neon_rows() { return rows_of(kRows); }

}  // namespace gs
#else
#include "rows.h"

namespace gs {

Rows batch_omp_neon_rows() { return {nullptr, 0}; }

}  // namespace gs
#endif
