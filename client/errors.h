// Sentences for what the TEE and the trusted application answer.
#pragma once

#include <cstdint>
#include <string>

#include "include/smartzone/smartzone.hpp"

namespace sz::client {

// TEE_Result values of the GlobalPlatform specifications that this client knows by name.
enum TeeResult : std::uint32_t {
  kTeeSuccess = 0x00000000,
  kTeeCorruptObject = 0xf0100001,
  kTeeStorageNotAvailable = 0xf0100003,
  kTeeGeneric = 0xffff0000,
  kTeeAccessDenied = 0xffff0001,
  kTeeCancel = 0xffff0002,
  kTeeAccessConflict = 0xffff0003,
  kTeeExcessData = 0xffff0004,
  kTeeBadFormat = 0xffff0005,
  kTeeBadParameters = 0xffff0006,
  kTeeBadState = 0xffff0007,
  kTeeItemNotFound = 0xffff0008,
  kTeeNotImplemented = 0xffff0009,
  kTeeNotSupported = 0xffff000a,
  kTeeNoData = 0xffff000b,
  kTeeOutOfMemory = 0xffff000c,
  kTeeBusy = 0xffff000d,
  kTeeCommunication = 0xffff000e,
  kTeeSecurity = 0xffff000f,
  kTeeShortBuffer = 0xffff0010,
  kTeeExternalCancel = 0xffff0011,
  kTeeTimeout = 0xffff3001,
  kTeeOverflow = 0xffff300f,
  kTeeTargetDead = 0xffff3024,
  kTeeStorageNoSpace = 0xffff3041,
  kTeeMacInvalid = 0xffff3071,
  kTeeSignatureInvalid = 0xffff3072,
};

// Who answered (TEEC_ORIGIN_*).
enum TeeOrigin : std::uint32_t {
  kOriginApi = 1,    // the client library
  kOriginComms = 2,  // the driver on the way
  kOriginTee = 3,    // the trusted OS
  kOriginTa = 4,     // the trusted application
};

// What was being done when the TEE answered: the same code means different things.
enum class Stage { kConnect, kOpenSession, kShareMemory, kCommand };

// One sentence or more: what happened, the code in hexadecimal and by name, who said so, and what
// to do about it.
std::string tee_sentence(Stage stage, std::uint32_t result, std::uint32_t origin);

// An Error from a TEE_Result; kind kDevice (kSecureMemory when memory ran out).
Error tee_error(Stage stage, std::uint32_t result, std::uint32_t origin);

// An Error from the trusted application's status. `doing` begins the sentence, e.g.
// "loading 'digits'".
Error status_error(const std::string& doing, std::uint32_t status, std::uint32_t detail);

}  // namespace sz::client
