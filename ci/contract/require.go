//go:build discovery

package main

// go.mod requires the module for its classroom/v1/classroom-api.json, which drift classroom reads. No build has the tag
// discovery, so that none compiles anything of the module.
import _ "google.golang.org/api/googleapi"
