// One file by several descriptors: seeking, appending, truncating, reading past the end, at an offset and in pieces.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void) {
	char b[64] = {0};
	int w = open("/file", O_CREAT | O_TRUNC | O_RDWR, 0644), a = open("/file", O_WRONLY | O_APPEND), r = open("/file", O_RDONLY);
	printf("%zd %zd %zd\n", write(w, "0123456789", 10), write(a, "abc", 3), pwrite(w, "XY", 2, 4));
	printf("%lld %lld %lld\n", (long long)lseek(w, -2, SEEK_CUR), (long long)lseek(r, 3, SEEK_SET), (long long)lseek(a, 0, SEEK_END));
	printf("%zd %s\n", read(r, b, 5), b);
	struct iovec v[3] = {{b, 2}, {b + 10, 0}, {b + 20, 30}};
	printf("%zd %s %s\n", readv(r, v, 3), b, b + 20);
	printf("%zd %zd\n", read(r, b, 10), pread(r, b, 10, 1000));
	printf("%d %s\n", write(r, "x", 1) < 0, strerror(errno));
	printf("%d %s\n", lseek(r, -1, SEEK_SET) < 0, strerror(errno));
	printf("%d", ftruncate(w, 5));
	struct stat st;
	printf(" %d %lld\n", fstat(r, &st), (long long)st.st_size);
	printf("%lld %zd\n", (long long)lseek(w, 20, SEEK_SET), write(w, "end", 3));
	printf("%zd", pread(r, b, 64, 0));
	for (int i = 0; i < 23; i++)
		printf(" %02x", b[i]);
	printf("\n%d %d %s\n", close(r), close(r), strerror(errno));
	fprintf(stderr, "done\n");
	return 200;
}
