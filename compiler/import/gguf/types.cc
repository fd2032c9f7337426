#include "compiler/import/gguf/types.h"

#include <bit>
#include <cstring>

#include "compiler/error.h"
#include "math/half.h"

namespace sz::compiler::gguf {
namespace {

constexpr std::size_t kBlock = 32;        // numbers of the small blocks
constexpr std::size_t kSuperBlock = 256;  // numbers of the K types
constexpr std::size_t kHalfBlock = kBlock / 2;

struct TypeName {
  std::uint32_t type;
  const char* name;
};
constexpr TypeName kNames[] = {
    {0, "F32"},     {1, "F16"},       {2, "Q4_0"},      {3, "Q4_1"},      {4, "Q4_2"},
    {5, "Q4_3"},    {6, "Q5_0"},      {7, "Q5_1"},      {8, "Q8_0"},      {9, "Q8_1"},
    {10, "Q2_K"},   {11, "Q3_K"},     {12, "Q4_K"},     {13, "Q5_K"},     {14, "Q6_K"},
    {15, "Q8_K"},   {16, "IQ2_XXS"},  {17, "IQ2_XS"},   {18, "IQ3_XXS"},  {19, "IQ1_S"},
    {20, "IQ4_NL"}, {21, "IQ3_S"},    {22, "IQ2_S"},    {23, "IQ4_XS"},   {24, "I8"},
    {25, "I16"},    {26, "I32"},      {27, "I64"},      {28, "F64"},      {29, "IQ1_M"},
    {30, "BF16"},   {31, "Q4_0_4_4"}, {32, "Q4_0_4_8"}, {33, "Q4_0_8_8"}, {34, "TQ1_0"},
    {35, "TQ2_0"},  {39, "MXFP4"},
};

unsigned byte_at(const std::byte* at) { return std::to_integer<unsigned>(*at); }

std::uint16_t word_at(const std::byte* at) {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
float half_at(const std::byte* at) { return math::half_to_float(word_at(at)); }

// bfloat16: the upper half of a float.
float bfloat_at(const std::byte* at) {
  return std::bit_cast<float>(std::uint32_t{word_at(at)} << 16);
}

int signed_at(const std::byte* at) { return static_cast<std::int8_t>(byte_at(at)); }

// Number j of 32 in a block of 16 bytes: low nibbles first.
unsigned nibble(const std::byte* codes, std::size_t j) {
  const unsigned pair = byte_at(codes + j % kHalfBlock);
  return j < kHalfBlock ? pair & 15u : pair >> 4;
}

// The fifth bit of number j of 32.
unsigned fifth(const std::byte* bits, std::size_t j) {
  return (byte_at(bits + j / 8) >> (j % 8) & 1u) << 4;
}

// The small blocks: d, m where there is one, the fifth bits where there are, and nibbles.
void small_block(TensorType type, const std::byte* block, float* out) {
  const bool minimum = type == TensorType::kQ4_1 || type == TensorType::kQ5_1;
  const bool five = type == TensorType::kQ5_0 || type == TensorType::kQ5_1;
  const std::byte* bits = block + (minimum ? 4 : 2);
  const std::byte* codes = bits + (five ? 4 : 0);
  const float d = half_at(block);
  const float m = minimum ? half_at(block + 2) : 0.0f;
  const int zero = minimum ? 0 : five ? 16 : 8;
  for (std::size_t j = 0; j < kBlock; ++j) {
    const unsigned code = nibble(codes, j) | (five ? fifth(bits, j) : 0u);
    const float value = d * static_cast<float>(static_cast<int>(code) - zero);
    out[j] = minimum ? value + m : value;
  }
}

void bytes_block(const std::byte* block, float* out) {
  const float d = half_at(block);
  for (std::size_t j = 0; j < kBlock; ++j)
    out[j] = d * static_cast<float>(signed_at(block + 2 + j));
}

// The 6 bits of scale and minimum of group j of 8, from 12 bytes: four bytes with the scales
// of groups 0 to 3, four with their minima, four with the low halves of the others; the upper two
// bits of the first eight bytes are the high bits of these.
struct GroupScale {
  unsigned scale, minimum;
};
GroupScale group_scale(const std::byte* packed, std::size_t j) {
  if (j < 4) return {byte_at(packed + j) & 63u, byte_at(packed + 4 + j) & 63u};
  const unsigned low = byte_at(packed + 4 + j);
  return {(low & 15u) | (byte_at(packed + j - 4) >> 6) << 4, (low >> 4) | (byte_at(packed + j) >> 6)
                                                                              << 4};
}

// Q4_K and Q5_K: d, m, scales; 32 bytes with fifth bits where there are; nibbles. Of 64 numbers,
// the first 32 are low nibbles, the others the high nibbles of the same bytes.
void k_block(bool five, const std::byte* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  const std::byte* scales = block + 4;
  const std::byte* bits = block + 16;
  const std::byte* codes = bits + (five ? kBlock : 0);
  for (std::size_t group = 0; group < 8; ++group) {
    const GroupScale s = group_scale(scales, group);
    const float scale = d * static_cast<float>(s.scale);
    const float minimum = m * static_cast<float>(s.minimum);
    for (std::size_t j = 0; j < kBlock; ++j) {
      const unsigned pair = byte_at(codes + group / 2 * kBlock + j);
      unsigned code = group % 2 == 0 ? pair & 15u : pair >> 4;
      if (five) code |= (byte_at(bits + j) >> group & 1u) << 4;
      out[group * kBlock + j] = scale * static_cast<float>(code) - minimum;
    }
  }
}

// Q6_K: 128 bytes of low nibbles, 64 of the upper two bits, 16 scales, d. In each half of the
// block, numbers 0 to 63 are low nibbles, 64 to 127 the high nibbles of the same 64 bytes; the
// upper bits of numbers j, j + 32, j + 64 and j + 96 stand in byte j, lowest first.
void six_block(const std::byte* block, float* out) {
  const std::byte* low = block;
  const std::byte* high = block + 128;
  const std::byte* scales = block + 192;
  const float d = half_at(block + 208);
  for (std::size_t i = 0; i < kSuperBlock; ++i) {
    const std::size_t half = i / 128, j = i % 128;
    const unsigned pair = byte_at(low + half * 64 + j % 64);
    const unsigned nibble_bits = j < 64 ? pair & 15u : pair >> 4;
    const unsigned upper = byte_at(high + half * 32 + j % 32) >> (j / 32 * 2) & 3u;
    const int code = static_cast<int>(nibble_bits | upper << 4) - 32;
    const float scale = d * static_cast<float>(signed_at(scales + i / 16));
    out[i] = scale * static_cast<float>(code);
  }
}

void block_numbers(TensorType type, const std::byte* block, float* out) {
  switch (type) {
    case TensorType::kF32:
      std::memcpy(out, block, sizeof(float));
      return;
    case TensorType::kF16:
      *out = half_at(block);
      return;
    case TensorType::kBF16:
      *out = bfloat_at(block);
      return;
    case TensorType::kQ4_0:
    case TensorType::kQ4_1:
    case TensorType::kQ5_0:
    case TensorType::kQ5_1:
      small_block(type, block, out);
      return;
    case TensorType::kQ8_0:
      bytes_block(block, out);
      return;
    case TensorType::kQ4_K:
      k_block(false, block, out);
      return;
    case TensorType::kQ5_K:
      k_block(true, block, out);
      return;
    case TensorType::kQ6_K:
      six_block(block, out);
      return;
  }
}

}  // namespace

std::string type_name(std::uint32_t type) {
  for (const TypeName& known : kNames) {
    if (known.type == type) return known.name;
  }
  return "number " + std::to_string(type);
}

TypeLayout layout_of(std::uint32_t type) {
  switch (static_cast<TensorType>(type)) {
    case TensorType::kF32:
      return {1, 4};
    case TensorType::kF16:
      return {1, 2};
    case TensorType::kBF16:
      return {1, 2};
    case TensorType::kQ4_0:
      return {kBlock, 2 + 16};
    case TensorType::kQ4_1:
      return {kBlock, 2 + 2 + 16};
    case TensorType::kQ5_0:
      return {kBlock, 2 + 4 + 16};
    case TensorType::kQ5_1:
      return {kBlock, 2 + 2 + 4 + 16};
    case TensorType::kQ8_0:
      return {kBlock, 2 + 32};
    case TensorType::kQ4_K:
      return {kSuperBlock, 2 + 2 + 12 + 128};
    case TensorType::kQ5_K:
      return {kSuperBlock, 2 + 2 + 12 + 32 + 128};
    case TensorType::kQ6_K:
      return {kSuperBlock, 128 + 64 + 16 + 2};
  }
  return {};
}

std::vector<float> dequantize(TensorType type, std::span<const std::byte> blocks) {
  const TypeLayout layout = layout_of(static_cast<std::uint32_t>(type));
  if (layout.numbers == 0 || blocks.size() % layout.bytes != 0) {
    throw InternalError("these are no whole blocks of type " +
                        type_name(static_cast<std::uint32_t>(type)));
  }
  const std::size_t count = blocks.size() / layout.bytes;
  std::vector<float> numbers(count * layout.numbers);
  for (std::size_t i = 0; i < count; ++i) {
    block_numbers(type, blocks.data() + i * layout.bytes, numbers.data() + i * layout.numbers);
  }
  return numbers;
}

}  // namespace sz::compiler::gguf
