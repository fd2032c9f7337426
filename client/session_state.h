// What a Session holds.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/transport.h"
#include "include/smartzone/smartzone.hpp"
#include "protocol/commands.h"

namespace sz {

struct Session::State {
  // Declared first, so that it closes after the buffers have gone.
  std::unique_ptr<client::Transport> transport;
  std::optional<Package> package;  // the model in the trusted application, if there is one
  std::unique_ptr<client::SharedBuffer> info_buffer;
  std::unique_ptr<client::SharedBuffer> inputs;  // of entry point 0, while a model is loaded
  std::unique_ptr<client::SharedBuffer> outputs;
  std::size_t inputs_bytes = 0;
  std::size_t outputs_bytes = 0;

  void command(std::uint32_t number, client::Parameters& parameters, const std::string& doing);
  void command(std::uint32_t number, const std::string& doing);
  smartzone_info info();
  void forget();
  void drop_quietly();
  void send_plan(const Package& from);
  void send_weights(const Package& from, const Progress& progress);
  void check_sizes(const Package& loaded);
};

}  // namespace sz
