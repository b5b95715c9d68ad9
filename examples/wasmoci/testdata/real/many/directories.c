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
	say("mkdir", mkdir("/here", 0755));
	say("mkdir again", mkdir("/here", 0755));
	say("mkdir beneath nothing", mkdir("/nothing/below", 0755));
	say("open", open("/here/a", O_CREAT | O_WRONLY, 0644));
	say("open exclusively", open("/here/a", O_CREAT | O_EXCL | O_WRONLY, 0644));
	say("open a directory to write", open("/here", O_WRONLY));
	say("symlink", symlink("a", "/here/link"));
	say("symlink to itself", symlink("loop", "/here/loop"));
	say("through the loop", open("/here/loop", O_RDONLY));
	say("link", link("/here/a", "/here/b"));
	say("rename", rename("/here/b", "/here/c"));
	say("rename onto a directory", rename("/here/c", "/here"));
	say("rmdir with something in it", rmdir("/here"));
	say("rmdir of a file", rmdir("/here/a"));
	say("unlink of a directory", unlink("/here"));
	say("out by the parent", open("/../../../etc/shadow", O_RDONLY));
	char target[10] = {0};
	printf("readlink %zd %s\n", readlink("/here/link", target, 9), target);
	struct stat st;
	say("stat", stat("/here/link", &st));
	printf("%d links, %lld bytes, %s\n", (int)st.st_nlink, (long long)st.st_size, S_ISREG(st.st_mode) ? "regular" : "other");
	list("/here");
	list("/");
	list("/here/a");
	say("unlink", unlink("/here/a"));
	return 3;
}
