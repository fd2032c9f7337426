// Authenticated encryption and derived keys of the shim.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "shim/gp.h"
#include "ta/system_pta.h"

namespace sz::shim {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEE_OperationHandle begin(std::uint32_t mode, const Bytes& key, const Bytes& nonce) {
  TEE_OperationHandle operation = TEE_HANDLE_NULL;
  EXPECT_EQ(TEE_AllocateOperation(&operation, TEE_ALG_AES_GCM, mode, 256), TEE_SUCCESS);
  TEE_ObjectHandle object = TEE_HANDLE_NULL;
  EXPECT_EQ(TEE_AllocateTransientObject(TEE_TYPE_AES, 256, &object), TEE_SUCCESS);
  TEE_Attribute attribute;
  TEE_InitRefAttribute(&attribute, TEE_ATTR_SECRET_VALUE, key.data(), key.size());
  EXPECT_EQ(TEE_PopulateTransientObject(object, &attribute, 1), TEE_SUCCESS);
  EXPECT_EQ(TEE_SetOperationKey(operation, object), TEE_SUCCESS);
  TEE_FreeTransientObject(object);
  EXPECT_EQ(TEE_AEInit(operation, nonce.data(), nonce.size(), 128, 0, 0), TEE_SUCCESS);
  return operation;
}

struct Sealed {
  Bytes text;
  Bytes tag;
};

Sealed seal(const Bytes& key, const Bytes& nonce, const Bytes& header, Bytes text) {
  TEE_OperationHandle operation = begin(TEE_MODE_ENCRYPT, key, nonce);
  TEE_AEUpdateAAD(operation, header.data(), header.size());
  std::size_t bytes = text.size();
  EXPECT_EQ(TEE_AEUpdate(operation, text.data(), text.size(), text.data(), &bytes), TEE_SUCCESS);
  Bytes tag(16);
  std::size_t tag_bytes = tag.size();
  EXPECT_EQ(TEE_AEEncryptFinal(operation, nullptr, 0, nullptr, &bytes, tag.data(), &tag_bytes),
            TEE_SUCCESS);
  TEE_FreeOperation(operation);
  return {text, tag};
}

TEE_Result open(const Bytes& key, const Bytes& nonce, const Bytes& header, Sealed* sealed) {
  TEE_OperationHandle operation = begin(TEE_MODE_DECRYPT, key, nonce);
  TEE_AEUpdateAAD(operation, header.data(), header.size());
  std::size_t bytes = sealed->text.size();
  std::uint8_t* text = sealed->text.data();
  EXPECT_EQ(TEE_AEUpdate(operation, text, bytes, text, &bytes), TEE_SUCCESS);
  const TEE_Result result = TEE_AEDecryptFinal(operation, nullptr, 0, nullptr, &bytes,
                                               sealed->tag.data(), sealed->tag.size());
  TEE_FreeOperation(operation);
  return result;
}

// Test case 14 of McGrew and Viega, "The Galois/Counter Mode of Operation".
TEST(Crypto, SealsAsThePublishedVectorSays) {
  const Sealed sealed = seal(Bytes(32), Bytes(12), {}, Bytes(16));
  EXPECT_EQ(sealed.text, (Bytes{0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5,
                                0xd3, 0xba, 0xf3, 0x9d, 0x18}));
  EXPECT_EQ(sealed.tag, (Bytes{0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98,
                               0xb5, 0xd4, 0x8a, 0xb9, 0x19}));
}

TEST(Crypto, OpensWhatItSealedAndNothingElse) {
  const Bytes key(32, 7), nonce(12, 9), header(5, 1), text(48, 3);
  const Sealed sealed = seal(key, nonce, header, text);
  Sealed copy = sealed;
  EXPECT_EQ(open(key, nonce, header, &copy), TEE_SUCCESS);
  EXPECT_EQ(copy.text, text);
  copy = sealed;
  copy.text[40] ^= 1;
  EXPECT_EQ(open(key, nonce, header, &copy), TEE_ERROR_MAC_INVALID);
  copy = sealed;
  copy.tag[15] ^= 0x80;
  EXPECT_EQ(open(key, nonce, header, &copy), TEE_ERROR_MAC_INVALID);
  copy = sealed;
  EXPECT_EQ(open(key, nonce, Bytes(5, 2), &copy), TEE_ERROR_MAC_INVALID);
  copy = sealed;
  EXPECT_EQ(open(Bytes(32, 8), nonce, header, &copy), TEE_ERROR_MAC_INVALID);
}

Bytes derive(const Bytes& extra, std::size_t key_bytes = 32) {
  constexpr TEE_UUID kSystem = SYSTEM_PTA_UUID;
  TEE_TASessionHandle session = TEE_HANDLE_NULL;
  EXPECT_EQ(TEE_OpenTASession(&kSystem, TEE_TIMEOUT_INFINITE, 0, nullptr, &session, nullptr),
            TEE_SUCCESS);
  Bytes key(key_bytes);
  TEE_Param params[4] = {};
  params[0].memref = {const_cast<std::uint8_t*>(extra.data()), extra.size()};
  params[1].memref = {key.data(), key.size()};
  const std::uint32_t types =
      TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT, 0, 0);
  const TEE_Result result = TEE_InvokeTACommand(
      session, TEE_TIMEOUT_INFINITE, SYSTEM_PTA_DERIVE_TA_UNIQUE_KEY, types, params, nullptr);
  TEE_CloseTASession(session);
  return result == TEE_SUCCESS ? key : Bytes();
}

TEST(Crypto, DerivesKeysFromExtraData) {
  const Bytes key = derive({1, 2, 3});
  EXPECT_EQ(derive({1, 2, 3}), key);
  EXPECT_NE(derive({1, 2, 4}), key);
  EXPECT_NE(derive({}), key);
  EXPECT_NE(key, Bytes(32));
  EXPECT_TRUE(derive({}, 15).empty());
  EXPECT_TRUE(derive({}, 33).empty());
  EXPECT_TRUE(derive(Bytes(1025)).empty());
}

TEST(Crypto, RandomBytesDiffer) {
  std::array<std::uint8_t, 16> first{}, second{};
  TEE_GenerateRandom(first.data(), first.size());
  TEE_GenerateRandom(second.data(), second.size());
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace sz::shim
