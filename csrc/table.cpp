// The one kernel table: dispatch, tests and benchmarks all read it through gs_kernel_at.
#include <cstring>

#include "platform.h"
#include "rows.h"

namespace {

using RowsOf = gs::Rows (*)();

// Of one op, wider instruction sets come later: dispatch takes the last row that the processor runs.
constexpr RowsOf kOps[] = {
    gs::pack_bits_rows,         gs::unpack_bits_rows,       gs::mask_compress_rows,       gs::mask_expand_rows,
    gs::batch_omp_rows,         gs::batch_omp_neon_rows,    gs::batch_omp_avx2_rows,      gs::batch_omp_avx512_rows,
    gs::l1_sweeps_rows,         gs::gram_descent_rows,      gs::gram_descent_neon_rows,   gs::gram_descent_avx2_rows,
    gs::gram_descent_avx512_rows, gs::csr_rows,             gs::csr_l1_sweeps_rows};

}  // namespace

extern "C" {

int32_t gs_abi_version(void) { return GS_ABI_VERSION; }

int32_t gs_kernel_count(void) {
    int32_t count = 0;
    for (RowsOf rows : kOps) count += rows().count;
    return count;
}

const gs_kernel *gs_kernel_at(int32_t index) {
    if (index < 0) return nullptr;
    for (RowsOf rows_of_op : kOps) {
        const gs::Rows rows = rows_of_op();
        if (index < rows.count) return rows.first + index;
        index -= rows.count;
    }
    return nullptr;
}

int32_t gs_isa_supported(const char *isa) {
    if (isa == nullptr) return 0;
    if (std::strcmp(isa, "scalar") == 0) return 1;
#if GS_HAVE_AVX2
    // Also asks whether the operating system saves the wide registers. Every maker's AVX2 but one came with FMA.
    if (std::strcmp(isa, "avx2") == 0) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
#endif
#if GS_HAVE_AVX512
    if (std::strcmp(isa, "avx512") == 0) 
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma") ? 1 : 0;
#endif
#if GS_HAVE_NEON
    if (std::strcmp(isa, "neon") == 0) return 1;
#endif
    return 0;
}

}  // extern "C"
