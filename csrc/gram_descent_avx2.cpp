// gram_descent with AVX2 and FMA.
#include "lanes_avx2.h"

#if GS_HAVE_AVX2
#include "gram_descent.h"

namespace gs {
namespace {

const gs_kernel kRows[] = {
    row<Doubles>("gram_descent_f64_4x__avx2", "avx2"),
};

}  // namespace

Rows gram_descent_avx2_rows() { return rows_of(kRows); }

}  // namespace gs
#else
#include "rows.h"

namespace gs {

Rows gram_descent_avx2_rows() { return {nullptr, 0}; }

}  // namespace gs
#endif
