// Numeric health for AVX-512; compiled with -mavx512f -ffp-contract=off.
#ifndef __AVX512F__
#error "compile this unit with -mavx512f"
#endif
#define CAIRN_HEALTH_KERNEL kHealthAvx512
#include "content/health_kernel.inc"
