// Floating point: what IEEE 754 fixes to the last bit, and what C's library makes of it.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static uint64_t bits(double d) {
	uint64_t u;
	if (d != d)
		return 0x7ff8; // the bits of a NaN are not fixed
	memcpy(&u, &d, 8);
	return u;
}

int main(void) {
	const double values[] = {0, -0.0, 1, -1, 0.1, 1e-310, 1e308, INFINITY, -INFINITY, NAN, 2.5, -2.5, 4503599627370497.5};
	const int n = sizeof values / sizeof *values;
	uint64_t all = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++) {
			double a = values[i], b = values[k];
			double results[] = {a + b, a - b, a * b, a / b, fmin(a, b), fmax(a, b), sqrt(a), floor(a), ceil(a), trunc(a), nearbyint(a), copysign(a, b), fmod(a, b)};
			for (unsigned r = 0; r < sizeof results / sizeof *results; r++)
				all = all * 1099511628211ull + bits(results[r]);
			all = all * 31 + (a < b) + 2 * (a == b) + 4 * (a >= b) + bits((double)(float)a);
		}
	printf("%016" PRIx64 "\n", all);
	double x = 0.5;
	for (int i = 0; i < 20; i++) {
		x = sin(x) + cos(x * 3) + exp(-x) + log(x + 2) + pow(x + 1, 1.7);
		printf("%.17g %a %e\n", x, x, x);
	}
	for (int i = 0; i < n; i++)
		printf("%g %.3f\n", values[i], values[i]);
	return 0;
}
