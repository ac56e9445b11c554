// XXH3-128 for AVX2; compiled with -mavx2.
#ifndef __AVX2__
#error "compile this unit with -mavx2"
#endif
#define CAIRN_XXH3_KERNEL kXxh3Avx2
#include "content/xxh3_kernel.inc"
