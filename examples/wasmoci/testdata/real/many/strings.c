// Strings, numbers in text, and reading lines.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
	for (int i = 0; i < argc; i++)
		printf("%d %s %zu\n", i, i ? argv[i] : "-", i ? strlen(argv[i]) : 0);
	char line[100];
	int words = 0;
	while (fgets(line, sizeof line, stdin))
		for (char *w = strtok(line, " \n"); w; w = strtok(NULL, " \n"), words++)
			for (char *p = w; ; p++) {
				if (!*p) {
					printf("%s|", w);
					break;
				}
				*p = toupper(*p);
			}
	printf("\n%d words\n", words);
	printf("%ld %lu %lld %f\n", strtol("-0x7f", NULL, 0), strtoul("0777", NULL, 0), strtoll("9223372036854775808", NULL, 10), strtod("1.5e-3x", NULL));
	printf("%d %s\n", errno, strerror(errno));
	const char *who = getenv("WHO");
	printf("%s %s\n", who ? who : "nobody", getenv("HOME") ? "leaked" : "private");
	return words;
}
