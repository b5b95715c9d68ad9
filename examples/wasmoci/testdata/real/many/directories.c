// Directories: making, listing, renaming, linking and removing, with the error of each mistake.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void say(const char *what, int result) { printf("%s: %s\n", what, result < 0 ? strerror(errno) : "ok"); }

static void list(const char *path) {
	char *names[100];
	int n = 0;
	DIR *d = opendir(path);
	if (!d) {
		say(path, -1);
		return;
	}
	for (struct dirent *e; n < 100 && (e = readdir(d));)
		names[n++] = strdup(e->d_name);
	closedir(d);
	qsort(names, n, sizeof *names, compare);
	printf("%s:", path);
	for (int i = 0; i < n; i++)
		printf(" %s", names[i]);
	printf("\n");
}

int main(void) {
	say("mkdir", mkdir("/work", 0755));
	say("mkdir again", mkdir("/work", 0755));
	say("mkdir beneath nothing", mkdir("/nothing/below", 0755));
	say("open", open("/work/a", O_CREAT | O_WRONLY, 0644));
	say("open exclusively", open("/work/a", O_CREAT | O_EXCL | O_WRONLY, 0644));
	say("open a directory to write", open("/work", O_WRONLY));
	say("symlink", symlink("a", "/work/link"));
	say("symlink to itself", symlink("loop", "/work/loop"));
	say("through the loop", open("/work/loop", O_RDONLY));
	say("link", link("/work/a", "/work/b"));
	say("rename", rename("/work/b", "/work/c"));
	say("rename onto a directory", rename("/work/c", "/work"));
	say("rmdir with something in it", rmdir("/work"));
	say("rmdir of a file", rmdir("/work/a"));
	say("unlink of a directory", unlink("/work"));
	say("out by the parent", open("/../../../etc/shadow", O_RDONLY));
	char target[10] = {0};
	printf("readlink %zd %s\n", readlink("/work/link", target, 9), target);
	struct stat st;
	say("stat", stat("/work/link", &st));
	printf("%d links, %lld bytes, %s\n", (int)st.st_nlink, (long long)st.st_size, S_ISREG(st.st_mode) ? "regular" : "other");
	list("/work");
	list("/");
	list("/work/a");
	say("unlink", unlink("/work/a"));
	return 3;
}
