/* The guest of TestRealC, for wasm32-wasi. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
	char line[64];
	FILE *in = fopen("/in/greeting", "r");
	if (!in || !fgets(line, sizeof line, in)) {
		perror("read");
		return 1;
	}
	FILE *out = fopen("/out/copy", "w");
	if (!out || fputs(line, out) < 0 || fclose(out)) {
		perror("write");
		return 1;
	}
	errno = 0;
	FILE *none = fopen("/in/new", "w");
	printf("%s %d %s %s %s", argv[0], argc, getenv("WHO"), none ? "writable" : strerror(errno), line);
	return 42;
}
