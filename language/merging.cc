#include "language/merging.h"

#include <bit>

#include "language/utf8.h"

namespace sz::language {
namespace {

// Finite scores as keys: higher scores become lower numbers, never the largest.
std::uint32_t key_of(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);  // + 0: -0 becomes +0
  return (bits & 0x80000000u) != 0 ? bits : bits ^ 0x7fffffffu;
}

}  // namespace

Merging::Pair Merging::pair(std::uint32_t at) const {
  const std::uint32_t middle = a_.next[at];
  if (middle == end()) return {kNever, kNoToken};
  if (!spm()) {
    if (a_.token[at] == kNoToken || a_.token[middle] == kNoToken) return {kNever, kNoToken};
    const MergeRecord* merge = tables_.find_merge(a_.token[at], a_.token[middle]);
    return merge == nullptr ? Pair{kNever, kNoToken} : Pair{merge->rank, merge->result};
  }
  const std::uint32_t bytes = a_.next[middle] - at;
  if (bytes > tables_.longest) return {kNever, kNoToken};
  const std::uint32_t token = tables_.find_piece(text_.subspan(at, bytes));
  return token == kNoToken ? Pair{kNever, kNoToken} : Pair{key_of(tables_.scores[token]), token};
}

// Nodes n to 2n - 1 of the tree are the n places; node i below is the better of nodes 2i and 2i
// + 1. Node 1 is the best of all, also where n is no power of two.
std::uint32_t Merging::leaf(std::uint32_t node) const {
  return node >= end() ? node - end() : a_.winner[node];
}

std::uint32_t Merging::better(std::uint32_t a, std::uint32_t b) const {
  if (a_.key[a] != a_.key[b]) return a_.key[a] < a_.key[b] ? a : b;
  return a < b ? a : b;
}

void Merging::update(std::uint32_t at) {
  for (std::uint32_t node = (at + end()) / 2; node >= 1; node /= 2) {
    const std::uint32_t best = better(leaf(2 * node), leaf(2 * node + 1));
    // Where another place won and still does, nothing changes further up.
    if (best == a_.winner[node] && best != at) break;
    a_.winner[node] = best;
  }
}

void Merging::begin() {
  std::uint32_t before = 0;
  for (std::uint32_t at = 0; at < end();) {
    const std::uint32_t bytes = spm() ? decode_utf8(text_, at).bytes : 1;
    a_.next[at] = at + bytes;
    a_.before[at] = before;
    a_.token[at] = spm() ? tables_.find_piece(text_.subspan(at, bytes))
                         : tables_.bytes[static_cast<std::uint8_t>(text_[at])];
    for (std::uint32_t i = 0; i < bytes; ++i) a_.key[at + i] = kNever;
    before = at;
    at += bytes;
  }
  for (std::uint32_t at = 0; at < end(); at = a_.next[at]) a_.key[at] = pair(at).key;
  for (std::uint32_t node = end() - 1; node >= 1; --node) {
    a_.winner[node] = better(leaf(2 * node), leaf(2 * node + 1));
  }
}

void Merging::merge(std::uint32_t at) {
  const std::uint32_t middle = a_.next[at];
  a_.token[at] = pair(at).token;
  a_.next[at] = a_.next[middle];
  if (a_.next[at] != end()) a_.before[a_.next[at]] = at;
  a_.key[middle] = kNever;
  update(middle);
  a_.key[at] = pair(at).key;
  update(at);
  if (at == 0) return;
  const std::uint32_t before = a_.before[at];
  a_.key[before] = pair(before).key;
  update(before);
}

void Merging::run(ByteSpan text) {
  text_ = text;
  begin();
  if (end() == 1) return;
  while (a_.key[leaf(1)] != kNever) merge(leaf(1));
}

}  // namespace sz::language
