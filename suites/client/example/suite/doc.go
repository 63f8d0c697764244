// Package suite checks the connector in a Ginkgo suite of its own, in which the contract's specs are some among others. It has
// tests only.
package suite
