package suites_test

// What go tool ginkgo compiles, which these tests run, so that go test gets it: a test downloads nothing.
import (
	_ "github.com/onsi/ginkgo/v2/ginkgo/build"
	_ "github.com/onsi/ginkgo/v2/ginkgo/generators"
	_ "github.com/onsi/ginkgo/v2/ginkgo/labels"
	_ "github.com/onsi/ginkgo/v2/ginkgo/outline"
	_ "github.com/onsi/ginkgo/v2/ginkgo/run"
	_ "github.com/onsi/ginkgo/v2/ginkgo/unfocus"
	_ "github.com/onsi/ginkgo/v2/ginkgo/watch"
)
