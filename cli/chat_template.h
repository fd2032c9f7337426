// How a conversation in turns becomes the text that a model was trained on.
#pragma once

#include <string>
#include <vector>

namespace sz::cli {

enum class ChatTemplate {
  kNone,    // the messages as they are: the model just writes on
  kChatml,  // <|im_start|>user ... <|im_end|>
  kLlama2,  // [INST] ... [/INST]
  kLlama3,  // <|start_header_id|>user<|end_header_id|> ... <|eot_id|>
};

// "none", "chatml", "llama2", "llama3".
const char* chat_template_name(ChatTemplate kind);

// That of a name; "auto" goes by the markers in the model's own template, and is kNone without one
// or with one of another kind. Throws Error for other names.
ChatTemplate parse_chat_template(const std::string& name, const std::string& of_model);

// A piece of what is added to the conversation. Only the template's own texts may name control
// tokens: what a person writes never does, so that no message can pose as another speaker's.
struct Segment {
  std::string text;
  bool specials = false;
};

struct Turn {
  bool first = true;    // of the conversation
  bool ended = true;    // the answer before was ended by the model, not cut off
  std::string system{};  // what the model is told at the beginning; may be empty
  std::string message{};  // of the person
};

// What goes before the model's answer. The person's message is one segment of its own.
std::vector<Segment> turn_segments(ChatTemplate kind, const Turn& turn);

}  // namespace sz::cli
