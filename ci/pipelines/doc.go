// Package pipelines holds the pipelines to copy, in ci/github, ci/gitlab and ci/azure, against what their users are
// promised, and runs each of their command lines as a runner would: in a team's own module, a copy of the example's,
// with the stand-in for a tenant. It has tests only.
//
// It knows how each engine runs a step. It must not know what the commands print: that is their own tests'.
package pipelines
