// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure cores: what an owner does with its group
 */

#include <crypto/crypto.h>
#include <pta_secure_cores.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <trace.h>
#include <util.h>

#include "cores.h"
#include "group.h"
#include "slot.h"

TEE_Result group_open(struct group **group)
{
	TEE_Result res = TEE_SUCCESS;
	uint32_t exceptions = 0;
	struct group *g = NULL;
	bool unique = false;

	g = calloc(1, sizeof(*g));
	if (!g)
		return TEE_ERROR_OUT_OF_MEMORY;

	while (!unique) {
		res = crypto_rng_read(&g->id, sizeof(g->id));
		if (res) {
			free(g);
			return res;
		}
		exceptions = cores_lock();
		unique = g->id && !cores_find_group(g->id);
		if (unique)
			LIST_INSERT_HEAD(&cores.groups, g, link);
		cores_unlock(exceptions);
	}
	*group = g;

	return TEE_SUCCESS;
}

void group_close(struct group *group)
{
	uint32_t exceptions = 0;
	uint32_t evicted = 0;

	if (!group_stop(group, &evicted))
		DMSG("Closed with %"PRIu32" helpers inside", evicted);
	exceptions = cores_lock();
	LIST_REMOVE(group, link);
	cores_unlock(exceptions);
	free(group);
}

static struct vm_region *find_region(struct user_ta_ctx *owner, vaddr_t va)
{
	struct vm_region *r = NULL;

	TAILQ_FOREACH(r, &owner->uctx.vm_info.regions, link)
		if (va >= r->va && va - r->va < r->size)
			return slot_is_lendable(r) ? r : NULL;

	return NULL;
}

static TEE_Result check_setup(struct user_ta_ctx *owner,
			      const struct group_setup *in,
			      struct slot_setup *out)
{
	const uint32_t stack_attr = TEE_MATTR_UR | TEE_MATTR_UW;
	struct vm_region *code = find_region(owner, in->entry);
	struct vm_region *area = find_region(owner, in->area);

	if (owner->uctx.is_32bit || !in->num_slots ||
	    in->num_slots > SECURE_CORES_MAX_SLOTS || !in->stack_size ||
	    in->stack_size % SECURE_CORES_PAGE)
		return TEE_ERROR_BAD_PARAMETERS;
	if (!code || !(code->attr & TEE_MATTR_UX) || in->entry % 4)
		return TEE_ERROR_BAD_PARAMETERS;
	if (!area || area->va != in->area ||
	    area->size != SECURE_CORES_PAGE +
			  (uint64_t)in->num_slots * in->stack_size ||
	    (area->attr & (stack_attr | TEE_MATTR_UX)) != stack_attr)
		return TEE_ERROR_BAD_PARAMETERS;

	*out = (struct slot_setup){
		.entry = in->entry,
		.arg = in->arg,
		.area = area,
		.stack_size = in->stack_size,
	};

	return TEE_SUCCESS;
}

/* Publishes the slots if at least one helper can be mapped */
static bool publish(struct group *group, struct user_ta_ctx *owner,
		    struct slot *slots[], unsigned int count)
{
	size_t tables = slot_count_tables(&owner->uctx);
	uint32_t exceptions = 0;
	bool ok = false;

	exceptions = cores_lock();
	ok = cores_have_tables(tables, slots[0]->num_tables);
	if (ok) {
		memcpy(group->slots, slots, count * sizeof(slots[0]));
		group->num_slots = count;
		group->num_tables = tables;
		group->faults = 0;
		group->panic_code = 0;
		group->entries = 0;
		group->started = true;
		cores.tables_owned += tables;
	}
	cores_unlock(exceptions);

	return ok;
}

TEE_Result group_start(struct group *group, struct user_ta_ctx *owner,
		       const struct group_setup *setup, uint64_t *id)
{
	struct slot *slots[SECURE_CORES_MAX_SLOTS] = { };
	struct slot_setup slot_setup = { };
	TEE_Result res = TEE_SUCCESS;
	unsigned int n = 0;

	/* Only the owner's thread changes this */
	if (group->started)
		return TEE_ERROR_BAD_STATE;
	res = check_setup(owner, setup, &slot_setup);
	if (res)
		return res;
	if (!cores_reserve_slots(setup->num_slots)) {
		EMSG("No %"PRIu32" slots left", setup->num_slots);
		return TEE_ERROR_OUT_OF_MEMORY;
	}

	for (n = 0; n < setup->num_slots && !res; n++) {
		res = slot_create(owner, &slot_setup, n, slots + n);
		if (!res)
			slots[n]->group = group;
	}
	if (!res && !publish(group, owner, slots, setup->num_slots)) {
		EMSG("Not enough translation tables");
		res = TEE_ERROR_OUT_OF_MEMORY;
	}
	if (!res) {
		*id = group->id;
		return TEE_SUCCESS;
	}

	for (n = 0; n < setup->num_slots; n++)
		if (slots[n])
			slot_destroy(slots[n]);
	cores_unreserve_slots(setup->num_slots);

	return res;
}

TEE_Result group_get_status(struct group *group, struct group_status *status)
{
	TEE_Result res = TEE_ERROR_BAD_STATE;
	uint32_t exceptions = 0;
	unsigned int n = 0;

	exceptions = cores_lock();
	if (group->started) {
		*status = (struct group_status){
			.faults = group->faults,
			.panic_code = group->panic_code,
			.entries = group->entries,
		};
		for (n = 0; n < group->num_slots; n++)
			if (group->slots[n]->state == SLOT_INSIDE)
				status->inside++;
		res = TEE_SUCCESS;
	}
	cores_unlock(exceptions);

	return res;
}

/*
 * Detaches all slots from their group: from here on nobody enters. Leaves
 * in @slots those which the owner has to evict or to free.
 */
static bool detach_slots(struct group *group,
			 struct slot *slots[SECURE_CORES_MAX_SLOTS])
{
	uint32_t exceptions = cores_lock();
	bool started = group->started;
	struct slot *s = NULL;
	unsigned int n = 0;

	for (n = 0; started && n < group->num_slots; n++) {
		s = group->slots[n];
		group->slots[n] = NULL;
		s->group = NULL;
		if (s->state == SLOT_ENTERING) {
			s->state = SLOT_EVICTED;
			continue;
		}
		if (s->state == SLOT_INSIDE)
			s->state = SLOT_EVICTING;
		slots[n] = s;
	}
	if (started)
		cores.tables_owned -= group->num_tables;
	group->started = false;
	group->num_slots = 0;
	cores_unlock(exceptions);

	return started;
}

static void evict(struct slot *slot)
{
	uint32_t exceptions = 0;
	bool left = false;

	slot_evict(slot);

	exceptions = cores_lock();
	left = slot->state == SLOT_ABANDONED;
	if (!left)
		slot->state = SLOT_EVICTED;
	cores_unlock(exceptions);

	if (left)
		cores_free_slot(slot);
}

TEE_Result group_stop(struct group *group, uint32_t *evicted)
{
	struct slot *slots[SECURE_CORES_MAX_SLOTS] = { };
	unsigned int n = 0;

	if (!detach_slots(group, slots))
		return TEE_ERROR_BAD_STATE;

	*evicted = 0;
	/* A free slot stays free, nobody finds it any longer */
	for (n = 0; n < ARRAY_SIZE(slots); n++) {
		if (slots[n] && slots[n]->state == SLOT_FREE) {
			cores_free_slot(slots[n]);
		} else if (slots[n]) {
			evict(slots[n]);
			(*evicted)++;
		}
	}

	return TEE_SUCCESS;
}
