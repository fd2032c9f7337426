#include "ta/saving.h"

#include "base/checked.h"
#include "ta/secure_memory.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta {
namespace {

// Bytes that are in the clear in secure memory at a time, beside where they belong.
constexpr std::size_t kStep = 1024;
static_assert(kPieceContent % kStep == 0);

constexpr std::uint32_t kParameter1 = 1;

std::uint64_t blocks(std::uint64_t bytes) { return align_up(bytes, Seal::kBlockBytes); }

std::uint64_t smaller(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }

std::uint32_t pieces_of(std::uint64_t bytes) {
  return static_cast<std::uint32_t>((bytes + kPieceContent - 1) / kPieceContent);
}

std::uint64_t content_of(const PieceHeader& header, std::uint32_t piece) {
  return smaller(header.bytes - piece * kPieceContent, kPieceContent);
}

ByteSpan bytes_of(const PieceHeader& header) {
  return {reinterpret_cast<const std::byte*>(&header), sizeof(header)};
}

// One key for each saving.
bool start_seal(Seal* seal, Seal::Direction direction, const PieceHeader& header) {
  constexpr std::uint8_t kPurpose[] = {'s', 'm', 'a', 'r', 't', 'z', 'o', 'n', 'e', ' ', 'c', 'o',
                                       'n', 'v', 'e', 'r', 's', 'a', 't', 'i', 'o', 'n', ' ', '1'};
  std::array<std::byte, sizeof(kPurpose) + sizeof(header.saving)> name;
  static_assert(sizeof(name) <= Seal::kMaxNameBytes);
  copy_bytes(name.data(), kPurpose, sizeof(kPurpose));
  copy_bytes(name.data() + sizeof(kPurpose), header.saving.data(), sizeof(header.saving));
  return seal->start(direction, name, header.piece, bytes_of(header));
}

void forget(const engine::Model& model, language::Generator& generator) {
  generator.reset();
  const auto tokens = std::as_writable_bytes(generator.tokens());
  wipe_bytes(tokens.data(), tokens.size());
  wipe_bytes(model.state().data(), model.state().size());
}

constexpr Failure kOutOfHeap = {Status::kOutOfSecureMemory,
                                static_cast<std::uint32_t>(MemoryRegion::kSystem)};

}  // namespace

// What all pieces hold, as one row of bytes.
class Saving::Content {
 public:
  // `header` says how many tokens there are, at most the context.
  Content(const engine::Model& model, language::Generator& generator, const PieceHeader& header,
          language::GeneratorState* record)
      : parts_{std::as_writable_bytes(std::span(record, 1)),
               std::as_writable_bytes(
                   generator.tokens().first(std::size_t{header.position} + header.waiting))},
        state_(model, header.position) {}

  std::uint64_t bytes() const {
    return blocks(parts_[0].size()) + blocks(parts_[1].size()) + blocks(state_.bytes());
  }

  // Copies the bytes from `offset` on out; zeroes where there are none.
  void read(std::uint64_t offset, MutableByteSpan to) const {
    fill_bytes(to.data(), 0, to.size());
    for (const MutableByteSpan part : parts_) {
      const std::uint64_t here = overlap(part.size(), offset, to.size());
      if (here != 0) copy_bytes(to.data(), part.data() + offset, here);
      if (!advance(blocks(part.size()), &offset, &to)) return;
    }
    state_.read(offset, to.first(overlap(state_.bytes(), offset, to.size())));
  }

  void write(std::uint64_t offset, MutableByteSpan from) const {
    for (const MutableByteSpan part : parts_) {
      const std::uint64_t here = overlap(part.size(), offset, from.size());
      if (here != 0) copy_bytes(part.data() + offset, from.data(), here);
      if (!advance(blocks(part.size()), &offset, &from)) return;
    }
    state_.write(offset, from.first(overlap(state_.bytes(), offset, from.size())));
  }

 private:
  // Of `count` bytes from `offset` on: how many lie in a part of this size.
  static std::uint64_t overlap(std::uint64_t part, std::uint64_t offset, std::uint64_t count) {
    return offset < part ? smaller(part - offset, count) : 0;
  }

  // Steps behind a part of this size; false if nothing is left.
  static bool advance(std::uint64_t part, std::uint64_t* offset, MutableByteSpan* data) {
    const std::uint64_t here = overlap(part, *offset, data->size());
    *data = data->subspan(here);
    *offset = *offset + here - part;
    return !data->empty();
  }

  MutableByteSpan parts_[2];
  engine::KeptState state_;
};

// Every number of piece 0's header follows from the model and the conversation.
void Saving::begin_saving(const engine::Model& model, language::Generator& generator) {
  record_ = generator.state();
  header_ = {};
  header_.magic = kPieceMagic;
  header_.version = kSavedVersion;
  header_.position = record_.position;
  header_.waiting = record_.waiting;
  header_.plan_sha256 = model.plan().header().sha256;
  TEE_GenerateRandom(header_.saving.data(), header_.saving.size());
  header_.bytes = Content(model, generator, header_, &record_).bytes();
  header_.pieces = pieces_of(header_.bytes);
  doing_ = Doing::kSaving;
}

