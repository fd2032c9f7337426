// smartzone device-info: what there is to run on.
#include <sys/utsname.h>

#include <iostream>
#include <thread>

#include "cli/app.h"
#include "cli/table.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "Opens a session with the trusted application, so it also says whether that works.\n"
    "\n"
    "Examples:\n"
    "  smartzone device-info\n"
    "  smartzone device-info --json --backend tee";

std::string kernel() {
  utsname name{};
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

Json pool_json(const SecurePool& pool) {
  if (!pool.known) return nullptr;
  return {{"size", pool.size},
          {"allocated", pool.allocated},
          {"free", pool.size - std::min(pool.size, pool.allocated)},
          {"peak", pool.peak}};
}

void print_text(const DeviceInfo& info, unsigned cores) {
  std::cout << "back end           " << backend_name(info.backend)
            << (info.secure ? " (secure world)" : " (this process, NOT SECURE)") << '\n'
            << "TEE                " << info.tee << '\n'
            << "kernel             " << kernel() << '\n'
            << "cores              " << cores << '\n'
            << "secure cores       "
            << (info.secure_cores
                    ? "yes, a network computes on at most " + std::to_string(info.most_cores)
                    : std::string("no: a network computes on one"))
            << '\n'
            << "protocol version   " << info.protocol_version << '\n'
            << "plan version       " << info.plan_version << '\n';
  if (!info.pool.known) {
    std::cout << "secure memory      not known: this OP-TEE has no statistics (CFG_WITH_STATS)\n";
    return;
  }
  const std::uint64_t free = info.pool.size - std::min(info.pool.size, info.pool.allocated);
  std::cout << "secure memory      " << mib(info.pool.size) << " for trusted applications, "
            << mib(free) << " free, at most " << mib(info.pool.peak) << " were in use\n";
}

int device_info(const Globals& globals) {
  Session session = open_session(choose_backend(globals));
  const DeviceInfo info = session.device_info();
  const unsigned cores = std::thread::hardware_concurrency();
  if (!globals.json) {
    print_text(info, cores);
    return kExitOk;
  }
  print_json({{"backend", backend_name(info.backend)},
              {"secure", info.secure},
              {"tee", info.tee},
              {"kernel", kernel()},
              {"cores", cores},
              {"secure_cores", info.secure_cores},
              {"most_cores", info.most_cores},
              {"protocol_version", info.protocol_version},
              {"plan_version", info.plan_version},
              {"client_version", SMARTZONE_VERSION},
              {"secure_pool", pool_json(info.pool)}});
  return kExitOk;
}

}  // namespace

void add_device_info(CLI::App& app, Globals& globals, Action* action) {
  CLI::App* sub = app.add_subcommand("device-info", "show the TEE, its versions and its memory");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->callback([&globals, action] { *action = [&globals] { return device_info(globals); }; });
}

}  // namespace sz::cli
