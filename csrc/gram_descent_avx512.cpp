// gram_descent with AVX-512.
#include "lanes_avx512.h"

#if GS_HAVE_AVX512
#include "gram_descent.h"

namespace gs {
namespace {

const gs_kernel kRows[] = {
    row<Doubles>("gram_descent_f64_8x__avx512", "avx512"),
};

}  // namespace

Rows gram_descent_avx512_rows() { return rows_of(kRows); }

}  // namespace gs
#else
#include "rows.h"

namespace gs {

Rows gram_descent_avx512_rows() { return {nullptr, 0}; }

}  // namespace gs
#endif
