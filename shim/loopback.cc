#include "shim/loopback.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "shim/gp.h"
#include "shim/gp_event.h"

namespace sz::shim {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kAlignment = 16;

// A copy of a caller's buffer that both worlds could see. Ends (but for alignment) at a page that
// may not be touched, so that reading past the end is noticed. Keeps its pages for as long as copies
// of about the same size follow: taking them from the system costs more than a small inference.
class SharedBuffer {
 public:
  SharedBuffer() = default;
  ~SharedBuffer() { unmap(); }
  SharedBuffer(const SharedBuffer&) = delete;
  SharedBuffer& operator=(const SharedBuffer&) = delete;

  // False if there is no memory.
  bool fill(const void* data, std::size_t size) {
    if (size > SIZE_MAX / 2) return false;
    const std::size_t aligned = (size + kAlignment - 1) / kAlignment * kAlignment;
    const std::size_t pages = (aligned + kPage - 1) / kPage * kPage;
    if (!map(pages)) return false;
    auto* base = static_cast<std::byte*>(mapping_);
    bytes_ = {base + pages - aligned, size};
    if (size != 0) std::memcpy(bytes_.data(), data, size);
    return true;
  }

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  // `size` bytes in whole pages and the one behind them.
  bool map(std::size_t size) {
    if (mapping_ != MAP_FAILED && mapping_bytes_ == size + kPage) return true;
    unmap();
    void* mapping =
        mmap(nullptr, size + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return false;
    mprotect(static_cast<std::byte*>(mapping) + size, kPage, PROT_NONE);
    mapping_ = mapping;
    mapping_bytes_ = size + kPage;
    return true;
  }
  void unmap() {
    if (mapping_ != MAP_FAILED) munmap(mapping_, mapping_bytes_);
    mapping_ = MAP_FAILED;
  }

  void* mapping_ = MAP_FAILED;
  std::size_t mapping_bytes_ = 0;
  std::span<std::byte> bytes_;
};

bool is_memref(Param::Kind kind) { return kind >= Param::Kind::kMemrefIn; }

bool is_output(Param::Kind kind) {
  return kind == Param::Kind::kValueOut || kind == Param::Kind::kValueInOut ||
         kind == Param::Kind::kMemrefOut || kind == Param::Kind::kMemrefInOut;
}

void store_output(const TEE_Param& from, std::span<const std::byte> shared, Param* param) {
  if (!is_output(param->kind)) return;
  if (!is_memref(param->kind)) {
    param->a = from.value.a;
    param->b = from.value.b;
    return;
  }
  const std::size_t written = std::min(from.memref.size, param->size);
  if (param->data != nullptr && written != 0) std::memcpy(param->data, shared.data(), written);
  param->size = from.memref.size;
}

}  // namespace

struct LoopbackSession::Buffers {
  std::array<SharedBuffer, 4> parameters;
};

LoopbackSession::LoopbackSession(void* context)
    : context_(context), buffers_(std::make_unique<Buffers>()) {}

std::uint32_t LoopbackSession::open(std::unique_ptr<LoopbackSession>* session) {
  const TEE_Result created = TA_CreateEntryPoint();
  if (created != TEE_SUCCESS) return created;
  TEE_Param params[4] = {};
  void* context = nullptr;
  const TEE_Result opened = TA_OpenSessionEntryPoint(0, params, &context);
  if (opened != TEE_SUCCESS) {
    TA_DestroyEntryPoint();
    return opened;
  }
  session->reset(new LoopbackSession(context));
  return TEE_SUCCESS;
}

LoopbackSession::~LoopbackSession() {
  TA_CloseSessionEntryPoint(context_);
  TA_DestroyEntryPoint();
}

std::uint32_t LoopbackSession::invoke(std::uint32_t command, Params& params) {
  std::array<SharedBuffer, 4>& buffers = buffers_->parameters;
  SharedMemory memory;
  TEE_Param gp_params[4] = {};
  std::uint32_t types = 0;
  for (std::size_t i = 0; i < params.size(); ++i) {
    const Param& param = params[i];
    types |= static_cast<std::uint32_t>(param.kind) << (4 * i);
    if (!is_memref(param.kind)) {
      gp_params[i].value = {param.a, param.b};
      continue;
    }
    gp_params[i].memref = {nullptr, param.size};
    if (param.data == nullptr) continue;
    if (!buffers[i].fill(param.data, param.size)) return TEE_ERROR_OUT_OF_MEMORY;
    memory[i] = buffers[i].bytes();
    gp_params[i].memref.buffer = memory[i].data();
  }

  RunningCommand running{.mutator = &mutator_, .memory = &memory};
  running_command = &running;
  const TEE_Result result = TA_InvokeCommandEntryPoint(context_, command, types, gp_params);
  running_command = nullptr;

  for (std::size_t i = 0; i < params.size(); ++i) {
    store_output(gp_params[i], memory[i], &params[i]);
  }
  return result;
}

}  // namespace sz::shim
