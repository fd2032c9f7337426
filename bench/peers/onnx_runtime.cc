#include "bench/peers/onnx_runtime.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>

namespace sz::peers {
namespace {

// Places in the table of functions. All of them belong to version 1 of the interface.
enum Entry : std::size_t {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetSessionGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSetInterOpNumThreads = 25,
  kSessionGetInputCount = 30,
  kSessionGetOutputCount = 31,
  kSessionGetInputTypeInfo = 33,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorWithDataAsOrtValue = 49,
  kGetTensorMutableData = 51,
  kCastTypeInfoToTensorInfo = 55,
  kGetTensorElementType = 60,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kGetTensorShapeElementCount = 64,
  kGetTensorTypeAndShape = 65,
  kCreateCpuMemoryInfo = 69,
  kAllocatorFree = 76,
  kGetAllocatorWithDefaultOptions = 78,
  kReleaseEnv = 92,
  kReleaseStatus = 93,
  kReleaseMemoryInfo = 94,
  kReleaseSession = 95,
  kReleaseValue = 96,
  kReleaseTypeInfo = 98,
  kReleaseTensorTypeAndShapeInfo = 99,
  kReleaseSessionOptions = 100,
};
constexpr std::uint32_t kInterfaceVersion = 1;

// Values of its enumerations.
constexpr int kLogErrors = 3;
constexpr int kElementFloat = 1;
constexpr int kDeviceAllocator = 0;  // OrtDeviceAllocator and OrtMemTypeDefault
constexpr int kDefaultMemory = 0;

// What the library's one exported function returns.
struct ApiBase {
  const void* const* (*get_api)(std::uint32_t version);
  const char* (*get_version_string)();
};

}  // namespace

const char* level_name(GraphLevel level) {
  switch (level) {
    case GraphLevel::kBasic:
      return "basic";
    case GraphLevel::kExtended:
      return "extended";
    case GraphLevel::kAll:
      return "all";
  }
  return "?";
}

// Every function here takes words and pointers only and returns a status, nullptr if all is well.
class OnnxRuntime::Table {
 public:
  Table(void* library, const void* const* entries) : library_(library), entries_(entries) {
    call(kCreateEnv, kLogErrors, "smartzone", &env_);
  }
  ~Table() {
    release(kReleaseEnv, env_);
    dlclose(library_);
  }

  template <typename... Args>
  void call(Entry entry, Args... args) const {
    void* status = function<void*(Args...)>(entry)(args...);
    if (status == nullptr) return;
    const std::string message = function<const char*(void*)>(kGetErrorMessage)(status);
    release(kReleaseStatus, status);
    throw Error("ONNX Runtime: " + message);
  }
  void release(Entry entry, void* object) const {
    if (object != nullptr) function<void(void*)>(entry)(object);
  }
  void* env() const { return env_; }

 private:
  template <typename Function>
  Function* function(Entry entry) const {
    return reinterpret_cast<Function*>(const_cast<void*>(entries_[entry]));
  }

  void* library_;
  const void* const* entries_;
  void* env_ = nullptr;
};

OnnxRuntime::OnnxRuntime(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw Error(std::string("cannot open ONNX Runtime: ") + dlerror());
  const auto get_base = reinterpret_cast<const ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  const ApiBase* base = get_base == nullptr ? nullptr : get_base();
  const void* const* entries = base == nullptr ? nullptr : base->get_api(kInterfaceVersion);
  if (entries == nullptr) {
    dlclose(library);
    throw Error(path + " is not ONNX Runtime: it has no C interface of version 1");
  }
  version_ = base->get_version_string();
  table_ = std::make_unique<Table>(library, entries);
}

OnnxRuntime::~OnnxRuntime() = default;

struct PeerModel::State {
  explicit State(const OnnxRuntime::Table& the_table) : table(the_table) {}
  ~State() {
    for (void* value : input_values) table.release(kReleaseValue, value);
    for (void* value : output_values) table.release(kReleaseValue, value);
    table.release(kReleaseMemoryInfo, memory_info);
    table.release(kReleaseSession, session);
    table.release(kReleaseSessionOptions, options);
  }

  const OnnxRuntime::Table& table;
  void* options = nullptr;
  void* session = nullptr;
  void* memory_info = nullptr;
  void* allocator = nullptr;  // the library's own
  std::vector<TensorInfo> inputs;
  std::vector<std::string> output_names;
  std::vector<const char*> input_pointers, output_pointers;
  std::vector<void*> input_values, output_values;

