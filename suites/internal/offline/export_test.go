package offline

import (
	"net/http"
	"os"
)

// EarlyRead names the environment variable with which net/http is asked for the environment's proxy before init.
const EarlyRead = "LEARNCONTRACT_OFFLINE_EARLY_READ"

// Variables of a package are initialized before its init functions run: these are those of a package that is initialized before
// this one.
var (
	EarlyProxy     = os.Getenv("HTTPS_PROXY")
	EarlyTransport = func() *http.Transport {
		if os.Getenv(EarlyRead) != "" {
			request, _ := http.NewRequest(http.MethodGet, "https://early.invalid", nil)
			_, _ = http.ProxyFromEnvironment(request)
		}
		transport, _ := http.DefaultTransport.(*http.Transport) // as net/http declares it
		return transport.Clone()
	}()
)
