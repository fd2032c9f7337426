// smartzone run: inputs from files, outputs as answers or as files.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>

#include "cli/app.h"
#include "cli/deal_out.h"
#include "cli/files.h"
#include "cli/inputs.h"
#include "cli/npy.h"
#include "cli/scores.h"
#include "cli/table.h"
#include "cli/writing.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "Inputs by their ending: .jpg .jpeg .png .bmp are pictures and go through the preprocessing\n"
    "that the package records; .npy is a tensor (u8: pixels); .bin .raw .f32 are the input's "
    "bytes.\n"
    "@FILE stands for the paths in FILE, one a line. Several files for a network of one input are\n"
    "several runs in one session. A network of several inputs takes --input NAME=FILE for each.\n"
    "\n"
    "Examples:\n"
    "  smartzone run digits.szp samples/digit_3.png\n"
    "  smartzone run squeezenet.szp --top 3 --json *.jpg\n"
    "  smartzone run --list photos.txt squeezenet.szp --sessions 2\n"
    "  smartzone run squeezenet.szp photo.jpg --cores 2\n"
    "  smartzone run net.szp x.npy --output y.npy\n"
    "  smartzone run net.szp --input left=a.npy --input right=b.npy --output-dir out\n"
    "  smartzone run --backend host digits.szp samples/digit_3.png   (not secure)";

struct RunOptions {
  std::string package;
  std::vector<std::string> files;
  std::vector<std::string> named;
  std::string list;
  std::size_t top = 5;
  std::size_t repeat = 1;
  std::string output;
  std::string output_dir;
  bool values = false;
  CoreOptions cores;
};

// One inference: where its inputs come from. Tensors are read when their turn comes.
struct Job {
  std::vector<std::string> paths;  // one for each input of the network
  std::string name() const { return paths.front(); }
};

std::vector<Job> named_job(const RunOptions& options, const Package& package) {
  Job job{std::vector<std::string>(package.inputs().size())};
  for (const std::string& word : options.named) {
    const std::size_t sign = word.find('=');
    if (sign == std::string::npos) throw Error("--input " + word + ": must be NAME=FILE");
    const std::string name = word.substr(0, sign);
    const auto& inputs = package.inputs();
    const auto found = std::find_if(inputs.begin(), inputs.end(),
                                    [&](const TensorInfo& info) { return info.name == name; });
    if (found == inputs.end()) {
      std::string known;
      for (const TensorInfo& info : inputs) known += (known.empty() ? "" : ", ") + info.name;
      throw Error("--input " + word + ": the network has no input '" + name + "'; it has " + known);
    }
    std::string& path = job.paths[static_cast<std::size_t>(found - inputs.begin())];
    if (!path.empty()) throw Error("--input " + word + ": input '" + name + "' is given twice");
    path = word.substr(sign + 1);
  }
  for (std::size_t i = 0; i < job.paths.size(); ++i) {
    if (job.paths[i].empty()) {
      throw Error("input '" + package.inputs()[i].name + "' is missing: add --input " +
                  package.inputs()[i].name + "=FILE");
    }
  }
  return {job};
}

std::vector<Job> plan_jobs(const RunOptions& options, const Package& package) {
  std::vector<std::string> words = options.files;
  if (!options.list.empty()) words.push_back("@" + options.list);
  const std::vector<std::string> paths = expand_lists(words);
  if (!options.named.empty()) {
    if (!paths.empty()) throw Error("give the inputs either by --input or as files, not both ways");
    return named_job(options, package);
  }
  if (paths.empty()) throw Error("no input: name a file (see smartzone run --help)");
  if (package.inputs().size() != 1) {
    throw Error("'" + package.name() + "' takes " + std::to_string(package.inputs().size()) +
                " inputs: name each with --input NAME=FILE");
  }
  std::vector<Job> jobs;
  for (const std::string& path : paths) jobs.push_back({{path}});
  return jobs;
}

std::vector<Tensor> load_inputs(const Job& job, const Package& package) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < job.paths.size(); ++i) {
    inputs.push_back(load_input(job.paths[i], package.inputs()[i], package));
  }
  return inputs;
}

