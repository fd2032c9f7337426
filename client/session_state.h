// What a Session holds.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "client/core_choice.h"
#include "client/lenders.h"
#include "client/transport.h"
#include "include/smartzone/smartzone.hpp"
#include "protocol/commands.h"

namespace sz {

// Of a language model in the trusted application.
struct Conversation {
  std::unique_ptr<client::SharedBuffer> text;     // a prompt, or what was written
  std::unique_ptr<client::SharedBuffer> control;  // the commands' structures
  Context context;                                // as the last command told
  std::uint32_t most_text_bytes = 0;              // of one prompt
};

struct Session::State {
  // Declared first, so that it closes after the buffers have gone.
  std::unique_ptr<client::Transport> transport;
  std::optional<Package> package;  // the model in the trusted application, if there is one
  std::unique_ptr<client::SharedBuffer> info_buffer;
  std::unique_ptr<client::SharedBuffer> inputs;  // of entry point 0, while a model is loaded
  std::unique_ptr<client::SharedBuffer> outputs;
  std::size_t inputs_bytes = 0;
  std::size_t outputs_bytes = 0;

  Options options;
  client::SecureCores secure_cores;  // what the back end said when the session was opened
  client::CoreChoice choice;         // cores reserved for the model
  std::uint32_t usable = 1;          // of these, cores that a run can use
  std::uint64_t group = 0;           // for lenders
  std::unique_ptr<client::SharedBuffer> cores_buffer;
  std::unique_ptr<client::Lenders> lenders;  // while a model is loaded that has a use for them

  std::uint32_t most_cores = 0;  // of the next run; 0: all that there are

  Conversation conversation;

  void command(std::uint32_t number, client::Parameters& parameters, const std::string& doing);
  void command(std::uint32_t number, const std::string& doing);
  smartzone_info info();
  smartzone_cores core_counters();
  void forget();
  void drop_quietly();
  client::CoreChoice choose(const Package& from, std::uint64_t reclaimable);
  void send_plan(const Package& from);
  void begin_loading(const Package& from);
  void invite_lenders();
  void send_weights(const Package& from, const Progress& progress);
  void check_sizes(const Package& loaded);
  std::uint32_t cores_to_use() const;

  // Conversations (conversation.cc).
  const LanguageInfo& language(const char* function) const;
  client::SharedBuffer& text_buffer(std::size_t bytes);
  client::SharedBuffer& control_buffer();
  Context add(std::span<const std::byte> text, std::uint32_t flags, const PromptOptions& how);
  NextPiece next(std::uint32_t most_tokens);
  Score score(bool logits);
};

}  // namespace sz
