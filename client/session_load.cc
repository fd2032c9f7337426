// What a Session does to load a model: decides on the cores, sends the plan and the weights, and
// invites those who will lend their cores.
#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/status.h"
#include "client/cpus.h"
#include "client/errors.h"
#include "client/plan_io.h"
#include "client/secure_supply.h"
#include "client/session_state.h"
#include "package/plan_format.h"
#include "protocol/commands.h"

namespace sz {

using client::Parameter;
using client::Parameters;
using client::SharedBuffer;

namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

// Where each tensor lies in a request or reply, and the size of the whole.
std::size_t layout_bytes(const std::vector<TensorInfo>& tensors) {
  std::size_t end = 0;
  for (const TensorInfo& tensor : tensors) {
    end = align_up(end, package::kIoAlignment) + tensor.bytes();
  }
  return end;
}

}  // namespace

// How many cores the model is loaded for. THE PLACE where that is decided: the rules are in
// choose_cores, the model's own limit and the memory's are added here.
client::CoreChoice Session::State::choose(const Package& from, std::uint64_t reclaimable) {
  const client::CoreLimits limits = {
      .asked = options.cores,
      .cpus = client::usable_cpus(),
      .model_most = client::useful_cores(from.plan(), SMARTZONE_MAX_CORES),
      .secure = secure_cores,
      .backend = transport->backend()};
  client::CoreChoice chosen = client::choose_cores(limits);
  const SecurePool pool = transport->pool();
  const std::uint32_t wanted = chosen.cores;
  const auto fits = [&](std::uint32_t cores) {
    const auto need = client::secure_need(from.plan(), cores);
    return !need || client::supply_suffices(*need, pool, reclaimable);
  };
  while (chosen.cores > 1 && !fits(chosen.cores)) --chosen.cores;
  if (chosen.cores < wanted) chosen.advice = client::memory_advice(wanted, chosen.cores);
  const auto need = client::secure_need(from.plan(), chosen.cores);
  if (need) {
    client::check_supply(from.name(), *need, pool, reclaimable, transport->backend());
  }
  return chosen;
}

// LOAD_BEGIN; for one core if there is no memory for more, which statistics cannot tell (they know
// no pieces and no page tables).
void Session::State::begin_loading(const Package& from) {
  try {
    send_plan(from);
    return;
  } catch (const Error& error) {
    if (choice.cores == 1 ||
        error.status() != static_cast<std::uint32_t>(Status::kOutOfSecureMemory)) {
      throw;
    }
  }
  choice = {1, client::memory_advice(choice.cores, 1)};
  send_plan(from);
}

// The model is ready: starts the threads that will lend their cores to it.
void Session::State::invite_lenders() {
  if (choice.cores == 1) return;
  const smartzone_cores reply = core_counters();
  usable = std::clamp(reply.usable, 1u, choice.cores);
  if (reply.group == 0) usable = 1;
  if (usable == 1) {
    choice.advice = client::closed_advice();
    return;
  }
  group = reply.group;
  if (options.plugin_lends) return;
  lenders = std::make_unique<client::Lenders>(usable - 1, transport->lender_opener());
}

void Session::State::send_plan(const Package& from) {
  const std::span<const std::byte> plan = from.plan();
  const std::unique_ptr<SharedBuffer> buffer =
      transport->allocate(std::max<std::size_t>(plan.size(), 1));
  std::copy(plan.begin(), plan.end(), buffer->bytes().begin());
  const std::uint32_t flags = options.plugin_lends ? SMARTZONE_LOAD_ASKS : 0;
  Parameters parameters{Parameter::memory_in(*buffer, plan.size()),
                        Parameter::value(choice.cores, flags)};
  command(SMARTZONE_CMD_LOAD_BEGIN, parameters, "loading the plan of '" + from.name() + "'");
}

void Session::State::send_weights(const Package& from, const Progress& progress) {
  const std::span<const std::byte> weights = from.weights();
  if (weights.empty()) return;
  const std::unique_ptr<SharedBuffer> buffer =
      transport->allocate(std::min(kChunkBytes, weights.size()));
  for (std::uint64_t done = 0; done < weights.size();) {
    const std::size_t size = std::min<std::size_t>(kChunkBytes, weights.size() - done);
    const auto chunk = weights.subspan(done, size);
    std::copy(chunk.begin(), chunk.end(), buffer->bytes().begin());
    Parameters parameters{
        Parameter::memory_in(*buffer, size),
        Parameter::value(static_cast<std::uint32_t>(done), static_cast<std::uint32_t>(done >> 32))};
    command(SMARTZONE_CMD_LOAD_WEIGHTS, parameters,
            "loading the weights of '" + from.name() + "' at byte " + std::to_string(done));
    done += size;
    if (progress) progress(done, weights.size());
  }
}

// The package says names and shapes, the plan in the trusted application says sizes: both must
// mean the same tensors.
void Session::State::check_sizes(const Package& loaded) {
  if (loaded.language() != nullptr) {  // has been compared with the plan: check_info_against_plan
    conversation.most_text_bytes = client::most_text_bytes(loaded);
    return;
  }
  const smartzone_info reply = info();
  const std::size_t in = layout_bytes(loaded.inputs());
  const std::size_t out = layout_bytes(loaded.outputs());
  // The last tensor may be padded to the alignment of the others.
  const auto same = [](std::uint64_t told, std::uint64_t own) {
    return told == own || told == align_up(own, package::kIoAlignment);
  };
  if (same(reply.inputs_bytes, in) && same(reply.outputs_bytes, out)) {
    inputs = transport->allocate(reply.inputs_bytes);
    outputs = transport->allocate(reply.outputs_bytes);
    inputs_bytes = reply.inputs_bytes;
    outputs_bytes = reply.outputs_bytes;
    return;
  }
  throw Error("package '" + loaded.name() + "' contradicts itself: its information section has " +
              std::to_string(in) + " bytes of inputs and " + std::to_string(out) +
              " of outputs, its plan " + std::to_string(reply.inputs_bytes) + " and " +
              std::to_string(reply.outputs_bytes));
}

void Session::load(const Package& package, const Progress& progress) {
  State& state = *state_;
  client::check_info_against_plan(package);
  const client::CoreChoice choice = state.choose(package, state.info().mapped_now);
  state.forget();
  state.choice = choice;
  try {
    state.begin_loading(package);
    state.send_weights(package, progress);
    state.command(SMARTZONE_CMD_LOAD_END, "loading '" + package.name() + "'");
    state.check_sizes(package);
    state.invite_lenders();
  } catch (const Error& error) {
    const auto need = client::secure_need(package.plan(), state.choice.cores);
    state.drop_quietly();
    if (need && error.status() == static_cast<std::uint32_t>(Status::kOutOfSecureMemory)) {
      throw client::out_of_secure_memory(package.name(), *need, error.detail(),
                                         state.transport->pool(), state.transport->backend());
    }
    throw;
  } catch (...) {  // thrown by `progress`
    state.drop_quietly();
    throw;
  }
  state.package = package;
}

}  // namespace sz