  std::string name(Entry entry, std::size_t index) const {
    char* text = nullptr;
    table.call(entry, session, index, allocator, &text);
    const std::string copy = text;
    table.call(kAllocatorFree, allocator, static_cast<void*>(text));
    return copy;
  }
  TensorInfo input(std::size_t index) const;
  void find_inputs_and_outputs();
};

TensorInfo PeerModel::State::input(std::size_t index) const {
  void* type_info = nullptr;
  table.call(kSessionGetInputTypeInfo, session, index, &type_info);
  const void* info = nullptr;  // part of type_info
  int type = 0;
  std::size_t rank = 0;
  std::vector<std::int64_t> shape;
  table.call(kCastTypeInfoToTensorInfo, type_info, &info);
  if (info != nullptr) {
    table.call(kGetTensorElementType, info, &type);
    table.call(kGetDimensionsCount, info, &rank);
    shape.resize(rank);
    table.call(kGetDimensions, info, shape.data(), rank);
  }
  table.release(kReleaseTypeInfo, type_info);
  const std::string input_name = name(kSessionGetInputName, index);
  if (type != kElementFloat) throw Error("input '" + input_name + "' is not a tensor of f32");
  for (std::int64_t& dim : shape) dim = std::max<std::int64_t>(dim, 1);
  return {input_name, ElementType::kF32, shape};
}

void PeerModel::State::find_inputs_and_outputs() {
  std::size_t count = 0;
  table.call(kSessionGetInputCount, session, &count);
  for (std::size_t i = 0; i < count; ++i) inputs.push_back(input(i));
  table.call(kSessionGetOutputCount, session, &count);
  for (std::size_t i = 0; i < count; ++i) output_names.push_back(name(kSessionGetOutputName, i));
  for (const TensorInfo& info : inputs) input_pointers.push_back(info.name.c_str());
  for (const std::string& output : output_names) output_pointers.push_back(output.c_str());
  output_values.assign(output_names.size(), nullptr);
}

PeerModel::PeerModel(const OnnxRuntime& library, const std::string& model, GraphLevel level,
                     int threads)
    : state_(std::make_unique<State>(*library.table_)) {
  const OnnxRuntime::Table& table = state_->table;
  table.call(kCreateSessionOptions, &state_->options);
  table.call(kSetSessionGraphOptimizationLevel, state_->options, static_cast<int>(level));
  table.call(kSetIntraOpNumThreads, state_->options, threads);
  table.call(kSetInterOpNumThreads, state_->options, 1);
  table.call(kCreateSession, table.env(), model.c_str(), state_->options, &state_->session);
  table.call(kCreateCpuMemoryInfo, kDeviceAllocator, kDefaultMemory, &state_->memory_info);
  table.call(kGetAllocatorWithDefaultOptions, &state_->allocator);
  state_->find_inputs_and_outputs();
}

PeerModel::~PeerModel() = default;

const std::vector<TensorInfo>& PeerModel::inputs() const { return state_->inputs; }

void PeerModel::set_inputs(std::span<const std::span<const float>> values) {
  State& state = *state_;
  if (values.size() != state.inputs.size()) {
    throw Error("the model has " + std::to_string(state.inputs.size()) + " inputs, not " +
                std::to_string(values.size()));
  }
  for (void* value : state.input_values) state.table.release(kReleaseValue, value);
  state.input_values.assign(values.size(), nullptr);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const TensorInfo& info = state.inputs[i];
    if (values[i].size_bytes() != info.bytes()) {
      throw Error("input '" + info.name + "' has " + std::to_string(info.bytes()) + " bytes, not " +
                  std::to_string(values[i].size_bytes()));
    }
    // The library only reads inputs.
    void* data = const_cast<float*>(values[i].data());
    state.table.call(kCreateTensorWithDataAsOrtValue, state.memory_info, data,
                     values[i].size_bytes(), info.shape.data(), info.shape.size(), kElementFloat,
                     &state.input_values[i]);
  }
}

void PeerModel::run() {
  State& state = *state_;
  void* const default_run_options = nullptr;
  state.table.call(kRun, state.session, default_run_options, state.input_pointers.data(),
                   state.input_values.data(), state.input_values.size(),
                   state.output_pointers.data(), state.output_pointers.size(),
                   state.output_values.data());
}

std::vector<std::vector<float>> PeerModel::outputs() const {
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < state_->output_values.size(); ++i) {
    void* value = state_->output_values[i];
    if (value == nullptr) throw Error("the peer has not run yet");
    const OnnxRuntime::Table& table = state_->table;
    void* info = nullptr;
    int type = 0;
    std::size_t count = 0;
    float* data = nullptr;
    table.call(kGetTensorTypeAndShape, value, &info);
    table.call(kGetTensorElementType, info, &type);
    table.call(kGetTensorShapeElementCount, info, &count);
    table.release(kReleaseTensorTypeAndShapeInfo, info);
    if (type != kElementFloat) throw Error("output '" + state_->output_names[i] + "' is not f32");
    table.call(kGetTensorMutableData, value, &data);
    all.emplace_back(data, data + count);
  }
  return all;
}

}  // namespace sz::peers
