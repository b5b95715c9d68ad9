// fill allocates until there is no more, says how many MiB that were, and exits with status 3. With an argument it first waits for the
// file of that name.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
	const struct timespec moment = {0, 10000000};
	long n = 0;
	if (argc > 1) {
		puts("ready");
		fflush(stdout);
		while (access(argv[1], F_OK))
			nanosleep(&moment, NULL);
	}
	for (char *volatile p; (p = malloc(1 << 20)); n++) // volatile: else no allocation is needed at all
		memset(p, 1, 1 << 20);
	printf("%ld MiB\n", n);
	return 3;
}
