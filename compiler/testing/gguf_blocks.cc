// Packs random whole numbers into the blocks of GGUF's types, bit by bit, and computes from them
// what the blocks stand for: the other way round than the importer, which takes blocks apart.
#include <cstring>
#include <random>
#include <stdexcept>

#include "compiler/testing/gguf_builder.h"
#include "math/half.h"

namespace sz::compiler::testing {
namespace {

using gguf::TensorType;

// One block, made of fields.
class Block {
 public:
  explicit Block(std::mt19937* random) : random_(random) {}

  std::uint32_t pick(std::uint32_t below) {
    return static_cast<std::uint32_t>((*random_)() % below);
  }
  // A random f16 at the end of the block, about as large as the scales of models; its value.
  float half() {
    const std::uint16_t half =
        math::float_to_half(static_cast<float>(pick(2001)) / 16384.0f - 0.061f);
    bytes_.push_back(static_cast<std::byte>(half & 0xff));
    bytes_.push_back(static_cast<std::byte>(half >> 8));
    return math::half_to_float(half);
  }
  // Room for so many bytes; the place of the first.
  std::size_t room(std::size_t bytes) {
    bytes_.resize(bytes_.size() + bytes);
    return bytes_.size() - bytes;
  }
  // Sets bits of one byte, from bit `low` up.
  void put(std::size_t at, unsigned low, std::uint32_t bits) {
    bytes_[at] |= static_cast<std::byte>(bits << low);
  }
  void put_signed(std::size_t at, int value) { bytes_[at] = static_cast<std::byte>(value); }

  std::vector<std::byte> bytes_;
  std::vector<float> values_;

 private:
  std::mt19937* random_;
};

void fill_small(TensorType type, Block* block) {
  const bool minimum = type == TensorType::kQ4_1 || type == TensorType::kQ5_1;
  const bool five = type == TensorType::kQ5_0 || type == TensorType::kQ5_1;
  const float d = block->half();
  const float m = minimum ? block->half() : 0.0f;
  const std::size_t high = block->room(five ? 4 : 0);
  const std::size_t low = block->room(16);
  for (std::size_t i = 0; i < 32; ++i) {
    const std::uint32_t code = block->pick(five ? 32 : 16);
    block->put(low + i % 16, i < 16 ? 0 : 4, code % 16);
    if (five) block->put(high + i / 8, static_cast<unsigned>(i % 8), code / 16);
    const int centred = static_cast<int>(code) - (minimum ? 0 : five ? 16 : 8);
    block->values_.push_back(d * static_cast<float>(centred) + m);
  }
}

void fill_bytes(Block* block) {
  const float d = block->half();
  const std::size_t at = block->room(32);
  for (std::size_t i = 0; i < 32; ++i) {
    const int code = static_cast<int>(block->pick(255)) - 127;
    block->put_signed(at + i, code);
    block->values_.push_back(d * static_cast<float>(code));
  }
}

// The six bits of scale and minimum of a group. Groups 4 to 7 lie in the last four bytes with their
// low halves, and on top of the bytes of groups 0 to 3 with their upper two bits.
void put_scale(Block* block, std::size_t at, std::size_t group, std::uint32_t scale,
               std::uint32_t minimum) {
  if (group < 4) {
    block->put(at + group, 0, scale);
    block->put(at + 4 + group, 0, minimum);
    return;
  }
  block->put(at + 8 + group - 4, 0, scale % 16);
  block->put(at + 8 + group - 4, 4, minimum % 16);
  block->put(at + group - 4, 6, scale / 16);
  block->put(at + group, 6, minimum / 16);
}

void fill_k(bool five, Block* block) {
  const float d = block->half(), m = block->half();
  const std::size_t scales = block->room(12);
  const std::size_t high = block->room(five ? 32 : 0);
  const std::size_t low = block->room(128);
  for (std::size_t group = 0; group < 8; ++group) {
    const std::uint32_t scale = block->pick(64), minimum = block->pick(64);
    put_scale(block, scales, group, scale, minimum);
    for (std::size_t i = 0; i < 32; ++i) {
      const std::uint32_t code = block->pick(five ? 32 : 16);
      block->put(low + group / 2 * 32 + i, group % 2 == 0 ? 0 : 4, code % 16);
      if (five) block->put(high + i, static_cast<unsigned>(group), code / 16);
      block->values_.push_back(d * static_cast<float>(scale) * static_cast<float>(code) -
                               m * static_cast<float>(minimum));
    }
  }
}

void fill_six(Block* block) {
  const std::size_t low = block->room(128), high = block->room(64), scales = block->room(16);
  const float d = block->half();
  std::vector<int> groups;
  for (std::size_t group = 0; group < 16; ++group) {
    groups.push_back(static_cast<int>(block->pick(256)) - 128);
    block->put_signed(scales + group, groups.back());
  }
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
      for (std::size_t i = 0; i < 32; ++i) {
        const std::uint32_t code = block->pick(64);
        block->put(low + half * 64 + quarter % 2 * 32 + i, quarter < 2 ? 0 : 4, code % 16);
        block->put(high + half * 32 + i, static_cast<unsigned>(quarter) * 2, code / 16);
        const int scale = groups[half * 8 + quarter * 2 + i / 16];
        block->values_.push_back(d * static_cast<float>(scale) *
                                 static_cast<float>(static_cast<int>(code) - 32));
      }
    }
  }
}

// A number of a type without blocks.
void fill_single(TensorType type, Block* block) {
  if (type == TensorType::kF16) {
    block->values_.push_back(block->half());
    return;
  }
  float value = static_cast<float>(block->pick(1u << 20)) * 0x1p-20f - 0.5f;
  const bool bfloat = type == TensorType::kBF16;
  if (bfloat) value = static_cast<float>(block->pick(256)) * 0x1p-9f - 0.25f;  // 8 bits are enough
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  for (unsigned byte = bfloat ? 2 : 0; byte < 4; ++byte) {
    block->put(block->room(1), 0, bits >> (8 * byte) & 255u);
  }
  block->values_.push_back(value);
}

Block random_block(TensorType type, std::mt19937* random) {
  Block block(random);
  switch (type) {
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16:
      fill_single(type, &block);
      break;
    case TensorType::kQ4_0:
    case TensorType::kQ4_1:
    case TensorType::kQ5_0:
    case TensorType::kQ5_1:
      fill_small(type, &block);
      break;
    case TensorType::kQ8_0:
      fill_bytes(&block);
      break;
    case TensorType::kQ4_K:
      fill_k(false, &block);
      break;
    case TensorType::kQ5_K:
      fill_k(true, &block);
      break;
    case TensorType::kQ6_K:
      fill_six(&block);
      break;
  }
  return block;
}

}  // namespace

std::vector<float> set_random_blocks(GgufTensor* tensor, TensorType type, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uint64_t count = 1;
  for (const std::uint64_t size : tensor->shape) count *= size;
  tensor->type = static_cast<std::uint32_t>(type);
  tensor->data.clear();
  std::vector<float> values;
  while (values.size() < count) {
    const Block block = random_block(type, &random);
    tensor->data.insert(tensor->data.end(), block.bytes_.begin(), block.bytes_.end());
    values.insert(values.end(), block.values_.begin(), block.values_.end());
  }
  if (values.size() != count) throw std::runtime_error("rows of the test are no whole blocks");
  return values;
}

}  // namespace sz::compiler::testing
