// A guest with many verbs, built for WASI and for the host: what it prints and how it ends must be the same in both containers.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#ifndef __wasi__
#include <signal.h>

static void end(int sig) { _exit(128 + sig); } // a native program that is PID 1 has to ask for what a guest has anyway
#endif

static int fail(const char *what) {
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static int print(const char *name) { // the file's content
	char buf[4096];
	ssize_t n;
	int fd = open(name, O_RDONLY);
	if (fd < 0)
		return fail(name);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		if (write(1, buf, n) != n)
			return 2;
	if (n < 0)
		return fail(name);
	close(fd);
	return 0;
}

static int create(const char *name, const char *content) {
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return fail(name);
	if (write(fd, content, strlen(content)) < 0)
		return fail(name);
	close(fd);
	return 0;
}

static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static int list(const char *name) { // the directory's entries, sorted, and where they lead where links
	char *names[1024], path[4096], target[4096];
	int n = 0;
	DIR *d = opendir(name);
	if (!d)
		return fail(name);
	for (struct dirent *e; n < 1024 && (e = readdir(d));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			names[n++] = strdup(e->d_name);
	closedir(d);
	qsort(names, n, sizeof *names, compare);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", name, names[i]);
		ssize_t len = readlink(path, target, sizeof target - 1);
		if (len < 0)
			printf("%s\n", names[i]);
		else
			printf("%s -> %.*s\n", names[i], (int)len, target);
	}
	return 0;
}

static void *volatile block; // that no compiler does without malloc

static long fill(void) { // MiB that there are until malloc says no
	long n = 0;
	for (; n < 1 << 16 && (block = malloc(1 << 20)); n++)
		memset(block, 1, 1 << 20);
	return n;
}

static int echo(void) { // what comes, until it ends
	char line[4096];
	while (fgets(line, sizeof line, stdin))
		printf("got %s", line);
	puts("end");
	return 0;
}

#ifdef __wasi__
__attribute__((export_name("echo"))) void echo_function(void) { // the verb, as a function that is called by its name
	setvbuf(stdout, NULL, _IOLBF, 0);
	exit(echo() + 7);
}
#endif

__attribute__((noinline)) static int stumble(int depth) { return depth ? stumble(depth - 1) + 1 : (__builtin_trap(), 0); }

int main(int argc, char **argv) {
	const char *verb = argc > 1 ? argv[1] : argc && !strcmp(argv[0], "/pause") ? "sleep" : "hello", *arg = argc > 2 ? argv[2] : "", *arg2 = argc > 3 ? argv[3] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
#ifndef __wasi__
	signal(SIGTERM, end), signal(SIGINT, end), signal(SIGHUP, end), signal(SIGQUIT, end);
#endif
	if (!strcmp(verb, "hello"))
		return puts("hello") < 0;
	if (!strcmp(verb, "exit"))
		return atoi(arg);
	if (!strcmp(verb, "both")) {
		puts("to stdout");
		fputs("to stderr\n", stderr);
		return 0;
	}
	if (!strcmp(verb, "args")) {
		for (int i = 0; i < argc; i++)
			printf("<%s>\n", argv[i]);
		return 0;
	}
	if (!strcmp(verb, "env")) {
		for (char **e = environ; *e; e++)
			puts(*e);
		return 0;
	}
	if (!strcmp(verb, "echo"))
		return echo();
	if (!strcmp(verb, "twice")) { // what comes, to both streams
		char line[4096];
		while (fgets(line, sizeof line, stdin))
			fputs(line, stdout), fputs(line, stderr);
		return 0;
	}
	if (!strcmp(verb, "tty")) {
		printf("%d%d%d\n", isatty(0), isatty(1), isatty(2));
		return 0;
	}
	if (!strcmp(verb, "cat")) {
		int status = 0;
		for (int i = 2; i < argc; i++)
			status |= print(argv[i]);
		return status;
	}
	if (!strcmp(verb, "write"))
		return create(arg, arg2);
	if (!strcmp(verb, "truncate")) {
		int status = 0;
		for (int i = 2; i < argc; i++)
			status |= create(argv[i], "");
		return status;
	}
	if (!strcmp(verb, "ls")) {
		int status = 0;
		for (int i = 2; i < argc; i++)
			status |= list(argv[i]);
		return status;
	}
	if (!strcmp(verb, "mkdir"))
		return mkdir(arg, 0755) ? fail(arg) : 0;
	if (!strcmp(verb, "sleep")) {
		puts("ready");
		for (;;)
			sleep(1000);
	}
	if (!strcmp(verb, "tick")) { // a line every tenth of a second
		const struct timespec tenth = {0, 100000000};
		for (int i = 0;; i++) {
			printf("%d\n", i);
			nanosleep(&tenth, NULL);
		}
	}
	if (!strcmp(verb, "loop")) {
		puts("ready");
		for (volatile unsigned i = 0;; i++)
			;
	}
	if (!strcmp(verb, "fill")) {
		printf("%ld\n", fill());
		return 0;
	}
	if (!strcmp(verb, "trap"))
		return stumble(argc + 3);
	printf("no verb %s\n", verb);
	return 99;
}
