package main

import (
	"strconv"
	"strings"
	"unicode"
)

// printable returns s with everything escaped that a terminal would not show as a character: names in a bundle or a module
// are a stranger's text.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
