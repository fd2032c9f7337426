/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pseudo-TA "secure cores": threads of the normal world lend their cores to a loaded trusted
 * application (TA), which computes on all of them in one address space. C-clean: the same file is
 * read by OP-TEE's core (optee/), the TA, the client library and the host's shim.
 *
 * Two kinds of callers, told apart by the core and by nothing that a caller says:
 *   owner   a user TA. Opens a session, starts a group, waits in it for helpers.
 *   lender  a thread of the normal world, with a session of its own. Lends its core with LEND and
 *           chooses nothing but when and how often: not where it enters, not what it computes on.
 * A command of the other kind is TEE_ERROR_ACCESS_DENIED, an unknown command
 * TEE_ERROR_NOT_SUPPORTED, wrong parameter types TEE_ERROR_BAD_PARAMETERS. Outputs are written
 * on TEE_SUCCESS only.
 */
#ifndef SMARTZONE_PROTOCOL_SECURE_CORES_H
#define SMARTZONE_PROTOCOL_SECURE_CORES_H

/* f92bfdc6-a2b7-4d5f-890e-f7b97b7c1492 */
#define SECURE_CORES_UUID \
	{ 0xf92bfdc6, 0xa2b7, 0x4d5f, \
	  { 0x89, 0x0e, 0xf7, 0xb9, 0x7b, 0x7c, 0x14, 0x92 } }

#define SECURE_CORES_VERSION 1

/* Most helpers of one group. */
#define SECURE_CORES_MAX_SLOTS 7

/* Stacks are counted in pages of this many bytes. */
#define SECURE_CORES_PAGE 4096

/*
 * Both kinds of callers. What there is.
 * [out] value[0].a: SECURE_CORES_VERSION, .b: SECURE_CORES_MAX_SLOTS
 * [out] value[1].a: cores that the core was built for, .b: threads that may be in it at once
 *       value[2], value[3]: none
 */
#define SECURE_CORES_CMD_QUERY 0

/*
 * Owner only. Opens the session's group: a snapshot of the caller's address space, without memory
 * that the normal world can see, in which helpers may enter. What the TA maps later, helpers do
 * not see: map first. One group for each session; its id stays the same when it is stopped and
 * started again.
 * [in]    value[0]: entry point, .b: high, .a: low word of the address
 * [in]    value[1]: argument, likewise
 * [in]    value[2]: stack area, likewise: a mapping of its own, of exactly
 *                   SECURE_CORES_PAGE + slots * stack bytes
 * [inout] value[3].a: in: slots, 1 .. SECURE_CORES_MAX_SLOTS; out: group id, low word
 *         value[3].b: in: stack bytes of a slot, whole pages; out: group id, high word
 * The helper in slot n begins in entry(n, argument). Of the stack area it sees its own stack only,
 * which ends at area + SECURE_CORES_PAGE + (n + 1) * stack bytes: an overflow faults. It may make
 * no system call but "return" (its value goes to the lender) and "panic" (a fault); any other
 * returns TEE_ERROR_NOT_SUPPORTED to it.
 * TEE_ERROR_BAD_STATE: the group is started already. TEE_ERROR_BAD_PARAMETERS: numbers that make
 * no sense, a 32-bit TA, an entry point that is no code of the TA, a stack area that is no such
 * mapping (private, writable, not executable). TEE_ERROR_OUT_OF_MEMORY: the core's heap, page
 * tables, address space identifiers or slots (of all groups) do not suffice. Nothing is left of a
 * start that failed.
 */
#define SECURE_CORES_CMD_START 1

/*
 * Owner only.
 * [out] value[0].a: helpers that faulted or panicked since the start, .b: panic code of the first
 * [out] value[1].a: helpers inside now, .b: entries since the start
 *       value[2], value[3]: none
 * After a fault nobody can enter until the group has been stopped and started again.
 * TEE_ERROR_BAD_STATE: the group is not started.
 */
#define SECURE_CORES_CMD_STATUS 2

/*
 * Owner only. When this returns, no helper can execute another instruction of the TA or touch its
 * memory, wherever Linux holds its thread; memory that only a helper still referred to is free.
 * (A lender that has taken its slot but not yet entered never enters; until its thread goes on, its
 * slot refers to the memory.) Happens by itself when the session is closed or the TA dies.
 * [out] value[0].a: helpers that were inside and have been evicted
 *       value[1] .. value[3]: none
 * TEE_ERROR_BAD_STATE: the group is not started.
 */
#define SECURE_CORES_CMD_STOP 3

/*
 * Lender only. Lends the calling core until the helper returns.
 * [in]  value[0]: group id, .b: high, .a: low word
 * [out] value[1].a: SECURE_CORES_EXIT_*, .b: what the helper returned
 *       value[2], value[3]: none
 * TEE_ERROR_ITEM_NOT_FOUND: there is no group with this id, or it is stopped just now.
 * TEE_ERROR_BUSY: all slots are taken, or a helper has faulted. TEE_ERROR_OUT_OF_MEMORY: no page
 * tables just now: those that are left are for the owners of groups.
 */
#define SECURE_CORES_CMD_LEND 4

#define SECURE_CORES_EXIT_RETURN  0	/* the helper returned */
#define SECURE_CORES_EXIT_EVICTED 1	/* the group was stopped meanwhile */
#define SECURE_CORES_EXIT_FAULT   2	/* the helper faulted or panicked */

#endif /* SMARTZONE_PROTOCOL_SECURE_CORES_H */
