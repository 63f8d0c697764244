// Package clients is what each client under contract costs: the suite that asks it for the whole contract, and a plain
// testing table that makes the same calls through it. It has tests only, which the bench command builds and runs.
package clients
