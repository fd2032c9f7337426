/*
 * What the TA asks the plugin of tee-supplicant (client/plugin/) for: threads of the normal world
 * that lend it their cores. An offer from both sides: the TA computes without them as well, and the
 * plugin may bring fewer. C-clean.
 */
#ifndef SMARTZONE_PROTOCOL_ASK_FOR_CORES_H
#define SMARTZONE_PROTOCOL_ASK_FOR_CORES_H

#include <stdint.h>

/* 19ba0a66-639f-49d1-b848-b52cb740f083 */
#define ASK_FOR_CORES_UUID \
	{ 0x19ba0a66, 0x639f, 0x49d1, \
	  { 0xb8, 0x48, 0xb5, 0x2c, 0xb7, 0x40, 0xf0, 0x83 } }

/*
 * The only command; its sub-command is 0. Answers at once; the threads come a little later, lend
 * while the group is in use and go when it has been idle for a while.
 * [in] struct ask_for_cores_request
 */
#define ASK_FOR_CORES_CMD 0

struct ask_for_cores_request {
	uint64_t group;		/* group id of secure_cores.h */
	uint32_t cores;		/* how many: 1 .. SECURE_CORES_MAX_SLOTS */
	uint32_t reserved;	/* 0 */
};

#endif /* SMARTZONE_PROTOCOL_ASK_FOR_CORES_H */
