// Fuzzes the trusted application from its entry points on, over the shim. The input is a script of
// commands for two sessions: well-formed ones (so that every state is reached), broken ones,
// changes of shared memory during a call, failures of the trusted OS. Whatever happens, a call is
// answered with a known result, what the sessions say is mapped is what the pool has given, and at
// the end everything is back, wiped. ta/corpus/README.md describes the bytes.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/testing/plan_builder.h"
#include "language/generator.h"
#include "language/testing/toy_model.h"
#include "shim/loopback.h"
#include "shim/secure_pool.h"
#include "ta/testing/commands.h"

namespace sz::ta::testing {
namespace {

using engine::testing::branches_plan;
using engine::testing::sequence_plan;
using engine::testing::TestPlan;
using shim::Fault;
using shim::LoopbackSession;
using shim::Param;
using shim::Params;

constexpr std::uint32_t kBadParametersResult = 0xffff0006;  // TEE_ERROR_BAD_PARAMETERS
constexpr std::uint64_t kPoolBytes = 1 << 20;               // small: no plan may compute for long

void demand(bool condition) {
  if (!condition) std::abort();
}

// The bytes of the script; zeroes behind the end.
class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool done() const { return bytes_.empty(); }
  std::uint32_t number(std::size_t width) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value |= std::uint32_t{byte()} << (8 * i);
    return value;
  }
  std::vector<std::byte> bytes(std::size_t size) {
    std::vector<std::byte> taken(size);
    for (std::byte& to : taken) to = std::byte{byte()};
    return taken;
  }

 private:
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }

  std::span<const std::uint8_t> bytes_;
};

TestPlan language_model() {
  engine::testing::PlanBuilder builder = language::testing::toy_model(
      {.layers = 1, .context = 24, .batch = 4, .heads = 2, .kv_heads = 1, .head = 4});
  builder.tables.header.language_bytes = language::generator_bytes(builder.tables.language[0]);
  return builder.finish();
}

const std::array<TestPlan, 5>& plans() {
  static const std::array<TestPlan, 5> all = {
      sequence_plan(ops::Kernel::kReference).builder.finish(),
      sequence_plan(ops::Kernel::kVector).builder.finish(),
      branches_plan(ops::Kernel::kReference).builder.finish(),
      branches_plan(ops::Kernel::kVector).builder.finish(), language_model()};
  return all;
}

// Two sessions and what is known about them.
class Player {
 public:
  ~Player() {
    for (const Fault fault : {Fault::kMap, Fault::kUnmap, Fault::kHeap})
      shim::inject_fault(fault, 0);
    for (Seat& seat : seats_) seat.session.reset();
    demand(shim::pool_statistics().mapped == 0);
  }

  void play(Script script) {
    while (!script.done()) step(script);
  }

 private:
  struct Seat {
    std::unique_ptr<LoopbackSession> session;
    const TestPlan* plan = &plans()[0];
    std::size_t weights_sent = 0;
    std::vector<std::byte> saved;  // a piece that SAVE gave
    shim::Mutator pending;         // for the next call

    Invoke call() {
      return [this](std::uint32_t command, Params& params) {
        session->set_mutator(std::exchange(pending, {}));
        const std::uint32_t result = session->invoke(command, params);
        session->set_mutator({});
        return result;
      };
    }
  };

  void step(Script& script) {
    const std::uint32_t code = script.number(1);
    Seat& seat = seats_[code >> 7];
    if (!seat.session && LoopbackSession::open(&seat.session) != 0) return;
    switch (code & 0xf) {
      case 0:
        return check_facts();
      case 1:
        return begin(seat, script.number(1), script.number(1), {});
      case 2:
        return begin_patched(seat, script);
      case 3:
        return check(load_begin(seat.call(), script.bytes(script.number(1))));
      case 4:
        return send_weights(seat, script.number(2));
      case 5:
        return send_any_weights(seat, script);
      case 6:
        return check(load_end(seat.call()));
      case 7:
        return run_well(seat, script.number(1), script.number(1));
      case 8:
        return run_any(seat, script);
      case 9:
        return check(unload(seat.call()));
      case 10:
        return send_any(seat, script);
      case 11:
        return change_during_next_call(seat, script);
      case 12:
        return shim::inject_fault(Fault{static_cast<int>(script.number(1) % 3)},
                                  script.number(1) % 32);
      case 13:
        return close(seat);
      case 14:
        return load_and_run(seat, script.number(1));
      default:
        return talk(seat, script);
    }
  }

