// What an assertion that does not hold looks like from outside.
#include <assert.h>
#include <stdio.h>

int main(int argc, char **argv) {
	(void)argv;
	printf("before\n");
	fflush(stdout);
	assert(argc > 1000);
	return 0;
}
