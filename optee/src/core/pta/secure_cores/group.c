// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure cores: groups, their slots, and the lock that protects both.
 *
 * The lock is a spinlock with exceptions masked, so that the normal world
 * can't withhold a thread that holds it, and it's held for a few
 * instructions only. What takes long is done without it, by the one who
 * the state of a slot says is to do it, see enum slot_state.
 *
 *           lend           mapped           left
 *   FREE ---------> ENTERING ------> INSIDE ------> FREE
 *    | stop           | stop           | stop
 *    v                v                v            left
 *  freed           EVICTED <------- EVICTING ------------> ABANDONED
 *                     |  unmapped      .                       |
 *                     v left           .                       v
 *                   freed              .......              freed
 *
 * The stopping owner goes from FREE, EVICTING and ABANDONED, the slot's own
 * thread from all others.
 */

#include <assert.h>
#include <crypto/crypto.h>
#include <kernel/abort.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <pta_secure_cores.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <trace.h>
#include <util.h>

#include "group.h"
#include "slot.h"

/*
 * Each slot takes an ASID, of which the core has 64 pairs for all TAs:
 * leave half of them to the TAs.
 */
#define MAX_SLOTS_OF_ALL_GROUPS	32

/*
 * struct group - the helpers of one session of an owner TA
 * @link:	in groups
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

/* Protects what follows, and the contents of groups and slots' states */
static unsigned int lock = SPINLOCK_UNLOCK;
static LIST_HEAD(, group) groups = LIST_HEAD_INITIALIZER(groups);
static unsigned int num_slots;	/* of all groups, evicted ones included */
static size_t tables_owned;	/* needed by the owners of started groups */
static size_t tables_lent;	/* needed by the helpers inside */

static struct group *find_group(uint64_t id)
{
	struct group *g = NULL;

	LIST_FOREACH(g, &groups, link)
		if (g->id == id)
			return g;

	return NULL;
}

/*
 * Unless they are allocated with each mapping, all contexts that are active
 * share a pool of translation tables, and who finds it empty sleeps. Keep
 * as many as the owners need out of the lenders' reach.
 */
static bool tables_suffice(size_t owned __maybe_unused,
			   size_t lent __maybe_unused)
{
#ifdef CFG_CORE_PREALLOC_EL0_TBLS
	return true;
#else
	return owned + lent <= CFG_PGT_CACHE_ENTRIES;
#endif
}

static bool reserve_slots(unsigned int count)
{
	uint32_t exceptions = cpu_spin_lock_xsave(&lock);
	bool ok = num_slots + count <= MAX_SLOTS_OF_ALL_GROUPS;

	if (ok)
		num_slots += count;
	cpu_spin_unlock_xrestore(&lock, exceptions);

	return ok;
}

static void unreserve_slots(unsigned int count)
{
	uint32_t exceptions = cpu_spin_lock_xsave(&lock);

	assert(num_slots >= count);
	num_slots -= count;
	cpu_spin_unlock_xrestore(&lock, exceptions);
}

static void free_slot(struct slot *slot)
{
	slot_destroy(slot);
	unreserve_slots(1);
}

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
		exceptions = cpu_spin_lock_xsave(&lock);
		unique = g->id && !find_group(g->id);
		if (unique)
			LIST_INSERT_HEAD(&groups, g, link);
		cpu_spin_unlock_xrestore(&lock, exceptions);
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
	exceptions = cpu_spin_lock_xsave(&lock);
	LIST_REMOVE(group, link);
	cpu_spin_unlock_xrestore(&lock, exceptions);
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

	exceptions = cpu_spin_lock_xsave(&lock);
	ok = tables_suffice(tables_owned + tables, slots[0]->num_tables);
	if (ok) {
		memcpy(group->slots, slots, count * sizeof(slots[0]));
		group->num_slots = count;
		group->num_tables = tables;
		group->faults = 0;
		group->panic_code = 0;
		group->entries = 0;
		group->started = true;
		tables_owned += tables;
	}
	cpu_spin_unlock_xrestore(&lock, exceptions);

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
	if (!reserve_slots(setup->num_slots)) {
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
	unreserve_slots(setup->num_slots);

	return res;
}

TEE_Result group_get_status(struct group *group, struct group_status *status)
{
	TEE_Result res = TEE_ERROR_BAD_STATE;
	uint32_t exceptions = 0;
	unsigned int n = 0;

	exceptions = cpu_spin_lock_xsave(&lock);
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
	cpu_spin_unlock_xrestore(&lock, exceptions);

	return res;
}

/*
 * Detaches all slots from their group: from here on nobody enters. Leaves
 * in @slots those which the owner has to evict or to free.
 */
