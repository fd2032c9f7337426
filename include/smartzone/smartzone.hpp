// SmartZone client library: run whole neural networks inside Arm TrustZone from C++20.
//
//   sz::Package package = sz::Package::open("digits.szp");
//   sz::Session session = sz::Session::open(sz::Backend::kTee);
//   session.load(package);
//   std::vector<sz::Tensor> outputs = session.run({image});
//
// Errors are thrown as sz::Error with a sentence that says what happened, where, and what to do.
// Objects are movable, not copyable; a Session is used by one thread at a time, several sessions
// may be used at once. The C ABI in smartzone.h offers the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "language.hpp"  // beside this file, wherever that is

namespace sz {

namespace client {
class Transport;
}

// Where the trusted application runs.
enum class Backend {
  kTee,   // in the secure world, through OP-TEE
  kHost,  // in this process, from the same sources. NOT SECURE: for development and comparison
};

const char* backend_name(Backend backend);  // "tee", "host"
Backend parse_backend(const std::string& name);
bool backend_available(Backend backend);  // tee: built in and /dev/tee0 is there

// Who can mend an error.
enum class ErrorKind {
  kInput = 1,         // the caller: a file, an argument, a tensor that does not fit
  kDevice = 2,        // the device: no TEE, no trusted application, a call that did not arrive
  kSecureMemory = 3,  // the device has too little secure memory for this model
  kInternal = 4,      // we: a defect
};

// What went wrong. `status` is the TA's status code (0 if the TA was not reached or not
// concerned), `detail` the index or offset that goes with it; what() is a whole sentence.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::uint32_t status = 0, std::uint32_t detail = 0)
      : std::runtime_error(message), status_(status), detail_(detail) {}
  Error(ErrorKind kind, const std::string& message, std::uint32_t status = 0,
        std::uint32_t detail = 0)
      : std::runtime_error(message), status_(status), detail_(detail), kind_(kind) {}
  std::uint32_t status() const { return status_; }
  std::uint32_t detail() const { return detail_; }
  ErrorKind kind() const { return kind_; }

 private:
  std::uint32_t status_;
  std::uint32_t detail_;
  ErrorKind kind_ = ErrorKind::kInput;
};

enum class ElementType { kF32, kI8, kU8, kI32, kI64, kBool };

const char* element_type_name(ElementType type);  // "f32", "i8", "u8", "i32", "i64", "bool"
std::size_t element_bytes(ElementType type);

// Name, type and shape of an input or output, as in the model file (NCHW stays NCHW).
struct TensorInfo {
  std::string name;
  ElementType type = ElementType::kF32;
  std::vector<std::int64_t> shape;

  std::size_t elements() const;
  std::size_t bytes() const;
};

// A dense tensor, row-major in the shape of its TensorInfo.
struct Tensor {
  TensorInfo info;
  std::vector<std::byte> data;

  std::span<const float> f32() const;  // throws Error if the type is another one
  std::span<float> f32();
};

// How an image becomes the input tensor: decode, resize, crop, then
// value = (pixel_0_to_255 - mean[c]) * scale[c], in the order of `color`.
struct Preprocess {
  enum class Color { kGray, kRgb, kBgr };
  Color color = Color::kRgb;
  std::uint32_t resize_shorter_side = 0;              // 0: no such resize
  std::uint32_t resize_height = 0, resize_width = 0;  // 0: no such resize
  std::uint32_t crop_height = 0, crop_width = 0;      // centre crop; 0: none
  std::vector<float> mean;                            // one per channel
  std::vector<float> scale;
};

// A compiled model file (.szp), opened and its digests checked. Cheap to copy (shared).
class Package {
 public:
  static Package open(const std::string& path);
  static Package from_bytes(std::vector<std::byte> bytes, const std::string& name);

  const std::string& name() const;  // model name
  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;
  const std::vector<std::string>& labels() const;  // empty if none were given
  const Preprocess* preprocess() const;            // nullptr if none was recorded
  const LanguageInfo* language() const;            // nullptr if it is no language model
  std::span<const std::byte> plan() const;
  std::span<const std::byte> weights() const;
  const std::string& info_json() const;  // the whole information section

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

// Secure memory as the TA accounts for it, in bytes.
struct SecureMemory {
  std::uint64_t control = 0, weights = 0, arena = 0, scratch = 0;
  std::uint64_t state = 0, language = 0;  // of a language model: caches; tokens and working memory
  std::uint64_t board = 0, stacks = 0;  // of the other cores; 0 on one core
  std::uint64_t now = 0;                // mapped at present
  std::uint64_t peak = 0;               // most that was mapped since the session was opened
};

// OP-TEE's pool of secure memory for trusted applications, where the core tells (statistics
// pseudo-TA); `known` is false otherwise.
struct SecurePool {
  bool known = false;
  std::uint64_t size = 0, allocated = 0, peak = 0;
};

struct DeviceInfo {
  Backend backend = Backend::kHost;
  bool secure = false;  // false for kHost
  std::uint32_t protocol_version = 0;
  std::uint32_t plan_version = 0;
  std::string tee;  // e.g. "OP-TEE 4.5", or "in-process shim (not secure)"
  SecurePool pool;

