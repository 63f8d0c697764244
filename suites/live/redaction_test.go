package live_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
)

func sample(t *testing.T) *fixtures.Contract {
	t.Helper()
	contract, err := fixtures.Open(os.DirFS(filepath.Join("..", "..", "fixtures", "testdata", "sample")))
	if err != nil {
		t.Fatal(err)
	}
	return contract
}

// Whatever is not the contract's, and no plain English word, is replaced by a neutral value of its kind.
func TestRedaction(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	documented := contract.Operations[0].Clauses[0].Wordings[0].Message.String()
	sandbox := load(t, "graph: {tenant: "+guidA+"}\nclassroom: {domain: school.edu, teacher: jo.teach@school.edu, outsider: out@corp.example}")
	for text, want := range map[string]string{
		"":         "",
		documented: documented,
		"The request is invalid, and the user doesn't have the permission.": "The request is invalid, and the user doesn't have the permission.",
		// people
		"User John Smith is suspended":        "User id1 id2 is suspended",
		"asked by o'brien@":                   "asked by user1@example.com",
		"o'brien@contoso.com may not":         "user1@example.com may not",
		"ana_corp.com#EXT#@x.onmicrosoft.com": "user1@example.com",
		"jo.teach@school.edu of SCHOOL.EDU":   "teacher@school.example of school.example",
		"<out@corp.example>":                  "<outsider@other.example>",
		"call +49 170 1234567":                "call +1 555 0100",
		// organisations
		"the tenant of Contoso Ltd":           "the tenant of id1 id2",
		"the tenant contoso":                  "the tenant id1",
		"in contoso.onmicrosoft.com":          "in host1.example",
		"https://contoso.sharepoint.com/s/Q3": "https://host1.example/id2/id3",
		// ids
		guidA:                              "id1",
		strings.ReplaceAll(guidA, "-", ""): "id1",
		"8ba2228a-e020-11ec-9d64-0242ac120002 and 8BA2228A-e020-11ec-9d64-0242ac120002": "00000000-0000-0000-0000-000000000001 and 00000000-0000-0000-0000-000000000001",
		"class c/NjQwMDAw":                                    "class id1",
		"id Abc/de+fG12hIj3==":                                "id id1",
		"the file 1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlb":           "the file id1",
		"project my-project-42 (number 123456789012)":         "project id1 (number 1" + "00000000002)",
		"code xkwvbqa is not found":                           "code id1 is not found",
		"code abcdxyz":                                        "code id1",
		"files/640000000001/parents":                          "files/100000000001/parents",
		"learncontract-abcdefabcdefgh-12 is there":            "learncontract-run is there",
		"http://learncontract-abcdefabcdefgh-12.example.com/": "http://learncontract-run/",
		// addresses of the network
		"from 10.20.30.40, 2001:db8::17, [fe80::1]:443": "from 192.0.2.1, 192.0.2.1, [192.0.2.1]:443",
		"10.1.20.3:8080": "192.0.2.1:8080",
		// dates
		"on 4/30/2026":                    "on 1/1/2000",
		"4/30/26 10:15 PM":                "1/1/2000 00:00:00",
		"30.04.2026":                      "1/1/2000",
		"until April 30, 2026":            "until January 1, 2000",
		"until 30th of April 2026, 10:15": "until 1 January 2000, 00:00:00",
		"2026-04-30T10:15:00.123Z":        "2000-01-01T00:00:00Z",
		"20260430T101500Z":                "id1",
		// numbers that a caller reads
		"Retry after 30 minutes.": "Retry after 30 minutes.",
		"at 1777542900":           "at 100000000001",
	} {
		if got := live.Redact(contract.Operations[0], fixtures.Response{}, sandbox, text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// A draft of a clause needs the code and the name that a response has, and its JSON.
func TestRedactionOfABody(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	o := contract.Operations[0]
	sandbox := load(t, "graph: {tenant: "+guidA+"}")
	body := `{"error":{"code":"BrandNewCode","message":"@FrobnicatedTooOften The limit of Contoso was exceeded: 640000000001.","limit":640000000001,` +
		`"details":[{"@type":"t","isOn":true,"contoso.com":"\u0043ontoso"}]}}`
	redacted := live.Redact(o, fixtures.Response{Status: 400, Header: map[string][]string{"Content-Type": {"application/json"}}, Body: []byte(body)}, sandbox, body)
	var value any
	if err := json.Unmarshal([]byte(redacted), &value); err != nil {
		t.Fatalf("%v: %s", err, redacted)
	}
	for _, kept := range []string{`"BrandNewCode"`, `"@FrobnicatedTooOften The limit of id1 was exceeded: 100000000002."`, `"isOn":true`, `"details"`} {
		if !strings.Contains(redacted, kept) {
			t.Errorf("%s is not in %s", kept, redacted)
		}
	}
	for _, gone := range []string{"ontoso", "6400"} {
		if strings.Contains(redacted, gone) {
			t.Errorf("%s is in %s", gone, redacted)
		}
	}
}
