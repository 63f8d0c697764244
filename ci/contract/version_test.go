package main

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	clone := debug.Module{Path: self, Version: "v1.2.4-0.20261128000000-abcdef012345+dirty"}
	vcs := []debug.BuildSetting{
		{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abcdef0123456789"}, {Key: "vcs.modified", Value: "true"},
	}
	unmodified := []debug.BuildSetting{{Key: "vcs.revision", Value: "abcdef0123456789"}, {Key: "vcs.modified", Value: "false"}}
	other := debug.Module{Path: "example.com/app", Version: "v9.9.9"}
	for name, test := range map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"no build information": {nil, "(devel)"},
		"a clone":              {&debug.BuildInfo{Main: clone, Settings: vcs}, clone.Version + ", revision abcdef0123456789 with local changes"},
		"an unmodified clone":  {&debug.BuildInfo{Main: clone, Settings: unmodified}, clone.Version + ", revision abcdef0123456789"},
		"go run":               {&debug.BuildInfo{Main: debug.Module{Path: self}}, "(devel)"},
		"an installed version": {&debug.BuildInfo{Main: debug.Module{Path: self, Version: "v1.2.3"}}, "v1.2.3"},
		"a dependency": {
			&debug.BuildInfo{Main: other, Settings: vcs, Deps: []*debug.Module{{Path: "a", Version: "v1.0.0"}, {Path: self, Version: "v1.2.3"}}},
			"v1.2.3",
		},
		"a dependency without a version": {&debug.BuildInfo{Main: other, Deps: []*debug.Module{{Path: self}}}, "(devel)"},
		"another program":                {&debug.BuildInfo{Main: other}, "(devel)"},
	} {
		if got := version(test.info); got != test.want {
			t.Errorf("%s: the version is %q, want %q", name, got, test.want)
		}
	}
	if got := printed(t, "--version"); got != "contract "+version(buildInfo())+"\n" {
		t.Errorf("--version prints %q", got)
	}
}
