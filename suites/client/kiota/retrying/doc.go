// Package retrying is the suite of kiota.Retrying, the SDK's client as it is shipped, with the middleware that asks again.
// It has tests only.
package retrying
