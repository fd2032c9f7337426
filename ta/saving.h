// A conversation, sealed in pieces (SAVE), and taken back (RESUME).
//
//   piece = PieceHeader | content, encrypted | tag (16 bytes)
//
// The contents of all pieces, one behind the other, are: language::GeneratorState | the tokens
// (u32) | engine::KeptState; each filled up with zeroes to whole blocks of 16 bytes. Every piece
// but the last holds kPieceContent bytes of it. The whole header is authenticated; the key is that
// of one saving (derived with its random number), the nonce is the number of the piece: pieces of
// different savings, or in another order, do not open.
#pragma once

#include <array>
#include <cstdint>

#include "base/memory.h"
#include "base/status.h"
#include "engine/kept_state.h"
#include "engine/model.h"
#include "language/generator.h"
#include "protocol/commands.h"
#include "ta/seal.h"

namespace sz::ta {

inline constexpr std::array<std::uint8_t, 8> kPieceMagic = {'S', 'Z', 'T', 'A', 'L', 'K', 0, 1};
inline constexpr std::uint32_t kSavedVersion = 1;

struct PieceHeader {
  std::array<std::uint8_t, 8> magic;
  std::uint32_t version;                     // kSavedVersion
  std::uint32_t piece;                       // number, from 0
  std::uint32_t pieces;                      // of this saving
  std::uint32_t position;                    // tokens that the caches hold
  std::uint32_t waiting;                     // tokens that wait to be computed
  std::uint32_t reserved;                    // 0
  std::uint64_t bytes;                       // of all contents
  std::array<std::uint8_t, 16> saving;       // random
  std::array<std::uint8_t, 32> plan_sha256;  // covers the weights' digest too
};
static_assert(sizeof(PieceHeader) == 88);

inline constexpr std::uint64_t kPieceContent = 255u << 10;
static_assert(sizeof(PieceHeader) + kPieceContent + sizeof(Seal::Tag) <=
              SMARTZONE_SAVED_PIECE_BYTES);
static_assert(kPieceContent % Seal::kBlockBytes == 0);

// The saving or the resuming that a session is in the middle of. All spans are shared memory: read
// or written once.
class Saving {
 public:
  // Seals the next piece; stores its size and the number of pieces. Errors: kBufferTooSmall;
  // kBadParameters (not piece 0, and not the next one either); kOutOfSecureMemory.
  Failure save(const engine::Model& model, language::Generator& generator, std::uint32_t piece,
               MutableByteSpan out, std::uint64_t* written, std::uint32_t* pieces);

  // Takes the next piece; stores how many are still to come. Piece 0 forgets the conversation that
  // was there. On an error the conversation is empty. Errors: kBadParameters, kSavedForeign,
  // kSavedDamaged (detail: the piece), kOutOfSecureMemory.
  Failure resume(const engine::Model& model, language::Generator& generator, std::uint32_t piece,
                 ByteSpan in, std::uint32_t* left);

  // Ends what was begun; one that was resumed in part is forgotten.
  void stop(const engine::Model& model, language::Generator& generator);

 private:
  enum class Doing : std::uint32_t { kNothing, kSaving, kResuming };
  class Content;

  void begin_saving(const engine::Model& model, language::Generator& generator);
  Failure check(const engine::Model& model, language::Generator& generator,
                const PieceHeader& header, std::uint32_t piece);
  Failure take(const engine::Model& model, language::Generator& generator, std::uint32_t piece,
               ByteSpan in);

  Doing doing_ = Doing::kNothing;
  PieceHeader header_{};  // of the pieces of this saving; `piece` is the next one's
  language::GeneratorState record_{};
};

}  // namespace sz::ta
