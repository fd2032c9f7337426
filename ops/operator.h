// The interface between the engine and the operators.
//
// An operator is a row of a table: a check that proves a step safe before anything runs, a
// query for the scratch it needs, and the function that runs it. `run` trusts what `check` has
// proved and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"
#include "base/workers.h"
#include "tensor/tensor.h"

namespace sz::ops {

// Operator codes. Part of the plan format: frozen, new ones are added at the end.
enum class OpCode : std::uint16_t {
  kConv2d = 1,
  kFullyConnected = 2,
  kPool2d = 3,  // max or average
  kGlobalAveragePool = 4,
  kUnary = 5,   // element by element: Relu, Clip, LeakyRelu, and the functions of UnaryKind
  kBinary = 6,  // element by element with broadcasting: the operations of BinaryKind
  kSoftmax = 7,
  kCopy = 8,  // same shape, other pitch (a concatenation that could not be placed)
  kTranspose = 9,
  kUpsample = 10,  // nearest neighbour, by whole factors
  kWhere = 11,     // one or the other, element by element, with broadcasting
  kCast = 12,      // to another element type
  kReduce = 13,    // sums, products, extremes along axes
  kArg = 14,       // the place of the largest or smallest along an axis
  kCumulativeSum = 15,

  // ops/movement
  kStridedCopy = 50,  // slices, reverses, reorders, repeats, pads
  kGather = 51,       // by indices: ONNX's Gather, GatherElements, GatherND
  kScatter = 52,      // by indices: ONNX's ScatterElements, ScatterND
  kTopK = 53,         // the places of the largest or smallest
  kOneHot = 54,
  kTriangle = 55,     // the upper or lower triangle of matrices
  kInterpolate = 56,  // along one axis, with tables of places and weights
  kGridSample = 57,   // at places that another tensor names
  kRoiAlign = 58,
  kMatMul = 65,     // both operands computed at run time
  kNormalize = 66,  // rows by mean and variance, mean square, or norm
  kLrn = 67,        // across neighbouring channels
  kRecurrent = 68,  // the steps in time of an LSTM, a GRU or a plain recurrent layer

  // Quantised (ops/quantized/attributes.h).
  kQuantize = 30,
  kDequantize = 31,
  kRequantize = 32,
  kQConv2d = 33,
  kQFullyConnected = 34,
  kQBinary = 35,
  kQPool2d = 36,
  kQGlobalAveragePool = 37,
  kLookup = 38,
  kQSoftmax = 39,
  kQMatMul = 40,
  kDynamicQuantize = 41,

  kConvWinograd = 80,  // 3 x 3 with stride 1, by Winograd's F(2 x 2, 3 x 3)

  // Language models (ops/transformer).
  kEmbedding = 90,     // rows of a packed matrix, by token
  kRmsNorm = 91,       // of the rows in use, or of the last of them
  kQuantizeRows = 92,  // to blocks of 8 bits
  kLinear = 93,        // rows times a packed matrix of f32, f16, q8_0 or q4_0
  kRotary = 94,        // turns queries and keys by position; keys and values into the cache
  kAttention = 95,     // queries against the cache
};

// Which implementation a step asks for. The compiler decides; the TA does not choose.
enum class Kernel : std::uint16_t {
  kReference = 0,  // the plain loops: slow, for comparison
  kVector = 1,     // the vectorised path
};

// A step with its operands resolved. Borrowed from the engine for the time of the call.
// An absent optional input is nullptr. During `check`, `data` of every view is nullptr.
struct Step {
  Kernel kernel = Kernel::kReference;
  std::span<const TensorView* const> inputs;
  std::span<const TensorView* const> outputs;
  std::span<const std::uint32_t> attributes;
};

// What `run` may use beside the operands. `scratch` has scratch_stride bytes for each worker,
// 64-byte aligned; worker w owns scratch + w * scratch_stride.
struct RunContext {
  Workers& workers;
  std::byte* scratch = nullptr;
  std::size_t scratch_stride = 0;
  std::uint64_t cost = 0;  // of the step, as Operator::cost says

  // Of a language model's run: how many rows of the operands are in use (the operators of
  // ops/transformer look at no others), and the place of the first in the context.
  std::uint32_t rows = 0xffffffffu;
  std::uint32_t position = 0;

  std::byte* scratch_of(std::uint32_t worker) const { return scratch + worker * scratch_stride; }

  // How many chunks are worth while: 1 if the step is too small to share.
  std::size_t wanted_chunks() const;

  // Runs all chunks of the step; returns when they are done.
  void share(ChunkFn chunk, void* job, std::size_t chunks) const {
    workers.run({chunk, job, static_cast<std::uint32_t>(chunks), cost});
  }
};

struct Operator {
  OpCode code;
  std::uint8_t min_inputs;
  std::uint8_t max_inputs;
  std::uint8_t outputs;

  // True where output 0 may be the very same memory as input 0 (same shape, type and pitch).
  bool in_place;

  // Proves types, shapes and attributes consistent. The operand counts, and that every view is
  // a well-formed tensor within its region, were proved before. Errors: kUnknownKernel,
  // kBadAttribute, kShapeMismatch, kDtypeMismatch. Must not read tensor data.
  Status (*check)(const Step& step);

  // Scratch for one worker, in bytes; 0 if none. Only called on a checked step.
  std::uint64_t (*scratch_bytes)(const Step& step);

  // What the step costs, in the unit of Work::cost (base/workers.h). Only called on a checked step.
  std::uint64_t (*cost)(const Step& step);

  // Computes the outputs. Only called on a checked step. Fails for data-dependent reasons only.
  Status (*run)(const Step& step, const RunContext& context) noexcept;

  // Bytes that the places of its operands in the arena are multiples of, beside their elements' own: an
  // operand of bytes may hold structures.
  std::uint32_t alignment = 1;
};

// The operator of a code; nullptr if there is none.
const Operator* find_operator(std::uint16_t code);

// All operators, for tests and reports.
std::span<const Operator> all_operators();

}  // namespace sz::ops
