//go:build !browser

package browser

import "testing"

func TestThePageInABrowser(t *testing.T) {
	t.Skip("left out, for what drives a browser takes long to compile: run AXE=axe.min.js go test -tags browser here")
}
