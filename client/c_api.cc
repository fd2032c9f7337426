// The C interface over the C++ one: no exception leaves, no null pointer is followed.
#include <algorithm>
#include <cstring>
#include <string>

#include "client/c_api.h"

using sz::c_api::guarded;
using sz::c_api::require;

namespace {

void fill(const std::vector<sz::TensorInfo>& tensors, std::size_t index, const char* what,
          sz_tensor_info* info) {
  require(info, "info");
  if (index >= tensors.size()) {
    throw sz::Error("there is no " + std::string(what) + " " + std::to_string(index) +
                    "; the model has " + std::to_string(tensors.size()));
  }
  const sz::TensorInfo& from = tensors[index];
  sz_tensor_info to{};
  to.name = from.name.c_str();
  to.type = static_cast<std::int32_t>(from.type);
  to.rank = static_cast<std::uint32_t>(from.shape.size());
  std::fill(std::begin(to.shape), std::end(to.shape), 1);
  std::copy_n(from.shape.begin(), std::min<std::size_t>(from.shape.size(), SZ_MAX_RANK), to.shape);
  to.bytes = from.bytes();
  *info = to;
}

void check_count(const char* what, std::size_t have, std::size_t want) {
  if (have == want) return;
  throw sz::Error("the model has " + std::to_string(want) + " " + what + ", not " +
                  std::to_string(have));
}

void check_bytes(const std::string& what, std::size_t have, std::size_t want) {
  if (have == want) return;
  throw sz::Error(what + " has " + std::to_string(want) + " bytes, not " + std::to_string(have));
}

std::vector<sz::Tensor> to_tensors(const std::vector<sz::TensorInfo>& infos,
                                   const void* const* data, const std::size_t* bytes) {
  std::vector<sz::Tensor> tensors;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    require(data[i], "inputs[i]");
    check_bytes("input '" + infos[i].name + "'", bytes[i], infos[i].bytes());
    const auto* begin = static_cast<const std::byte*>(data[i]);
    tensors.push_back({infos[i], std::vector<std::byte>(begin, begin + bytes[i])});
  }
  return tensors;
}

sz::Session::Options to_options(const sz_options* from) {
  sz::Session::Options options;
  if (from == nullptr) return options;
  for (const std::uint32_t word : from->reserved) {
    if (word != 0) throw sz::Error("sz_options.reserved must be 0: clear the struct first");
  }
  if (from->plugin_lends > 1) throw sz::Error("sz_options.plugin_lends must be 0 or 1");
  options.cores = from->cores;
  options.plugin_lends = from->plugin_lends == 1;
  return options;
}

}  // namespace

namespace sz::c_api {

thread_local std::string last_error;
thread_local std::uint32_t last_status = 0;

int fail(int code, const std::string& message, std::uint32_t status) noexcept {
  try {
    last_error = message;
  } catch (...) {
    last_error.clear();  // no memory even for the sentence
  }
  last_status = status;
  return code;
}

void clear_error() noexcept {
  last_error.clear();
  last_status = 0;
}

void require(const void* pointer, const char* name) {
  if (pointer == nullptr) throw Error(std::string("argument '") + name + "' is null");
}

}  // namespace sz::c_api

