#include "client/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace sz::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint32_t kAllResults[] = {kTeeCorruptObject, kTeeStorageNotAvailable,
                                         kTeeGeneric,       kTeeAccessDenied,
                                         kTeeCancel,        kTeeAccessConflict,
                                         kTeeExcessData,    kTeeBadFormat,
                                         kTeeBadParameters, kTeeBadState,
                                         kTeeItemNotFound,  kTeeNotImplemented,
                                         kTeeNotSupported,  kTeeNoData,
                                         kTeeOutOfMemory,   kTeeBusy,
                                         kTeeCommunication, kTeeSecurity,
                                         kTeeShortBuffer,   kTeeExternalCancel,
                                         kTeeTimeout,       kTeeOverflow,
                                         kTeeTargetDead,    kTeeStorageNoSpace,
                                         kTeeMacInvalid,    kTeeSignatureInvalid};

TEST(TeeSentence, NamesEveryResultByCodeAndName) {
  for (const std::uint32_t result : kAllResults) {
    for (const Stage stage :
         {Stage::kConnect, Stage::kOpenSession, Stage::kShareMemory, Stage::kCommand}) {
      const std::string text = tee_sentence(stage, result, kOriginTee);
      EXPECT_THAT(text, AllOf(HasSubstr("TEE_ERROR_"), HasSubstr("0xf"), HasSubstr("trusted OS")));
    }
  }
}

TEST(TeeSentence, SaysWhereAMissingTrustedApplicationBelongs) {
  EXPECT_THAT(tee_sentence(Stage::kOpenSession, kTeeItemNotFound, kOriginTee),
              AllOf(HasSubstr("0xffff0008"), HasSubstr("/lib/optee_armtz/cfab678a"),
                    HasSubstr("tee-supplicant")));
}

TEST(TeeSentence, SaysWhatToDoAgainstOutOfMemoryAtOpening) {
  EXPECT_THAT(
      tee_sentence(Stage::kOpenSession, kTeeOutOfMemory, kOriginTee),
      AllOf(HasSubstr("0xffff000c"), HasSubstr("CFG_TZDRAM_SIZE"), HasSubstr("secure console")));
}

TEST(TeeSentence, TellsAForeignSignature) {
  EXPECT_THAT(tee_sentence(Stage::kOpenSession, kTeeSecurity, kOriginTee),
              AllOf(HasSubstr("0xffff000f"), HasSubstr("signed for another OP-TEE"),
                    HasSubstr("or damaged")));
}

TEST(TeeSentence, TellsADeadTrustedApplication) {
  EXPECT_THAT(tee_sentence(Stage::kCommand, kTeeTargetDead, kOriginTee),
              AllOf(HasSubstr("0xffff3024"), HasSubstr("open a new session")));
}

TEST(TeeSentence, TellsThatThereIsNoTee) {
  EXPECT_THAT(tee_sentence(Stage::kConnect, kTeeItemNotFound, kOriginApi),
              AllOf(HasSubstr("/dev/tee0"), HasSubstr("--backend host")));
}

TEST(TeeSentence, TellsThatTheUserMayNot) {
  EXPECT_THAT(tee_sentence(Stage::kConnect, kTeeAccessDenied, kOriginApi),
              AllOf(HasSubstr("not for this user"), HasSubstr("run as root")));
}

TEST(TeeSentence, KeepsAnUnknownCode) {
  EXPECT_THAT(
      tee_sentence(Stage::kCommand, 0x12345678, 99),
      AllOf(HasSubstr("0x12345678"), HasSubstr("does not know"), HasSubstr("unknown origin")));
}

TEST(TeeError, IsTheDevicesFault) {
  EXPECT_EQ(tee_error(Stage::kCommand, kTeeTargetDead, kOriginTee).kind(), ErrorKind::kDevice);
  EXPECT_EQ(tee_error(Stage::kOpenSession, kTeeOutOfMemory, kOriginTee).kind(),
            ErrorKind::kSecureMemory);
}

TEST(StatusError, KeepsCodeAndDetailAndTellsWhoCanMendIt) {
  const Error damaged =
      status_error("loading 'x'", static_cast<std::uint32_t>(Status::kPlanDigest), 0);
  EXPECT_EQ(damaged.kind(), ErrorKind::kInput);
  EXPECT_EQ(damaged.status(), 203u);
  EXPECT_THAT(damaged.what(),
              AllOf(HasSubstr("loading 'x'"), HasSubstr("SHA-256"), HasSubstr("203")));
  EXPECT_EQ(status_error("x", static_cast<std::uint32_t>(Status::kOutOfSecureMemory), 2).kind(),
            ErrorKind::kSecureMemory);
  EXPECT_EQ(status_error("x", static_cast<std::uint32_t>(Status::kInternal), 7).kind(),
            ErrorKind::kInternal);
  EXPECT_EQ(status_error("x", static_cast<std::uint32_t>(Status::kTensorBounds), 7).detail(), 7u);
}

}  // namespace
}  // namespace sz::client
