// Package prepared keeps compiled code for runners: a directory for each module and runner, made once by a child process that is
// nobody, checked whenever it is used, and given to containers as hard links.
package prepared
