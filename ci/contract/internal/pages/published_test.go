package pages_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
)

func tableLayout(columns ...fixtures.Columns) fixtures.Layout {
	return fixtures.Layout{Reader: "markdown-tables", Columns: columns}
}

// TestPublishedPages reads pages that were not written for this project: files of CONTRACT_PAGES, known by their digests. Here
// stands how many rows each has that state an error, how many of these have a reading, and nothing of their texts.
func TestPublishedPages(t *testing.T) {
	directory := os.Getenv("CONTRACT_PAGES")
	if directory == "" {
		t.Skip("CONTRACT_PAGES is not set: set it to the absolute path of a directory with published pages")
	}
	activity := tableLayout(fixtures.Columns{Status: "HTTP code", Code: "Code", Message: "Message", Details: "Details", Method: "Method"})
	sections := fixtures.Layout{Reader: "status-sections"}
	published := []struct {
		title, sha256 string
		layout        fixtures.Layout
		want          string
	}{
		{
			"Microsoft Graph, learningCourseActivity, error codes", "13a392440e3c90ed37baf5197576f6d5a5dcac9d62944e5904b8b1ee169d4ecb",
			activity,
			"4 of 4 tables, 41 rows, 41 readings, 0 faults",
		},
		{
			"Microsoft Graph, learningCourseActivity, resource", "6bec29576b55541955f0fe56fb98d94e142b5f3ec724ddbc5e089c31861b2f0c",
			activity,
			"1 of 1 tables, 14 rows, 14 readings, 0 faults",
		},
		{
			"Microsoft Graph, learningCourseActivity, get", "d99f8a06c1aeb5f4f71234629d0111a4a3e846e4628a42c594ad8839d5c936ff",
			activity,
			"1 of 1 tables, 9 rows, 9 readings, 0 faults",
		},
		{
			"Microsoft Graph, learningCourseActivity, update", "b321908235967e4f88487d1af82a9b3b462ab210395e55514a38c69b67583d38",
			activity,
			"1 of 1 tables, 14 rows, 14 readings, 0 faults",
		},
		{
			"Microsoft Graph, learningCourseActivity, delete", "3e6d1e6343d0f783f3fb4e8e6fa68d2db4a145a9fbbdd792a310311eec8eb604",
			activity,
			"2 of 2 tables, 18 rows, 18 readings, 0 faults",
		},
		{
			"Microsoft Graph, error responses", "a5a8b1d8a24051d4457702fe314537a17d08f38bbea25be2de68fd09cbaebc91",
			tableLayout(fixtures.Columns{Status: "Status code", Code: "Status message", Message: "Description"},
				fixtures.Columns{Code: "Code", Message: "Description"}),
			"2 of 2 tables, 40 rows, 23 readings, 17 faults",
		},
		{
			"Azure SDK for Go, azidentity, troubleshooting", "6b943001d46237f47ef5b114a10adf14cc4898e09bf770c06756c763d7b960b5",
			tableLayout(fixtures.Columns{Code: "Error Code", Message: "Description"},
				fixtures.Columns{Code: "Error Code", Message: "Issue"}, fixtures.Columns{Message: "Error Message"}),
			"12 of 14 tables, 33 rows, 0 readings, 33 faults",
		},
		{
			"Google Classroom, common errors", "100356ab0b282541980a3e43838dd50dad2c4b45f967552f12c9a40bb213dcfe",
			sections,
			"4 of 4 tables, 25 rows, 25 readings, 0 faults",
		},
		{
			"Google Classroom, request errors", "1eb3970f3440ece10920838c70d053dfcf59fcc4711be552c188811913d3a21a",
			sections,
			"1 of 1 tables, 3 rows, 3 readings, 0 faults",
		},
		{
			"Google Classroom, access errors", "3910e9fa9a3a82dccb1698572eb0918c92c4b5e9aae8a81bc8c5c7f0c7b229b2",
			sections,
			"the page has no section headed by a status, such as \"HTTP 418: TEAPOT\": give the page as text, as Markdown, or saved as HTML",
		},
	}
	texts := map[string][]byte{}
	files, err := filepath.Glob(filepath.Join(directory, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil { // a folder is no page
			sum := sha256.Sum256(text)
			texts[hex.EncodeToString(sum[:])] = text
		}
	}
	for _, page := range published {
		t.Run(page.title, func(t *testing.T) {
			text, has := texts[page.sha256]
			if !has {
				t.Skipf("CONTRACT_PAGES has no file with the SHA-256 %s: put the page there", page.sha256)
			}
			reader, err := pages.New(page.layout)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if read, err := reader.Read(text); err != nil {
				got = err.Error()
			} else {
				tables, rows, readings, faults := 0, 0, 0, 0
				for _, table := range read.Tables {
					statements, fault := reader.Statements(table, read.Rendered)
					if fault != "" {
						t.Errorf("under %q: %s", table.Heading, fault)
					}
					if len(statements) > 0 {
						tables, rows = tables+1, rows+len(table.Rows)
					}
					for _, s := range statements {
						if s.Fault == "" {
							readings++
						} else {
							faults++
						}
					}
				}
				got = fmt.Sprintf("%d of %d tables, %d rows, %d readings, %d faults", tables, len(read.Tables), rows, readings, faults)
			}
			if got != page.want {
				t.Errorf("read is %q, want %q", got, page.want)
			}
		})
	}
}
