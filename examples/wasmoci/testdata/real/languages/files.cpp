// A guest of TestRealLanguages, also compiled for the host: what it prints must be the same.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

static std::string out, in;

static std::string slurp(const std::string &name) {
	std::ifstream f(name);
	if (!f)
		return std::strerror(errno);
	std::stringstream s;
	s << f.rdbuf();
	return s.str();
}

static void say(const char *what, int result) { std::cout << what << " " << (result < 0 ? std::strerror(errno) : "ok") << std::endl; }

int main(int argc, char **argv) {
	std::vector<std::string> args(argv + 3, argv + argc);
	out = argv[1], in = argv[2];
	if (!args.empty() && args[0] == "abort")
		args.at(100); // an exception that nobody catches, or what stands for it, ends in abort
	for (auto &a : args)
		std::cout << "arg " << a << "\n";
	std::cout << "env " << std::getenv("WHO") << "\n";
	std::map<std::string, int> words;
	for (std::string w; std::cin >> w;)
		words[w]++;
	for (auto &w : words)
		std::cout << w.first << " " << w.second << "\n";

	std::cout << slurp(in + "/greeting") << slurp(in + "/none") << "\n";
	std::ofstream none(in + "/new");
	std::cout << "read-only " << (none ? "writable" : std::strerror(errno)) << "\n";
	const std::string f = out + "/f", l = out + "/l", d = out + "/d";
	{
		std::fstream s(f, std::ios::out | std::ios::trunc);
		s << "0123456789";
		s.seekp(-4, std::ios::end);
		s << "ab" << 3.25;
	}
	std::cout << slurp(f) << "\n";
	{
		std::ofstream s(f, std::ios::app);
		s << " end" << std::endl;
		std::cout << "at " << s.tellp() << "\n";
	}
	say("truncate", truncate(f.c_str(), 8));
	say("mkdir", mkdir(d.c_str(), 0700));
	say("rename", std::rename(f.c_str(), (d + "/g").c_str()));
	say("symlink", symlink("d/g", l.c_str()));
	say("link", link((d + "/g").c_str(), (out + "/h").c_str()));
	std::cout << slurp(l) << "|" << slurp(out + "/h") << "|" << slurp(f) << "\n";
	std::vector<std::string> names;
	if (DIR *dir = opendir(out.c_str())) {
		while (struct dirent *e = readdir(dir))
			names.push_back(e->d_name);
		closedir(dir);
	}
	std::sort(names.begin(), names.end());
	for (auto &n : names)
		std::cout << "entry " << n << "\n";
	say("rmdir", rmdir(d.c_str()));
	say("remove", std::remove((d + "/g").c_str()));

	auto begun = std::chrono::steady_clock::now();
	usleep(10000);
	auto slept = std::chrono::steady_clock::now() - begun;
	std::cout << "slept " << (slept >= std::chrono::milliseconds(10) && slept < std::chrono::seconds(5)) << "\n";
	unsigned char a[8] = {}, b[8] = {};
	std::cout << "random " << (getentropy(a, 8) | getentropy(b, 8)) << " " << (std::memcmp(a, b, 8) != 0) << "\n";
	std::cout << std::mt19937_64(42)() << " " << std::hexfloat << 0.1 << std::endl;
	std::cerr << "to stderr" << std::endl;
	std::exit(42);
}
