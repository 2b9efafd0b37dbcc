/*
 * A way round for user-mode Linux on processors with AMX, preloaded into linux.uml by uml-run.
 *
 * UML keeps the extended registers of its processes in a buffer whose size was fixed when it was compiled. The host's kernel
 * fills such a buffer as far as it goes, but takes back only a whole one (EFAULT otherwise), and with AMX a whole one is four
 * times as long. So what is set is filled up with zeros here: the registers beyond are in their initial state, since nothing
 * in the guest is told that they exist.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char whole[65536] __attribute__((aligned(64)));
static size_t size;

long ptrace(enum __ptrace_request request, ...)
{
	static long (*next)(enum __ptrace_request, ...);
	va_list list;
	va_start(list, request);
	pid_t pid = va_arg(list, pid_t);
	void *address = va_arg(list, void *);
	void *data = va_arg(list, void *);
	va_end(list);

	if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE) {
		const struct iovec *given = data;
		struct iovec io = { whole, sizeof whole };
		if (size == 0 && syscall(SYS_ptrace, PTRACE_GETREGSET, pid, address, &io) == 0) {
			size = io.iov_len;
			memset(whole, 0, sizeof whole);
		}
		if (given->iov_len < size) {
			memcpy(whole, given->iov_base, given->iov_len);
			io.iov_len = size;
			return syscall(SYS_ptrace, request, pid, address, &io);
		}
	}
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "ptrace");
	return next(request, pid, address, data);
}
