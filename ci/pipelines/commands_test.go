package pipelines

// What the pipelines' own commands compile, so that go test gets it: a test downloads nothing.
import (
	_ "cloud.google.com/go/auth/credentials"
	_ "cloud.google.com/go/auth/credentials/impersonate"
	_ "cloud.google.com/go/auth/httptransport"
	_ "github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	_ "github.com/spf13/cobra"
	_ "github.com/yuin/goldmark"

	_ "github.com/learncontract/learncontract/suites/classroom"
	_ "github.com/learncontract/learncontract/suites/graph"
)
