// XXH3-128 for AVX-512; compiled with -mavx512f.
#ifndef __AVX512F__
#error "compile this unit with -mavx512f"
#endif
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own intrinsics read a register that they mean to be undefined (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#define CAIRN_XXH3_KERNEL kXxh3Avx512
#include "content/xxh3_kernel.inc"
