#!/bin/sh
# Builds and runs the self-test with every compiler found here, and names those that were not.
set -eu
cd "$(dirname "$0")/.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
sources="table.cpp pack_bits.cpp unpack_bits.cpp mask_compress.cpp mask_expand.cpp batch_omp.cpp batch_omp_neon.cpp
    batch_omp_avx2.cpp batch_omp_avx512.cpp l1_sweeps.cpp gram_descent.cpp gram_descent_neon.cpp gram_descent_avx2.cpp
    gram_descent_avx512.cpp csr.cpp csr_l1_sweeps.cpp tests/self_test.cpp"
flags="-std=c++17 -I. -Wall -Wextra -Wpedantic -Wconversion -Werror"
ran=0

# trial NAME RUNNER COMPILER FLAG...: RUNNER is an emulator, or "" for this processor.
trial() {
    name=$1 runner=$2 compiler=$3
    shift 3
    for tool in $compiler $runner; do
        if ! command -v "$tool" >/dev/null; then
            echo "$name: not run, $tool is not installed"
            return
        fi
    done
    "$compiler" $flags "$@" $sources -o "$build/self_test"
    if ! result=$($runner "$build/self_test"); then
        printf '%s\n%s: FAILED\n' "$result" "$name"
        exit 1
    fi
    echo "$name: $result"
    ran=$((ran + 1))
}

sanitize="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
trial gcc "" g++ -O3
trial clang "" clang++ -O3
trial gcc-sanitized "" g++ $sanitize
trial clang-sanitized "" clang++ $sanitize
trial aarch64 qemu-aarch64-static aarch64-linux-gnu-g++ -O3 -static
if [ "$ran" = 0 ]; then
    echo "no compiler was found: only the torch reference is used on this machine"
fi
