// Programs that compute and hardly call their host. With a name as argument, the native program runs one of them, or all, as often
// as a second argument says.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint32_t constants[64];

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress(uint32_t state[8], const uint8_t *data) {
	uint32_t w[64], s[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)data[4 * i] << 24 | data[4 * i + 1] << 16 | data[4 * i + 2] << 8 | data[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
	memcpy(s, state, sizeof s);
	for (int i = 0; i < 64; i++) {
		uint32_t one = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + w[i];
		uint32_t two = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof *s);
		s[4] += one;
		s[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

static volatile uint32_t result;

__attribute__((export_name("sha256"))) void sha256(void) {
	static uint8_t data[1 << 16];
	uint32_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	for (int i = 0; i < 64; i++)
		constants[i] = 0x9e3779b9u * (i + 1);
	for (int turn = 0; turn < 40; turn++)
		for (size_t i = 0; i < sizeof data; i += 64)
			compress(state, data + i);
	result = state[0];
}

static uint8_t composite[5000000];

__attribute__((export_name("sieve"))) void sieve(void) {
	int primes = 0, n = sizeof composite;
	memset(composite, 0, n);
	for (int i = 2; i < n; i++) {
		if (composite[i])
			continue;
		primes++;
		for (int j = i + i; j < n; j += i)
			composite[j] = 1;
	}
	if (primes != 348513)
		abort();
}

static double position[5][3], velocity[5][3];

__attribute__((export_name("nbody"))) void nbody(void) {
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 3; k++) {
			position[i][k] = i * (k + 1) + k;
			velocity[i][k] = 0;
		}
	for (int step = 0; step < 100000; step++) {
		for (int i = 0; i < 5; i++)
			for (int j = i + 1; j < 5; j++) {
				double d[3], square = 0;
				for (int k = 0; k < 3; k++) {
					d[k] = position[i][k] - position[j][k];
					square += d[k] * d[k];
				}
				double pull = .001 / (square * sqrt(square));
				for (int k = 0; k < 3; k++) {
					velocity[i][k] -= d[k] * (j + 1) * pull;
					velocity[j][k] += d[k] * (i + 1) * pull;
				}
			}
		for (int i = 0; i < 5; i++)
			for (int k = 0; k < 3; k++)
				position[i][k] += .001 * velocity[i][k];
	}
	result = position[0][0] > 0;
}

int main(int argc, char **argv) {
	const char *name = argc > 1 ? argv[1] : "";
	int all = !strcmp(name, "all");
	for (int turns = argc > 2 ? atoi(argv[2]) : 1; turns; turns--) {
		if (all || !strcmp(name, "sha256"))
			sha256();
		if (all || !strcmp(name, "sieve"))
			sieve();
		if (all || !strcmp(name, "nbody"))
			nbody();
	}
	return 0;
}
