// XXH3-128 for AVX-512; compiled with -mavx512f.
#ifndef __AVX512F__
#error "compile this unit with -mavx512f"
#endif
#define CAIRN_XXH3_KERNEL kXxh3Avx512
#include "content/xxh3_kernel.inc"
