// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure cores: all groups and what they may take, see cores.h
 */

#include <assert.h>
#include <compiler.h>
#include <kernel/spinlock.h>

#include "cores.h"
#include "slot.h"

/*
 * Each slot takes an ASID, of which the core has 64 pairs for all TAs:
 * leave half of them to the TAs.
 */
#define MAX_SLOTS_OF_ALL_GROUPS	32

struct cores cores = { .groups = LIST_HEAD_INITIALIZER(cores.groups) };

static unsigned int spinlock = SPINLOCK_UNLOCK;

uint32_t cores_lock(void)
{
	return cpu_spin_lock_xsave(&spinlock);
}

void cores_unlock(uint32_t exceptions)
{
	cpu_spin_unlock_xrestore(&spinlock, exceptions);
}

struct group *cores_find_group(uint64_t id)
{
	struct group *g = NULL;

	LIST_FOREACH(g, &cores.groups, link)
		if (g->id == id)
			return g;

	return NULL;
}

/*
 * Unless tables are allocated with each mapping, all active contexts share
 * a pool of them, and who finds it empty sleeps. Keep as many as the owners
 * need out of the lenders' reach.
 */
bool cores_have_tables(size_t owned __maybe_unused, size_t lent __maybe_unused)
{
#ifdef CFG_CORE_PREALLOC_EL0_TBLS
	return true;
#else
	return cores.tables_owned + owned + cores.tables_lent + lent <=
	       CFG_PGT_CACHE_ENTRIES;
#endif
}

bool cores_reserve_slots(unsigned int count)
{
	uint32_t exceptions = cores_lock();
	bool ok = cores.num_slots + count <= MAX_SLOTS_OF_ALL_GROUPS;

	if (ok)
		cores.num_slots += count;
	cores_unlock(exceptions);

	return ok;
}

void cores_unreserve_slots(unsigned int count)
{
	uint32_t exceptions = cores_lock();

	assert(cores.num_slots >= count);
	cores.num_slots -= count;
	cores_unlock(exceptions);
}

void cores_free_slot(struct slot *slot)
{
	slot_destroy(slot);
	cores_unreserve_slots(1);
}
