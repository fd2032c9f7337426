// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure cores: what a thread of the normal world does with a slot
 */

#include <assert.h>
#include <kernel/abort.h>
#include <kernel/thread.h>
#include <pta_secure_cores.h>
#include <trace.h>

#include "cores.h"
#include "group.h"
#include "slot.h"

static TEE_Result claim_slot(uint64_t id, struct slot **slot)
{
	uint32_t exceptions = cores_lock();
	TEE_Result res = TEE_ERROR_ITEM_NOT_FOUND;
	struct group *g = cores_find_group(id);
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
		if (cores_have_tables(0, s->num_tables)) {
			cores.tables_lent += s->num_tables;
			s->state = SLOT_ENTERING;
			*slot = s;
			res = TEE_SUCCESS;
		}
		break;
	}
out:
	cores_unlock(exceptions);

	return res;
}

/* Returns false if the group has been stopped since the slot was claimed */
static bool go_inside(struct slot *slot)
{
	uint32_t exceptions = cores_lock();
	bool ok = slot->state == SLOT_ENTERING;

	if (ok) {
		slot->state = SLOT_INSIDE;
		slot->group->entries++;
	}
	cores_unlock(exceptions);

	return ok;
}

/* Gives the slot back, to whom its state says. Returns SECURE_CORES_EXIT_* */
static uint32_t release_slot(struct slot *slot, const struct slot_exit *exit)
{
	uint32_t exceptions = cores_lock();
	uint32_t reason = SECURE_CORES_EXIT_EVICTED;
	struct group *g = slot->group;
	bool destroy = false;

	cores.tables_lent -= slot->num_tables;
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
	cores_unlock(exceptions);

	if (destroy)
		cores_free_slot(slot);

	return reason;
}

static void print_fault(const TEE_UUID *uuid, const struct slot_exit *exit)
{
	struct thread_specific_data *tsd = thread_get_tsd();

	if (tsd->abort_type == ABORT_TYPE_USER_MODE_PANIC)
		EMSG("Helper of %pUl panicked with code %#"PRIx32,
		     (void *)uuid, exit->panic_code);
	else
		EMSG("Helper of %pUl faulted, pc %#"PRIx64" address %#"PRIxVA,
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
