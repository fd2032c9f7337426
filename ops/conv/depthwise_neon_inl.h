// Depthwise convolution on AArch64, 16 channels at once, in assembly: loads of four registers that
// move their pointer by a register on the way, which the compiler does not make. Included by
// ops/conv/depthwise_vector.cc for the NEON target only.
#pragma once

// sum += column * weights, 16 channels; `sum` is the operand's name, the others first registers.
#define SZ_DW_FMLA(sum, x0, x1, x2, x3, w0, w1, w2, w3) \
  "fmla %S[" #sum "].4s, v" #x0 ".4s, v" #w0            \
  ".4s\n\t"                                             \
  "fmla %T[" #sum "].4s, v" #x1 ".4s, v" #w1            \
  ".4s\n\t"                                             \
  "fmla %U[" #sum "].4s, v" #x2 ".4s, v" #w2            \
  ".4s\n\t"                                             \
  "fmla %V[" #sum "].4s, v" #x3 ".4s, v" #w3 ".4s\n\t"

// A column in v12 .. (A) or v16 .. (B) with the weights of tap 0, 1 or 2 of a row in v0 .. v11.
#define SZ_DW_A0(sum) SZ_DW_FMLA(sum, 12, 13, 14, 15, 0, 1, 2, 3)
#define SZ_DW_A1(sum) SZ_DW_FMLA(sum, 12, 13, 14, 15, 4, 5, 6, 7)
#define SZ_DW_A2(sum) SZ_DW_FMLA(sum, 12, 13, 14, 15, 8, 9, 10, 11)
#define SZ_DW_B0(sum) SZ_DW_FMLA(sum, 16, 17, 18, 19, 0, 1, 2, 3)
#define SZ_DW_B1(sum) SZ_DW_FMLA(sum, 16, 17, 18, 19, 4, 5, 6, 7)
#define SZ_DW_B2(sum) SZ_DW_FMLA(sum, 16, 17, 18, 19, 8, 9, 10, 11)

#define SZ_DW_COLUMN_A(row) "ld1 {v12.4s, v13.4s, v14.4s, v15.4s}, [%[x" #row "]], %[p" #row "]\n\t"
#define SZ_DW_COLUMN_B(row) "ld1 {v16.4s, v17.4s, v18.4s, v19.4s}, [%[x" #row "]], %[p" #row "]\n\t"
#define SZ_DW_WEIGHTS                                       \
  "ld1 {v0.4s, v1.4s, v2.4s, v3.4s}, [%[w]], %[w_step]\n\t" \
  "ld1 {v4.4s, v5.4s, v6.4s, v7.4s}, [%[w]], %[w_step]\n\t" \
  "ld1 {v8.4s, v9.4s, v10.4s, v11.4s}, [%[w]], %[w_step]\n\t"
#define SZ_DW_BIAS(sum, after) \
  "ld1 {%S[" #sum "].4s, %T[" #sum "].4s, %U[" #sum "].4s, %V[" #sum "].4s}, [%[w]]" after "\n\t"

// One row of taps for two neighbouring pixels, y0 and y1, which share columns.
#define SZ_DW_ROW_STRIDE1(row)                                                                 \
  SZ_DW_WEIGHTS SZ_DW_COLUMN_A(row) SZ_DW_COLUMN_B(row) SZ_DW_A0(y0) SZ_DW_B0(y1) SZ_DW_B1(y0) \
      SZ_DW_COLUMN_A(row) SZ_DW_COLUMN_B(row) SZ_DW_A1(y1) SZ_DW_A2(y0) SZ_DW_B2(y1)
#define SZ_DW_ROW_STRIDE2(row)                                                                    \
  SZ_DW_WEIGHTS SZ_DW_COLUMN_A(row) SZ_DW_COLUMN_B(row) SZ_DW_A0(y0) SZ_DW_COLUMN_A(row)          \
      SZ_DW_B1(y0) SZ_DW_COLUMN_B(row) SZ_DW_A0(y1) SZ_DW_A2(y0) SZ_DW_COLUMN_A(row) SZ_DW_B1(y1) \
          SZ_DW_A2(y1)

// Two pixels of a 3 x 3 convolution. Leaves the sums in y0, y1; moves x0 .. x2 (the rows' first
// columns, p0 .. p2 bytes from column to column) and w.
#define SZ_DW_PAIR_RUN(row_of_taps)                                                                \
  __asm__ volatile(                                                                                \
      SZ_DW_BIAS(y0, "") SZ_DW_BIAS(y1, ", %[w_step]") row_of_taps(0) row_of_taps(1)               \
          row_of_taps(2)                                                                           \
      : [y0] "=&w"(y0), [y1] "=&w"(y1), [w] "+r"(w), [x0] "+r"(x0), [x1] "+r"(x1), [x2] "+r"(x2)   \
      : [w_step] "r"(w_step), [p0] "r"(p0), [p1] "r"(p1), [p2] "r"(p2)                             \
      : "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", \
        "v13", "v14", "v15", "v16", "v17", "v18", "v19")

// One pixel with any taps: their pointers are in a table; `channel` bytes are added to each.
#define SZ_DW_SINGLE_RUN() \
  __asm__ volatile(SZ_DW_BIAS(y0, ", %[w_step]")                                                \
                   "1:\n\t"                                                                     \
                   "ldr %[x], [%[table]], #8\n\t"                                               \
                   "ld1 {v0.4s, v1.4s, v2.4s, v3.4s}, [%[w]], %[w_step]\n\t"                    \
                   "add %[x], %[x], %[channel]\n\t"                                             \
                   "ld1 {v12.4s, v13.4s, v14.4s, v15.4s}, [%[x]]\n\t"                           \
                   "subs %[taps], %[taps], #1\n\t" SZ_DW_A0(y0)                                 \
                   "b.ne 1b\n"                                                                  \
                   : [y0] "=&w"(y0), [w] "+r"(w), [table] "+r"(table), [taps] "+r"(taps),       \
                     [x] "=&r"(x)                                                               \
                   : [w_step] "r"(w_step), [channel] "r"(channel)                               \
                   : "cc", "memory", "v0", "v1", "v2", "v3", "v12", "v13", "v14", "v15")
