// reach is a native program that tries to get at the runner, process 1 of its container: it ends with status 1, and says what it reached,
// where it got at anything that no neighbour of another user would.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int reached;

static void reach(const char *what, const char *name) {
	printf("REACHED %s %s\n", what, name);
	reached = 1;
}

static void attempt(const char *name) {
	static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_PATH};
	char target[4096];
	for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
		int fd = open(name, flags[i] | O_NONBLOCK);
		if (fd < 0)
			continue;
		char byte;
		if (flags[i] == O_PATH || strcmp(name, "/proc/1/environ") || read(fd, &byte, 1) > 0)
			reach("open", name);
		close(fd);
	}
	if (readlink(name, target, sizeof target) > 0)
		reach("readlink", name);
}

static void list(const char *name) {
	DIR *d = opendir(name);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		if (*e->d_name != '.')
			reach(name, e->d_name);
	closedir(d);
}

// replace tries to write to a file of the runner's, by every name that it has in the container.
static void replace(const char *name) {
	if (open(name, O_WRONLY) >= 0 || open(name, O_RDWR | O_TRUNC) >= 0)
		reach("open for writing", name);
	if (!truncate(name, 0))
		reach("truncate", name);
	if (!chmod(name, 0777))
		reach("chmod", name);
	if (!unlink(name))
		reach("unlink", name);
}

int main(void) {
	static const char *const files[] = {"exe", "mem", "environ", "maps", "smaps", "pagemap", "root", "cwd", "auxv", "syscall", "stack", "fd/0", "fd/3", "fd/4", "fd/5", "fd/6", "fd/7", "fd/8"};
	char name[4096], byte;
	for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(name, sizeof name, "/proc/1/%s", files[i]);
		if (strcmp(files[i], "environ") && strcmp(files[i], "auxv") && strcmp(files[i], "stack") && strcmp(files[i], "syscall") && strcmp(files[i], "maps") && strcmp(files[i], "smaps") && strcmp(files[i], "pagemap"))
			attempt(name);
		int fd = open(name, O_RDONLY | O_NONBLOCK); // some open, and can then not be read
		if (fd >= 0 && read(fd, &byte, 1) > 0)
			reach("read", name);
	}
	list("/proc/1/fd");
	list("/proc/1/map_files");
	replace("/proc/1/exe");
	DIR *d = opendir("/dev/.wasmoci");
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.') {
			snprintf(name, sizeof name, "/dev/.wasmoci/%s", e->d_name);
			replace(name);
		}
	if (creat("/dev/.wasmoci/new", 0600) >= 0)
		reach("creat", "/dev/.wasmoci/new");
	struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
	if (process_vm_readv(1, &here, 1, &there, 1, 0) >= 0)
		reach("process_vm_readv", "1");
	if (process_vm_writev(1, &here, 1, &there, 1, 0) >= 0)
		reach("process_vm_writev", "1");
	if (!ptrace(PTRACE_ATTACH, 1, 0, 0) || !ptrace(PTRACE_SEIZE, 1, 0, 0)) {
		reach("ptrace", "1");
		ptrace(PTRACE_DETACH, 1, 0, 0);
	}
	int pidfd = syscall(SYS_pidfd_open, 1, 0);
	for (int fd = 0; pidfd >= 0 && fd < 16; fd++)
		if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0)
			reach("pidfd_getfd", "1");
	for (int fd = 3; fd < 64; fd++) // what this process itself was given
		if (fcntl(fd, F_GETFD) >= 0 && fd != pidfd && (!d || fd != dirfd(d)))
			reach("descriptor", "of its own");
	if (!access("/proc/1/status", R_OK))
		puts("looked");
	return reached;
}
