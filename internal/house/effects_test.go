package house

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// forbidden are calls with an effect on the whole process, which only a program's own package may make: a library's
// caller has other guests, signals and streams in the same process.
var forbidden = map[string][]string{
	"os":                    {"Exit", "Chdir", "Setenv", "Unsetenv", "Clearenv"},
	"os/signal":             {"Notify", "NotifyContext", "Ignore", "Reset"},
	"syscall":               {"Umask", "Chdir", "Chroot", "Dup2", "Dup3", "Exit", "Setenv", "Setrlimit"},
	"golang.org/x/sys/unix": {"Umask", "Chdir", "Fchdir", "Chroot", "Dup2", "Dup3", "Exit", "Setenv", "Setrlimit"},
	"log":                   {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "SetOutput", "Default"},
	"log/slog":              {"Default", "SetDefault", "Debug", "Info", "Warn", "Error", "Log"},
	"fmt":                   {"Print", "Printf", "Println"},
	"runtime/debug":         {"SetGCPercent", "SetMemoryLimit", "SetMaxStack"},
}

// excepted are functions whose purpose is such an effect.
var excepted = map[string][]string{
	"engine/enginetest": {"inProcessWithClosedStdout"},                                                                     // ends the child process that it made of a test
	"engine/runner":     {"Main", "becomeNobody", "confine", "endAborted", "notify", "prepare", "spareCollector", "watch"}, // they are a program's main, which is the caller's only line
	"engine/wazero":     {"occupy", "release"},                                                                             // after a program's main has called Dedicate
}

func TestNoProcessEffects(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.ast.Name.Name == "main" {
			continue
		}
		names := make(map[string]string) // local name → import path
		for _, spec := range s.ast.Imports {
			p := strings.Trim(spec.Path.Value, `"`)
			local := p[strings.LastIndexByte(p, '/')+1:]
			if spec.Name != nil {
				local = spec.Name.Name
			}
			names[local] = p
		}
		for _, decl := range s.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && slices.Contains(excepted[s.pkg], fn.Name.Name) {
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(forbidden[names[x.Name]], sel.Sel.Name) {
					t.Errorf("%s: %s.%s has an effect on the whole process, which a library must not have", s.fset.Position(sel.Pos()), x.Name, sel.Sel.Name)
				}
				return true
			})
		}
	}
}

// TestNothingSkipped: a skipped test is a hole that looks like a pass. What cannot run somewhere has a build constraint,
// which says so in the open; what a machine lacks is an error that says what to install.
func TestNothingSkipped(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
				t.Errorf("%s: a test skips itself", s.fset.Position(call.Pos()))
			}
			return true
		})
	}
}

// TestNothingUnfinished: what is missing is a typed error or an undeclared capability, not a note to oneself.
func TestNothingUnfinished(t *testing.T) {
	for _, s := range sources(t) {
		for _, group := range s.ast.Comments {
			for _, word := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"} {
				if strings.Contains(group.Text(), word) {
					t.Errorf("%s: the comment has %s", s.fset.Position(group.Pos()), word)
				}
			}
		}
	}
}
