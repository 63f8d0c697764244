// Package described checks kiota.Config in a Ginkgo suite of somebody else's, which stays as it is. It has tests only.
package described
