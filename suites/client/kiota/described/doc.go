// Package described is the suite of kiota.Config, registered in a suite of somebody else's, of which suites.Describe takes
// nothing over. It has tests only.
package described
