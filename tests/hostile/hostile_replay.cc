// Sends hostile plans and calls to the trusted application and prints what it said, a line each:
//
//   hostile_replay --backend tee|host [--stride N]
//
// The lines are the same for every back end, so that a device can be held against the host. After
// each case a valid model is loaded and run on the same session; exit status 1 if that ever fails
// or gives other bits, or if a call does not arrive. --stride N: only every N-th bit and
// truncation.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/status_text.h"
#include "client/transport.h"
#include "engine/testing/damages.h"
#include "engine/testing/plan_builder.h"
#include "protocol/commands.h"

namespace {

using sz::client::Parameter;
using sz::client::Parameters;
using sz::engine::testing::TestPlan;

constexpr std::size_t kBufferBytes = 1 << 20;

struct Reply {
  std::uint32_t result = 0;  // TEE_Result
  std::uint32_t status = 0, detail = 0;
  bool ok() const { return result == 0 && status == 0; }
};

// The commands over one session; memory is shared once and used for every call.
class Sender {
 public:
  explicit Sender(sz::client::Transport& transport)
      : transport_(transport),
        in_(transport.allocate(kBufferBytes)),
        out_(transport.allocate(kBufferBytes)) {}

  Reply call(std::uint32_t command, Parameters parameters) {
    const sz::client::CallResult arrived = transport_.invoke(command, parameters);
    received_ = parameters[1].size;
    return {arrived.result, parameters[3].a, parameters[3].b};
  }
  Reply load_begin(const std::vector<std::byte>& plan) {
    return call(SMARTZONE_CMD_LOAD_BEGIN,
                {put(plan), Parameter::value(1), Parameter::none(), Parameter::value_out()});
  }
  Reply load_weights(const std::vector<std::byte>& weights, std::uint32_t offset) {
    return call(SMARTZONE_CMD_LOAD_WEIGHTS, {put(weights), Parameter::value(offset),
                                             Parameter::none(), Parameter::value_out()});
  }
  Reply load_end() { return plain(SMARTZONE_CMD_LOAD_END); }
  Reply unload() { return plain(SMARTZONE_CMD_UNLOAD); }
  Reply run(std::size_t inputs, std::size_t outputs, std::uint32_t entry = 0) {
    std::memset(in_->bytes().data(), 0x3e, inputs);
    return call(SMARTZONE_CMD_RUN,
                {Parameter::memory_in(*in_, inputs), Parameter::memory_out(*out_, outputs),
                 Parameter::value(entry, 1), Parameter::value_out()});
  }
  std::vector<std::byte> received() {
    std::vector<std::byte> bytes(received_);
    if (!bytes.empty()) std::memcpy(bytes.data(), out_->bytes().data(), bytes.size());
    return bytes;
  }

 private:
  Parameter put(const std::vector<std::byte>& bytes) {
    if (!bytes.empty()) std::memcpy(in_->bytes().data(), bytes.data(), bytes.size());
    return Parameter::memory_in(*in_, bytes.size());
  }
  Reply plain(std::uint32_t command) {
    return call(command,
                {Parameter::none(), Parameter::none(), Parameter::none(), Parameter::value_out()});
  }

  sz::client::Transport& transport_;
  std::unique_ptr<sz::client::SharedBuffer> in_, out_;
  std::size_t received_ = 0;
};

class Replay {
 public:
  Replay(sz::client::Transport& transport, std::size_t stride)
      : sender_(transport), stride_(stride) {}

  int all() {
    good_ = sz::engine::testing::sequence_plan(sz::ops::Kernel::kVector).builder.finish();
    expected_ = run_good();
    if (expected_.empty()) return fail("the valid model does not run");
    truncations();
    flipped_bits(false);
    flipped_bits(true);
    for (const auto& damage : sz::engine::testing::all_damages())
      try_plan("damage " + damage.name, damage.plan.plan);
    wrong_order();
    wrong_weights();
    std::printf("%zu cases, %zu plans accepted, %zu refused\n", cases_, accepted_, refused_);
    return failures_ == 0 ? 0 : 1;
  }

 private:
  int fail(const std::string& what) {
    std::printf("FAIL %s\n", what.c_str());
    ++failures_;
    return 1;
  }

