// Numeric health for the instruction set that the whole build is compiled for: SSE2 on a plain
// x86-64. Compiled with -ffp-contract=off.
#define CAIRN_HEALTH_KERNEL kHealthBaseline
#include "content/health_kernel.inc"
