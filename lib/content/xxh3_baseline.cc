// XXH3-128 for the instruction set that the whole build is compiled for: SSE2 on a plain x86-64.
#define CAIRN_XXH3_KERNEL kXxh3Baseline
#include "content/xxh3_kernel.inc"
