package live

import "slices"

// What the tests of the package use of its inside.
var (
	Child           = child
	FromEnvironment = fromEnvironment
)

func SandboxKeys() []sandboxKey { return slices.Clone(sandboxKeys) }
