// The inner loop of the matrix product on AArch64, in assembly: the compiler (GCC 12) spills some
// sums and spends 1.4 instructions on each multiply-add; this spends 1.11. Included by
// ops/gemm/tile_inl.h for the NEON target only.
//
// Registers: sums of row i in four neighbours among v16 .. v31 (S, T, U, V of operand r<i>; one for
// each four channels), inputs of row i in v(2 i), v(2 i + 1): eight k; weights of one k in v8 ..
// v11, of the next in v12 .. v15, so that an in-order core loads the next while it multiplies.
#pragma once

#define SZ_FMLA(sum, w, x, lane) "fmla %" #sum ".4s, v" #w ".4s, v" #x ".s[" #lane "]\n\t"

// One k of one row: the panel's 16, 12, 8 or 4 channels. `w`: weights in v8.. (A) or v12.. (B).
#define SZ_Q1A(s0, s1, s2, s3, x, lane) SZ_FMLA(s0, 8, x, lane)
#define SZ_Q1B(s0, s1, s2, s3, x, lane) SZ_FMLA(s0, 12, x, lane)
#define SZ_Q2A(s0, s1, s2, s3, x, lane) SZ_Q1A(s0, s1, s2, s3, x, lane) SZ_FMLA(s1, 9, x, lane)
#define SZ_Q2B(s0, s1, s2, s3, x, lane) SZ_Q1B(s0, s1, s2, s3, x, lane) SZ_FMLA(s1, 13, x, lane)
#define SZ_Q3A(s0, s1, s2, s3, x, lane) SZ_Q2A(s0, s1, s2, s3, x, lane) SZ_FMLA(s2, 10, x, lane)
#define SZ_Q3B(s0, s1, s2, s3, x, lane) SZ_Q2B(s0, s1, s2, s3, x, lane) SZ_FMLA(s2, 14, x, lane)
#define SZ_Q4A(s0, s1, s2, s3, x, lane) SZ_Q3A(s0, s1, s2, s3, x, lane) SZ_FMLA(s3, 11, x, lane)
#define SZ_Q4B(s0, s1, s2, s3, x, lane) SZ_Q3B(s0, s1, s2, s3, x, lane) SZ_FMLA(s3, 15, x, lane)

// One k of 1, 2 or 4 rows. `x0` .. `x3`: where the rows' inputs are.
#define SZ_ROWS1(quads, x0, x1, x2, x3, lane) quads(S[r0], T[r0], U[r0], V[r0], x0, lane)
#define SZ_ROWS2(quads, x0, x1, x2, x3, lane) \
  SZ_ROWS1(quads, x0, x1, x2, x3, lane) quads(S[r1], T[r1], U[r1], V[r1], x1, lane)
#define SZ_ROWS4(quads, x0, x1, x2, x3, lane) \
  SZ_ROWS2(quads, x0, x1, x2, x3, lane)       \
  quads(S[r2], T[r2], U[r2], V[r2], x2, lane) quads(S[r3], T[r3], U[r3], V[r3], x3, lane)

// Weights of one k.
#define SZ_LOAD1A "ldr q8, [%[w]], #16\n\t"
#define SZ_LOAD1B "ldr q12, [%[w]], #16\n\t"
#define SZ_LOAD2A "ldp q8, q9, [%[w]], #32\n\t"
#define SZ_LOAD2B "ldp q12, q13, [%[w]], #32\n\t"
#define SZ_LOAD3A "ld1 {v8.4s, v9.4s, v10.4s}, [%[w]], #48\n\t"
#define SZ_LOAD3B "ld1 {v12.4s, v13.4s, v14.4s}, [%[w]], #48\n\t"
#define SZ_LOAD4A "ld1 {v8.4s, v9.4s, v10.4s, v11.4s}, [%[w]], #64\n\t"
#define SZ_LOAD4B "ld1 {v12.4s, v13.4s, v14.4s, v15.4s}, [%[w]], #64\n\t"

// Inputs of eight k, of four k, of one.
#define SZ_EIGHT1 "ldp q0, q1, [%[x0]], #32\n\t"
#define SZ_EIGHT2 SZ_EIGHT1 "ldp q2, q3, [%[x1]], #32\n\t"
#define SZ_EIGHT4 SZ_EIGHT2 "ldp q4, q5, [%[x2]], #32\n\tldp q6, q7, [%[x3]], #32\n\t"
#define SZ_FOUR1 "ldr q0, [%[x0]], #16\n\t"
#define SZ_FOUR2 SZ_FOUR1 "ldr q2, [%[x1]], #16\n\t"
#define SZ_FOUR4 SZ_FOUR2 "ldr q4, [%[x2]], #16\n\tldr q6, [%[x3]], #16\n\t"
#define SZ_ONE1 "ldr s0, [%[x0]], #4\n\t"
#define SZ_ONE2 SZ_ONE1 "ldr s2, [%[x1]], #4\n\t"
#define SZ_ONE4 SZ_ONE2 "ldr s4, [%[x2]], #4\n\tldr s6, [%[x3]], #4\n\t"

