/*
 * The part of the GlobalPlatform TEE Internal Core API (v1.3) that the trusted application uses,
 * for the host. Names, types and numbers are those of the specification; the functions are in
 * shim/. NOT SECURE: everything runs in an ordinary process.
 */
#ifndef SMARTZONE_SHIM_TEE_INTERNAL_API_H
#define SMARTZONE_SHIM_TEE_INTERNAL_API_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t TEE_Result;

#define TEE_SUCCESS 0x00000000u
#define TEE_ERROR_GENERIC 0xffff0000u
#define TEE_ERROR_ACCESS_DENIED 0xffff0001u
#define TEE_ERROR_BAD_PARAMETERS 0xffff0006u
#define TEE_ERROR_BAD_STATE 0xffff0007u
#define TEE_ERROR_ITEM_NOT_FOUND 0xffff0008u
#define TEE_ERROR_NOT_SUPPORTED 0xffff000au
#define TEE_ERROR_OUT_OF_MEMORY 0xffff000cu
#define TEE_ERROR_BUSY 0xffff000du
#define TEE_ERROR_SHORT_BUFFER 0xffff0010u
#define TEE_ERROR_MAC_INVALID 0xffff3071u

#define TEE_HANDLE_NULL NULL

typedef struct {
	uint32_t timeLow;
	uint16_t timeMid;
	uint16_t timeHiAndVersion;
	uint8_t clockSeqAndNode[8];
} TEE_UUID;

/* Parameters of a command */

typedef union {
	struct {
		void *buffer;
		size_t size;
	} memref;
	struct {
		uint32_t a;
		uint32_t b;
	} value;
} TEE_Param;

#define TEE_NUM_PARAMS 4

#define TEE_PARAM_TYPE_NONE 0
#define TEE_PARAM_TYPE_VALUE_INPUT 1
#define TEE_PARAM_TYPE_VALUE_OUTPUT 2
#define TEE_PARAM_TYPE_VALUE_INOUT 3
#define TEE_PARAM_TYPE_MEMREF_INPUT 5
#define TEE_PARAM_TYPE_MEMREF_OUTPUT 6
#define TEE_PARAM_TYPE_MEMREF_INOUT 7

#define TEE_PARAM_TYPES(t0, t1, t2, t3) ((t0) | ((t1) << 4) | ((t2) << 8) | ((t3) << 12))
#define TEE_PARAM_TYPE_GET(types, index) ((((uint32_t)(types)) >> ((index) * 4)) & 0xf)

/* Entry points, which the trusted application provides */

TEE_Result TA_CreateEntryPoint(void);
void TA_DestroyEntryPoint(void);
TEE_Result TA_OpenSessionEntryPoint(uint32_t types, TEE_Param params[4], void **context);
void TA_CloseSessionEntryPoint(void *context);
TEE_Result TA_InvokeCommandEntryPoint(void *context, uint32_t command, uint32_t types,
				      TEE_Param params[4]);

/* Memory */

#define TEE_MALLOC_FILL_ZERO 0x00000000u

/* Zero-filled memory, or NULL. The only hint that the shim knows is TEE_MALLOC_FILL_ZERO. */
void *TEE_Malloc(size_t size, uint32_t hint);
void TEE_Free(void *buffer);
void TEE_MemMove(void *to, const void *from, size_t size);
void TEE_MemFill(void *buffer, uint8_t value, size_t size);

void TEE_Panic(TEE_Result code) __attribute__((noreturn));

/*
 * Other trusted applications. There are the pseudo-TA of protocol/secure_cores.h
 * (shim/secure_cores_pta.h) and of OP-TEE's "system" what ta/system_pta.h says; any other is
 * TEE_ERROR_ITEM_NOT_FOUND.
 */

#define TEE_TIMEOUT_INFINITE 0xffffffffu

#define TEE_ORIGIN_API 1u
#define TEE_ORIGIN_TEE 3u
#define TEE_ORIGIN_TRUSTED_APP 4u

typedef struct __TEE_TASessionHandle *TEE_TASessionHandle;

