// Numeric health for AVX2; compiled with -mavx2 -ffp-contract=off.
#ifndef __AVX2__
#error "compile this unit with -mavx2"
#endif
#define CAIRN_HEALTH_KERNEL kHealthAvx2
#include "content/health_kernel.inc"
