// Package retrying checks kiota.Retrying, the SDK's client as it is shipped, with the middleware that retries. It has tests only.
package retrying
