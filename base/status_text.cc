#include "base/status_text.h"

#include <algorithm>
#include <iterator>

namespace sz {
namespace {

struct Entry {
  Status status;
  std::string_view name;
  std::string_view sentence;
  bool with_detail;
};

constexpr Entry kEntries[] = {
    {Status::kOk, "kOk",
     "no error", false},
    {Status::kBadCommand, "kBadCommand",
     "the trusted application does not know this command: client and TA are of different versions", false},
    {Status::kBadParameters, "kBadParameters",
     "the parameters do not fit the command", false},
    {Status::kBadState, "kBadState",
     "the command is not allowed in this state (load a model before running it)", false},
    {Status::kBufferTooSmall, "kBufferTooSmall",
     "the output buffer is too small; bytes needed:", true},
    {Status::kInputSize, "kInputSize",
     "the input has the wrong size; bytes needed:", true},
    {Status::kBadEntryPoint, "kBadEntryPoint",
     "the model has no entry point", true},
    {Status::kPlanTruncated, "kPlanTruncated",
     "the plan is cut short; bytes needed:", true},
    {Status::kPlanMagic, "kPlanMagic",
     "this is not a SmartZone plan (wrong magic number)", false},
    {Status::kPlanVersion, "kPlanVersion",
     "the plan has a version that this trusted application does not run: compile the model again; version found:", true},
    {Status::kPlanDigest, "kPlanDigest",
     "the plan's SHA-256 does not match: the package is damaged or was altered", false},
    {Status::kPlanSize, "kPlanSize",
     "the tables do not fill the plan exactly; bytes expected:", true},
    {Status::kPlanLimit, "kPlanLimit",
     "a count or size in the plan exceeds its limit; value found:", true},
    {Status::kPlanReserved, "kPlanReserved",
     "a reserved field of the plan is not zero; record", true},
    {Status::kUnknownOperator, "kUnknownOperator",
     "unknown operator code in step", true},
    {Status::kUnknownKernel, "kUnknownKernel",
     "the operator has no such kernel; step", true},
    {Status::kOperandCount, "kOperandCount",
     "wrong number of operands in step", true},
    {Status::kOperandIndex, "kOperandIndex",
     "an operand names no tensor; step", true},
    {Status::kTensorDtype, "kTensorDtype",
     "unknown element type; tensor", true},
    {Status::kTensorRank, "kTensorRank",
     "too many dimensions, or one behind the rank is not 1; tensor", true},
    {Status::kTensorShape, "kTensorShape",
     "a dimension is zero or the size overflows; tensor", true},
    {Status::kTensorRegion, "kTensorRegion",
     "unknown region; tensor", true},
    {Status::kTensorBounds, "kTensorBounds",
     "the tensor reaches past the end of its region; tensor", true},
    {Status::kTensorAlignment, "kTensorAlignment",
     "the tensor is not aligned; tensor", true},
    {Status::kTensorPitch, "kTensorPitch",
     "the pitch is smaller than a row, or too large; tensor", true},
    {Status::kBadAttribute, "kBadAttribute",
     "an attribute is out of range, or their number is wrong; step", true},
    {Status::kShapeMismatch, "kShapeMismatch",
     "the shapes of the operands do not fit the operator; step", true},
    {Status::kDtypeMismatch, "kDtypeMismatch",
     "the element types of the operands do not fit the operator; step", true},
    {Status::kWriteToConstant, "kWriteToConstant",
     "something writes to constant memory; step", true},
    {Status::kReadBeforeWrite, "kReadBeforeWrite",
     "reads a tensor before anything has written it; step", true},
    {Status::kIllegalAlias, "kIllegalAlias",
     "operands overlap where the operator does not allow it; step", true},
    {Status::kScratchTooSmall, "kScratchTooSmall",
     "the operator needs more scratch memory than the plan grants; step", true},
    {Status::kEntryInvalid, "kEntryInvalid",
     "steps or tensors of the entry point are out of range, overlap or are never written; entry point", true},
    {Status::kLanguageInvalid, "kLanguageInvalid",
     "the plan's language record does not fit the plan; field", true},
    {Status::kTokenizerInvalid, "kTokenizerInvalid", "the tokenizer's tables are damaged; offset", true},
    {Status::kOutOfSecureMemory, "kOutOfSecureMemory",
     "secure memory cannot be had for region", true},
    {Status::kWeightsOffset, "kWeightsOffset",
     "a piece of the weights came out of order or reaches past their end; offset expected:", true},
    {Status::kWeightsDigest, "kWeightsDigest",
     "the weights' SHA-256 does not match: the package is damaged or was altered", false},
    {Status::kWeightsIncomplete, "kWeightsIncomplete",
     "not all weights have come; bytes missing:", true},
    {Status::kIndexOutOfRange, "kIndexOutOfRange",
     "an index computed from the data is out of range; step", true},
    {Status::kContextFull, "kContextFull",
     "the context is full: begin a new conversation, or compile the model with a larger --context; tokens "
     "that it holds:", true},
    {Status::kBadText, "kBadText", "the text is not valid UTF-8; byte", true},
    {Status::kPromptTooLong, "kPromptTooLong",
     "the prompt is too long: shorten it, or compile the model with a larger --context; room for", true},
    {Status::kBadSampling, "kBadSampling", "a sampling setting is out of its range; setting", true},
    {Status::kBadToken, "kBadToken", "the vocabulary has no such token; number in the list", true},
    {Status::kHelperFault, "kHelperFault",
     "the trusted application faulted on a lent core and has dropped the model: please report this; code", true},
    {Status::kSavedDamaged, "kSavedDamaged",
     "the saved conversation was changed or cut short; piece", true},
    {Status::kSavedForeign, "kSavedForeign",
     "the conversation was saved by another model, device or version of the trusted application", false},
    {Status::kInternal, "kInternal",
     "an internal check failed: please report this; place", true},
};

const Entry* find(std::uint32_t status) {
  const auto* found = std::find_if(std::begin(kEntries), std::end(kEntries), [&](const Entry& e) {
    return static_cast<std::uint32_t>(e.status) == status;
  });
  return found == std::end(kEntries) ? nullptr : found;
}

}  // namespace

std::string_view status_name(std::uint32_t status) {
  const Entry* entry = find(status);
  return entry ? entry->name : "unknown status";
}

std::string status_sentence(std::uint32_t status, std::uint32_t detail) {
  const Entry* entry = find(status);
  if (!entry) return "unknown status " + std::to_string(status);
  std::string text(entry->sentence);
  if (entry->with_detail) text += " " + std::to_string(detail);
  return text;
}

}  // namespace sz
