// Copies the file named by its first argument to the second, in reads and writes of 64 KiB, as often as the third says.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char buffer[64 << 10];

int main(int argc, char **argv) {
	if (argc != 4)
		return 2;
	for (int i = atoi(argv[3]); i > 0; i--) {
		int in = open(argv[1], O_RDONLY), out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (in < 0 || out < 0)
			return 3;
		ssize_t n;
		while ((n = read(in, buffer, sizeof buffer)) > 0)
			for (ssize_t done = 0; done < n;) {
				ssize_t w = write(out, buffer + done, n - done);
				if (w <= 0)
					return 4;
				done += w;
			}
		if (n < 0 || close(in) || close(out))
			return 5;
	}
	return 0;
}
