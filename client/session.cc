// Session of the public interface: the protocol's states, spoken over a transport.
#include <algorithm>
#include <cstring>
#include <optional>

#include "base/checked.h"
#include "base/status.h"
#include "client/errors.h"
#include "client/lent_cores.h"
#include "client/session_state.h"
#include "package/plan_format.h"
#include "protocol/commands.h"

namespace sz {

using client::CallResult;
using client::Parameter;
using client::Parameters;
using client::SharedBuffer;
using client::Stage;

namespace {

constexpr std::uint32_t kRunEntry = 0;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

std::string tensor_text(const TensorInfo& info) {
  return std::string(element_type_name(info.type)) + " " + shape_text(info.shape);
}

void check_input(const TensorInfo& want, const Tensor& have, std::size_t index) {
  const std::string which = "input " + std::to_string(index) + " '" + want.name + "'";
  if (have.info.type != want.type || have.info.shape != want.shape) {
    throw Error(which + " must be " + tensor_text(want) + ", but is " + tensor_text(have.info));
  }
  if (have.data.size() != want.bytes()) {
    throw Error(which + " must have " + std::to_string(want.bytes()) + " bytes, but has " +
                std::to_string(have.data.size()));
  }
}

}  // namespace

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Session Session::open(Backend backend) { return open(backend, Options()); }

Session Session::open(Backend backend, const Options& options) {
  if (backend == Backend::kHost) return open(client::open_loopback_transport(), options);
#ifdef SMARTZONE_TEEC
  return open(client::open_teec_transport(), options);
#else
  throw Error(ErrorKind::kDevice,
              "this build has no TEE back end: build it for the device (preset arm64, "
              "SMARTZONE_TEEC=ON), or use the host back end, which is not secure");
#endif
}

Session Session::open(std::unique_ptr<client::Transport> transport) {
  return open(std::move(transport), Options());
}

Session Session::open(std::unique_ptr<client::Transport> transport, const Options& options) {
  auto state = std::make_unique<State>();
  state->transport = std::move(transport);
  state->options = options;
  const smartzone_info info = state->info();
  if (info.protocol_version != SMARTZONE_PROTOCOL_VERSION) {
    throw Error(ErrorKind::kDevice, "the trusted application speaks version " +
                                        std::to_string(info.protocol_version) +
                                        " of the protocol, this client version " +
                                        std::to_string(SMARTZONE_PROTOCOL_VERSION) +
                                        ": install the two that were built together");
  }
  state->secure_cores = state->transport->secure_cores();
  return Session(std::move(state));
}

// Sends a command and turns every answer but success into an Error. `doing` begins the sentence.
void Session::State::command(std::uint32_t number, Parameters& parameters,
                             const std::string& doing) {
  parameters[3] = Parameter::value_out();
  const CallResult call = transport->invoke(number, parameters);
  if (call.result != client::kTeeSuccess) {
    forget();
    throw client::tee_error(Stage::kCommand, call.result, call.origin);
  }
  const std::uint32_t status = parameters[3].a;
  if (status == static_cast<std::uint32_t>(Status::kOk)) return;
  // The trusted application has dropped the model.
  if (status == static_cast<std::uint32_t>(Status::kHelperFault)) forget();
  throw client::status_error(doing, status, parameters[3].b);
}

void Session::State::command(std::uint32_t number, const std::string& doing) {
  Parameters parameters;
  command(number, parameters, doing);
}

smartzone_info Session::State::info() {
  if (!info_buffer) info_buffer = transport->allocate(sizeof(smartzone_info));
  Parameters parameters{Parameter::memory_out(*info_buffer, sizeof(smartzone_info))};
  command(SMARTZONE_CMD_INFO, parameters, "asking the trusted application what it is");
  smartzone_info reply{};
  if (parameters[0].size != sizeof(reply)) {
    throw Error(ErrorKind::kDevice,
                "the trusted application is of another version than this client: its description "
                "has " +
                    std::to_string(parameters[0].size) + " bytes, not " +
                    std::to_string(sizeof(reply)) + "; install the one that came with the client");
  }
  std::memcpy(&reply, info_buffer->bytes().data(), sizeof(reply));
  return reply;
}

smartzone_cores Session::State::core_counters() {
  if (!cores_buffer) cores_buffer = transport->allocate(sizeof(smartzone_cores));
  Parameters parameters{Parameter::memory_out(*cores_buffer, sizeof(smartzone_cores))};
  command(SMARTZONE_CMD_CORES, parameters, "asking the trusted application about cores");
  smartzone_cores reply{};
  if (parameters[0].size != sizeof(reply)) {
    throw Error(ErrorKind::kDevice,
                "the trusted application is of another version than this client: its report of "
                "cores has " +
                    std::to_string(parameters[0].size) + " bytes, not " +
                    std::to_string(sizeof(reply)) + "; install the one that came with the client");
  }
  std::memcpy(&reply, cores_buffer->bytes().data(), sizeof(reply));
  return reply;
}

void Session::State::forget() {
  lenders.reset();  // waits for those inside
  usable = 1;
  group = 0;
  choice = {};
  package.reset();
  inputs.reset();
  outputs.reset();
  conversation = {};
}

std::uint32_t Session::State::cores_to_use() const {
  return most_cores == 0 ? usable : std::min(most_cores, usable);
}

void Session::State::drop_quietly() {
  forget();
  try {
    command(SMARTZONE_CMD_UNLOAD, "dropping the model");
  } catch (const Error&) {
    // An earlier error is the one to tell; the session's end gives the memory back.
  }
}

DeviceInfo Session::device_info() {
  const smartzone_info reply = state_->info();
  DeviceInfo info;
  info.backend = state_->transport->backend();
  info.secure = info.backend == Backend::kTee;
  info.protocol_version = reply.protocol_version;
  info.plan_version = reply.plan_version;
  info.tee = state_->transport->description();
  info.pool = state_->transport->pool();
  info.secure_cores = state_->secure_cores.there;
  info.most_cores = client::choose_cores({.asked = SMARTZONE_MAX_CORES,
                                          .model_most = SMARTZONE_MAX_CORES,
                                          .secure = state_->secure_cores,
                                          .backend = info.backend})
                        .cores;
  return info;
}

std::vector<Tensor> Session::run(std::span<const Tensor> inputs) {
  State& state = *state_;
  if (!state.package) throw Error("no model is loaded: call load before run");
  if (state.package->language() != nullptr) {
    throw Error("'" + state.package->name() +
                "' is a language model: use generate (or prompt and next) instead of run");
  }
  const std::vector<TensorInfo>& wanted = state.package->inputs();
  if (inputs.size() != wanted.size()) {
    throw Error("'" + state.package->name() + "' takes " + std::to_string(wanted.size()) +
                " inputs, not " + std::to_string(inputs.size()));
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_input(wanted[i], inputs[i], i);
    at = align_up(at, package::kIoAlignment);
    std::memcpy(state.inputs->bytes().data() + at, inputs[i].data.data(), inputs[i].data.size());
    at += inputs[i].data.size();
  }
  const std::uint32_t cores = state.cores_to_use();
  Parameters parameters{Parameter::memory_in(*state.inputs, state.inputs_bytes),
                        Parameter::memory_out(*state.outputs, state.outputs_bytes),
                        Parameter::value(kRunEntry, cores)};
  {
    const client::LentCores lent(state.lenders, state.group, cores - 1);
    state.command(SMARTZONE_CMD_RUN, parameters, "running '" + state.package->name() + "'");
  }
  std::vector<Tensor> results;
  at = 0;
  for (const TensorInfo& info : state.package->outputs()) {
    at = align_up(at, package::kIoAlignment);
    const auto bytes = state.outputs->bytes().subspan(at, info.bytes());
    results.push_back({info, std::vector<std::byte>(bytes.begin(), bytes.end())});
    at += info.bytes();
  }
  return results;
}

void Session::use_cores(unsigned most) { state_->most_cores = most; }

void Session::unload() {
  state_->forget();
  state_->command(SMARTZONE_CMD_UNLOAD, "dropping the model");
}

SecureMemory Session::secure_memory() {
  const smartzone_info reply = state_->info();
  SecureMemory memory;
  memory.control = reply.control_mapped;
  memory.weights = reply.weights_mapped;
  memory.arena = reply.arena_mapped;
  memory.scratch = reply.scratch_mapped;
  memory.state = reply.state_mapped;
  memory.language = reply.language_mapped;
  memory.board = reply.board_mapped;
  memory.stacks = reply.stacks_mapped;
  memory.now = reply.mapped_now;
  memory.peak = reply.mapped_peak;
  return memory;
}

CoreReport Session::cores() {
  State& state = *state_;
  CoreReport report;
  report.asked = state.options.cores;
  report.used = state.usable;
  report.advice = state.choice.advice;
  report.work.resize(report.used);
  report.shares.resize(report.used);
  if (!state.package) return report;
  const smartzone_cores counters = state.core_counters();
  double all = 0;
  for (unsigned i = 0; i < report.used; ++i) {
    report.work[i] = counters.work[i];
    all += static_cast<double>(counters.work[i]);
  }
  for (unsigned i = 0; i < report.used && all > 0; ++i) {
    report.shares[i] = static_cast<double>(report.work[i]) / all;
  }
  report.present = counters.present;
  report.runs = counters.runs;
  report.shared_steps = counters.shared_steps;
  report.evictions = counters.evictions;
  report.redone = counters.redone;
  if (state.lenders) {
    const client::LendingCounters lending = state.lenders->counters();
    report.visits = lending.visits;
    report.lending_errors = lending.failed + lending.faulted;
    report.lending_error = state.lenders->last_failure();
  }
  return report;
}

}  // namespace sz