Failure Saving::save(const engine::Model& model, language::Generator& generator,
                     std::uint32_t piece, MutableByteSpan out, std::uint64_t* written,
                     std::uint32_t* pieces) {
  if (out.size() < SMARTZONE_SAVED_PIECE_BYTES) {
    return {Status::kBufferTooSmall, SMARTZONE_SAVED_PIECE_BYTES};
  }
  if (piece == 0) {
    stop(model, generator);
    begin_saving(model, generator);
  } else if (doing_ != Doing::kSaving || piece != header_.piece) {
    stop(model, generator);
    return {Status::kBadParameters, kParameter1};
  }
  Seal seal;
  if (!start_seal(&seal, Seal::Direction::kSeal, header_)) return kOutOfHeap;
  const Content content(model, generator, header_, &record_);
  TEE_MemMove(out.data(), &header_, sizeof(header_));
  std::uint64_t place = sizeof(header_);
  std::byte step[kStep];
  const std::uint64_t bytes = content_of(header_, piece);
  for (std::uint64_t done = 0; done < bytes;) {
    const MutableByteSpan now(step, smaller(kStep, bytes - done));
    content.read(piece * kPieceContent + done, now);
    seal.update(now);
    TEE_MemMove(out.data() + place, now.data(), now.size());
    done += now.size();
    place += now.size();
  }
  const Seal::Tag tag = seal.tag();
  TEE_MemMove(out.data() + place, tag.data(), tag.size());
  *written = place + tag.size();
  *pieces = header_.pieces;
  if (++header_.piece == header_.pieces) doing_ = Doing::kNothing;
  return kSuccess;
}

// Whether this is the header of the piece that is due. Nothing of it is authenticated yet.
Failure Saving::check(const engine::Model& model, language::Generator& generator,
                      const PieceHeader& header, std::uint32_t piece) {
  const Failure damaged = {Status::kSavedDamaged, piece};
  if (header.magic != kPieceMagic) return damaged;
  if (header.version != kSavedVersion || header.plan_sha256 != model.plan().header().sha256) {
    return {Status::kSavedForeign, piece};
  }
  if (header.piece != piece) return damaged;
  if (piece != 0) return equal_bytes(&header, &header_, sizeof(header)) ? kSuccess : damaged;
  const std::uint64_t tokens = std::uint64_t{header.position} + header.waiting;
  if (tokens > model.language()->context || header.reserved != 0) return damaged;
  header_ = header;
  const std::uint64_t bytes = Content(model, generator, header, &record_).bytes();
  return header.bytes == bytes && header.pieces == pieces_of(bytes) ? kSuccess : damaged;
}

// Decrypts to where everything belongs; the caller forgets it all if it was not authentic.
Failure Saving::take(const engine::Model& model, language::Generator& generator,
                     std::uint32_t piece, ByteSpan in) {
  const Failure damaged = {Status::kSavedDamaged, piece};
  PieceHeader header;
  if (in.size() < sizeof(header) + sizeof(Seal::Tag)) return damaged;
  TEE_MemMove(&header, in.data(), sizeof(header));
  const Failure failure = check(model, generator, header, piece);
  if (!failure.ok()) return failure;
  const std::uint64_t bytes = content_of(header, piece);
  if (in.size() != sizeof(header) + bytes + sizeof(Seal::Tag)) return damaged;

  Seal seal;
  if (!start_seal(&seal, Seal::Direction::kOpen, header)) return kOutOfHeap;
  const Content content(model, generator, header, &record_);
  const std::byte* from = in.data() + sizeof(header);
  std::byte step[kStep];
  for (std::uint64_t done = 0; done < bytes;) {
    const MutableByteSpan now(step, smaller(kStep, bytes - done));
    TEE_MemMove(now.data(), from + done, now.size());
    seal.update(now);
    content.write(piece * kPieceContent + done, now);
    done += now.size();
  }
  wipe_bytes(step, sizeof(step));
  Seal::Tag tag;
  TEE_MemMove(tag.data(), from + bytes, tag.size());
  if (!seal.authentic(tag)) return damaged;
  if (++header_.piece < header_.pieces) return kSuccess;
  return generator.restore(record_).ok() ? kSuccess : damaged;
}

Failure Saving::resume(const engine::Model& model, language::Generator& generator,
                       std::uint32_t piece, ByteSpan in, std::uint32_t* left) {
  const bool due = piece == 0 || (doing_ == Doing::kResuming && piece == header_.piece);
  if (piece == 0) forget(model, generator);
  doing_ = Doing::kResuming;
  const Failure failure =
      due ? take(model, generator, piece, in) : Failure{Status::kBadParameters, kParameter1};
  if (!failure.ok()) {
    stop(model, generator);
    return failure;
  }
  *left = header_.pieces - header_.piece;
  if (*left == 0) doing_ = Doing::kNothing;
  return kSuccess;
}

void Saving::stop(const engine::Model& model, language::Generator& generator) {
  if (doing_ == Doing::kResuming) forget(model, generator);
  doing_ = Doing::kNothing;
  wipe_bytes(&record_, sizeof(record_));
}

}  // namespace sz::ta
