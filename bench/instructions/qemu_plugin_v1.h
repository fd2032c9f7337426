/*
 * The few functions of QEMU's plugin interface, version 1, that count_instructions.c uses. Debian's
 * package qemu-user runs plugins but brings no qemu-plugin.h; these declarations follow the public
 * description of the interface (QEMU's documentation, "TCG plugins").
 */
#ifndef SMARTZONE_BENCH_QEMU_PLUGIN_V1_H
#define SMARTZONE_BENCH_QEMU_PLUGIN_V1_H

#include <stddef.h>
#include <stdint.h>

/* Identifies the plugin to QEMU. */
typedef uint64_t qemu_plugin_id_t;

/* What QEMU tells a plugin about itself; we need none of it. */
typedef struct qemu_info_t qemu_info_t;

/* A block of instructions that is being translated. */
struct qemu_plugin_tb;

/* What a piece of code inserted by a plugin may do without calling it. */
enum qemu_plugin_op {
	QEMU_PLUGIN_INLINE_ADD_U64,
};

/* Whether an inserted call looks at the processor's registers. */
enum qemu_plugin_cb_flags {
	QEMU_PLUGIN_CB_NO_REGS,
	QEMU_PLUGIN_CB_R_REGS,
	QEMU_PLUGIN_CB_RW_REGS,
};

typedef void (*qemu_plugin_vcpu_tb_trans_cb_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned int vcpu_index, void *userdata);
typedef void (*qemu_plugin_udata_cb_t)(qemu_plugin_id_t id, void *userdata);

/* Called for every block that is translated. */
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t cb);

/* Calls `cb` whenever the block is executed. */
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, qemu_plugin_vcpu_udata_cb_t cb,
					  enum qemu_plugin_cb_flags flags, void *userdata);

/* Called when the program ends. */
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_plugin_udata_cb_t cb, void *userdata);

/* Instructions in the block. */
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);

#endif /* SMARTZONE_BENCH_QEMU_PLUGIN_V1_H */
