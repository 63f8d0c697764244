// Package apierror is the suite of googleapi.APIErrorConfig, the SDK's client with a code: the ginkgo command's -p runs one
// suite a package. It has tests only.
package apierror
