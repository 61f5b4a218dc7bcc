// batch_omp, for every processor.
#include "lanes_baseline.h"

#include "batch_omp.h"

namespace gs {
namespace {

const gs_kernel kRows[] = {
    row<Plain<float>>("batch_omp_gram_f32_1x__scalar", "scalar", 1),
    row<Plain<double>>("batch_omp_gram_f64_1x__scalar", "scalar", 1),
};

}  // namespace

Rows batch_omp_rows() { return rows_of(kRows); }

}  // namespace gs