  // A trusted OS takes back all memory of an instance that ends; the shim has no instances, so
  // that tee_unmap must work here.
  void close(Seat& seat) {
    shim::inject_fault(Fault::kUnmap, 0);
    seat.session.reset();
  }

  void check(const Reply& reply) {
    demand(reply.result == 0 || reply.result == kBadParametersResult);
    check_facts();
  }

  void check_facts() {
    std::uint64_t mapped = 0;
    for (Seat& seat : seats_) {
      if (!seat.session) continue;
      smartzone_info facts{};
      demand(info(invoke_of(*seat.session), &facts).ok());
      demand(facts.mapped_now == facts.control_mapped + facts.weights_mapped + facts.arena_mapped +
                                     facts.scratch_mapped + facts.state_mapped +
                                     facts.language_mapped + facts.board_mapped +
                                     facts.stacks_mapped);
      demand(facts.mapped_peak >= facts.mapped_now);
      mapped += facts.mapped_now;
    }
    demand(mapped == shim::pool_statistics().mapped);
  }

  void begin(Seat& seat, std::uint32_t which, std::uint32_t cores, Bytes patched) {
    seat.plan = &plans()[which % plans().size()];
    seat.weights_sent = 0;
    check(load_begin(seat.call(), patched.empty() ? Bytes(seat.plan->plan) : patched, cores));
  }

  void begin_patched(Seat& seat, Script& script) {
    const std::uint32_t which = script.number(1);
    const std::uint32_t flags = script.number(1);
    std::vector<std::byte> plan = plans()[which % plans().size()].plan;
    for (std::uint32_t i = 0; i <= (flags & 7); ++i) {
      const std::uint32_t offset = script.number(2);
      plan[offset % plan.size()] = std::byte(script.number(1));
    }
    if ((flags & 8) == 0) engine::testing::reseal(plan);
    begin(seat, which, flags >> 4, plan);
  }

  void send_weights(Seat& seat, std::size_t bytes) {
    const Bytes weights = seat.plan->weights;
    const std::size_t left = weights.size() - seat.weights_sent;
    const Bytes chunk = weights.subspan(seat.weights_sent, std::min(left, bytes));
    const std::uint64_t offset = seat.weights_sent;
    seat.weights_sent += chunk.size();
    check(load_weights(seat.call(), chunk, offset));
  }

  void send_any_weights(Seat& seat, Script& script) {
    const std::uint64_t offset = script.number(4) | std::uint64_t{script.number(1)} << 32;
    check(load_weights(seat.call(), script.bytes(script.number(1)), offset));
  }

  void run_well(Seat& seat, std::uint32_t entry, std::uint32_t cores) {
    smartzone_info facts{};
    demand(info(invoke_of(*seat.session), &facts).ok());
    const std::vector<std::byte> inputs(facts.inputs_bytes, std::byte{0x3e});
    std::vector<std::byte> outputs(facts.outputs_bytes);
    check(run(seat.call(), inputs, &outputs, entry, cores));
  }

  void run_any(Seat& seat, Script& script) {
    const std::vector<std::byte> inputs(script.number(2), std::byte{0x3f});
    std::vector<std::byte> outputs(script.number(2));
    const std::uint32_t entry = script.number(1);
    check(run(seat.call(), inputs, &outputs, entry, script.number(1)));
  }

  // Any command number, any parameter types, any parameters.
  void send_any(Seat& seat, Script& script) {
    const std::uint32_t command = script.number(1) | script.number(1) << 24;
    const std::uint32_t types = script.number(2);
    Params params;
    std::array<std::vector<std::byte>, 4> buffers;
    for (std::size_t i = 0; i < params.size(); ++i) {
      params[i].kind = static_cast<Param::Kind>(types >> (4 * i) & 0xf);
      params[i].a = script.number(2);
      params[i].b = script.number(1);
      buffers[i] = script.bytes(params[i].a & 0x3f);
      params[i].data = (params[i].b & 1) != 0 ? nullptr : buffers[i].data();
      params[i].size = buffers[i].size();
    }
    check({.result = seat.call()(command, params)});
  }

