#include "ops/recurrent/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/testing/random_matrix.h"

namespace sz::ops::testing {
namespace {

double function(const RecurrentActivation& a, double x) {
  const double alpha = double{a.alpha}, beta = double{a.beta};
  switch (a.function) {
    case RecurrentFunction::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case RecurrentFunction::kTanh:
      return std::tanh(x);
    case RecurrentFunction::kRelu:
      return std::max(x, 0.0);
    case RecurrentFunction::kAffine:
      return alpha * x + beta;
    case RecurrentFunction::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case RecurrentFunction::kHardSigmoid:
      return std::min(std::max(alpha * x + beta, 0.0), 1.0);
    case RecurrentFunction::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case RecurrentFunction::kSoftsign:
      return x / (1 + std::abs(x));
  }
  return NAN;
}

// The textbook's equations in double, for one row of a batch.
class Textbook {
 public:
  Textbook(const RecurrentCase& test, std::size_t row)
      : test_(test), a_(test.attributes), row_(row) {
    const TensorView& x = test.step.inputs[0].view();
    steps_ = x.dims[0];
    rows_ = x.dims[1];
    units_ = test.step.output.view().dims[2];
    hidden_ = state(2);
    cell_ = state(3);
  }

  void step(std::size_t time) {
    time_ = time;
    const std::vector<double> h = hidden_, c = cell_;
    if (a_.kind == RecurrentKind::kLstm) {
      const auto i = gate(0, h, 0, &c, 0), f = gate(2, h, 0, &c, 2), g = gate(3, h, 1, nullptr, 0);
      for (std::size_t j = 0; j < units_; ++j) cell_[j] = f[j] * c[j] + i[j] * g[j];
      const auto o = gate(1, h, 0, &cell_, 1);
      for (std::size_t j = 0; j < units_; ++j) {
        hidden_[j] = o[j] * function(a_.activations[2], cell_[j]);
      }
    } else if (a_.kind == RecurrentKind::kGru) {
      const auto z = gate(0, h, 0, nullptr, 0), r = gate(1, h, 0, nullptr, 0);
      std::vector<double> n(units_), reset(units_);
      for (std::size_t j = 0; j < units_; ++j) reset[j] = r[j] * h[j];
      for (std::size_t j = 0; j < units_; ++j) {
        const double u =
            a_.linear_before_reset != 0 ? r[j] * product(2, j, h) : product(2, j, reset);
        n[j] = activate(1, input(2, j) + u);
      }
      for (std::size_t j = 0; j < units_; ++j) hidden_[j] = (1 - z[j]) * n[j] + z[j] * h[j];
    } else {
      hidden_ = gate(0, h, 0, nullptr, 0);
    }
  }

  const std::vector<double>& hidden() const { return hidden_; }
  const std::vector<double>& cell() const { return cell_; }

 private:
  std::vector<double> state(std::size_t input) const {
    std::vector<double> values(units_, 0.0);
    if (input >= test_.step.inputs.size()) return values;
    for (std::size_t j = 0; j < units_; ++j) {
      values[j] = double{test_.step.inputs[input].at(row_ * units_ + j)};
    }
    return values;
  }
  double input(std::size_t gate, std::size_t unit) const {
    const std::size_t gates = gates_of(a_.kind);
    return double{test_.step.inputs[0].at(((time_ * rows_ + row_) * gates + gate) * units_ + unit)};
  }
  double product(std::size_t gate, std::size_t unit, const std::vector<double>& h) const {
    const std::size_t row = gate * units_ + unit;
    double sum = double{test_.bias[row]};
    for (std::size_t k = 0; k < units_; ++k) sum += double{test_.weights[row * units_ + k]} * h[k];
    return sum;
  }
  double activate(std::size_t which, double x) const {
    const double clip = double{a_.clip};
    return function(a_.activations[which], std::min(std::max(x, -clip), clip));
  }
  std::vector<double> gate(std::size_t gate, const std::vector<double>& h, std::size_t which,
                           const std::vector<double>* cell, std::size_t peephole) const {
    std::vector<double> values(units_);
    for (std::size_t j = 0; j < units_; ++j) {
      double sum = input(gate, j) + product(gate, j, h);
      if (cell != nullptr && test_.step.inputs.size() > 4) {
        sum += double{test_.step.inputs[4].at(peephole * units_ + j)} * (*cell)[j];
      }
      values[j] = activate(which, sum);
    }
    return values;
  }