  // Loads and runs the valid model; its output, or nothing.
  std::vector<std::byte> run_good() {
    if (!sender_.load_begin(good_.plan).ok() || !sender_.load_weights(good_.weights, 0).ok() ||
        !sender_.load_end().ok()) {
      return {};
    }
    const std::size_t inputs = 6 * 6 * 3 * sizeof(float), outputs = 5 * sizeof(float);
    return sender_.run(inputs, outputs).ok() ? sender_.received() : std::vector<std::byte>{};
  }

  void report(const std::string& name, const Reply& reply) {
    std::printf("%s: %s %u\n", name.c_str(), std::string(sz::status_name(reply.status)).c_str(),
                reply.detail);
    ++cases_;
    if (reply.result != 0)
      fail(name + ": the call did not arrive, result " + std::to_string(reply.result));
  }

  void still_alive(const std::string& after) {
    if (run_good() != expected_) fail("the valid model no longer runs after " + after);
  }

  // An accepted plan is dropped again: what it computes is a matter of the host's tests.
  void try_plan(const std::string& name, const std::vector<std::byte>& plan) {
    const Reply reply = sender_.load_begin(plan);
    report(name, reply);
    (reply.ok() ? accepted_ : refused_) += 1;
    if (reply.ok() && !sender_.unload().ok()) fail("unload after " + name);
    if (cases_ % 64 == 0) still_alive(name);
  }

  void truncations() {
    for (std::size_t size = 0; size < good_.plan.size(); size += stride_) {
      try_plan("truncated to " + std::to_string(size),
               {good_.plan.begin(), good_.plan.begin() + size});
    }
    still_alive("truncations");
  }

  void flipped_bits(bool reseal) {
    for (std::size_t bit = 0; bit < good_.plan.size() * 8; bit += stride_) {
      std::vector<std::byte> plan = good_.plan;
      plan[bit / 8] ^= std::byte(1 << bit % 8);
      if (reseal) sz::engine::testing::reseal(plan);
      try_plan((reseal ? "resealed bit " : "bit ") + std::to_string(bit), plan);
    }
    still_alive("flipped bits");
  }

  void wrong_order() {
    if (!sender_.unload().ok()) fail("unload");
    report("run before load", sender_.run(64, 64));
    report("weights before load", sender_.load_weights(good_.weights, 0));
    report("end before load", sender_.load_end());
    report("unknown command", sender_.call(4242, {Parameter::none(), Parameter::none(),
                                                  Parameter::none(), Parameter::value_out()}));
    still_alive("wrong order");
    report("entry point 7", sender_.run(432, 20, 7));
    report("input too short", sender_.run(428, 20));
    report("input too long", sender_.run(436, 20));
    report("no input", sender_.run(0, 20));
    report("output too small", sender_.run(432, 16));
    still_alive("wrong sizes");
  }

  void wrong_weights() {
    std::vector<std::byte> damaged = good_.weights;
    damaged[damaged.size() / 2] ^= std::byte{1};
    if (!sender_.load_begin(good_.plan).ok()) fail("load");
    report("weights at a wrong offset", sender_.load_weights(good_.weights, 64));
    if (!sender_.load_begin(good_.plan).ok()) fail("load");
    damaged.push_back(std::byte{0});
    report("weights too long", sender_.load_weights(damaged, 0));
    damaged.pop_back();
    if (!sender_.load_begin(good_.plan).ok()) fail("load");
    report("end without weights", sender_.load_end());
    if (!sender_.load_begin(good_.plan).ok() || !sender_.load_weights(damaged, 0).ok())
      fail("load");
    report("damaged weights", sender_.load_end());
    report("run after damaged weights", sender_.run(432, 20));
    still_alive("wrong weights");
  }

  Sender sender_;
  std::size_t stride_;
  TestPlan good_;
  std::vector<std::byte> expected_;
  std::size_t cases_ = 0, accepted_ = 0, refused_ = 0, failures_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::string backend = "host";
  std::size_t stride = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--backend") backend = argv[i + 1];
    if (option == "--stride") stride = std::strtoull(argv[i + 1], nullptr, 10);
  }
  if (stride == 0) stride = 1;
  try {
#ifdef SMARTZONE_TEEC
    const auto transport = backend == "tee" ? sz::client::open_teec_transport()
                                            : sz::client::open_loopback_transport();
#else
    if (backend != "host") throw sz::Error("this build has no back end 'tee'");
    const auto transport = sz::client::open_loopback_transport();
#endif
    return Replay(*transport, stride).all();
  } catch (const sz::Error& error) {
    std::fprintf(stderr, "hostile_replay: %s\n", error.what());
    return 2;
  }
}
