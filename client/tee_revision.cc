#include "client/tee_revision.h"

namespace sz::client {

std::string revision_in_log(const std::string& log) {
  static const std::string kMark = "optee: revision ";
  const std::size_t at = log.rfind(kMark);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + kMark.size();
  const std::size_t end = log.find('\n', begin);
  std::string text = log.substr(begin, end == std::string::npos ? end : end - begin);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.pop_back();
  return text;
}

}  // namespace sz::client
