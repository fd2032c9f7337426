// Status codes of the trusted rooms.
//
// The numbers cross the boundary between the worlds and are frozen: a code is never renumbered
// or reused. Trusted code carries no strings: a failure is a Status plus one integer (the index
// or byte offset of what is wrong); the normal world makes the sentence (see status_text.h).
#pragma once

#include <cstdint>

namespace sz {

enum class [[nodiscard]] Status : std::uint32_t {
  kOk = 0,

  // 1xx  the request itself
  kBadCommand = 100,         // command number unknown to this version
  kBadParameters = 101,      // parameter types or sizes do not fit the command
  kBadState = 102,           // command not allowed now (e.g. run before load)
  kBufferTooSmall = 103,     // output buffer too small; detail = bytes needed
  kInputSize = 104,          // input bytes differ from what the entry point takes; detail = needed
  kBadEntryPoint = 105,      // no such entry point; detail = the index asked for

  // 2xx  structure of the plan (package/plan_format.h)
  kPlanTruncated = 200,      // fewer bytes than the header or the tables need; detail = needed
  kPlanMagic = 201,          // not a plan
  kPlanVersion = 202,        // detail = the version found
  kPlanDigest = 203,         // SHA-256 over the plan does not match
  kPlanSize = 204,           // tables do not fill the plan exactly; detail = expected bytes
  kPlanLimit = 205,          // a count or size exceeds its limit; detail = the offending value
  kPlanReserved = 206,       // a reserved field is not zero; detail = record index

  // 3xx  meaning of the plan; detail = index of the step or tensor
  kUnknownOperator = 300,    // detail = step
  kUnknownKernel = 301,      // detail = step
  kOperandCount = 302,       // detail = step
  kOperandIndex = 303,       // operand names no tensor; detail = step
  kTensorDtype = 304,        // detail = tensor
  kTensorRank = 305,         // detail = tensor
  kTensorShape = 306,        // a dimension is 0 or the size overflows; detail = tensor
  kTensorRegion = 307,       // detail = tensor
  kTensorBounds = 308,       // reaches past the end of its region; detail = tensor
  kTensorAlignment = 309,    // detail = tensor; of an operator that asks for more than its type: step
  kTensorPitch = 310,        // detail = tensor
  kBadAttribute = 311,       // attribute out of range or of wrong count; detail = step
  kShapeMismatch = 312,      // operand shapes do not fit the operator; detail = step
  kDtypeMismatch = 313,      // operand types do not fit the operator; detail = step
  kWriteToConstant = 314,    // a step or entry writes weights; detail = step
  kReadBeforeWrite = 315,    // reads a tensor nothing has written (or that was overwritten); detail = step
  kIllegalAlias = 316,       // operands overlap where the operator does not allow it; detail = step
  kScratchTooSmall = 317,    // operator needs more scratch than the plan grants; detail = step
  kEntryInvalid = 318,       // entry point's steps or tensors out of range; detail = entry
  kLanguageInvalid = 319,    // the language record does not fit the plan; detail = field
  kTokenizerInvalid = 320,   // the tokenizer's tables are damaged; detail = offset

  // 4xx  resources
  kOutOfSecureMemory = 400,  // detail = MemoryRegion that could not be had

  // 5xx  integrity of the weights
  kWeightsOffset = 500,      // chunk out of order or past the end; detail = low word of the offset expected
  kWeightsDigest = 501,      // SHA-256 over the weights does not match
  kWeightsIncomplete = 502,  // load finished before all weights came; detail = bytes missing (low word)

  // 6xx  data-dependent refusals while running
  kIndexOutOfRange = 600,    // detail = step
  kContextFull = 601,        // no room for more tokens; detail = tokens that the context holds
  kBadText = 602,            // a prompt that is not valid UTF-8; detail = offset of the bad byte
  kPromptTooLong = 603,      // detail = tokens or bytes that it may have
  kBadSampling = 604,        // a sampling setting out of range; detail = its number
  kBadToken = 605,           // a token that the vocabulary does not have; detail = its place

  // 7xx  cores that the normal world lends
  kHelperFault = 700,        // code on another core faulted: a defect; detail = the trusted OS's code

  // 8xx  saved conversations
  kSavedDamaged = 800,       // a saved conversation that was changed, or is not one; detail = chunk
  kSavedForeign = 801,       // saved by another model, device or version

  // 9xx
  kInternal = 900,           // a check of our own failed; a defect
};

// A Status with the one integer that says where.
struct [[nodiscard]] Failure {
  Status status = Status::kOk;
  std::uint32_t detail = 0;

  constexpr bool ok() const { return status == Status::kOk; }
};

inline constexpr Failure kSuccess{};

// A size or count as the detail of a failure: one of more than 32 bits becomes the largest detail.
constexpr std::uint32_t detail_of(std::uint64_t value) {
  return value > 0xffffffffu ? 0xffffffffu : static_cast<std::uint32_t>(value);
}

}  // namespace sz
