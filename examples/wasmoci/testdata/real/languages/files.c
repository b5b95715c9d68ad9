/* A guest of TestRealLanguages, also compiled for the host: what it prints must be the same. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char path[3][4096];

/* at is a path in the directory of the second argument; three may be in use. */
static char *at(const char *dir, const char *name) {
	static int next;
	char *p = path[next++ % 3];
	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void say(const char *what, int result) {
	printf("%s %s\n", what, result < 0 ? strerror(errno) : "ok");
}

static void show(const char *name) {
	char b[256];
	FILE *f = fopen(name, "r");
	size_t n = f ? fread(b, 1, sizeof b, f) : 0;
	printf("%s\n", f ? "content:" : strerror(errno));
	fwrite(b, 1, n, stdout);
	printf("|\n");
	if (f)
		fclose(f);
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

int main(int argc, char **argv) {
	if (argc > 3 && !strcmp(argv[3], "abort"))
		abort();
	const char *out = argv[1], *in = argv[2];
	for (int i = 3; i < argc; i++)
		printf("arg %s\n", argv[i]);
	printf("env %s %s\n", getenv("WHO"), getenv("NOBODY") ? "set" : "unset");
	char line[64];
	while (fgets(line, sizeof line, stdin))
		printf("stdin %s", line);

	printf("read-only %s\n", open(at(in, "new"), O_CREAT | O_WRONLY, 0600) < 0 ? strerror(errno) : "writable");
	show(at(in, "greeting"));
	int fd = open(at(out, "f"), O_CREAT | O_EXCL | O_RDWR, 0600);
	say("write", write(fd, "0123456789", 10));
	printf("seek %d\n", (int)lseek(fd, -4, SEEK_END));
	say("overwrite", write(fd, "ab", 2));
	printf("past %d\n", (int)lseek(fd, 15, SEEK_SET));
	say("hole", write(fd, "z", 1));
	say("pwrite", pwrite(fd, "P", 1, 1));
	say("truncate", ftruncate(fd, 12));
	close(fd);
	say("exclusive", open(at(out, "f"), O_CREAT | O_EXCL | O_RDWR, 0600));
	fd = open(at(out, "f"), O_APPEND | O_WRONLY);
	lseek(fd, 0, SEEK_SET);
	say("append", write(fd, "end", 3));
	close(fd);
	struct stat st;
	say("stat", stat(at(out, "f"), &st));
	printf("size %d\n", (int)st.st_size);
	say("mkdir", mkdir(at(out, "d"), 0700));
	say("mkdir again", mkdir(at(out, "d"), 0700));
	say("rename", rename(at(out, "f"), at(out, "d/g")));
	say("rename nothing", rename(at(out, "f"), at(out, "g")));
	say("symlink", symlink("d/g", at(out, "l")));
	ssize_t n = readlink(at(out, "l"), line, sizeof line);
	printf("readlink %.*s\n", (int)n, line);
	say("lstat", lstat(at(out, "l"), &st));
	printf("is link %d\n", S_ISLNK(st.st_mode));
	say("link", link(at(out, "d/g"), at(out, "h")));
	stat(at(out, "h"), &st);
	printf("links %d\n", (int)st.st_nlink);
	show(at(out, "l"));
	say("rmdir full", rmdir(at(out, "d")));
	char names[16][64];
	int count = 0;
	DIR *d = opendir(out);
	for (struct dirent *e; (e = readdir(d)) && count < 16;)
		snprintf(names[count++], sizeof names[0], "%.60s", e->d_name);
	closedir(d);
	qsort(names, count, sizeof names[0], by_name);
	for (int i = 0; i < count; i++)
		printf("entry %s\n", names[i]);
	say("unlink", unlink(at(out, "d/g")));
	say("dangling", open(at(out, "l"), O_RDONLY));
	say("rmdir", rmdir(at(out, "d")));

	struct timespec before, after, tenth = {0, 10000000};
	clock_gettime(CLOCK_MONOTONIC, &before);
	say("sleep", nanosleep(&tenth, NULL));
	clock_gettime(CLOCK_MONOTONIC, &after);
	long long slept = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
	printf("slept %d\n", slept >= 10000000 && slept < 5000000000LL);
	printf("year %d\n", time(NULL) > 1700000000);
	unsigned char a[16] = {0}, b[16] = {0};
	say("random", getentropy(a, sizeof a) | getentropy(b, sizeof b));
	printf("differ %d\n", memcmp(a, b, sizeof a) != 0);
	fflush(stdout);
	fprintf(stderr, "to stderr\n");
	return 42;
}
