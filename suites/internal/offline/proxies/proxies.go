// Package proxies replaces the proxies in a process's environment before any other package can read them.
//
// Go initializes the first package by import path of those whose imports are initialized (The Go Programming Language
// Specification, "Program initialization"). This one imports syscall alone, and its path is before "os", so it is initialized
// before os, and before net/url and net/http, whatever imports them: a variable of a package that reads a proxy has the replaced
// one, and so has http.ProxyFromEnvironment, which reads once.
package proxies

import "syscall"

// Nowhere is the host and port that stand for each proxy. RFC 6761, 6.4, has no name resolve below "invalid".
const Nowhere = "proxy-of-the-environment.invalid:1"

// Variables that name proxies.
func Variables() []string {
	return []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}
}

// keptPrefix begins the variables that keep what was replaced, for a test process that a test process starts.
const keptPrefix = "LEARNCONTRACT_"

var replaced = replace()

func replace() map[string]string {
	all := map[string]string{}
	for _, name := range Variables() {
		value, _ := syscall.Getenv(name)
		if value == "" {
			continue
		}
		if value == "http://"+Nowhere {
			value, _ = syscall.Getenv(keptPrefix + name)
		}
		all[name] = value
		_ = syscall.Setenv(keptPrefix+name, value) // the names are valid
		_ = syscall.Setenv(name, "http://"+Nowhere)
	}
	return all
}

// Of is the value that a variable had; empty for none.
func Of(variable string) string { return replaced[variable] }
