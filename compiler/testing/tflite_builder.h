// Makes TensorFlow Lite models in memory, for tests. Nothing is checked: hostile models are the
// purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tflite_generated.h"

namespace sz::compiler::testing {

namespace tfl = sz::tflite::file;

struct TfliteScaling {
  std::vector<float> scales;
  std::vector<std::int64_t> zeros;
  std::int32_t dimension = 0;
};

class TfliteBuilder {
 public:
  using Scaling = TfliteScaling;

  // Tensors; the result is the index.
  std::int32_t tensor(const std::string& name, tfl::TensorType type, std::vector<std::int32_t> shape,
                      Scaling scaling = {});
  std::int32_t input(const std::string& name, tfl::TensorType type, std::vector<std::int32_t> shape,
                     Scaling scaling = {});
  std::int32_t output(const std::string& name, tfl::TensorType type,
                      std::vector<std::int32_t> shape, Scaling scaling = {});
  std::int32_t floats(std::vector<std::int32_t> shape, const std::vector<float>& values);
  std::int32_t bytes(tfl::TensorType type, std::vector<std::int32_t> shape,
                     const std::vector<std::int8_t>& values, Scaling scaling = {});
  std::int32_t integers(std::vector<std::int32_t> shape, const std::vector<std::int32_t>& values);
  std::int32_t constant(tfl::TensorType type, std::vector<std::int32_t> shape,
                        std::span<const std::byte> values, Scaling scaling = {});

  // An operator with its options: `create` is a function of flatc's, CreateConv2DOptions and so on.
  template <typename Create, typename... Values>
  TfliteBuilder& op(tfl::Operation code, tfl::Options type, std::vector<std::int32_t> inputs,
                    std::vector<std::int32_t> outputs, Create create, Values... values) {
    operators_.push_back({code, std::move(inputs), std::move(outputs), type,
                          create(builder_, values...).Union()});
    return *this;
  }
  TfliteBuilder& op(tfl::Operation code, std::vector<std::int32_t> inputs,
                    std::vector<std::int32_t> outputs);

  // What hostile tests change.
  struct Operator {
    tfl::Operation code{};
    std::vector<std::int32_t> inputs, outputs;
    tfl::Options options_type = tfl::Options::NONE;
    flatbuffers::Offset<void> options = 0;
    bool changes_input = false;
  };
  struct Tensor {
    std::string name;
    tfl::TensorType type{};
    std::vector<std::int32_t> shape, signature;
    Scaling scaling;
    std::uint32_t buffer = 0;
    bool variable = false, sparse = false;
    std::uint8_t details = 0;
  };
  std::vector<Tensor>& tensors() { return tensors_; }
  std::vector<Operator>& operators() { return operators_; }
  std::vector<std::vector<std::byte>>& buffers() { return buffers_; }
  std::vector<std::int32_t>& inputs() { return inputs_; }
  std::vector<std::int32_t>& outputs() { return outputs_; }
  flatbuffers::FlatBufferBuilder& flatbuffer() { return builder_; }
  std::uint32_t version = 3;
  std::uint32_t subgraphs = 1;
  std::uint64_t buffer_offset = 0;

  // The file. Once only.
  std::vector<std::byte> file();

 private:
  flatbuffers::Offset<tfl::Tensor> add_tensor(const Tensor& tensor);
  flatbuffers::Offset<tfl::Operator> add_operator(const Operator& op, std::uint32_t code);

  flatbuffers::FlatBufferBuilder builder_;
  std::vector<Tensor> tensors_;
  std::vector<Operator> operators_;
  std::vector<std::vector<std::byte>> buffers_ = {{}};  // the first is empty, as the format says
  std::vector<std::int32_t> inputs_, outputs_;
};

}  // namespace sz::compiler::testing
