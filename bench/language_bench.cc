// Tokens per second of a language model's package in this process, for prompts and for single tokens,
// beside the memory bandwidth that a plain sum over as many bytes reaches at best in the same run.
//
//   language_bench MODEL.szp [--threads 1,2] [--prompt 128] [--tokens 64] [--runs 5] [--json]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "compiler/host/language_runner.h"
#include "cores/host/thread_pool.h"
#include "package/package_file.h"

namespace {

using Clock = std::chrono::steady_clock;
using sz::compiler::LanguageRunner;
using Tokens = std::vector<std::uint32_t>;

struct Options {
  std::string package;
  std::vector<unsigned> threads = {1, 2};
  std::size_t prompt = 128, tokens = 64, runs = 5;
  bool json = false;
};

struct Figures {
  unsigned threads = 1;
  double prompt_rate = 0, token_rate = 0;  // tokens per second, medians
  double bandwidth = 0;                    // bytes per second of a plain sum
  double token_bytes = 0;                  // that a token reads: the weights
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

std::uint64_t sum_of(std::span<const std::uint64_t> data) {
  std::uint64_t sums[8] = {};
  for (std::size_t i = 0; i + 8 <= data.size(); i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += data[i + j];
  }
  std::uint64_t all = 0;
  for (const std::uint64_t sum : sums) all += sum;
  return all;
}

// Bytes per second that `threads` threads read at best, each its part several times over.
double read_rate(std::span<const std::uint64_t> data, unsigned threads) {
  constexpr int kPasses = 4;
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    std::vector<std::thread> readers;
    std::vector<std::uint64_t> sums(threads);
    const auto begin = Clock::now();
    for (unsigned t = 0; t < threads; ++t) {
      readers.emplace_back([&, t] {
        const std::size_t part = data.size() / threads;
        for (int pass = 0; pass < kPasses; ++pass) sums[t] += sum_of(data.subspan(t * part, part));
      });
    }
    for (std::thread& reader : readers) reader.join();
    best = std::max(best, kPasses * static_cast<double>(data.size() * 8) / seconds_since(begin));
    if (sums[0] == 1) std::puts("");  // the sums are wanted
  }
  return best;
}

Tokens made_up(std::size_t count, std::uint32_t vocabulary) {
  Tokens tokens(count);
  std::uint32_t state = 12345;
  for (std::uint32_t& token : tokens) {
    state = state * 1664525u + 1013904223u;
    token = (state >> 8) % vocabulary;
  }
  return tokens;
}

// One run: the prompt, then single tokens behind it.
void run_once(LanguageRunner& runner, sz::Workers& workers, const Options& options,
              std::vector<double>* prompts, std::vector<double>* tokens) {
  const Tokens text = made_up(options.prompt + options.tokens, runner.record().vocabulary);
  const std::span all(text);
  runner.reset();
  auto begin = Clock::now();
  runner.feed(all.first(options.prompt), workers);
  prompts->push_back(static_cast<double>(options.prompt) / seconds_since(begin));
  begin = Clock::now();
  for (std::size_t i = 0; i < options.tokens; ++i) {
    runner.feed(all.subspan(options.prompt + i, 1), workers);
  }
  tokens->push_back(static_cast<double>(options.tokens) / seconds_since(begin));
}

std::vector<Figures> measure(const Options& options) {
  std::ifstream file(options.package, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.empty()) throw std::runtime_error(options.package + ": cannot be read");
  LanguageRunner runner(std::as_bytes(std::span(bytes)));
  const auto weights =
      sz::package::read_package(std::as_bytes(std::span(bytes)), options.package).weights.size();
  const std::vector<std::uint64_t> data(weights / 8, 3);
  std::vector<Figures> figures;
  for (const unsigned threads : options.threads) {
    sz::cores::ThreadPool pool(threads);
    std::vector<double> prompts, tokens, unused;
    run_once(runner, pool, options, &unused, &unused);
    for (std::size_t run = 0; run < options.runs; ++run) {
      run_once(runner, pool, options, &prompts, &tokens);
    }
    figures.push_back({threads, median(prompts), median(tokens), read_rate(data, threads),
                       static_cast<double>(weights)});
  }
  return figures;
}

void print(const Options& options, const std::vector<Figures>& figures) {
  if (options.json) std::printf("[");
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const Figures& one = figures[i];
    const double share = one.token_rate * one.token_bytes / one.bandwidth;
    if (options.json) {
      std::printf("%s{\"threads\": %u, \"prompt_rate\": %.2f, \"token_rate\": %.2f, "
                  "\"bandwidth\": %.0f, \"share_of_bandwidth\": %.3f}",
                  i ? ", " : "", one.threads, one.prompt_rate, one.token_rate, one.bandwidth, share);
    } else {
      std::printf("%u threads: prompt of %zu %9.1f tokens/s, single tokens %9.1f /s, %.1f GB/s of "
                  "weights = %.0f %% of a plain sum over them (%.1f GB/s)\n",
                  one.threads, options.prompt, one.prompt_rate, one.token_rate,
                  one.token_rate * one.token_bytes * 1e-9, share * 100, one.bandwidth * 1e-9);
    }
  }
  if (options.json) std::printf("]\n");
}

Options parse(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&] {
      if (++i >= count) throw std::runtime_error(word + " needs a value");
      return std::string(words[i]);
    };
    if (word == "--json") {
      options.json = true;
    } else if (word == "--prompt") {
      options.prompt = std::stoul(value());
    } else if (word == "--tokens") {
      options.tokens = std::stoul(value());
    } else if (word == "--runs") {
      options.runs = std::stoul(value());
    } else if (word == "--threads") {
      options.threads.clear();
      std::stringstream list(value());
      for (std::string one; std::getline(list, one, ',');) {
        options.threads.push_back(static_cast<unsigned>(std::stoul(one)));
      }
    } else if (word.starts_with("--") || !options.package.empty()) {
      throw std::runtime_error("usage: language_bench MODEL.szp [--threads 1,2] [--prompt 128] "
                               "[--tokens 64] [--runs 5] [--json]");
    } else {
      options.package = word;
    }
  }
  return options;
}

}  // namespace

int main(int count, char** words) {
  try {
    const Options options = parse(count, words);
    print(options, measure(options));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "language_bench: %s\n", error.what());
    return 1;
  }
}
