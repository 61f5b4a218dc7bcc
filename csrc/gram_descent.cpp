// gram_descent, for every processor.
#include "lanes_baseline.h"

#include "gram_descent.h"

namespace gs {
namespace {

const gs_kernel kRows[] = {
    row<Plain<double>>("gram_descent_f64_1x__scalar", "scalar"),
};

}  // namespace

Rows gram_descent_rows() { return rows_of(kRows); }

}  // namespace gs
