// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure cores: the pseudo-TA's commands, see pta_secure_cores.h
 *
 * Threads of the normal world lend their cores to a loaded user TA.
 */

#include <kernel/pseudo_ta.h>
#include <kernel/ts_manager.h>
#include <kernel/user_ta.h>
#include <pta_secure_cores.h>
#include <util.h>

#include "group.h"

#if !defined(ARM64)
#error CFG_SECURE_CORES_PTA needs a 64-bit core (CFG_ARM64_core=y)
#endif
#if !defined(CFG_WITH_USER_TA)
#error CFG_SECURE_CORES_PTA needs user TAs (CFG_WITH_USER_TA=y)
#endif
#if !defined(CFG_SYSTEM_PTA)
#error CFG_SECURE_CORES_PTA needs mappings at run time (CFG_SYSTEM_PTA=y)
#endif
#if defined(CFG_WITH_PAGER)
#error CFG_SECURE_CORES_PTA does not work with paging (CFG_WITH_PAGER=y)
#endif
#if defined(CFG_NS_VIRTUALIZATION)
#error CFG_SECURE_CORES_PTA does not work with CFG_NS_VIRTUALIZATION=y
#endif

static TEE_Result query(uint32_t pt, TEE_Param p[TEE_NUM_PARAMS])
{
	if (pt != TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT,
				  TEE_PARAM_TYPE_VALUE_OUTPUT,
				  TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE))
		return TEE_ERROR_BAD_PARAMETERS;

	p[0].value.a = SECURE_CORES_VERSION;
	p[0].value.b = SECURE_CORES_MAX_SLOTS;
	p[1].value.a = CFG_TEE_CORE_NB_CORE;
	p[1].value.b = CFG_NUM_THREADS;

	return TEE_SUCCESS;
}

static TEE_Result start(struct group *group, uint32_t pt,
			TEE_Param p[TEE_NUM_PARAMS])
{
	struct user_ta_ctx *owner = NULL;
	struct group_setup setup = { };
	TEE_Result res = TEE_SUCCESS;
	uint64_t id = 0;

	if (pt != TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_INPUT,
				  TEE_PARAM_TYPE_VALUE_INPUT,
				  TEE_PARAM_TYPE_VALUE_INPUT,
				  TEE_PARAM_TYPE_VALUE_INOUT))
		return TEE_ERROR_BAD_PARAMETERS;

	setup.entry = reg_pair_to_64(p[0].value.b, p[0].value.a);
	setup.arg = reg_pair_to_64(p[1].value.b, p[1].value.a);
	setup.area = reg_pair_to_64(p[2].value.b, p[2].value.a);
	setup.num_slots = p[3].value.a;
	setup.stack_size = p[3].value.b;

	/* The caller is in here, so its regions can't change meanwhile */
	owner = to_user_ta_ctx(ts_get_calling_session()->ctx);
	res = group_start(group, owner, &setup, &id);
	if (!res)
		reg_pair_from_64(id, &p[3].value.b, &p[3].value.a);

	return res;
}

static TEE_Result status(struct group *group, uint32_t pt,
			 TEE_Param p[TEE_NUM_PARAMS])
{
	struct group_status s = { };
	TEE_Result res = TEE_SUCCESS;

	if (pt != TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT,
				  TEE_PARAM_TYPE_VALUE_OUTPUT,
				  TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE))
		return TEE_ERROR_BAD_PARAMETERS;

	res = group_get_status(group, &s);
	if (res)
		return res;

	p[0].value.a = s.faults;
	p[0].value.b = s.panic_code;
	p[1].value.a = s.inside;
	p[1].value.b = s.entries;

	return TEE_SUCCESS;
}

static TEE_Result stop(struct group *group, uint32_t pt,
		       TEE_Param p[TEE_NUM_PARAMS])
{
	if (pt != TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT,
				  TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE,
				  TEE_PARAM_TYPE_NONE))
		return TEE_ERROR_BAD_PARAMETERS;

	return group_stop(group, &p[0].value.a);
}

static TEE_Result lend(uint32_t pt, TEE_Param p[TEE_NUM_PARAMS])
{
	if (pt != TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_INPUT,
				  TEE_PARAM_TYPE_VALUE_OUTPUT,
				  TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE))
		return TEE_ERROR_BAD_PARAMETERS;

	return group_lend(reg_pair_to_64(p[0].value.b, p[0].value.a),
			  &p[1].value.a, &p[1].value.b);
}

/* The session of an owner has a group, that of a lender hasn't */
static TEE_Result open_session(uint32_t pt __unused,
			       TEE_Param p[TEE_NUM_PARAMS] __unused,
			       void **sess_ctx)
{
	struct ts_session *caller = ts_get_calling_session();
	struct group *group = NULL;
	TEE_Result res = TEE_SUCCESS;

	*sess_ctx = NULL;
	if (!caller)
		return TEE_SUCCESS;
	if (!is_user_ta_ctx(caller->ctx))
		return TEE_ERROR_ACCESS_DENIED;

	res = group_open(&group);
	*sess_ctx = group;

	return res;
}

static void close_session(void *sess_ctx)
{
	if (sess_ctx)
		group_close(sess_ctx);
}

static TEE_Result invoke_command(void *sess_ctx, uint32_t cmd, uint32_t pt,
				 TEE_Param p[TEE_NUM_PARAMS])
{
	struct group *group = sess_ctx;

	switch (cmd) {
	case SECURE_CORES_CMD_QUERY:
		return query(pt, p);
	case SECURE_CORES_CMD_START:
		return group ? start(group, pt, p) : TEE_ERROR_ACCESS_DENIED;
	case SECURE_CORES_CMD_STATUS:
		return group ? status(group, pt, p) : TEE_ERROR_ACCESS_DENIED;
	case SECURE_CORES_CMD_STOP:
		return group ? stop(group, pt, p) : TEE_ERROR_ACCESS_DENIED;
	case SECURE_CORES_CMD_LEND:
		return group ? TEE_ERROR_ACCESS_DENIED : lend(pt, p);
	default:
		return TEE_ERROR_NOT_SUPPORTED;
	}
}

pseudo_ta_register(.uuid = SECURE_CORES_UUID, .name = "secure_cores.pta",
		   .flags = PTA_DEFAULT_FLAGS | TA_FLAG_CONCURRENT,
		   .open_session_entry_point = open_session,
		   .close_session_entry_point = close_session,
		   .invoke_command_entry_point = invoke_command);
