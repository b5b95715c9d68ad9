// Integers of every width: what wraps, shifts, divides, rotates and converts.
#include <inttypes.h>
#include <stdio.h>

static uint64_t state = 88172645463325252ull;

static uint64_t next(void) {
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

int main(void) {
	uint64_t all = 0;
	for (int i = 0; i < 20000; i++) {
		uint64_t a = next(), b = next() | 1;
		int64_t sa = (int64_t)a >> (b & 63), sb = (int64_t)b >> 1 | 1;
		all = all * 31 + a / b + a % b + (uint64_t)(sa / sb) + (uint64_t)(sa % sb);
		all ^= (uint64_t)(int8_t)a ^ (uint64_t)(int16_t)b ^ (uint64_t)(int32_t)(a + b);
		all += __builtin_clzll(a | 1) + __builtin_ctzll(a | 1ull << 63) + __builtin_popcountll(a);
		all = all << (a & 63) | all >> (-a & 63);
		uint32_t x = (uint32_t)a, y = (uint32_t)b | 1;
		all += x / y + x % y + (uint32_t)((int32_t)x >> (y & 31));
	}
	printf("%016" PRIx64 "\n", all);
	return (int)(all & 63);
}
