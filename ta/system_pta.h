/*
 * What this application asks of OP-TEE's own pseudo-TA "system" itself (the rest goes through
 * tee_map_zi and tee_unmap). Numbers as in OP-TEE's pta_system.h, which is no header for C++. C-clean.
 */
#ifndef SMARTZONE_TA_SYSTEM_PTA_H
#define SMARTZONE_TA_SYSTEM_PTA_H

/* 3a2f8978-5dc0-11e8-9c2d-fa7ae01bbebc */
#define SYSTEM_PTA_UUID \
	{ 0x3a2f8978, 0x5dc0, 0x11e8, \
	  { 0x9c, 0x2d, 0xfa, 0x7a, 0xe0, 0x1b, 0xbe, 0xbc } }

/*
 * A key that depends on the device's hardware key, the UUID of the caller and the extra data.
 * [in]  memref[0]: extra data, at most 1024 bytes
 * [out] memref[1]: the key, 16 to 32 bytes, in secure memory
 */
#define SYSTEM_PTA_DERIVE_TA_UNIQUE_KEY 1

#define SYSTEM_PTA_MAX_EXTRA_BYTES 1024u
#define SYSTEM_PTA_MIN_KEY_BYTES 16u
#define SYSTEM_PTA_MAX_KEY_BYTES 32u

#endif /* SMARTZONE_TA_SYSTEM_PTA_H */
