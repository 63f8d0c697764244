package main

import (
	"runtime/debug"
	"slices"
)

// self is the path of this module.
const self = "github.com/learncontract/learncontract"

// buildInfo is what Go recorded of this build, nil if nothing.
func buildInfo() *debug.BuildInfo {
	info, _ := debug.ReadBuildInfo()
	return info
}

// version is the version of this module in a build, which may have it as a dependency, and the revision of the clone that
// it was built in, as far as Go has recorded them.
func version(info *debug.BuildInfo) string {
	const unknown = "(devel)"
	if info == nil {
		return unknown
	}
	if info.Main.Path != self {
		i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == self })
		if i < 0 || info.Deps[i].Version == "" {
			return unknown
		}
		return info.Deps[i].Version
	}
	text := info.Main.Version
	if text == "" {
		text = unknown
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			text += ", revision " + setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			text += " with local changes"
		}
	}
	return text
}
