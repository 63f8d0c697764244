// Package sdk has the providers' own libraries, those that live runs sign in by, sign in at the stand-in. It has tests only,
// in a module of its own, so that nobody else's module graph has these libraries.
package sdk