  // Whether a model can compute on several cores here, and on how many at most (1 if not).
  bool secure_cores = false;
  unsigned most_cores = 1;
};

// On which cores a session computes, and what came of it since its model was loaded. Worker 0 is
// the core of the thread that called run; the others are lent by threads of the session's own.
struct CoreReport {
  unsigned asked = 0;    // Session::Options::cores
  unsigned used = 1;     // the most that a run can use; 1 without a model
  unsigned present = 0;  // lent cores that are in the secure world just now

  std::vector<std::uint64_t> work;  // operations of shared steps done by each of the `used` workers
  std::vector<double> shares;       // the same, as parts of 1; all 0 if nothing was done

  std::uint64_t runs = 0;          // that were open for lent cores
  std::uint64_t shared_steps = 0;  // steps whose work was handed out
  std::uint64_t evictions = 0;     // times that lent cores were thrown out to get at withheld work
  std::uint64_t redone = 0;        // pieces of work done again after that

  std::uint64_t visits = 0;          // of lending threads in the secure world
  std::uint64_t lending_errors = 0;  // none of which made a run fail
  std::string lending_error;         // the last of them

  std::string advice;  // one sentence if it could be more cores, and what that takes; else empty
};

// One instance of the trusted application and the model in it.
class Session {
 public:
  struct Options {
    // Most cores to compute on. 0: as many as the process may use and the model can; 1: only the
    // core of the thread that calls run. Results are the same bits for any number.
    unsigned cores = 0;

    // Leaves the lending to the plugin of tee-supplicant (client/plugin/), where that is installed:
    // the trusted application asks it for cores, and this process starts no threads.
    bool plugin_lends = false;
  };

  static Session open(Backend backend);
  static Session open(Backend backend, const Options& options);
  // The same over a way to the trusted application that the caller made (client/transport.h).
  static Session open(std::unique_ptr<client::Transport> transport);
  static Session open(std::unique_ptr<client::Transport> transport, const Options& options);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  DeviceInfo device_info();

  // Called with bytes done and bytes in all while a package is sent.
  using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

  // Loads a model. A model loaded before is dropped. Refused before anything is sent if the secure
  // memory cannot hold it: the error names the need, the supply and the setting to change, and a
  // model loaded before stays. Any other error leaves the session without a model.
  void load(const Package& package, const Progress& progress = {});

  // Runs the network once. Inputs in the order of Package::inputs(); shapes must match. Not for
  // language models.
  std::vector<Tensor> run(std::span<const Tensor> inputs);

  // For language models (language.hpp). All cores that are lent stay for the whole answer.

  // Adds a text to the conversation and has the model write on, text by text as it comes. An empty
  // text with prompt.restart = false lets it go on from where it is. What on_text or on_prompt throw
  // is passed on; the conversation then has what was computed.
  GenerationReport generate(std::string_view prompt, const GenerateOptions& options,
                            const OnText& on_text);

  // The same step by step: adds text, or tokens by their numbers, and does one piece of work (writes
  // `most_tokens`, 1 to 64, or computes a part of a prompt). On an error of `prompt` nothing has
  // changed.
  Context prompt(std::string_view text, const PromptOptions& options);
  Context prompt_tokens(std::span<const std::uint32_t> tokens, const PromptOptions& options);
  NextPiece next(unsigned most_tokens);

  // How likely the model finds a text, from its beginning. The conversation becomes that text.
  // Logits only where the package lets them leave the secure world.
  Score score(std::string_view text, bool logits = false);
  Score score_tokens(std::span<const std::uint32_t> tokens, bool logits = false);

  // Writes the conversation to a file that only this trusted application on this device can read
  // (sealed by it); takes it back into a session with the same model. After an error of `resume` the
  // conversation is empty.
  void save_conversation(const std::string& path);
  void resume_conversation(const std::string& path);

  // Lets the runs that follow compute on at most so many of the cores that the model was loaded for;
  // 0: on all of them.
  void use_cores(unsigned most);

  // Drops the model; its secure memory is wiped and returned.
  void unload();

  SecureMemory secure_memory();

  CoreReport cores();

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sz
