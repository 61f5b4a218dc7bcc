// What each op's file gives to the table: an array of rows and its length.
#pragma once

#include "gossamer_kernels.h"

namespace gs {

struct Rows {
    const gs_kernel *first;
    int32_t count;
};

Rows pack_bits_rows();
Rows unpack_bits_rows();
Rows mask_compress_rows();
Rows mask_expand_rows();
Rows batch_omp_rows();
Rows batch_omp_neon_rows();
Rows batch_omp_avx2_rows();
Rows batch_omp_avx512_rows();
Rows l1_sweeps_rows();
Rows gram_descent_rows();
Rows gram_descent_neon_rows();
Rows gram_descent_avx2_rows();
Rows gram_descent_avx512_rows();
Rows csr_rows();
Rows csr_l1_sweeps_rows();

template <int32_t N>
Rows rows_of(const gs_kernel (&rows)[N]) {
    return {rows, N};
}

template <typename Function>
auto erased(Function *function) {
    return reinterpret_cast<void (*)(void)>(function);
}

}  // namespace gs
