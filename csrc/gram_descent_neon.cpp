// gram_descent with NEON.
#include "lanes_neon.h"

#if GS_HAVE_NEON
#include "gram_descent.h"

namespace gs {
namespace {

const gs_kernel kRows[] = {
    row<Doubles>("gram_descent_f64_2x__neon", "neon"),
};

}  // namespace

Rows gram_descent_neon_rows() { return rows_of(kRows); }

}  // namespace gs
#else
#include "rows.h"

namespace gs {

Rows gram_descent_neon_rows() { return {nullptr, 0}; }

}  // namespace gs
#endif
