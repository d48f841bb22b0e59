// Which instruction sets this processor and its system can run: cpuid and xgetbv, or hwcaps.
#pragma once
#include <stdint.h>

enum {
  CPU_AVX2 = 1, CPU_AVX512 = 2, CPU_VNNI = 4, CPU_DOTPROD = 8, CPU_AMX = 16, CPU_I8MM = 32,
  CPU_AVXVNNI = 64
};

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
static uint64_t cpu_xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}
static inline int has_bits(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

// AMX has data that Linux keeps for nobody who has not asked (since 5.16): the permission is one
// of the process, threads that exist already included, and asking again changes nothing. It is
// refused where a thread's signal stack is too small for the tiles.
#if defined(CRIA_EMULATED_TILES)
static int tiles_permitted(uint32_t features, uint64_t saved) {
  (void)features, (void)saved;
  return 1;
}
#elif defined(__linux__)
static int tiles_permitted(uint32_t features, uint64_t saved) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  const uint32_t tile = 1u << 24, int8 = 1u << 25;
  const uint64_t kept = 3u << 17; // configuration and data
  if (!has_bits(features, tile | int8) || (saved & kept) != kept) return 0;
  return !syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA);
}
#else
static int tiles_permitted(uint32_t features, uint64_t saved) {
  (void)features, (void)saved;
  return 0;
}
#endif

static uint32_t cpu_features(void) {
  uint32_t a, b, c, d, found = 0;
  const uint32_t osxsave = 1u << 27, fma = 1u << 12, f16c = 1u << 29;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !has_bits(c, osxsave | fma | f16c)) return 0;
  uint64_t saved = cpu_xcr0(); // 0x06: SSE and AVX state, 0xe6: also the AVX-512 registers
  if ((saved & 0x06) != 0x06 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  const uint32_t bmi = 1u << 3 | 1u << 8, avx2 = 1u << 5;
  if (has_bits(b, avx2 | bmi)) found |= CPU_AVX2;
  const uint32_t f = 1u << 16, dq = 1u << 17, cd = 1u << 28, bw = 1u << 30, vl = 1u << 31;
  if ((saved & 0xe6) == 0xe6 && has_bits(b, f | dq | cd | bw | vl)) {
    found |= CPU_AVX512;
    if (has_bits(c, 1u << 11)) found |= CPU_VNNI;
    if (tiles_permitted(d, saved)) found |= CPU_AMX;
  }
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && has_bits(a, 1u << 4)) found |= CPU_AVXVNNI;
  return found;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
static uint32_t cpu_features(void) {
  uint32_t found = getauxval(AT_HWCAP) & (1ul << 20) ? CPU_DOTPROD : 0; // HWCAP_ASIMDDP
  return found | (getauxval(AT_HWCAP2) & (1ul << 13) ? CPU_I8MM : 0);   // HWCAP2_I8MM
}
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
static uint32_t feature(const char *name, uint32_t bit) {
  int value = 0;
  size_t size = sizeof value;
  return !sysctlbyname(name, &value, &size, 0, 0) && value ? bit : 0;
}
static uint32_t cpu_features(void) {
  return feature("hw.optional.arm.FEAT_DotProd", CPU_DOTPROD) |
         feature("hw.optional.arm.FEAT_I8MM", CPU_I8MM);
}
#else
static uint32_t cpu_features(void) { return 0; }
#endif
