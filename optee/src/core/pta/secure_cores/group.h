/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure cores: the helpers of one owner TA, and who may lend to whom.
 */
#ifndef SECURE_CORES_GROUP_H
#define SECURE_CORES_GROUP_H

#include <kernel/user_ta.h>
#include <tee_api_types.h>
#include <types_ext.h>

struct group;

/*
 * struct group_setup - what START is asked for, see pta_secure_cores.h
 * @entry:	address of the first instruction of a helper
 * @arg:	second argument of the entry function
 * @area:	address of the mapping which holds all stacks
 * @num_slots:	most helpers at once
 * @stack_size:	bytes of one stack
 */
struct group_setup {
	vaddr_t entry;
	vaddr_t arg;
	vaddr_t area;
	uint32_t num_slots;
	uint32_t stack_size;
};

/*
 * struct group_status - what STATUS tells
 * @faults:	helpers that faulted or panicked since the start
 * @panic_code:	code of the first of them
 * @inside:	helpers in user mode now
 * @entries:	times that a helper entered since the start
 */
struct group_status {
	uint32_t faults;
	uint32_t panic_code;
	uint32_t inside;
	uint32_t entries;
};

/* group_open() - the group of a new session of an owner, not started */
TEE_Result group_open(struct group **group);

/* group_close() - stop the group if it's started, and free it */
void group_close(struct group *group);

/* group_start() - let helpers in, @owner is the calling TA */
TEE_Result group_start(struct group *group, struct user_ta_ctx *owner,
		       const struct group_setup *setup, uint64_t *id);

/* group_get_status() - what has happened since the start */
TEE_Result group_get_status(struct group *group, struct group_status *status);

/* group_stop() - throw all helpers out, see SECURE_CORES_CMD_STOP */
TEE_Result group_stop(struct group *group, uint32_t *evicted);

/*
 * group_lend() - run a helper of the group @id on this thread
 * @reason:	SECURE_CORES_EXIT_*
 * @ret:	what the helper returned
 */
TEE_Result group_lend(uint64_t id, uint32_t *reason, uint32_t *ret);

#endif /*SECURE_CORES_GROUP_H*/