// Four k with the inputs in v0 + half ...; the first one's weights are in v8 .. already.
#define SZ_LOW(rows, quads, lane) SZ_ROWS##rows(quads, 0, 2, 4, 6, lane)
#define SZ_HIGH(rows, quads, lane) SZ_ROWS##rows(quads, 1, 3, 5, 7, lane)
#define SZ_FOUR_STEPS(half, rows, quads)                                                          \
  SZ_LOAD##quads##B half(rows, SZ_Q##quads##A, 0) SZ_LOAD##quads##A half(rows, SZ_Q##quads##B, 1) \
      SZ_LOAD##quads##B                                                                           \
      half(rows, SZ_Q##quads##A, 2)

// All segments, from the biases on; of each all k: by eight, by four, one by one. The biases are
// loaded as if the panel were 16 wide: there is something behind them.
#define SZ_BIAS(row) \
  "ld1 {%S[" #row "].4s, %T[" #row "].4s, %U[" #row "].4s, %V[" #row "].4s}, [%[w]]\n\t"
#define SZ_BIASES1 SZ_BIAS(r0)
#define SZ_BIASES2 SZ_BIASES1 SZ_BIAS(r1)
#define SZ_BIASES4 SZ_BIASES2 SZ_BIAS(r2) SZ_BIAS(r3)
#define SZ_POINTERS1 "ldr %[x0], [%[table]]\n\t"
#define SZ_POINTERS2 "ldp %[x0], %[x1], [%[table]]\n\t"
#define SZ_POINTERS4 SZ_POINTERS2 "ldp %[x2], %[x3], [%[table], #16]\n\t"

#define SZ_TILE_ASM(rows, quads) \
  SZ_BIASES##rows                                                                            \
  "add %[w], %[w], #16 * " #quads "\n"                                                       \
  "1:\n\t" SZ_POINTERS##rows                                                                 \
  "lsr %[count], %[length], #3\n\t"                                                          \
  "add %[table], %[table], %[stride]\n\t"                                                    \
  "cbz %[count], 3f\n"                                                                       \
  "2:\n\t" SZ_EIGHT##rows SZ_LOAD##quads##A SZ_FOUR_STEPS(SZ_LOW, rows, quads)               \
  SZ_LOAD##quads##A SZ_LOW(rows, SZ_Q##quads##B, 3)                                          \
  SZ_FOUR_STEPS(SZ_HIGH, rows, quads) SZ_HIGH(rows, SZ_Q##quads##B, 3)                       \
  "subs %[count], %[count], #1\n\t"                                                          \
  "b.ne 2b\n"                                                                                \
  "3:\n\t"                                                                                   \
  "tbz %[length], #2, 4f\n\t" SZ_FOUR##rows SZ_LOAD##quads##A                                \
  SZ_FOUR_STEPS(SZ_LOW, rows, quads) SZ_LOW(rows, SZ_Q##quads##B, 3)                         \
  "4:\n\t"                                                                                   \
  "ands %[count], %[length], #3\n\t"                                                         \
  "b.eq 6f\n"                                                                                \
  "5:\n\t" SZ_ONE##rows SZ_LOAD##quads##A SZ_LOW(rows, SZ_Q##quads##A, 0)                    \
  "subs %[count], %[count], #1\n\t"                                                          \
  "b.ne 5b\n"                                                                                \
  "6:\n\t"                                                                                   \
  "subs %[segments], %[segments], #1\n\t"                                                    \
  "b.ne 1b\n"

// Leaves the sums in row0 .. row3.
#define SZ_TILE_RUN(rows, quads)                                                                  \
  __asm__ volatile(                                                                               \
      SZ_TILE_ASM(rows, quads)                                                                    \
      : [r0] "=&w"(row0), [r1] "=&w"(row1), [r2] "=&w"(row2), [r3] "=&w"(row3), [w] "+r"(w),      \
        [table] "+r"(table), [segments] "+r"(segments), [x0] "=&r"(x[0]), [x1] "=&r"(x[1]),       \
        [x2] "=&r"(x[2]), [x3] "=&r"(x[3]), [count] "=&r"(count)                                  \
      : [length] "r"(block.length), [stride] "r"(stride)                                          \
      : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", \
        "v12", "v13", "v14", "v15")
