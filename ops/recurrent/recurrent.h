// Recurrent: the steps in time of an LSTM, a GRU or a plain recurrent layer, in one direction.
//
// What depends on the inputs alone, W x + Wb, has been computed for all steps before (a fully
// connected layer). With T steps, B rows, H units and G gates (RNN 1; GRU 3: z, r, h; LSTM 4: i,
// o, f, c, ONNX's orders):
//   x [T, B, G * H]   the gates' share of the inputs
//   weights           for each gate R and Rb, packed as a fully connected layer (ops/gemm/pack.h)
//   h0, c0 [B, H]     optional: the state before the first step; 0 otherwise
//   peepholes [3 * H] optional, LSTM: i, o, f
//   y [T, B, H]       the hidden state after each step; with `keep_cell` (LSTM) [T + 1, B, H], the
//                     last of which is the cell state at the end
// f32; y must not overlap the others.
//
// With u = the product of R and h, one chain of fused multiply-adds from Rb on in the order of the
// units, and all further operations rounded once, f, g, h the activations:
//   RNN   h' = f(x + u)
//   GRU   z = f(x_z + u_z); r = f(x_r + u_r);
//         n = g(x_h + R (r * h) + Rb), or, linear before reset, g(fma(r, u_h, x_h));
//         h' = fma(z, h, (1 - z) * n)
//   LSTM  i = f(fma(P_i, c, x_i + u_i)); f likewise; g = g(x_c + u_c); c' = fma(f, c, i * g);
//         o = f(fma(P_o, c', x_o + u_o)); h' = o * h(c')
// where the argument of every activation but h is bounded by `clip`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ops/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

enum class RecurrentKind : std::uint32_t { kRnn = 0, kGru = 1, kLstm = 2 };

constexpr std::uint32_t gates_of(RecurrentKind kind) {
  return kind == RecurrentKind::kLstm ? 4 : kind == RecurrentKind::kGru ? 3 : 1;
}

enum class RecurrentFunction : std::uint32_t {
  kSigmoid = 0,
  kTanh = 1,
  kRelu = 2,
  kAffine = 3,       // alpha * x + beta
  kLeakyRelu = 4,    // alpha * x below 0
  kHardSigmoid = 5,  // alpha * x + beta within [0, 1]
  kScaledTanh = 6,   // alpha * tanh(beta * x)
  kSoftsign = 7,     // x / (1 + |x|)
};

struct RecurrentActivation {
  RecurrentFunction function = RecurrentFunction::kTanh;
  float alpha = 0.0f, beta = 0.0f;  // finite
};

struct RecurrentAttributes {
  RecurrentKind kind = RecurrentKind::kRnn;
  std::uint32_t reverse = 0;              // 1: the last step first
  std::uint32_t linear_before_reset = 0;  // GRU
  std::uint32_t keep_cell = 0;            // LSTM
  float clip = __builtin_inff();          // above 0
  RecurrentActivation activations[3];     // f, g, h; those that the kind does not have are default
};

// Elements of the weights of one gate; nothing if they do not fit 64 bits.
std::optional<std::uint64_t> recurrent_gate_elements(std::uint64_t units);

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_recurrent(const Step& step);

// Scratch of one worker. That of worker 0 also holds the state between steps.
std::uint64_t recurrent_scratch(const Step& step);
std::uint64_t recurrent_cost(const Step& step);
Status run_recurrent(const Step& step, const RunContext& context) noexcept;

// Units and rows that a worker computes at once.
inline constexpr std::size_t kRecurrentUnits = 64;
inline constexpr std::size_t kRecurrentRows = 16;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Recurrent {
  RecurrentAttributes attributes;
  const float* x = nullptr;
  const float* weights = nullptr;
  const float* h0 = nullptr;  // nullptr: 0
  const float* c0 = nullptr;
  const float* peepholes = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, h0_pitch = 0, c0_pitch = 0, y_pitch = 0;
  std::size_t steps = 0, rows = 0, units = 0;
  std::size_t gate_elements = 0;
  std::uint64_t cost = 0;

  // The step in time that is computed as the s-th.
  std::size_t time(std::size_t s) const { return attributes.reverse != 0 ? steps - 1 - s : s; }
  const float* gate(std::size_t time, std::size_t row, std::size_t gate) const {
    return x + (time * rows + row) * x_pitch + gate * units;
  }
  bool two_phases() const {
    return attributes.kind == RecurrentKind::kGru && attributes.linear_before_reset == 0;
  }
};

// Rows of a state, some elements apart; a pitch of 0 makes every row the same.
struct StateRows {
  const float* first = nullptr;
  std::size_t pitch = 0;
  const float* row(std::size_t r) const { return first + r * pitch; }
};

// The state that is kept in worker 0's scratch.
struct RecurrentState {
  float* zeroes;    // [H]
  float* pairs[2];  // [B, H] each. LSTM: the cell before and after; GRU: z and r * h.

  RecurrentState(const Recurrent& layer, std::byte* scratch);
  static std::uint64_t elements(std::uint64_t rows, std::uint64_t units) {
    return units * (2 * rows + 1);
  }
};

// The hidden state before step s; the cell state before and after it.
StateRows hidden_before(const Recurrent& layer, const RecurrentState& state, std::size_t s);
StateRows cell_before(const Recurrent& layer, const RecurrentState& state, std::size_t s);
struct CellTarget {
  float* first;
  std::size_t pitch;
};
CellTarget cell_after(const Recurrent& layer, const RecurrentState& state, std::size_t s);

void recurrent_reference(const Recurrent& layer, const RunContext& context);
void recurrent_vector(const Recurrent& layer, const RunContext& context);

}  // namespace sz::ops
