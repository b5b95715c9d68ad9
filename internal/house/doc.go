// Package house holds the tests of the project as a whole: which package may import which, what library code must never
// do, and that the documents say what the code says.
package house
