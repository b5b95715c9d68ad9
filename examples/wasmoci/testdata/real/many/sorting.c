// Calls through pointers, and recursion.
#include <stdio.h>
#include <stdlib.h>

static int up(const void *a, const void *b) { return (*(int *)a > *(int *)b) - (*(int *)a < *(int *)b); }
static int down(const void *a, const void *b) { return up(b, a); }
static int digits(const void *a, const void *b) {
	int x = *(int *)a % 100, y = *(int *)b % 100;
	return x != y ? x - y : up(a, b);
}

static int ackermann(int m, int n) { return m == 0 ? n + 1 : ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1)); }

int main(void) {
	int (*orders[])(const void *, const void *) = {up, down, digits};
	static int v[5000];
	for (int k = 0; k < 3; k++) {
		unsigned seed = 42;
		for (int i = 0; i < 5000; i++)
			v[i] = (int)((seed = seed * 1664525 + 1013904223) >> 12);
		qsort(v, 5000, sizeof *v, orders[k]);
		for (int i = 0; i < 5000; i += 625)
			printf("%d ", v[i]);
		printf("\n");
	}
	printf("%d\n", ackermann(2, 300));
	return 0;
}
