/* OP-TEE's extensions of the GlobalPlatform API that the trusted application uses, for the host. */
#ifndef SMARTZONE_SHIM_TEE_INTERNAL_API_EXTENSIONS_H
#define SMARTZONE_SHIM_TEE_INTERNAL_API_EXTENSIONS_H

#include <tee_internal_api.h>

#define TEE_MEMORY_ACCESS_ANY_OWNER 0x00000004u

/*
 * Zeroed memory in whole pages from the pool of shim/secure_pool.h, or NULL. Pages that may not be
 * touched lie before and behind it. flags: 0 or TEE_MEMORY_ACCESS_ANY_OWNER.
 */
void *tee_map_zi(size_t len, uint32_t flags);

/* Gives back exactly what tee_map_zi returned; it may not be touched afterwards. */
TEE_Result tee_unmap(void *buf, size_t len);

/* A plugin of tee-supplicant. The shim has none: TEE_ERROR_ITEM_NOT_FOUND. */
TEE_Result tee_invoke_supp_plugin(const TEE_UUID *uuid, uint32_t cmd, uint32_t sub_cmd, void *buf,
				  size_t len, size_t *outlen);

#endif /* SMARTZONE_SHIM_TEE_INTERNAL_API_EXTENSIONS_H */
