#include "compiler/import/llama2c/reader.h"

#include "base/checked.h"
#include "compiler/error.h"
#include "compiler/import/messages.h"
#include "language/tokenizer_format.h"

namespace sz::compiler::llama2c {
namespace {

constexpr std::uint32_t kMagic = 0x616b3432;  // "ak42"
constexpr std::size_t kLegacyHeader = 7 * 4;
constexpr std::size_t kHeader = 256;
constexpr std::size_t kSizesAt = 8, kSharedAt = 36, kGroupAt = 37;  // behind magic and version

// What stands in the file, in its order; once for each layer, or once.
struct Piece {
  Part part;
  const char* name;
  bool layers;
  std::uint64_t outputs, inputs;
  bool vector = false;
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& source)
      : bytes_(bytes), source_(source) {}
  Checkpoint read();

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw CompileError(source_ + ": " + what);
  }
  void read_header();
  std::uint32_t size(std::size_t index, const char* name, std::uint32_t most);
  void read_sizes(std::size_t at, bool legacy);
  std::vector<Piece> pieces() const;
  void take_piece(const Piece& piece, std::uint32_t layer);
  std::span<const std::byte> take(std::uint64_t count, std::uint64_t each, const std::string& name);

  std::span<const std::byte> bytes_;
  const std::string& source_;
  std::size_t sizes_at_ = 0, at_ = 0;
  Checkpoint out_;
};

// The number of the header that stands at this place among the seven.
std::uint32_t Reader::size(std::size_t index, const char* name, std::uint32_t most) {
  const std::size_t at = sizes_at_ + index * 4;
  const std::int32_t value = number_at<std::int32_t>(bytes_, at);
  if (value < 1 || static_cast<std::uint32_t>(value) > most) {
    refuse(std::string(name) + " is " + std::to_string(value) + " (byte " + std::to_string(at) +
           "), not within 1 to " + std::to_string(most) + "; is it a checkpoint of llama2.c?");
  }
  return static_cast<std::uint32_t>(value);
}

void Reader::read_sizes(std::size_t at, bool legacy) {
  sizes_at_ = at;
  out_.width = size(0, "dim", kMaxWidth);
  out_.hidden = size(1, "hidden_dim", kMaxWidth);
  out_.layers = size(2, "n_layers", kMaxLayers);
  out_.heads = size(3, "n_heads", out_.width);
  out_.kv_heads = size(4, "n_kv_heads", out_.heads);
  const std::int32_t vocabulary = number_at<std::int32_t>(bytes_, at + 20);
  if (legacy && vocabulary < 0 && vocabulary >= -static_cast<std::int32_t>(language::kMaxTokens)) {
    out_.vocabulary = static_cast<std::uint32_t>(-vocabulary);
  } else {
    out_.vocabulary = size(5, "vocab_size", language::kMaxTokens);
    out_.tied = true;  // of version 1 and 2 a flag says it
  }
  out_.context = size(6, "seq_len", kMaxContext);
  if (out_.width % out_.heads != 0 || out_.width / out_.heads % 2 != 0) {
    refuse("dim " + std::to_string(out_.width) + " makes no " + std::to_string(out_.heads) +
           " heads of an even number of numbers each");
  }
  if (out_.heads % out_.kv_heads != 0) {
    refuse(std::to_string(out_.kv_heads) + " key-value heads are no divisor of " +
           std::to_string(out_.heads) + " heads");
  }
}

void Reader::read_header() {
  if (bytes_.size() < kLegacyHeader) {
    refuse("is no checkpoint of llama2.c: it has " + std::to_string(bytes_.size()) +
           " bytes, less than a header");
  }
  if (number_at<std::uint32_t>(bytes_, 0) != kMagic) {
    read_sizes(0, true);
    at_ = kLegacyHeader;
    return;
  }
  out_.version = number_at<std::uint32_t>(bytes_, 4);
  if (out_.version != 1 && out_.version != 2) {
    refuse("is a checkpoint of llama2.c's version " + std::to_string(out_.version) +
           "; versions 1, 2 and the one without a number are read");
  }
  if (bytes_.size() < kHeader) refuse("its header of 256 bytes is cut off");
  read_sizes(kSizesAt, false);
  const auto shared = number_at<std::uint8_t>(bytes_, kSharedAt);
  if (shared > 1) {
    refuse("the flag shared_classifier is " + std::to_string(shared) + " (byte 36), not 0 or 1");
  }
  out_.tied = shared == 1;
  if (out_.version == 2) {
    const auto group = number_at<std::int32_t>(bytes_, kGroupAt);
    if (group < 1 || static_cast<std::uint32_t>(group) > kMaxWidth) {
      refuse("the group size is " + std::to_string(group) + " (byte 37), not within 1 to " +
             std::to_string(kMaxWidth));
    }
    out_.group = static_cast<std::uint32_t>(group);
  }
  at_ = kHeader;
}

