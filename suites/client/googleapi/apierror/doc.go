// Package apierror checks googleapi.APIErrorConfig, the SDK's client with a code, in a package of its own, so that either client
// runs alone. It has tests only.
package apierror