  // The normal world writes one byte of the shared memory when the call has come to `event`.
  void change_during_next_call(Seat& seat, Script& script) {
    const std::uint32_t event = script.number(1) % 64;
    const std::uint32_t offset = script.number(2);
    const auto value = std::byte(script.number(1));
    const bool reseal = (script.number(1) & 1) != 0;
    seat.pending = [=](std::uint32_t now, const shim::SharedMemory& memory) {
      if (now != event || memory[0].empty()) return;
      memory[0][offset % memory[0].size()] = value;
      if (reseal) engine::testing::reseal(memory[0]);
    };
  }

  // The commands of a conversation.
  void talk(Seat& seat, Script& script) {
    switch (script.number(1) % 6) {
      case 0:
        return say(seat, script);
      case 1:
        return listen(seat, script);
      case 2:
        return judge(seat, script);
      case 3:
        return save_piece(seat, script.number(1) % 4);
      case 4:
        return resume_piece(seat, script);
      default: {
        std::uint32_t left = 0;
        return check(resume(seat.call(), script.number(1), script.bytes(script.number(1)), &left));
      }
    }
  }

  void say(Seat& seat, Script& script) {
    smartzone_prompt request{};
    request.flags = script.number(1);
    request.temperature = static_cast<float>(script.number(1)) / 64.0f;
    request.top_k = script.number(1);
    request.top_p = static_cast<float>(script.number(1)) / 128.0f;
    request.min_p = static_cast<float>(script.number(1)) / 128.0f;
    request.repeat_penalty = static_cast<float>(script.number(1)) / 64.0f;
    request.repeat_window = script.number(1);
    request.seed = script.number(1);
    check(prompt(seat.call(), script.bytes(script.number(1)), request));
  }

  void listen(Seat& seat, Script& script) {
    std::string text(script.number(2), 0);
    smartzone_next reply{};
    const std::uint32_t most = script.number(1);
    const std::size_t room = text.size();
    const Reply said = next(seat.call(), most, &text, &reply, script.number(1));
    demand(!said.ok() || (reply.tokens <= most && reply.text_bytes <= room &&
                          reply.position + reply.waiting <= 24));
    check(said);
  }

  void judge(Seat& seat, Script& script) {
    std::vector<float> logits(script.number(2) % 1024);
    smartzone_score reply{};
    const std::uint32_t most = script.number(1);
    check(score(seat.call(), most, &logits, &reply, script.number(1)));
    demand(logits.empty());  // this plan does not let them leave
  }

  void save_piece(Seat& seat, std::uint32_t number) {
    std::vector<std::byte> piece(SMARTZONE_SAVED_PIECE_BYTES);
    std::uint32_t pieces = 0;
    const Reply reply = save(seat.call(), number, &piece, &pieces);
    if (reply.ok()) seat.saved = piece;
    check(reply);
  }

  // As it was saved, or with a byte changed: then it must not be taken.
  void resume_piece(Seat& seat, Script& script) {
    std::vector<std::byte> piece = seats_[script.number(1) % seats_.size()].saved;
    const std::uint32_t number = script.number(1) % 4;
    const std::uint32_t offset = script.number(2);
    const auto change = std::byte(script.number(1));
    const bool changed = !piece.empty() && change != std::byte{0};
    if (changed) piece[offset % piece.size()] ^= change;
    const bool quiet = !seat.pending;  // nobody changes it back
    std::uint32_t left = 0;
    const Reply reply = resume(seat.call(), number, piece, &left);
    demand(!reply.ok() || !changed || !quiet);
    check(reply);
  }

  void load_and_run(Seat& seat, std::uint32_t which) {
    seat.plan = &plans()[which % plans().size()];
    seat.weights_sent = seat.plan->weights.size();
    check(load_model(seat.call(), seat.plan->plan, seat.plan->weights));
    run_well(seat, 0, 1);
  }

  std::array<Seat, 2> seats_;
};

}  // namespace
}  // namespace sz::ta::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sz::shim::set_pool_limit(sz::ta::testing::kPoolBytes);
  const std::uint64_t dirty = sz::shim::pool_statistics().dirty_unmaps;
  sz::ta::testing::Player().play(sz::ta::testing::Script({data, size}));
  sz::ta::testing::demand(sz::shim::pool_statistics().dirty_unmaps == dirty);
  return 0;
}