extern "C" {

const char* sz_last_error(void) { return sz::c_api::last_error.c_str(); }
uint32_t sz_last_status(void) { return sz::c_api::last_status; }
const char* sz_version(void) { return SMARTZONE_VERSION; }

int sz_package_open(const char* path, sz_package** package) {
  return guarded([&] {
    require(path, "path");
    require(package, "package");
    *package = new sz_package{sz::Package::open(path)};
  });
}

int sz_package_from_bytes(const void* bytes, size_t size, const char* name, sz_package** package) {
  return guarded([&] {
    require(bytes, "bytes");
    require(name, "name");
    require(package, "package");
    const auto* begin = static_cast<const std::byte*>(bytes);
    *package =
        new sz_package{sz::Package::from_bytes(std::vector<std::byte>(begin, begin + size), name)};
  });
}

int sz_package_close(sz_package* package) {
  return guarded([&] { delete package; });
}

int sz_package_name(const sz_package* package, const char** name) {
  return guarded([&] {
    require(package, "package");
    require(name, "name");
    *name = package->package.name().c_str();
  });
}

int sz_package_input_count(const sz_package* package, size_t* count) {
  return guarded([&] {
    require(package, "package");
    require(count, "count");
    *count = package->package.inputs().size();
  });
}

int sz_package_input(const sz_package* package, size_t index, sz_tensor_info* info) {
  return guarded([&] {
    require(package, "package");
    fill(package->package.inputs(), index, "input", info);
  });
}

int sz_package_output_count(const sz_package* package, size_t* count) {
  return guarded([&] {
    require(package, "package");
    require(count, "count");
    *count = package->package.outputs().size();
  });
}

int sz_package_output(const sz_package* package, size_t index, sz_tensor_info* info) {
  return guarded([&] {
    require(package, "package");
    fill(package->package.outputs(), index, "output", info);
  });
}

int sz_package_label_count(const sz_package* package, size_t* count) {
  return guarded([&] {
    require(package, "package");
    require(count, "count");
    *count = package->package.labels().size();
  });
}

int sz_package_label(const sz_package* package, size_t index, const char** label) {
  return guarded([&] {
    require(package, "package");
    require(label, "label");
    const std::vector<std::string>& labels = package->package.labels();
    if (index >= labels.size()) {
      throw sz::Error("there is no label " + std::to_string(index) + "; the model has " +
                      std::to_string(labels.size()));
    }
    *label = labels[index].c_str();
  });
}

int sz_session_open(int backend, sz_session** session) {
  return sz_session_open_with(backend, nullptr, session);
}

int sz_session_open_with(int backend, const sz_options* options, sz_session** session) {
  return guarded([&] {
    require(session, "session");
    if (backend != SZ_BACKEND_TEE && backend != SZ_BACKEND_HOST) {
      throw sz::Error("there is no back end " + std::to_string(backend));
    }
    const auto which = backend == SZ_BACKEND_TEE ? sz::Backend::kTee : sz::Backend::kHost;
    *session = new sz_session{sz::Session::open(which, to_options(options))};
  });
}

int sz_session_close(sz_session* session) {
  return guarded([&] { delete session; });
}

int sz_session_load(sz_session* session, const sz_package* package, sz_progress progress,
                    void* context) {
  return guarded([&] {
    require(session, "session");
    require(package, "package");
    sz::Session::Progress forward;
    if (progress != nullptr) {
      forward = [&](std::uint64_t done, std::uint64_t total) { progress(context, done, total); };
    }
    session->session.load(package->package, forward);
    session->package = package->package;
  });
}

int sz_session_run(sz_session* session, const void* const* inputs, const size_t* input_bytes,
                   size_t input_count, void* const* outputs, const size_t* output_bytes,
                   size_t output_count) {
  return guarded([&] {
    require(session, "session");
    require(inputs, "inputs");
    require(input_bytes, "input_bytes");
    require(outputs, "outputs");
    require(output_bytes, "output_bytes");
    if (!session->package) throw sz::Error("no model is loaded: call sz_session_load first");
    const std::vector<sz::TensorInfo>& infos = session->package->outputs();
    check_count("inputs", input_count, session->package->inputs().size());
    check_count("outputs", output_count, infos.size());
    for (std::size_t i = 0; i < infos.size(); ++i) {
      require(outputs[i], "outputs[i]");
      check_bytes("output '" + infos[i].name + "'", output_bytes[i], infos[i].bytes());
    }
    const std::vector<sz::Tensor> results =
        session->session.run(to_tensors(session->package->inputs(), inputs, input_bytes));
    for (std::size_t i = 0; i < results.size(); ++i) {
      std::memcpy(outputs[i], results[i].data.data(), results[i].data.size());
    }
  });
}

int sz_session_unload(sz_session* session) {
  return guarded([&] {
    require(session, "session");
    session->package.reset();
    session->session.unload();
  });
}

int sz_session_memory(sz_session* session, sz_secure_memory* memory) {
  return guarded([&] {
    require(session, "session");
    require(memory, "memory");
    const sz::SecureMemory from = session->session.secure_memory();
    *memory = {from.control,  from.weights, from.arena,  from.scratch, from.state,
               from.language, from.board,   from.stacks, from.now,     from.peak};
  });
}

int sz_session_device(sz_session* session, sz_device_info* info) {
  return guarded([&] {
    require(session, "session");
    require(info, "info");
    const sz::DeviceInfo from = session->session.device_info();
    sz_device_info to{};
    to.backend = from.backend == sz::Backend::kTee ? SZ_BACKEND_TEE : SZ_BACKEND_HOST;
    to.secure = from.secure ? 1 : 0;
    to.protocol_version = from.protocol_version;
    to.plan_version = from.plan_version;
    std::memcpy(to.tee, from.tee.data(), std::min(from.tee.size(), sizeof(to.tee) - 1));
    to.pool_known = from.pool.known ? 1 : 0;
    to.most_cores = static_cast<std::int32_t>(from.most_cores);
    to.pool_size = from.pool.size;
    to.pool_allocated = from.pool.allocated;
    to.pool_peak = from.pool.peak;
    *info = to;
  });
}

int sz_session_cores(sz_session* session, sz_cores* cores) {
  return guarded([&] {
    require(session, "session");
    require(cores, "cores");
    const sz::CoreReport from = session->session.cores();
    session->advice = from.advice;
    sz_cores to{};
    to.asked = from.asked;
    to.used = from.used;
    to.present = from.present;
    std::copy_n(from.work.begin(), std::min<std::size_t>(from.work.size(), SZ_MAX_CORES), to.work);
    to.runs = from.runs;
    to.shared_steps = from.shared_steps;
    to.evictions = from.evictions;
    to.redone = from.redone;
    to.visits = from.visits;
    to.lending_errors = from.lending_errors;
    to.advice = session->advice.c_str();
    *cores = to;
  });
}

}  // extern "C"