static bool detach_slots(struct group *group,
			 struct slot *slots[SECURE_CORES_MAX_SLOTS])
{
	uint32_t exceptions = cpu_spin_lock_xsave(&lock);
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
		tables_owned -= group->num_tables;
	group->started = false;
	group->num_slots = 0;
	cpu_spin_unlock_xrestore(&lock, exceptions);

	return started;
}

static void evict(struct slot *slot)
{
	uint32_t exceptions = 0;
	bool left = false;

	slot_evict(slot);

	exceptions = cpu_spin_lock_xsave(&lock);
	left = slot->state == SLOT_ABANDONED;
	if (!left)
		slot->state = SLOT_EVICTED;
	cpu_spin_unlock_xrestore(&lock, exceptions);

	if (left)
		free_slot(slot);
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
			free_slot(slots[n]);
		} else if (slots[n]) {
			evict(slots[n]);
			(*evicted)++;
		}
	}

	return TEE_SUCCESS;
}

static TEE_Result claim_slot(uint64_t id, struct slot **slot)
{
	uint32_t exceptions = cpu_spin_lock_xsave(&lock);
	TEE_Result res = TEE_ERROR_ITEM_NOT_FOUND;
	struct group *g = find_group(id);
	struct slot *s = NULL;
	unsigned int n = 0;

	if (!g || !g->started)
		goto out;

	res = TEE_ERROR_BUSY;
	for (n = 0; !g->faults && n < g->num_slots; n++) {
		s = g->slots[n];
		if (s->state != SLOT_FREE)
			continue;
		res = TEE_ERROR_OUT_OF_MEMORY;
		if (tables_suffice(tables_owned, tables_lent + s->num_tables)) {
			tables_lent += s->num_tables;
			s->state = SLOT_ENTERING;
			*slot = s;
			res = TEE_SUCCESS;
		}
		break;
	}
out:
	cpu_spin_unlock_xrestore(&lock, exceptions);

	return res;
}

/* Returns false if the group has been stopped since the slot was claimed */
static bool go_inside(struct slot *slot)
{
	uint32_t exceptions = cpu_spin_lock_xsave(&lock);
	bool ok = slot->state == SLOT_ENTERING;

	if (ok) {
		slot->state = SLOT_INSIDE;
		slot->group->entries++;
	}
	cpu_spin_unlock_xrestore(&lock, exceptions);

	return ok;
}

/* Gives the slot back, to whom its state says. Returns SECURE_CORES_EXIT_* */
static uint32_t release_slot(struct slot *slot, const struct slot_exit *exit)
{
	uint32_t exceptions = cpu_spin_lock_xsave(&lock);
	uint32_t reason = SECURE_CORES_EXIT_EVICTED;
	struct group *g = slot->group;
	bool destroy = false;

	tables_lent -= slot->num_tables;
	if (slot->state == SLOT_INSIDE) {
		slot->state = SLOT_FREE;
		reason = SECURE_CORES_EXIT_RETURN;
		if (exit->panicked) {
			if (!g->faults)
				g->panic_code = exit->panic_code;
			g->faults++;
			reason = SECURE_CORES_EXIT_FAULT;
		}
	} else if (slot->state == SLOT_EVICTING) {
		slot->state = SLOT_ABANDONED;
	} else {
		assert(slot->state == SLOT_EVICTED);
		destroy = true;
	}
	cpu_spin_unlock_xrestore(&lock, exceptions);

	if (destroy)
		free_slot(slot);

	return reason;
}

static void print_fault(const TEE_UUID *uuid, const struct slot_exit *exit)
{
	struct thread_specific_data *tsd = thread_get_tsd();

	if (tsd->abort_type == ABORT_TYPE_USER_MODE_PANIC)
		EMSG("Helper of %pUl panicked with code %#"PRIx32,
		     (void *)uuid, exit->panic_code);
	else
		EMSG("Helper of %pUl faulted at pc %#"PRIx64", address %#"PRIxVA,
		     (void *)uuid, tsd->abort_regs.elr, tsd->abort_va);
}

TEE_Result group_lend(uint64_t id, uint32_t *reason, uint32_t *ret)
{
	struct slot_exit exit = { };
	TEE_Result res = TEE_SUCCESS;
	struct slot *slot = NULL;
	TEE_UUID uuid = { };

	res = claim_slot(id, &slot);
	if (res)
		return res;

	uuid = slot->utc.ta_ctx.ts_ctx.uuid;
	slot_enter(slot);
	if (go_inside(slot))
		slot_run(slot, &exit);
	slot_leave(slot);

	/* The slot isn't ours any longer after this */
	*reason = release_slot(slot, &exit);
	if (*reason == SECURE_CORES_EXIT_FAULT)
		print_fault(&uuid, &exit);
	*ret = *reason == SECURE_CORES_EXIT_RETURN ? exit.ret : 0;

	return TEE_SUCCESS;
}
