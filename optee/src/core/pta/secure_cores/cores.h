/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure cores: all groups, what they may take of the core's resources, and
 * the lock that protects both.
 *
 * The lock is a spinlock with exceptions masked, so that the normal world
 * can't withhold a thread that holds it, and it's held for a few
 * instructions only. What takes long is done without it, by the one who
 * the state of a slot says is to do it:
 *
 *           lend            mapped          left
 *   FREE ---------> ENTERING ------> INSIDE -------> FREE
 *    | stop           | stop           | stop
 *    v                v                v          left
 *  freed           EVICTED <------- EVICTING ----------> ABANDONED
 *                     | left  unmapped                     | unmapped
 *                     v                                    v
 *                   freed                                freed
 *
 * The stopping owner goes on from FREE, EVICTING and ABANDONED, the slot's
 * own thread from the others.
 */
#ifndef SECURE_CORES_CORES_H
#define SECURE_CORES_CORES_H

#include <pta_secure_cores.h>
#include <sys/queue.h>
#include <types_ext.h>

struct slot;

/*
 * struct group - the helpers of one session of an owner TA
 * @link:	in struct cores
 * @id:		what lenders name it by, the same for the session's life
 * @started:	true from START to STOP
 * @num_slots:	slots in use
 * @num_tables:	translation tables of the owner when it started
 * @faults:	see struct group_status
 * @panic_code:	see struct group_status
 * @entries:	see struct group_status
 * @slots:	the slots, none unless @started
 */
struct group {
	LIST_ENTRY(group) link;
	uint64_t id;
	bool started;
	unsigned int num_slots;
	size_t num_tables;
	uint32_t faults;
	uint32_t panic_code;
	uint32_t entries;
	struct slot *slots[SECURE_CORES_MAX_SLOTS];
};

/*
 * struct cores - everything that the lock protects, with what's in it
 * @groups:		one for each session of an owner
 * @num_slots:		slots of all groups, evicted ones included
 * @tables_owned:	translation tables of the owners of started groups
 * @tables_lent:	translation tables of all helpers that are inside
 */
struct cores {
	LIST_HEAD(, group) groups;
	unsigned int num_slots;
	size_t tables_owned;
	size_t tables_lent;
};

extern struct cores cores;

/* cores_lock() - take the lock, returns what cores_unlock() wants */
uint32_t cores_lock(void);
void cores_unlock(uint32_t exceptions);

/* cores_find_group() - NULL if there's none, to be called with the lock */
struct group *cores_find_group(uint64_t id);

/*
 * cores_have_tables() - are there translation tables for that many more
 * @owned:	needed by an owner
 * @lent:	needed by a helper
 *
 * To be called with the lock.
 */
bool cores_have_tables(size_t owned, size_t lent);

/* cores_reserve_slots() - false if there would be too many */
bool cores_reserve_slots(unsigned int count);
void cores_unreserve_slots(unsigned int count);

/* cores_free_slot() - destroy a slot that was reserved */
void cores_free_slot(struct slot *slot);

#endif /*SECURE_CORES_CORES_H*/
