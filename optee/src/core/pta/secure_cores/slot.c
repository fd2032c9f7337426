// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure cores: memory and user mode of one helper, see slot.h
 */

#include <assert.h>
#include <kernel/abort.h>
#include <kernel/arch_scall.h>
#include <kernel/thread.h>
#include <kernel/tlb_helpers.h>
#include <kernel/ts_manager.h>
#include <kernel/user_mode_ctx.h>
#include <mm/core_mmu.h>
#include <mm/mobj.h>
#include <mm/pgt_cache.h>
#include <mm/vm.h>
#include <pta_secure_cores.h>
#include <stdlib.h>
#include <tee_syscall_numbers.h>
#include <trace.h>
#include <util.h>

#include "slot.h"

static_assert(SECURE_CORES_PAGE == SMALL_PAGE_SIZE);

bool slot_is_lendable(const struct vm_region *r)
{
	return !(r->flags & (VM_FLAG_EPHEMERAL | VM_FLAG_PERMANENT |
			     VM_FLAG_LDELF)) &&
	       (r->attr & TEE_MATTR_SECURE);
}

size_t slot_count_tables(struct user_mode_ctx *uctx)
{
	struct vm_region *r = NULL;
	vaddr_t begin = 0;
	vaddr_t end = 0;
	size_t count = 0;

	/* The regions are sorted by address */
	TAILQ_FOREACH(r, &uctx->vm_info.regions, link) {
		begin = MAX(ROUNDDOWN(r->va, CORE_MMU_PGDIR_SIZE), end);
		end = ROUNDUP(r->va + r->size, CORE_MMU_PGDIR_SIZE);
		count += (end - begin) / CORE_MMU_PGDIR_SIZE;
	}

	return count;
}

/*
 * System calls of helpers. User memory must not be accessed here, it may
 * be unmapped by slot_evict() at any time.
 */
static bool handle_scall(struct thread_scall_regs *regs)
{
	size_t max_args = 0;
	size_t scn = 0;

	scall_get_max_args(regs, &scn, &max_args);
	switch (scn) {
	case TEE_SCN_RETURN:
		scall_set_sys_return_regs(regs, false, 0);
		return false;
	case TEE_SCN_PANIC:
		thread_get_tsd()->abort_type = ABORT_TYPE_USER_MODE_PANIC;
		scall_set_sys_return_regs(regs, true, regs->x0);
		scall_set_retval(regs, TEE_ERROR_TARGET_DEAD);
		return false;
	default:
		scall_set_retval(regs, TEE_ERROR_NOT_SUPPORTED);
		return true;
	}
}

static TEE_Result map_part(struct user_mode_ctx *uctx, struct vm_region *r,
			   size_t offs, size_t size)
{
	vaddr_t va = r->va + offs;

	return vm_map(uctx, &va, size, r->attr & TEE_MATTR_PROT_MASK,
		      r->flags, r->mobj, r->offset + offs);
}

static TEE_Result map_slot(struct slot *slot, struct user_ta_ctx *owner,
			   const struct slot_setup *setup)
{
	struct user_mode_ctx *uctx = &slot->utc.uctx;
	const size_t offs = SECURE_CORES_PAGE + slot->index * setup->stack_size;
	TEE_Result res = TEE_SUCCESS;
	struct vm_region *r = NULL;

	TAILQ_FOREACH(r, &owner->uctx.vm_info.regions, link) {
		if (!slot_is_lendable(r))
			continue;
		if (r == setup->area)
			res = map_part(uctx, r, offs, setup->stack_size);
		else
			res = map_part(uctx, r, 0, r->size);
		if (res)
			return res;
	}

	return TEE_SUCCESS;
}

TEE_Result slot_create(struct user_ta_ctx *owner,
		       const struct slot_setup *setup, unsigned int index,
		       struct slot **slot)
{
	TEE_Result res = TEE_SUCCESS;
	struct slot *s = NULL;

	s = calloc(1, sizeof(*s));
	if (!s)
		return TEE_ERROR_OUT_OF_MEMORY;

	s->state = SLOT_FREE;
	s->index = index;
	s->entry = setup->entry;
	s->arg = setup->arg;
	s->stack_top = setup->area->va + SECURE_CORES_PAGE +
		       (index + 1) * setup->stack_size;

	TAILQ_INIT(&s->utc.open_sessions);
	TAILQ_INIT(&s->utc.cryp_states);
	TAILQ_INIT(&s->utc.objects);
	TAILQ_INIT(&s->utc.storage_enums);
	/* Makes it a user TA for is_user_ta_ctx(), with the owner's UUID */
	s->utc.ta_ctx.ts_ctx = owner->ta_ctx.ts_ctx;
	s->sess.cancel_mask = true;
	s->sess.ts_sess.ctx = &s->utc.ta_ctx.ts_ctx;
	s->sess.ts_sess.handle_scall = handle_scall;

	/* Fails with another code than below if there's no ASID left */
	res = vm_info_init(&s->utc.uctx, &s->utc.ta_ctx.ts_ctx);
	if (!res)
		res = map_slot(s, owner, setup);
	if (res) {
		EMSG("Can't map slot %u: %#"PRIx32, index, res);
		slot_destroy(s);
		return TEE_ERROR_OUT_OF_MEMORY;
	}
#ifdef CFG_TA_PAUTH
	s->utc.uctx.keys = owner->uctx.keys;
#endif
	s->num_tables = slot_count_tables(&s->utc.uctx);
	*slot = s;

	return TEE_SUCCESS;
}

void slot_destroy(struct slot *slot)
{
	vm_info_final(&slot->utc.uctx);
	free(slot);
}

void slot_enter(struct slot *slot)
{
	ts_push_current_session(&slot->sess.ts_sess);
}

void slot_run(struct slot *slot, struct slot_exit *out)
{
	out->ret = thread_enter_user_mode(slot->index, slot->arg, 0, 0,
					  slot->stack_top, slot->entry, false,
					  &out->panicked, &out->panic_code);
	thread_user_clear_vfp(&slot->utc.uctx);
}

void slot_leave(struct slot *slot)
{
	struct ts_session *s __maybe_unused = NULL;

	s = ts_pop_current_session();
	assert(s == &slot->sess.ts_sess);
}

void slot_evict(struct slot *slot)
{
	struct user_mode_ctx *uctx = &slot->utc.uctx;
	struct vm_region *next = NULL;
	struct vm_region *r = NULL;

	TAILQ_FOREACH(r, &uctx->vm_info.regions, link)
		if (!(r->flags & VM_FLAG_PERMANENT))
			pgt_clear_range(uctx, r->va, r->va + r->size);
	tlbi_asid(uctx->vm_info.asid);

	TAILQ_FOREACH_SAFE(r, &uctx->vm_info.regions, link, next) {
		if (r->flags & VM_FLAG_PERMANENT)
			continue;
		TAILQ_REMOVE(&uctx->vm_info.regions, r, link);
		mobj_put(r->mobj);
		free(r);
	}
}
