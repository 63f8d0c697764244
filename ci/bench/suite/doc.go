// Package suite is the suite that is measured: the engine of suites/graph and suites/classroom, at any size, by Ginkgo and by
// subtests. It has a test only, which the bench command builds and runs.
package suite
