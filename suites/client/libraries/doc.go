// Package libraries checks the suites themselves: clients that are right, each built on one public library or pattern as its
// documentation has it, pass. What a library does wrong is an erratum below testdata that cites it. It has tests only.
package libraries
