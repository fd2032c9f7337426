#include "client/errors.h"

#include <array>
#include <cstdio>
#include <string_view>

#include "base/status.h"
#include "base/status_text.h"
#include "protocol/commands.h"

namespace sz::client {
namespace {

struct Name {
  std::uint32_t result;
  std::string_view name;
  std::string_view meaning;
};

constexpr Name kNames[] = {
    {kTeeSuccess, "TEE_SUCCESS", "no error"},
    {kTeeCorruptObject, "TEE_ERROR_CORRUPT_OBJECT", "a stored object is damaged"},
    {kTeeStorageNotAvailable, "TEE_ERROR_STORAGE_NOT_AVAILABLE",
     "the trusted storage cannot be reached"},
    {kTeeGeneric, "TEE_ERROR_GENERIC", "something failed that has no code of its own"},
    {kTeeAccessDenied, "TEE_ERROR_ACCESS_DENIED", "access was denied"},
    {kTeeCancel, "TEE_ERROR_CANCEL", "the call was cancelled"},
    {kTeeAccessConflict, "TEE_ERROR_ACCESS_CONFLICT", "something else holds the object"},
    {kTeeExcessData, "TEE_ERROR_EXCESS_DATA", "too much data was passed"},
    {kTeeBadFormat, "TEE_ERROR_BAD_FORMAT", "the data has a wrong format"},
    {kTeeBadParameters, "TEE_ERROR_BAD_PARAMETERS",
     "the parameters do not fit: client and trusted application are of different versions"},
    {kTeeBadState, "TEE_ERROR_BAD_STATE", "the call is not allowed in this state"},
    {kTeeItemNotFound, "TEE_ERROR_ITEM_NOT_FOUND", "what was asked for does not exist"},
    {kTeeNotImplemented, "TEE_ERROR_NOT_IMPLEMENTED", "this TEE does not implement the call"},
    {kTeeNotSupported, "TEE_ERROR_NOT_SUPPORTED", "this TEE does not support the call"},
    {kTeeNoData, "TEE_ERROR_NO_DATA", "there was no data"},
    {kTeeOutOfMemory, "TEE_ERROR_OUT_OF_MEMORY", "memory ran out"},
    {kTeeBusy, "TEE_ERROR_BUSY", "the TEE is busy: try again"},
    {kTeeCommunication, "TEE_ERROR_COMMUNICATION", "the TEE did not answer"},
    {kTeeSecurity, "TEE_ERROR_SECURITY", "a security check failed"},
    {kTeeShortBuffer, "TEE_ERROR_SHORT_BUFFER", "a buffer is too short"},
    {kTeeExternalCancel, "TEE_ERROR_EXTERNAL_CANCEL", "the call was cancelled from outside"},
    {kTeeTimeout, "TEE_ERROR_TIMEOUT", "the call took too long"},
    {kTeeOverflow, "TEE_ERROR_OVERFLOW", "a size overflowed"},
    {kTeeTargetDead, "TEE_ERROR_TARGET_DEAD", "the trusted application has died"},
    {kTeeStorageNoSpace, "TEE_ERROR_STORAGE_NO_SPACE", "the trusted storage is full"},
    {kTeeMacInvalid, "TEE_ERROR_MAC_INVALID", "an authentication tag does not match"},
    {kTeeSignatureInvalid, "TEE_ERROR_SIGNATURE_INVALID", "a signature does not match"},
};

std::string hex(std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", value);
  return text.data();
}

const char* origin_name(std::uint32_t origin) {
  switch (origin) {
    case kOriginApi:
      return "the client library";
    case kOriginComms:
      return "the driver";
    case kOriginTee:
      return "the trusted OS";
    case kOriginTa:
      return "the trusted application";
    default:
      return "an unknown origin";
  }
}

const char* doing(Stage stage) {
  switch (stage) {
    case Stage::kConnect:
      return "cannot connect to the TEE";
    case Stage::kOpenSession:
      return "cannot open the trusted application " SMARTZONE_TA_UUID_TEXT;
    case Stage::kShareMemory:
      return "cannot share memory with the TEE";
    case Stage::kCommand:
      return "the call to the trusted application failed";
  }
  return "the TEE failed";
}

constexpr std::string_view kTaPlace = "/lib/optee_armtz/" SMARTZONE_TA_UUID_TEXT
                                      ".ta (or in the folder that tee-supplicant was started with)";

// What to do, where the stage makes the code's meaning special; empty otherwise.
std::string advice_connect(std::uint32_t result) {
  switch (result) {
    case kTeeItemNotFound:
      return "There is no usable /dev/tee0: load the kernel's drivers (modprobe optee), start the "
             "board with OP-TEE in its firmware, or use --backend host";
    case kTeeAccessDenied:
      return "/dev/tee0 is there, but not for this user: run as root, or join the group that the "
             "device file belongs to (ls -l /dev/tee0)";
    default:
      return "Check that /dev/tee0 exists and may be opened by you, and that tee-supplicant runs";
  }
}

std::string advice_open(std::uint32_t result) {
  switch (result) {
    case kTeeItemNotFound:
      return "The trusted application is not installed, or tee-supplicant is not running: its "
             "file belongs at " +
             std::string(kTaPlace);
    case kTeeSecurity:
      return "The trusted application's file is signed for another OP-TEE, or damaged: sign it "
             "with "
             "the key (and the development kit version) of the OP-TEE that runs here, and copy it "
             "again";
    case kTeeOutOfMemory:
      return "OP-TEE has not enough secure memory to start the trusted application itself. Close "
             "other trusted applications, or give OP-TEE more: on the emulated device restart it "
             "with a larger --secure-memory; on a board raise CFG_TZDRAM_SIZE. The secure console "
             "names the piece that failed";
    case kTeeBadFormat:
      return "The file at " + std::string(kTaPlace) +
             " is no trusted application that this OP-TEE can load: install it again";
    case kTeeCommunication:
      return "tee-supplicant, which reads the trusted application's file, does not answer: start "
             "it";
    case kTeeBusy:
      return "All of OP-TEE's threads are taken: try again, or raise CFG_NUM_THREADS";
    case kTeeTargetDead:
      return "The trusted application died while it started: the secure console says why";
    case kTeeGeneric:
      return "The secure console says why";
    default:
      return {};
  }
}

std::string advice_command(std::uint32_t result) {
  switch (result) {
    case kTeeTargetDead:
      return "Its session is lost and its secure memory was given back; open a new session. The "
             "secure console says why it died. One cause is a trusted application built for a "
             "newer processor (undefined instruction)";
    case kTeeOutOfMemory:
      return "The normal world or OP-TEE ran out of memory for the call's shared buffers: free "
             "memory in Linux, or raise OP-TEE's CFG_SHMEM_SIZE";
    case kTeeBusy:
      return "All of OP-TEE's threads are taken: try again, or raise CFG_NUM_THREADS";
    default:
      return {};
  }
}

std::string advice(Stage stage, std::uint32_t result) {
  switch (stage) {
    case Stage::kConnect:
      return advice_connect(result);
    case Stage::kOpenSession:
      return advice_open(result);
    case Stage::kShareMemory:
    case Stage::kCommand:
      return advice_command(result);
  }
  return {};
}

// Statuses that the caller can do nothing about.
bool is_internal(std::uint32_t status) {
  return status == static_cast<std::uint32_t>(Status::kInternal) ||
         status == static_cast<std::uint32_t>(Status::kBadCommand) ||
         status == static_cast<std::uint32_t>(Status::kBadParameters);
}

}  // namespace

std::string tee_sentence(Stage stage, std::uint32_t result, std::uint32_t origin) {
  std::string text = doing(stage);
  text += ": ";
  const Name* found = nullptr;
  for (const Name& name : kNames) {
    if (name.result == result) found = &name;
  }
  text += found ? found->meaning : "the TEE answered with a code that this client does not know";
  text += " (" + hex(result);
  if (found) text += " " + std::string(found->name);
  text += ", from " + std::string(origin_name(origin)) + ")";
  const std::string what_to_do = advice(stage, result);
  if (!what_to_do.empty()) text += ". " + what_to_do;
  return text;
}

Error tee_error(Stage stage, std::uint32_t result, std::uint32_t origin) {
  const bool memory = result == kTeeOutOfMemory && stage == Stage::kOpenSession;
  return Error(memory ? ErrorKind::kSecureMemory : ErrorKind::kDevice,
               tee_sentence(stage, result, origin));
}

Error status_error(const std::string& doing, std::uint32_t status, std::uint32_t detail) {
  const std::string message = doing + ": " + status_sentence(status, detail) + " (status " +
                              std::to_string(status) + " " + std::string(status_name(status)) + ")";
  ErrorKind kind = ErrorKind::kInput;
  if (status == static_cast<std::uint32_t>(Status::kOutOfSecureMemory)) {
    kind = ErrorKind::kSecureMemory;
  } else if (is_internal(status)) {
    kind = ErrorKind::kInternal;
  }
  return Error(kind, message, status, detail);
}

}  // namespace sz::client
