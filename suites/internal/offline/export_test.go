package offline

import (
	"net/http"
	"net/url"
	"os"
)

// Variables of a package are initialized before its init functions run: these are those of a package that is initialized before
// this one.
var (
	EarlyProxy     = os.Getenv("HTTPS_PROXY")
	EarlyTransport = func() *http.Transport {
		transport, _ := http.DefaultTransport.(*http.Transport) // as net/http declares it
		return transport.Clone()
	}()
	EarlyProxyTransport = func() *http.Transport {
		proxy, _ := url.Parse(EarlyProxy)
		return &http.Transport{Proxy: http.ProxyURL(proxy)}
	}()
	EarlyAnswer, _ = http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: "early.example"}})
)