// A tensor's name as part of a file name.
std::string as_file_name(std::string name) {
  for (char& c : name) {
    if (c == '/' || c == '\\' || c == ':' || static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  return name;
}

// Writes outputs where the user wants them; refuses to write one path twice.
class Writer {
 public:
  Writer(const RunOptions& options, const Package& package, std::size_t jobs) : options_(options) {
    if (!options.output.empty() && (jobs != 1 || package.outputs().size() != 1)) {
      throw Error("--output takes one tensor; use --output-dir for " + std::to_string(jobs) +
                  " runs of " + std::to_string(package.outputs().size()) + " outputs");
    }
    if (!options.output_dir.empty()) std::filesystem::create_directories(options.output_dir);
  }

  void write(const Job& job, const std::vector<Tensor>& outputs) {
    if (!options_.output.empty()) write_one(options_.output, outputs[0]);
    if (options_.output_dir.empty()) return;
    const std::string stem = std::filesystem::path(job.name()).stem().string();
    for (const Tensor& output : outputs) {
      const std::string file = stem + "." + as_file_name(output.info.name) + ".npy";
      if (!written_.insert(file).second) {
        throw Error(file + " would be written twice: two inputs share the name '" + stem + "'");
      }
      write_one((std::filesystem::path(options_.output_dir) / file).string(), output);
    }
  }

 private:
  static void write_one(const std::string& path, const Tensor& tensor) {
    write_file(path, format_npy(tensor.info.type, tensor.info.shape, tensor.data));
  }

  const RunOptions& options_;
  std::set<std::string> written_;
};

Json top_json(const Tensor& tensor, std::size_t count, const std::vector<std::string>& labels) {
  Json list = Json::array();
  for (const Ranked& one : top_scores(tensor, count, labels)) {
    Json entry{{"index", one.index}};
    if (!one.label.empty()) entry["label"] = one.label;
    entry["score"] = one.score;
    list.push_back(entry);
  }
  return list;
}

Json output_json(const Tensor& tensor, const RunOptions& options, const Package& package) {
  Json json = tensor_info_json(tensor.info);
  if (is_scores(tensor.info)) json["top"] = top_json(tensor, options.top, package.labels());
  if (options.values && tensor.info.type == ElementType::kF32) json["values"] = tensor.f32();
  return json;
}

void print_range(const Tensor& tensor) {
  const auto values = tensor.f32();
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  std::cout << ", " << *low << " to " << *high;
}

void print_outputs(const Job& job, const std::vector<Tensor>& outputs, const RunOptions& options,
                   const Package& package) {
  std::cout << job.name() << '\n';
  for (const Tensor& output : outputs) {
    if (!is_scores(output.info)) {
      std::cout << "  " << output.info.name << ": "
                << type_and_shape(output.info.type, output.info.shape);
      if (output.info.type == ElementType::kF32) print_range(output);
      std::cout << '\n';
      continue;
    }
    Table table({{"", Table::Align::kRight}, {"score", Table::Align::kRight}, {"", {}}});
    for (const Ranked& one : top_scores(output, options.top, package.labels())) {
      table.add({"  " + std::to_string(one.index), fixed(one.score, 6), one.label});
    }
    table.print(std::cout);
  }
}

void print_summary(const DeviceInfo& device, const SecureMemory& memory, const CoreReport& cores,
                   const Spread& spread, std::size_t runs, std::size_t sessions) {
  std::cout << runs << (runs == 1 ? " run" : " runs") << " in "
            << (device.secure ? "the secure world (" + device.tee + ")"
                              : "this process (NOT SECURE)")
            << (sessions == 1 ? " on " : " in " + std::to_string(sessions) + " sessions on ")
            << cores_line(cores) << ": median " << fixed(spread.median, 2) << " ms, "
            << (device.secure ? "secure memory " : "memory that would be secure ")
            << mib(memory.peak) << " (weights " << mib(memory.weights) << ", arena "
            << mib(memory.arena) << ", scratch " << mib(memory.scratch) << ", control "
            << mib(memory.control);
  if (cores.used > 1) std::cout << ", other cores " << mib(memory.board + memory.stacks);
  std::cout << (sessions == 1 ? ")\n" : ") each\n");
  // Who asked for a number has been told already.
  if (cores.asked == 0 && !cores.advice.empty()) std::cout << "note: " << cores.advice << '\n';
}

// What one job gave.
struct Answer {
  std::vector<Tensor> outputs;
  std::vector<double> times;  // of its repetitions
};

Answer compute(Session& session, const std::vector<Tensor>& inputs, std::size_t repeat) {
  Answer answer;
  for (std::size_t n = 0; n < repeat; ++n) {
    answer.times.push_back(milliseconds([&] { answer.outputs = session.run(inputs); }));
  }
  return answer;
}

Json answer_json(const Job& job, const Answer& answer, const RunOptions& options,
                 const Package& package) {
  Json result{{"file", job.name()}, {"outputs", Json::array()}};
  for (const Tensor& output : answer.outputs) {
    result["outputs"].push_back(output_json(output, options, package));
  }
  result["time"] = spread_json(spread_of(answer.times));
  return result;
}

int run(const Globals& globals, const RunOptions& options) {
  const Package package = open_network_package(options.package);
  const std::vector<Job> jobs = plan_jobs(options, package);
  Writer writer(options, package, jobs.size());
  // A wrong first file is told before a TEE is asked for.
  const std::vector<Tensor> first = load_inputs(jobs.front(), package);
  static_cast<void>(options.cores.session_options());  // nor for a wrong --cores
  const Backend backend = choose_backend(globals);
  std::vector<Session> sessions;
  const double load_ms =
      milliseconds([&] { sessions = open_sessions(backend, package, options.cores); });
  Json results = Json::array();
  std::vector<double> times;
  const auto work = [&](Session& session, std::size_t i) {
    return compute(session, i == 0 ? first : load_inputs(jobs[i], package), options.repeat);
  };
  const auto take = [&](std::size_t i, const Answer& answer) {
    times.insert(times.end(), answer.times.begin(), answer.times.end());
    writer.write(jobs[i], answer.outputs);
    if (globals.json) {
      results.push_back(answer_json(jobs[i], answer, options, package));
    } else {
      print_outputs(jobs[i], answer.outputs, options, package);
    }
  };
  const double all_ms =
      milliseconds([&] { deal_out<Session, Answer>(sessions, jobs.size(), work, take); });
  Session& session = sessions.front();
  const DeviceInfo device = session.device_info();
  const SecureMemory memory = session.secure_memory();
  const CoreReport cores = session.cores();
  const Spread spread = spread_of(times);
  if (!globals.json) {
    print_summary(device, memory, cores, spread, times.size(), sessions.size());
    return kExitOk;
  }
  print_json({{"package", options.package},
              {"model", package.name()},
              {"backend", backend_name(device.backend)},
              {"secure", device.secure},
              {"tee", device.tee},
              {"results", results},
              {"load_ms", load_ms},
              {"runs", times.size()},
              {"sessions", sessions.size()},
              {"all_ms", all_ms},
              {"cores", cores_json(cores)},
              {"time", spread_json(spread)},
              {"secure_memory", memory_json(memory)}});
  return kExitOk;
}

}  // namespace

void add_run(CLI::App& app, Globals& globals, Action* action) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* sub = app.add_subcommand("run", "run a compiled network on files");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("package", options->package, "compiled network (.szp)")->required();
  sub->add_option("files", options->files, "input files, or @FILE with one path a line");
  sub->add_option("--input", options->named, "NAME=FILE, for each input of the network")
      ->allow_extra_args(false);
  sub->add_option("--list", options->list, "file with one input path a line");
  sub->add_option("--top", options->top, "how many classes to print")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("--repeat", options->repeat, "runs of each input, for their times")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("--output", options->output, "write the output tensor to this .npy file");
  sub->add_option("--output-dir", options->output_dir,
                  "write every output to this folder, as INPUT.OUTPUT.npy");
  add_core_options(*sub, &options->cores, true);
  sub->add_flag("--values", options->values, "with --json: every element of f32 outputs");
  sub->callback([&globals, options, action] {
    *action = [&globals, options] { return run(globals, *options); };
  });
}

}  // namespace sz::cli
