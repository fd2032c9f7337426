#include "cli/chat_template.h"

#include "include/smartzone/smartzone.hpp"

namespace sz::cli {
namespace {

// The texts around what is said.
struct Marks {
  const char* before_system;
  const char* after_system;
  const char* before_message;  // the first
  const char* before_later;    // every later one, after an answer that the model ended
  const char* cut_off;         // instead of the model's own ending, where the answer was cut off
  const char* after_message;
};

constexpr Marks kChatmlMarks = {.before_system = "<|im_start|>system\n",
                                .after_system = "<|im_end|>\n",
                                .before_message = "<|im_start|>user\n",
                                .before_later = "\n<|im_start|>user\n",
                                .cut_off = "<|im_end|>",
                                .after_message = "<|im_end|>\n<|im_start|>assistant\n"};

constexpr Marks kLlama2Marks = {.before_system = "[INST] <<SYS>>\n",
                                .after_system = "\n<</SYS>>\n\n",
                                .before_message = "[INST] ",
                                .before_later = "<s>[INST] ",
                                .cut_off = "</s>",
                                .after_message = " [/INST]"};

constexpr Marks kLlama3Marks = {
    .before_system = "<|start_header_id|>system<|end_header_id|>\n\n",
    .after_system = "<|eot_id|>",
    .before_message = "<|start_header_id|>user<|end_header_id|>\n\n",
    .before_later = "<|start_header_id|>user<|end_header_id|>\n\n",
    .cut_off = "<|eot_id|>",
    .after_message = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"};

const Marks& marks_of(ChatTemplate kind) {
  if (kind == ChatTemplate::kChatml) return kChatmlMarks;
  return kind == ChatTemplate::kLlama2 ? kLlama2Marks : kLlama3Marks;
}

// Without marks: a later message is a line of its own.
std::vector<Segment> plain_segments(const Turn& turn) {
  std::vector<Segment> segments;
  if (turn.first && !turn.system.empty()) segments.push_back({turn.system + "\n"});
  if (!turn.first) segments.push_back({"\n"});
  segments.push_back({turn.message});
  return segments;
}

}  // namespace

const char* chat_template_name(ChatTemplate kind) {
  switch (kind) {
    case ChatTemplate::kNone:
      return "none";
    case ChatTemplate::kChatml:
      return "chatml";
    case ChatTemplate::kLlama2:
      return "llama2";
    case ChatTemplate::kLlama3:
      return "llama3";
  }
  return "unknown";
}

ChatTemplate parse_chat_template(const std::string& name, const std::string& of_model) {
  for (const ChatTemplate kind :
       {ChatTemplate::kNone, ChatTemplate::kChatml, ChatTemplate::kLlama2, ChatTemplate::kLlama3}) {
    if (name == chat_template_name(kind)) return kind;
  }
  if (name != "auto") {
    throw Error("--template " + name + ": must be auto, none, chatml, llama2 or llama3");
  }
  const auto has = [&](const char* mark) { return of_model.find(mark) != std::string::npos; };
  if (has("<|im_start|>")) return ChatTemplate::kChatml;
  if (has("<|start_header_id|>")) return ChatTemplate::kLlama3;
  if (has("[INST]")) return ChatTemplate::kLlama2;
  return ChatTemplate::kNone;
}

std::vector<Segment> turn_segments(ChatTemplate kind, const Turn& turn) {
  if (kind == ChatTemplate::kNone) return plain_segments(turn);
  const Marks& marks = marks_of(kind);
  std::vector<Segment> segments;
  if (!turn.first) {
    segments.push_back({(turn.ended ? "" : std::string(marks.cut_off)) + marks.before_later, true});
  } else if (turn.system.empty()) {
    segments.push_back({marks.before_message, true});
  } else {
    // Llama 2 has the system's text within the first message.
    const bool within = kind == ChatTemplate::kLlama2;
    segments.push_back({marks.before_system, true});
    segments.push_back({turn.system});
    segments.push_back(
        {marks.after_system + std::string(within ? "" : marks.before_message), true});
  }
  segments.push_back({turn.message});
  segments.push_back({marks.after_message, true});
  return segments;
}

}  // namespace sz::cli
