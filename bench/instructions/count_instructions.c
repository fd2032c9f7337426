/*
 * A plugin for qemu-user that counts executed instructions: whenever a block of translated code
 * runs, the number of its instructions is added. At the end the sum is written to a file:
 *
 *   qemu-aarch64 -plugin libcount_instructions.so,out=FILE -L SYSROOT program ...
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin_v1.h"

/* QEMU looks for these two by name. */
__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id,
							       const qemu_info_t *info, int argc,
							       char **argv);

/* Guest threads run in host threads, and each adds to its own slot: no two share a cache line. */
#define SLOTS 256

struct slot {
	_Alignas(64) uint64_t count;
};

static struct slot slots[SLOTS];
static _Atomic uint64_t overflow; /* of threads beyond the slots */
static char *out_path;

static void block_runs(unsigned int vcpu, void *instructions)
{
	if (vcpu < SLOTS)
		slots[vcpu].count += (uintptr_t)instructions;
	else
		atomic_fetch_add_explicit(&overflow, (uintptr_t)instructions, memory_order_relaxed);
}

static void block_is_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_runs, QEMU_PLUGIN_CB_NO_REGS,
					     (void *)(uintptr_t)qemu_plugin_tb_n_insns(tb));
}

static void program_ends(qemu_plugin_id_t id, void *unused)
{
	uint64_t sum = overflow;
	FILE *file = fopen(out_path, "w");
	size_t i;

	(void)id;
	(void)unused;
	for (i = 0; i < SLOTS; i++)
		sum += slots[i].count;
	if (!file || fprintf(file, "%llu\n", (unsigned long long)sum) < 0 || fclose(file)) {
		fprintf(stderr, "count_instructions: %s cannot be written\n", out_path);
		_Exit(125);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "count_instructions: wants one argument, out=FILE\n");
		return 1;
	}
	out_path = strdup(argv[0] + 4);
	if (!out_path)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_is_translated);
	qemu_plugin_register_atexit_cb(id, program_ends, NULL);
	return 0;
}
