// The plan: what the TA executes, as bytes. Version 3.
//
// A plan is one header followed by tables of fixed-size little-endian records, in the order in
// which they are declared here, without gaps. There are no offsets, pointers, names or strings
// to follow: the counts in the header fix where everything is, and the total size must come out
// exactly. docs/plan-format.md describes it for readers; docs/decisions/ says why not FlatBuffers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sz::package {

inline constexpr std::array<std::uint8_t, 8> kPlanMagic = {'S', 'Z', 'P', 'L', 'A', 'N', 0, 1};
inline constexpr std::uint32_t kPlanVersion = 3;

// Limits that keep every check cheap. A plan beyond them is refused with kPlanLimit.
inline constexpr std::uint32_t kMaxTensors = 16384;
inline constexpr std::uint32_t kMaxSteps = 8192;
inline constexpr std::uint32_t kMaxEntries = 8;
inline constexpr std::uint32_t kMaxOperandsPerStep = 32;
inline constexpr std::uint32_t kMaxOperands = 131072;   // length of the operand table
inline constexpr std::uint32_t kMaxAttributes = 262144; // length of the attribute table, words
inline constexpr std::uint64_t kMaxRegionBytes = std::uint64_t{1} << 30;  // TA window is 1 GiB

// Every tensor starts at a multiple of this within its region, and every region is at least
// page-aligned, so that vector loads of a row start are aligned.
inline constexpr std::uint32_t kTensorAlignment = 64;

// An operand that is not there (an optional input).
inline constexpr std::uint32_t kNoTensor = 0xffffffffu;

// Where a tensor lies.
enum class RegionKind : std::uint8_t {
  kWeights = 0,  // constant; filled from the package, read-only for steps
  kArena = 1,    // activations, inputs and outputs; placed by the planner
  kState = 2,    // what is kept from run to run (key-value caches); zero when a model is loaded
};
inline constexpr std::uint32_t kRegionKinds = 3;

struct PlanHeader {
  std::array<std::uint8_t, 8> magic;
  std::array<std::uint8_t, 32> sha256;          // over all bytes of the plan after this field
  std::uint32_t version;                        // kPlanVersion
  std::uint32_t tensor_count;
  std::uint32_t step_count;
  std::uint32_t entry_count;
  std::uint32_t operand_count;
  std::uint32_t attribute_count;
  std::uint64_t weights_bytes;                  // size of region kWeights
  std::uint64_t arena_bytes;                    // size of region kArena
  std::uint64_t scratch_bytes;                  // operator scratch for ONE core; multiple of 64
  std::array<std::uint8_t, 32> weights_sha256;  // over the weights region's bytes
  std::uint64_t state_bytes;                    // size of region kState
  std::uint64_t language_bytes;                 // working memory of the conversation (language/generator.h)
  std::uint32_t language_count;                 // 1: a language model; else 0
  std::uint32_t reserved;                       // 0
};
static_assert(sizeof(PlanHeader) == 144);

// Table 1: tensors.
struct TensorRecord {
  std::uint64_t offset;                // bytes from the start of the region
  std::array<std::uint32_t, 6> dims;   // memory order, outermost first; unused ones are 1
  std::uint32_t pitch;                 // elements from row to row of the innermost dimension
  std::uint8_t dtype;                  // DType
  std::uint8_t rank;                   // 0 .. kMaxRank
  std::uint8_t region;                 // RegionKind
  std::uint8_t reserved;               // 0
};
static_assert(sizeof(TensorRecord) == 40);

// Table 2: steps, in order of execution.
struct StepRecord {
  std::uint16_t op;               // ops::OpCode
  std::uint16_t kernel;           // ops::Kernel
  std::uint16_t input_count;
  std::uint16_t output_count;
  std::uint32_t operand_begin;    // first of input_count + output_count entries of the operand table
  std::uint32_t attribute_begin;  // first of attribute_count words of the attribute table
  std::uint32_t attribute_count;
  std::uint32_t reserved;         // 0
};
static_assert(sizeof(StepRecord) == 24);

// What an entry point is for. A network has one `run`.
enum class EntryKind : std::uint32_t { kRun = 0, kPrefill = 1, kDecode = 2 };

// Table 3: entry points. Inputs are copied in, the steps run, outputs are copied out.
struct EntryRecord {
  std::uint32_t kind;           // EntryKind
  std::uint32_t step_begin;
  std::uint32_t step_count;
  std::uint32_t operand_begin;  // inputs, then outputs, in the operand table
  std::uint32_t input_count;
  std::uint32_t output_count;
};
static_assert(sizeof(EntryRecord) == 24);

// Table 4: of a language model, one record. The entry points it names take tokens [batch] (decode: [1]),
// i32, and give the logits [1, vocabulary], f32, of the last of them.
struct LanguageRecord {
  std::uint32_t vocabulary;
  std::uint32_t context;           // tokens that the caches hold, the prompt's and the answer's together
  std::uint32_t batch;             // most tokens of one run of the prefill entry point
  std::uint32_t flags;             // LanguageFlags
  std::uint32_t prefill_entry;
  std::uint32_t decode_entry;
  std::uint64_t tokenizer_offset;  // of language/tokenizer_format.h, in the weights region; a multiple of 64
  std::uint64_t tokenizer_bytes;
  std::uint32_t most_text_bytes;   // of one prompt
  std::uint32_t reserved;          // 0
};
static_assert(sizeof(LanguageRecord) == 48);

// The provider lets logits out of the secure world (for measuring a model; it eases copying it).
inline constexpr std::uint32_t kLogitsMayLeave = 1;
inline constexpr std::uint32_t kMaxContext = 1u << 20;
inline constexpr std::uint32_t kMaxTextBytes = 16u << 20;

// Table 5: operand_count indices into the tensor table (u32; kNoTensor = absent).
// Table 6: attribute_count words (u32; floats by their bits).

// In requests and replies, the inputs (outputs) of an entry point lie one behind the other, dense
// (no pitch), each at a multiple of this many bytes.
inline constexpr std::uint32_t kIoAlignment = 64;

}  // namespace sz::package
