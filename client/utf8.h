// Whole characters from a stream of bytes.
#pragma once

#include <string>
#include <string_view>

namespace sz::client {

// Takes bytes as they come and gives valid UTF-8: a character that is not complete waits for the
// rest of its bytes; what can be no character comes as U+FFFD, one for each maximal part of one.
class Utf8Joiner {
 public:
  // The characters that `bytes` completes.
  std::string add(std::string_view bytes);

  // The end of the text: an unfinished character as U+FFFD, or nothing.
  std::string end();

 private:
  std::string waiting_;  // at most three bytes: the beginning of a character
};

}  // namespace sz::client
