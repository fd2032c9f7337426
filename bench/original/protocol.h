/*
 * What the baseline's client and its trusted application say to each other. C-clean.
 *
 * Parameters of every command, and no other types:
 *   0  [in] or [out] memref, or nothing
 *   1  [in] value
 *   2  [out] value
 * The TEE_Result says what happened: TEE_ERROR_BAD_PARAMETERS for anything that does not fit,
 * TEE_ERROR_BAD_STATE for a command at the wrong time, TEE_ERROR_OUT_OF_MEMORY when the heap is full.
 */
#ifndef SMARTZONE_BENCH_ORIGINAL_PROTOCOL_H
#define SMARTZONE_BENCH_ORIGINAL_PROTOCOL_H

/* 2c0e5d3a-7f41-4b8e-9a63-1d5c8e70b942: for benchmarks only, never part of the product. */
#define ORIGINAL_TA_UUID \
	{ 0x2c0e5d3a, 0x7f41, 0x4b8e, \
	  { 0x9a, 0x63, 0x1d, 0x5c, 0x8e, 0x70, 0xb9, 0x42 } }
#define ORIGINAL_TA_UUID_TEXT "2c0e5d3a-7f41-4b8e-9a63-1d5c8e70b942"

/* A network input: value[1].a = elements. Takes a buffer for it. Inputs come before layers. */
#define ORIGINAL_CMD_ADD_INPUT 1

/*
 * A layer: memref[0] = one LayerRecord (layer.h). Takes its output buffer and its weights. The
 * buffers are numbered in the order of these two commands, from 0.
 */
#define ORIGINAL_CMD_ADD_LAYER 2

/* A piece of a layer's weights: memref[0] = bytes, value[1].a = layer, value[1].b = byte offset. */
#define ORIGINAL_CMD_PUSH_WEIGHTS 3

/* No more layers: takes the workspace. */
#define ORIGINAL_CMD_FINISH 4

/* memref[0] = the elements of input value[1].a. */
#define ORIGINAL_CMD_SET_INPUT 5

/* Runs layer value[1].a: one world switch for every layer of every inference. */
#define ORIGINAL_CMD_FORWARD 6

/* memref[0] (output) = the elements of buffer value[1].a. */
#define ORIGINAL_CMD_GET_OUTPUT 7

/* value[2].a, .b = low and high word of the bytes that the session has taken from the heap. */
#define ORIGINAL_CMD_MEMORY 8

/* Most bytes in one PUSH_WEIGHTS: the shared buffer of the papers' clients is about this large. */
#define ORIGINAL_MAX_CHUNK_BYTES (1u << 20)

#endif /* SMARTZONE_BENCH_ORIGINAL_PROTOCOL_H */
