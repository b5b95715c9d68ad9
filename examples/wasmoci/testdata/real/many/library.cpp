// The standard library: containers, strings, numbers in text, virtual calls, and what runs before and after main.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

struct Says {
	const char *what;
	~Says() { std::printf("end of %s\n", what); }
} global{"the program"};

struct Shape {
	virtual double area() const = 0;
	virtual ~Shape() = default;
};
struct Square : Shape {
	double side;
	explicit Square(double s) : side(s) {}
	double area() const override { return side * side; }
};
struct Circle : Shape {
	double radius;
	explicit Circle(double r) : radius(r) {}
	double area() const override { return 3.25 * radius * radius; }
};

int main() {
	std::map<std::string, std::vector<int>> m;
	for (int i = 0; i < 1000; i++)
		m["key" + std::to_string(i * 7919 % 13)].push_back(i);
	for (auto &[key, list] : m)
		std::printf("%s %zu %d\n", key.c_str(), list.size(), std::accumulate(list.begin(), list.end(), 0));
	std::vector<std::unique_ptr<Shape>> shapes;
	for (int i = 1; i < 5; i++) {
		shapes.push_back(std::make_unique<Square>(i));
		shapes.push_back(std::make_unique<Circle>(i));
	}
	std::sort(shapes.begin(), shapes.end(), [](auto &a, auto &b) { return a->area() < b->area(); });
	std::ostringstream out;
	for (auto &s : shapes)
		out << s->area() << ';';
	std::printf("%s\n", out.str().c_str());
	return 17;
}