/* returnOrigin may be NULL. Nothing can be cancelled, so the timeout does not matter. */
TEE_Result TEE_OpenTASession(const TEE_UUID *destination, uint32_t cancellationRequestTimeout,
			     uint32_t paramTypes, TEE_Param params[TEE_NUM_PARAMS],
			     TEE_TASessionHandle *session, uint32_t *returnOrigin);
void TEE_CloseTASession(TEE_TASessionHandle session);
TEE_Result TEE_InvokeTACommand(TEE_TASessionHandle session, uint32_t cancellationRequestTimeout,
			       uint32_t commandID, uint32_t paramTypes,
			       TEE_Param params[TEE_NUM_PARAMS], uint32_t *returnOrigin);

/* Time since an arbitrary moment; never goes back */

typedef struct {
	uint32_t seconds;
	uint32_t millis;
} TEE_Time;

void TEE_GetSystemTime(TEE_Time *time);

/* Sleeps for at least so many milliseconds. */
TEE_Result TEE_Wait(uint32_t timeout);

typedef struct __TEE_OperationHandle *TEE_OperationHandle;
typedef struct __TEE_ObjectHandle *TEE_ObjectHandle;
typedef uint32_t TEE_ObjectType;

#define TEE_MODE_ENCRYPT 0u
#define TEE_MODE_DECRYPT 1u
#define TEE_MODE_DIGEST 5u

#define TEE_ALG_AES_GCM 0x40000810u
#define TEE_ALG_SHA256 0x50000004u

TEE_Result TEE_AllocateOperation(TEE_OperationHandle *operation, uint32_t algorithm, uint32_t mode,
				 uint32_t max_key_size);
void TEE_FreeOperation(TEE_OperationHandle operation);

/* Digests: SHA-256 only */

void TEE_DigestUpdate(TEE_OperationHandle operation, const void *chunk, size_t size);
TEE_Result TEE_DigestDoFinal(TEE_OperationHandle operation, const void *chunk, size_t chunk_size,
			     void *hash, size_t *hash_size);

/* Keys: AES with 256 bits only */

#define TEE_TYPE_AES 0xa0000010u
#define TEE_ATTR_SECRET_VALUE 0xc0000000u

typedef struct {
	uint32_t attributeID;
	union {
		struct {
			void *buffer;
			size_t length;
		} ref;
		struct {
			uint32_t a;
			uint32_t b;
		} value;
	} content;
} TEE_Attribute;

TEE_Result TEE_AllocateTransientObject(TEE_ObjectType type, uint32_t bits,
				       TEE_ObjectHandle *object);
void TEE_FreeTransientObject(TEE_ObjectHandle object);
void TEE_InitRefAttribute(TEE_Attribute *attribute, uint32_t id, const void *buffer, size_t bytes);
TEE_Result TEE_PopulateTransientObject(TEE_ObjectHandle object, const TEE_Attribute *attributes,
				       uint32_t count);
TEE_Result TEE_SetOperationKey(TEE_OperationHandle operation, TEE_ObjectHandle key);

/*
 * Authenticated encryption: AES-256-GCM with a nonce of 12 bytes and a tag of 16, payload in whole
 * blocks of 16 bytes by TEE_AEUpdate, none by the final calls. What is used otherwise is a panic, or
 * TEE_ERROR_NOT_SUPPORTED.
 */
TEE_Result TEE_AEInit(TEE_OperationHandle operation, const void *nonce, size_t nonce_bytes,
		      uint32_t tag_bits, size_t aad_bytes, size_t payload_bytes);
void TEE_AEUpdateAAD(TEE_OperationHandle operation, const void *data, size_t size);
TEE_Result TEE_AEUpdate(TEE_OperationHandle operation, const void *from, size_t from_bytes,
			void *to, size_t *to_bytes);
TEE_Result TEE_AEEncryptFinal(TEE_OperationHandle operation, const void *from, size_t from_bytes,
			      void *to, size_t *to_bytes, void *tag, size_t *tag_bytes);
TEE_Result TEE_AEDecryptFinal(TEE_OperationHandle operation, const void *from, size_t from_bytes,
			      void *to, size_t *to_bytes, void *tag, size_t tag_bytes);

void TEE_GenerateRandom(void *buffer, size_t size);

#endif /* SMARTZONE_SHIM_TEE_INTERNAL_API_H */
