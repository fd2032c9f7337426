// Random steps of Embedding, RmsNorm, QuantizeRows and Linear (host only). The same seed gives the
// same case on every machine.
#pragma once

#include "ops/quantized/testing/byte_support.h"
#include "ops/transformer/pack.h"
#include "ops/transformer/transformer.h"

namespace sz::ops::testing {

// A plain matrix of any format (ops/transformer/pack.h). If `extreme`: any bits in one number (or
// scale) of eight, among them infinities and NaNs; bytes may be anything either way.
std::vector<std::byte> random_plain(Random& random, BlockFormat format, std::uint32_t outputs,
                                    std::uint32_t inputs, bool extreme);

// Quantises rows with the reference kernel.
ByteTensor quantized_rows(const ByteTensor& x);

struct LinearCase {
  ByteCase step;
  LinearAttributes attributes;
  std::vector<std::byte> plain[2];  // the matrix; with kSwiglu gate and up
};
struct LinearShape {
  std::uint32_t rows = 1, inputs = 1, outputs = 1;
};
LinearCase linear_case(Random& random, BlockFormat format, LinearEpilogue epilogue,
                       const LinearShape& shape, bool extreme);
LinearCase random_linear(Random& random, BlockFormat format, LinearEpilogue epilogue);

ByteCase random_rms_norm(Random& random);
ByteCase random_quantize_rows(Random& random);
ByteCase random_embedding(Random& random);

}  // namespace sz::ops::testing
