// emulator asks of WASI what a converted image of container2wasm asks: an emulator of a machine, whose console is standard input and
// output, whose file systems are preopened directories, and whose network card speaks over a socket that was handed to it. Each need is a
// command; what is wrong ends it with status 1.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

static void check(int ok, const char *what) {
	if (ok)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

// preopens prints what there is from descriptor 3 on, up to the first that is nothing.
static void preopens(void) {
	for (__wasi_fd_t fd = 3;; fd++) {
		__wasi_prestat_t stat;
		__wasi_errno_t e = __wasi_fd_prestat_get(fd, &stat);
		if (e == __WASI_ERRNO_BADF)
			return;
		errno = e;
		check(e == __WASI_ERRNO_SUCCESS, "fd_prestat_get");
		if (stat.tag != __WASI_PREOPENTYPE_DIR) {
			printf("%d is a socket\n", fd);
			continue;
		}
		char name[4096] = "";
		errno = __wasi_fd_prestat_dir_name(fd, (uint8_t *)name, stat.u.dir.pr_name_len);
		check(errno == 0, "fd_prestat_dir_name");
		printf("%d is %s\n", fd, name);
	}
}

// pollin waits for descriptor fd and for a timer at once, as the loop of a machine does, and says whether there is something to read.
static int pollin(int fd, int ms) {
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n = poll(&p, 1, ms);
	check(n >= 0, "poll");
	return n;
}

// console reads standard input without waiting for it. Whenever its timer goes off because there is nothing to read, that leaves a file in
// dir, whose name says how often there was something before.
static void console(const char *dir) {
	check(fcntl(0, F_SETFL, O_NONBLOCK) == 0, "F_SETFL");
	check(fcntl(0, F_GETFL) & O_NONBLOCK, "F_GETFL");
	int idle = 0, reads = 0;
	printf("terminal: %d\n", isatty(0));
	fflush(stdout);
	for (;;) {
		if (!pollin(0, 10)) {
			char c;
			check(read(0, &c, 1) == -1 && errno == EAGAIN, "read of nothing");
			char name[64];
			snprintf(name, sizeof name, "%s/%d", dir, reads);
			check(!*dir || close(open(name, O_WRONLY | O_CREAT, 0644)) == 0, name);
			idle++;
			continue;
		}
		char buf[64];
		ssize_t n = read(0, buf, sizeof buf);
		if (n == -1 && errno == EAGAIN)
			continue;
		check(n >= 0, "read");
		if (n == 0)
			break;
		reads++;
		printf("read %.*s", (int)n, buf);
		fflush(stdout);
		if (memchr(buf, 'q', n))
			break;
	}
	printf("idle: %d\n", idle > 0);
}

static void all(int fd, uint8_t *p, size_t n, int out) {
	while (n > 0) {
		ssize_t k = out ? send(fd, p, n, 0) : recv(fd, p, n, 0);
		if (k == -1 && errno == EAGAIN) {
			struct pollfd w = {.fd = fd, .events = out ? POLLOUT : POLLIN};
			check(poll(&w, 1, -1) == 1, "poll of a connection");
			continue;
		}
		check(k > 0, out ? "send" : "recv");
		p += k;
		n -= k;
	}
}

// network accepts on a listener and sends each Ethernet frame back, with its length in front (QEMU's protocol), until one is empty.
static void network(const char *option) {
	int fd = 3; // container2wasm's default
	if (strncmp(option, "--net=socket", 12) == 0 && option[12])
		check(sscanf(option + 12, "=listenfd=%d", &fd) == 1, "listenfd");
	int conn;
	while ((conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) == -1) {
		check(errno == EAGAIN, "accept");
		pollin(fd, 100);
	}
	static uint8_t frame[1 << 17];
	for (int n = 0;; n++) {
		all(conn, frame, 4, 0);
		uint32_t size = (uint32_t)frame[0] << 24 | frame[1] << 16 | frame[2] << 8 | frame[3];
		check(size <= sizeof frame - 4, "length of a frame");
		all(conn, frame + 4, size, 0);
		all(conn, frame, size + 4, 1);
		if (size == 0) {
			printf("%d frames by descriptor %d\n", n, fd);
			break;
		}
	}
	check(shutdown(conn, SHUT_RDWR) == 0, "shutdown");
}

// volume does in a directory what a file server does for a guest's kernel.
static void volume(const char *dir) {
	char buf[64];
	struct stat st;
	check(chdir(dir) == 0, "chdir");
	check(mkdir("new", 0755) == 0, "mkdir");
	int fd = open("new/file", O_RDWR | O_CREAT | O_EXCL, 0644);
	check(fd >= 0 && write(fd, "0123456789", 10) == 10, "write");
	check(pwrite(fd, "ab", 2, 4) == 2 && ftruncate(fd, 8) == 0 && fsync(fd) == 0, "pwrite, ftruncate, fsync");
	check(pread(fd, buf, sizeof buf, 2) == 6 && memcmp(buf, "23ab67", 6) == 0, "pread");
	check(futimens(fd, (struct timespec[2]){{1000}, {2000}}) == 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec == 2000, "futimens");
	check(close(fd) == 0, "close");
	check(link("new/file", "new/hard") == 0 && stat("new/hard", &st) == 0 && st.st_nlink == 2, "link");
	check(symlink("file", "new/soft") == 0 && readlink("new/soft", buf, sizeof buf) == 4, "symlink");
	check(lstat("new/soft", &st) == 0 && S_ISLNK(st.st_mode), "lstat");
	check(rename("new/file", "moved") == 0 && access("new/file", F_OK) == -1 && errno == ENOENT, "rename");
	int names = 0;
	DIR *d = opendir("new");
	check(d != NULL, "opendir");
	for (struct dirent *e; (e = readdir(d));)
		names += e->d_name[0] != '.';
	closedir(d);
	check(names == 2, "readdir");
	check(unlink("new/hard") == 0 && unlink("new/soft") == 0 && rmdir("new") == 0, "unlink, rmdir");
	printf("served %s\n", dir);
}

static void clocks(void) {
	struct timespec begun, ended, wall;
	check(clock_gettime(CLOCK_REALTIME, &wall) == 0 && wall.tv_sec > 1600000000, "wall clock");
	check(clock_gettime(CLOCK_MONOTONIC, &begun) == 0, "monotonic clock");
	check(nanosleep(&(struct timespec){0, 20000000}, NULL) == 0, "nanosleep");
	check(clock_gettime(CLOCK_MONOTONIC, &ended) == 0, "monotonic clock");
	int64_t took = (int64_t)(ended.tv_sec - begun.tv_sec) * 1000000000 + ended.tv_nsec - begun.tv_nsec;
	check(took >= 20000000, "nanosleep was short");
	puts("clocks");
}

static void randomness(void) {
	uint8_t a[256] = {0}, b[256] = {0};
	check(getentropy(a, sizeof a) == 0 && getentropy(b, sizeof b) == 0 && memcmp(a, b, sizeof a), "getentropy");
	puts("random");
}

// machine takes as many MiB of memory as a machine has, at once, and uses a part of it.
static void machine(int mib) {
	size_t before = __builtin_wasm_memory_size(0), pages = (size_t)mib << 4;
	check(__builtin_wasm_memory_grow(0, pages) == before, "memory.grow");
	uint8_t *ram = (uint8_t *)(before << 16);
	for (size_t at = 0; at < (size_t)mib << 20; at += 16 << 20)
		memset(ram + at, 1, 1 << 20);
	printf("a machine of %d MiB\n", mib);
}

int main(int argc, char **argv) {
	const char *option = "";
	int i = 1;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) { // flags of the image come before its command
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		option = argv[i];
	}
	check(i < argc, "no command");
	const char *what = argv[i], *arg = i + 1 < argc ? argv[i + 1] : "";
	if (strcmp(what, "preopens") == 0)
		preopens();
	else if (strcmp(what, "console") == 0)
		console(arg);
	else if (strcmp(what, "network") == 0)
		network(option);
	else if (strcmp(what, "volume") == 0)
		volume(arg);
	else if (strcmp(what, "clocks") == 0)
		clocks();
	else if (strcmp(what, "random") == 0)
		randomness();
	else if (strcmp(what, "machine") == 0)
		machine(atoi(arg));
	else if (strcmp(what, "echo") == 0) {
		printf("%s\n", getenv("IMAGE_ENV"));
		for (int k = 0; k < argc; k++)
			printf("[%s]", argv[k]);
		puts("");
	} else
		check(0, what);
	return 0;
}
