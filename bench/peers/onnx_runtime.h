// ONNX Runtime, opened at run time for comparison. Its library comes from npm and is no part of the
// build; nothing of its headers is needed: the functions of its C interface lie in a table to which
// its authors only ever append, and we call them by their place in it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "include/smartzone/smartzone.hpp"

namespace sz::peers {

// What the peer may do to the graph before it runs it.
enum class GraphLevel { kBasic = 1, kExtended = 2, kAll = 99 };

const char* level_name(GraphLevel level);  // "basic", "extended", "all"

// The library. Lives longer than every PeerModel made from it.
class OnnxRuntime {
 public:
  explicit OnnxRuntime(const std::string& path);  // of libonnxruntime.so; throws Error
  ~OnnxRuntime();
  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;

  const std::string& version() const { return version_; }

 private:
  friend class PeerModel;
  class Table;

  std::string version_;
  std::unique_ptr<Table> table_;
};

// One model, ready to run on fixed inputs. f32 inputs and outputs only.
class PeerModel {
 public:
  // `threads` work on one operator; what else there is to set stays as the peer has it.
  PeerModel(const OnnxRuntime& library, const std::string& model, GraphLevel level, int threads);
  ~PeerModel();

  // Names and shapes as in the model file; where it leaves a dimension open, 1.
  const std::vector<TensorInfo>& inputs() const;

  // What the runs that follow compute with; the spans must stay valid.
  void set_inputs(std::span<const std::span<const float>> values);

  // The first run allocates the outputs, later ones write into them: no copy is timed.
  void run();

  std::vector<std::vector<float>> outputs() const;  // of the last run

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sz::peers