std::vector<Piece> Reader::pieces() const {
  const std::uint64_t width = out_.width, hidden = out_.hidden, head = width / out_.heads;
  const std::uint64_t kv = out_.kv_heads * head, vocabulary = out_.vocabulary;
  const Piece embedding = {Part::kEmbedding, "tok_embeddings", false, vocabulary, width};
  const Piece attention_norm = {Part::kAttentionNorm, "attention_norm", true, 1, width, true};
  const Piece ffn_norm = {Part::kFfnNorm, "ffn_norm", true, 1, width, true};
  const Piece final_norm = {Part::kFinalNorm, "norm", false, 1, width, true};
  const Piece attention[] = {{Part::kQ, "attention.wq", true, width, width},
                             {Part::kK, "attention.wk", true, kv, width},
                             {Part::kV, "attention.wv", true, kv, width},
                             {Part::kO, "attention.wo", true, width, width}};
  const Piece feed_forward[] = {{Part::kGate, "feed_forward.w1", true, hidden, width},
                                {Part::kDown, "feed_forward.w2", true, width, hidden},
                                {Part::kUp, "feed_forward.w3", true, hidden, width}};
  std::vector<Piece> list;
  const auto add = [&](std::span<const Piece> some) {
    for (const Piece& piece : some) list.push_back(piece);
  };
  if (out_.version == 0) {
    list.push_back(embedding);
    list.push_back(attention_norm);
    add(attention);
    list.push_back(ffn_norm);
    add(feed_forward);
    list.push_back(final_norm);
    // cos and sin, which llama2.c computes anew.
    list.push_back({Part::kRotaryTables, "freq_cis", false, out_.context, head, true});
  } else {
    list.push_back(attention_norm);
    list.push_back(ffn_norm);
    list.push_back(final_norm);
    list.push_back(embedding);
    add(attention);
    add(feed_forward);
  }
  if (!out_.tied) list.push_back({Part::kHead, "output", false, vocabulary, width});
  return list;
}

std::span<const std::byte> Reader::take(std::uint64_t count, std::uint64_t each,
                                        const std::string& name) {
  std::uint64_t size = 0;
  if (!checked_mul(count, each, &size) || size > bytes_.size() - at_) {
    refuse("is too short: " + name + " needs " + std::to_string(count) + " numbers of " +
           std::to_string(each) + " bytes at byte " + std::to_string(at_) + ", but only " +
           std::to_string(bytes_.size() - at_) + " bytes are left");
  }
  const auto part = bytes_.subspan(at_, static_cast<std::size_t>(size));
  at_ += static_cast<std::size_t>(size);
  return part;
}

void Reader::take_piece(const Piece& piece, std::uint32_t layer) {
  Tensor tensor;
  tensor.part = piece.part;
  tensor.layer = layer;
  tensor.name = piece.layers ? "layers." + std::to_string(layer) + '.' + piece.name : piece.name;
  tensor.outputs = static_cast<std::uint32_t>(piece.outputs);
  tensor.inputs = static_cast<std::uint32_t>(piece.inputs);
  tensor.grouped = out_.version == 2 && !piece.vector;
  const std::uint64_t count = piece.outputs * piece.inputs;  // below 2^26 x 2^20
  tensor.values = take(count, tensor.grouped ? 1 : 4, tensor.name);
  if (tensor.grouped) {
    if (count % out_.group != 0) {
      refuse(tensor.name + " has " + std::to_string(count) +
             " numbers, which are no whole groups of " + std::to_string(out_.group));
    }
    tensor.scales = take(count / out_.group, 4, "the scales of " + tensor.name);
  }
  if (piece.part != Part::kRotaryTables) out_.tensors.push_back(std::move(tensor));
}

Checkpoint Reader::read() {
  read_header();
  for (const Piece& piece : pieces()) {
    for (std::uint32_t layer = 0; layer < (piece.layers ? out_.layers : 1); ++layer) {
      take_piece(piece, layer);
    }
  }
  if (at_ != bytes_.size()) {
    refuse("is too long: its header asks for " + std::to_string(at_) + " bytes, and it has " +
           std::to_string(bytes_.size()));
  }
  return std::move(out_);
}

}  // namespace

Checkpoint read_checkpoint(std::span<const std::byte> bytes, const std::string& source) {
  return Reader(bytes, source).read();
}

}  // namespace sz::compiler::llama2c
