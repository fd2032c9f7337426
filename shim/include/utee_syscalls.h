/* The one system call of OP-TEE that helpers of secure cores make themselves, for the host. */
#ifndef SMARTZONE_SHIM_UTEE_SYSCALLS_H
#define SMARTZONE_SHIM_UTEE_SYSCALLS_H

/*
 * Ends a helper's visit: the thread goes back to where it was lent, with this value. Frames in
 * between are left without their destructors, as in OP-TEE. Only for helpers.
 */
void _utee_return(unsigned long value) __attribute__((noreturn));

#endif /* SMARTZONE_SHIM_UTEE_SYSCALLS_H */
