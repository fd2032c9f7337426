/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure cores: one helper's place. A slot owns a user mode context of its
 * own (ASID, translation tables, FP/SIMD state, list of regions) that maps
 * the memory objects of its owner TA at the same addresses, so that nothing
 * of the owner's struct user_mode_ctx is used by two cores.
 *
 * These functions know memory and user mode; which slot is whose, and the
 * lock, are in group.c, lend.c and cores.c.
 */
#ifndef SECURE_CORES_SLOT_H
#define SECURE_CORES_SLOT_H

#include <kernel/tee_ta_manager.h>
#include <kernel/user_ta.h>
#include <mm/tee_mmu_types.h>
#include <tee_api_types.h>
#include <types_ext.h>

/*
 * enum slot_state - who is in a slot, and who is to free it
 * @SLOT_FREE:		nobody; the group frees it
 * @SLOT_ENTERING:	a thread prepares its mapping, it isn't in user mode
 * @SLOT_INSIDE:	a thread is in, or about to enter or leave, user mode
 * @SLOT_EVICTING:	as above, and the stopping owner takes the mapping away
 * @SLOT_ABANDONED:	the thread has left meanwhile; the stopping owner frees
 * @SLOT_EVICTED:	the group has gone; the slot's thread frees it
 */
enum slot_state {
	SLOT_FREE,
	SLOT_ENTERING,
	SLOT_INSIDE,
	SLOT_EVICTING,
	SLOT_ABANDONED,
	SLOT_EVICTED,
};

/*
 * struct slot_setup - what a helper starts with, the same for all slots
 * @entry:	address of the first instruction
 * @arg:	second argument of the entry function
 * @area:	region of the owner TA which holds all stacks
 * @stack_size:	bytes of one stack
 */
struct slot_setup {
	vaddr_t entry;
	vaddr_t arg;
	struct vm_region *area;
	size_t stack_size;
};

struct group;

/*
 * struct slot - one helper's place
 * @utc:	context that the helper runs in
 * @sess:	session that is current while it runs
 * @state:	see enum slot_state
 * @group:	NULL as soon as the group is stopped
 * @num_tables:	translation tables needed to map it
 * @index:	number in its group, first argument of the entry function
 * @entry:	see struct slot_setup
 * @arg:	see struct slot_setup
 * @stack_top:	stack pointer to start with
 */
struct slot {
	struct user_ta_ctx utc;
	struct tee_ta_session sess;
	enum slot_state state;
	struct group *group;
	size_t num_tables;
	unsigned int index;
	vaddr_t entry;
	vaddr_t arg;
	vaddr_t stack_top;
};

/*
 * struct slot_exit - how a helper has left user mode
 * @ret:	what it returned
 * @panicked:	true if it faulted or panicked
 * @panic_code:	code of that
 */
struct slot_exit {
	uint32_t ret;
	uint32_t panicked;
	uint32_t panic_code;
};

/*
 * slot_is_lendable() - may helpers see this region of their owner
 *
 * Not what the normal world can see (it comes and goes with each call), not
 * what the core maps for itself, and not the loader.
 */
bool slot_is_lendable(const struct vm_region *r);

/* slot_count_tables() - number of translation tables that map a context */
size_t slot_count_tables(struct user_mode_ctx *uctx);

/*
 * slot_create() - allocate slot @index with a snapshot of the owner's memory
 *
 * To be called by a thread of the owner, so that its regions are stable.
 * Returns TEE_ERROR_OUT_OF_MEMORY, having left nothing behind, if there's
 * no heap, no translation table or no ASID left.
 */
TEE_Result slot_create(struct user_ta_ctx *owner,
		       const struct slot_setup *setup, unsigned int index,
		       struct slot **slot);

/* slot_destroy() - free a slot that no thread is in */
void slot_destroy(struct slot *slot);

/* slot_enter() - make the slot's context the current one of this thread */
void slot_enter(struct slot *slot);

/* slot_run() - run the helper in user mode until it returns or faults */
void slot_run(struct slot *slot, struct slot_exit *out);

/* slot_leave() - undo slot_enter() */
void slot_leave(struct slot *slot);

/*
 * slot_evict() - take the TA's memory away from a slot that a thread is in
 *
 * To be called in state SLOT_EVICTING. On return all accesses of the
 * helper are complete, it faults when it's scheduled again, and the slot
 * holds no reference to a memory object of the TA. The tables and the
 * mappings of the exception vectors stay until the thread has left.
 */
void slot_evict(struct slot *slot);

#endif /*SECURE_CORES_SLOT_H*/
