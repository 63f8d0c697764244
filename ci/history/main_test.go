package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// discovery is a discovery document of one method with the description, and of one schema with the properties.
func discovery(revision, description, properties string) []byte {
	return fmt.Appendf(nil, `{"revision": %q, "methods": {"a": {"id": "things.get", "httpMethod": "GET", "flatPath": "v1/things", "description": %q}},
		"schemas": {"Thing": {"properties": {%s}}}}`, revision, description, properties)
}

func TestHistory(t *testing.T) {
	documents := map[string][]byte{
		"v1": discovery("20190101", "* `NOT_FOUND` if there is none. * `PERMISSION_DENIED` if it may not: * ThingClosed", ``),
		"v2": discovery("20200101", "* `NOT_FOUND` if there isn't one. * `PERMISSION_DENIED` if it may not: * ThingClosed * ThingLocked", `"a": {"type": "string"}, "b": {"type": "string"}`),
		"v3": discovery("20210101", "* `NOT_FOUND` if there isn't one. * `FAILED_PRECONDITION` if so: * ThingLocked", `"a": {"type": "integer"}, "c": {"type": "string"}`),
	}
	get := func(version string) ([]byte, error) {
		if documents[version] == nil {
			return nil, errors.New("no " + version)
		}
		return documents[version], nil
	}
	for _, test := range []struct {
		versions []string
		want     string
	}{
		{[]string{"v1", "v2"}, `| version | revision | methods | statuses (pairs) | triples | names | added | removed | code changed | request changed | type changed | reworded | spelling only |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| v1 | 20190101 | 1 | 2 (2) | 1 | 1 |  |  | 0 | 0 | 0 | 0 | 0 |
| v2 | 20200101 | 1 | 2 (2) | 2 | 2 | clause: 1, property: 2 |  | 0 | 0 | 0 | 1 | 0 |

Nothing that was documented has gone or become another.
`},
		{[]string{"v2", "v3"}, `| version | revision | methods | statuses (pairs) | triples | names | added | removed | code changed | request changed | type changed | reworded | spelling only |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| v2 | 20200101 | 1 | 2 (2) | 2 | 2 |  |  | 0 | 0 | 0 | 0 | 0 |
| v3 | 20210101 | 1 | 2 (2) | 1 | 1 | clause: 1, property: 1 | clause: 2, property: 1 | 1 | 0 | 1 | 0 | 0 |

v3:

- removed: clause, things.get.permission-denied: "PERMISSION_DENIED if it may not:"
- removed: clause, things.get.permission-denied.ThingClosed: "PERMISSION_DENIED ThingClosed"
- type changed: property, Thing.a: "{\"type\":\"string\"}" is now "{\"type\":\"integer\"}"
- removed: property, Thing.b: "{\"type\":\"string\"}"
- code changed: code, things.get.permission-denied.ThingLocked: "PERMISSION_DENIED" is now "FAILED_PRECONDITION"
`},
	} {
		var text bytes.Buffer
		if err := write(&text, test.versions, get); err != nil || text.String() != test.want {
			t.Errorf("%v: %v\n%s\nwant\n%s", test.versions, err, text.String(), test.want)
		}
	}
	if err := write(&bytes.Buffer{}, []string{"v9"}, get); err == nil || !strings.Contains(err.Error(), "v9") {
		t.Errorf("the error is %v, want one that names v9", err)
	}
}