  const RecurrentCase& test_;
  const RecurrentAttributes& a_;
  std::size_t row_, steps_ = 0, rows_ = 0, units_ = 0, time_ = 0;
  std::vector<double> hidden_, cell_;
};

bool is_finite(const Tensor& tensor) {
  for (std::size_t i = 0; i < tensor.elements(); ++i) {
    if (!(std::abs(tensor.at(i)) < 10.0f)) return false;
  }
  return true;
}

TEST(Recurrent, FollowsTheTextbookInDouble) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  int compared = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 86028157 + i);
    const RecurrentCase test = random_recurrent_case(random);
    bool ordinary = true;
    for (const Tensor& input : test.step.inputs) ordinary = ordinary && is_finite(input);
    if (!ordinary) continue;
    const auto bits = run_case(test.step, Kernel::kReference, worker);
    const TensorView& x = test.step.inputs[0].view();
    const std::size_t steps = x.dims[0], rows = x.dims[1];
    const std::size_t units = test.step.output.view().dims[2];
    const auto got = [&](std::size_t time, std::size_t row, std::size_t unit) {
      return double{std::bit_cast<float>(bits[(time * rows + row) * units + unit])};
    };
    for (std::size_t row = 0; row < rows; ++row) {
      Textbook textbook(test, row);
      for (std::size_t s = 0; s < steps; ++s) {
        const std::size_t time = test.attributes.reverse != 0 ? steps - 1 - s : s;
        textbook.step(time);
        for (std::size_t j = 0; j < units; ++j, ++compared) {
          const double expected = textbook.hidden()[j];
          // Activations of slope 1 or less; a few units of rounding for each step.
          ASSERT_NEAR(got(time, row, j), expected, 1e-5 * (1 + std::abs(expected)));
        }
      }
      for (std::size_t j = 0; test.attributes.keep_cell != 0 && j < units; ++j) {
        const double cell = textbook.cell()[j];
        ASSERT_NEAR(got(steps, row, j), cell, 1e-5 * (1 + std::abs(cell)));
      }
    }
  }
  EXPECT_GT(compared, 10000);
}

// An LSTM of 2 units, 3 steps, 1 row, and what of it to change.
struct Small {
  RecurrentAttributes attributes;
  std::vector<std::vector<std::uint32_t>> inputs;
  std::vector<std::uint32_t> y;
};
Small small() {
  Small s;
  s.attributes.kind = RecurrentKind::kLstm;
  const auto elements = static_cast<std::uint32_t>(*recurrent_gate_elements(2));
  s.inputs = {{3, 1, 8}, {4 * elements}, {1, 2}, {1, 2}, {6}};
  s.y = {3, 1, 2};
  return s;
}
template <typename Change>
Status check(Change change) {
  Small s = small();
  change(s);
  std::vector<Tensor> tensors;
  for (const auto& dims : s.inputs) tensors.emplace_back(dims);
  return check_case({OpCode::kRecurrent, tensors, Tensor(s.y), words_of(s.attributes)});
}

TEST(RecurrentCheck, RefusesOtherShapes) {
  EXPECT_EQ(check([](Small&) {}), Status::kOk);
  EXPECT_EQ(check([](Small& s) { s.inputs.resize(2); }), Status::kOk);
  EXPECT_EQ(check([](Small& s) { s.y = {4, 1, 2}, s.attributes.keep_cell = 1; }), Status::kOk);
  EXPECT_EQ(check([](Small& s) { s.attributes.keep_cell = 1; }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { s.y = {4, 1, 2}; }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { s.y = {3, 1, 3}; }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { s.inputs[0] = {3, 2, 8}; }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { s.inputs[0] = {3, 8}; }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { --s.inputs[1][0]; }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { s.inputs[2] = {2, 2}; }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { s.inputs[3] = {2}; }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { s.inputs[4] = {5}; }), Status::kShapeMismatch);
}

TEST(RecurrentCheck, RefusesWhatTheKindDoesNotHave) {
  const auto gru = [](Small& s) {
    s.attributes.kind = RecurrentKind::kGru;
    s.inputs[0] = {3, 1, 6};
    s.inputs[1][0] = s.inputs[1][0] / 4 * 3;
  };
  EXPECT_EQ(check([&](Small& s) { gru(s), s.inputs.resize(3); }), Status::kOk);
  EXPECT_EQ(check([&](Small& s) { gru(s), s.inputs.resize(4); }), Status::kShapeMismatch);
  EXPECT_EQ(check([](Small& s) { s.attributes.linear_before_reset = 1; }), Status::kBadAttribute);
}

TEST(RecurrentCheck, RefusesBadAttributes) {
  const auto attributes = [](auto change) {
    return check([&](Small& s) { change(s.attributes); });
  };
  EXPECT_EQ(attributes([](auto& a) { a.kind = static_cast<RecurrentKind>(3); }),
            Status::kBadAttribute);
  EXPECT_EQ(attributes([](auto& a) { a.reverse = 2; }), Status::kBadAttribute);
  EXPECT_EQ(attributes([](auto& a) { a.keep_cell = 2; }), Status::kBadAttribute);
  EXPECT_EQ(attributes([](auto& a) { a.clip = 0.0f; }), Status::kBadAttribute);
  EXPECT_EQ(attributes([](auto& a) { a.clip = std::nanf(""); }), Status::kBadAttribute);
  EXPECT_EQ(
      attributes([](auto& a) { a.activations[2].function = static_cast<RecurrentFunction>(8); }),
      Status::kBadAttribute);
  EXPECT_EQ(attributes([](auto& a) { a.activations[1].alpha = INFINITY; }), Status::kBadAttribute);
}

}  // namespace
}  // namespace sz::ops::testing
