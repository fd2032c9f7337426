#include "bench/peers/llama_cpp.h"

#include <dlfcn.h>

#include <cstring>
#include <filesystem>
#include <vector>

namespace sz::peers {
namespace {

// A parameter struct of the library, passed by value: larger than any of its releases, so that it lies in
// memory as theirs does, whatever their size.
struct Parameters {
  std::int32_t words[128];
};

struct Batch {
  std::int32_t tokens;
  std::int32_t* token;
  float* embeddings;
  std::int32_t* position;
  std::int32_t* sequences;
  std::int32_t** sequence;
  std::int8_t* logits;
};

// Context parameters begin with the sizes of context, batch and micro-batch.
constexpr std::size_t kContext = 0, kBatch = 1, kMicroBatch = 2;

void* open(const std::filesystem::path& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) throw LlamaCppError(std::string("cannot open llama.cpp: ") + dlerror());
  return library;
}

template <typename Function>
Function* symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) throw LlamaCppError(std::string("llama.cpp has no ") + name);
  return reinterpret_cast<Function*>(found);
}

void be_quiet(int, const char*, void*) {}

// The file of `folder` whose name begins so; releases differ in what follows.
std::filesystem::path find(const std::string& folder, const std::string& begin) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(begin) && name.find(".so") != std::string::npos) return entry.path();
  }
  throw LlamaCppError("cannot open llama.cpp: no " + begin + "*.so* in " + folder);
}

}  // namespace

struct LlamaCpp::State {
  void* llama = nullptr;
  void* model = nullptr;
  void* context = nullptr;
  void* memory = nullptr;
  std::uint32_t vocabulary = 0;

  template <typename Function>
  Function* call(const char* name) const {
    return symbol<Function>(llama, name);
  }
};

LlamaCpp::LlamaCpp(const std::string& folder, const std::string& model, std::uint32_t context,
                   int threads)
    : state_(std::make_unique<State>()) {
  open(find(folder, "libggml-base"));
  void* const ggml = open(find(folder, "libggml."));
  State& state = *state_;
  state.llama = open(find(folder, "libllama."));
  state.call<void(void (*)(int, const char*, void*), void*)>("llama_log_set")(be_quiet, nullptr);
  symbol<void(const char*)>(ggml, "ggml_backend_load_all_from_path")(folder.c_str());
  state.call<void()>("llama_backend_init")();
  state.model = state.call<void*(const char*, Parameters)>("llama_model_load_from_file")(
      model.c_str(), state.call<Parameters()>("llama_model_default_params")());
  if (state.model == nullptr) throw LlamaCppError("llama.cpp cannot load " + model);

  Parameters parameters = state.call<Parameters()>("llama_context_default_params")();
  parameters.words[kContext] = static_cast<std::int32_t>(context);
  parameters.words[kBatch] = parameters.words[kMicroBatch] = 512;
  state.context =
      state.call<void*(void*, Parameters)>("llama_init_from_model")(state.model, parameters);
  if (state.context == nullptr) throw LlamaCppError("llama.cpp cannot make a context");
  state.call<void(void*, std::int32_t, std::int32_t)>("llama_set_n_threads")(state.context, threads,
                                                                             threads);
  state.memory = state.call<void*(void*)>("llama_get_memory")(state.context);
  const void* const vocabulary =
      state.call<const void*(const void*)>("llama_model_get_vocab")(state.model);
  state.vocabulary = static_cast<std::uint32_t>(
      state.call<std::int32_t(const void*)>("llama_vocab_n_tokens")(vocabulary));
}

LlamaCpp::~LlamaCpp() {
  if (state_->context != nullptr) state_->call<void(void*)>("llama_free")(state_->context);
  if (state_->model != nullptr) state_->call<void(void*)>("llama_model_free")(state_->model);
}

std::uint32_t LlamaCpp::vocabulary() const { return state_->vocabulary; }

void LlamaCpp::feed(std::span<const std::uint32_t> tokens) {
  std::vector<std::int32_t> copy(tokens.begin(), tokens.end());
  const auto batch = state_->call<Batch(std::int32_t*, std::int32_t)>("llama_batch_get_one")(
      copy.data(), static_cast<std::int32_t>(copy.size()));
  if (state_->call<std::int32_t(void*, Batch)>("llama_decode")(state_->context, batch) != 0) {
    throw LlamaCppError("llama.cpp cannot compute these tokens");
  }
}

std::span<const float> LlamaCpp::logits() const {
  const float* const values =
      state_->call<float*(void*, std::int32_t)>("llama_get_logits_ith")(state_->context, -1);
  if (values == nullptr) throw LlamaCppError("llama.cpp has no logits");
  return {values, state_->vocabulary};
}

void LlamaCpp::rewind(std::uint32_t position) {
  state_->call<bool(void*, std::int32_t, std::int32_t, std::int32_t)>("llama_memory_seq_rm")(
      state_->memory, 0, static_cast<std::int32_t>(position), -1);
}

}  // namespace sz::peers
