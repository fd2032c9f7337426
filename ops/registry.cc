// The table of all operators.
#include "ops/conv/conv.h"
#include "ops/elementwise/elementwise.h"
#include "ops/fully_connected/fully_connected.h"
#include "ops/layout/layout.h"
#include "ops/operator.h"
#include "ops/pool/pool.h"
#include "ops/softmax/softmax.h"

namespace sz::ops {
namespace {

std::uint64_t no_scratch(const Step&) { return 0; }

// code, min_inputs, max_inputs, outputs, in_place, check, scratch_bytes, run
constexpr Operator kOperators[] = {
    {OpCode::kConv2d, 2, 2, 1, false, check_conv2d, conv2d_scratch, run_conv2d},
    {OpCode::kFullyConnected, 2, 2, 1, false, check_fully_connected, fully_connected_scratch,
     run_fully_connected},
    {OpCode::kPool2d, 1, 1, 1, false, check_pool2d, no_scratch, run_pool2d},
    {OpCode::kGlobalAveragePool, 1, 1, 1, false, check_global_average_pool, no_scratch,
     run_global_average_pool},
    {OpCode::kUnary, 1, 1, 1, true, check_unary, no_scratch, run_unary},
    {OpCode::kBinary, 2, 2, 1, true, check_binary, no_scratch, run_binary},
    {OpCode::kSoftmax, 1, 1, 1, true, check_softmax, softmax_scratch, run_softmax},
    {OpCode::kCopy, 1, 1, 1, false, check_copy, no_scratch, run_copy},
    {OpCode::kTranspose, 1, 1, 1, false, check_transpose, no_scratch, run_transpose},
};

}  // namespace

const Operator* find_operator(std::uint16_t code) {
  for (const Operator& op : kOperators) {
    if (static_cast<std::uint16_t>(op.code) == code) return &op;
  }
  return nullptr;
}

std::span<const Operator> all_operators() { return kOperators; }

}  // namespace sz::ops
