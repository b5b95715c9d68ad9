// The allocator: growth, reuse, and what is left of 64 MiB in small and large pieces.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
	enum { n = 4096 };
	static char *p[n];
	unsigned sum = 1, seed = 7;
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			if (p[i] && seed >> 30) {
				sum = sum * 33 + (unsigned char)p[i][0];
				free(p[i]);
				p[i] = NULL;
			} else if (!p[i]) {
				size_t size = 1 + (seed >> 16) % 8192;
				if (!(p[i] = malloc(size)))
					return 1;
				memset(p[i], round + i, size);
			} else {
				p[i] = realloc(p[i], 9000);
				sum = sum * 33 + (unsigned char)p[i][8999 % 5];
			}
		}
	printf("%u\n", sum);
	return 0;
}
