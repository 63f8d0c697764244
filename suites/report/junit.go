package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// The elements of a JUnit file, as CI systems read it. It has no <properties> and no host name, which would publish the
// environment. Jenkins' schema (junit-10.xsd) allows three decimals of a time, and no skipped of all suites.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
		Problems  string      `xml:"system-err,omitempty"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Time    string       `xml:"time,attr"`
		File    string       `xml:"file,attr,omitempty"`
		Line    int          `xml:"line,attr,omitempty"`
		Failure *junitText   `xml:"failure"`
		Error   *junitText   `xml:"error"`
		Skipped *junitReason `xml:"skipped"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitText struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitReason struct {
		Message string `xml:"message,attr"`
	}
)

// WriteJUnit writes a suite for each run, in it a case for each clause and check: a failure with its whole text, an error
// if the run itself failed, or skipped with its reason. Problems of the set-up are the suite's system-err. A case names the
// file and line of its clause if checkedOut says that the reader's repository has the file.
func (r *Report) WriteJUnit(w io.Writer, checkedOut func(file string) bool) error {
	all := junitSuites{Name: "learncontract"}
	seconds := 0.0
	for _, run := range r.Runs {
		suite := junitSuite{
			Name: run.ID(), Time: secondsOf(run.Seconds), Timestamp: run.Start.UTC().Format(time.DateOnly + "T15:04:05"),
			Problems: exchange.Safe(strings.Join(run.Problems, "\n")),
		}
		for _, e := range r.Entries(run) {
			c := e.junit(checkedOut)
			suite.Cases = append(suite.Cases, c)
			suite.Tests++
			switch {
			case c.Failure != nil:
				suite.Failures++
			case c.Error != nil:
				suite.Errors++
			case c.Skipped != nil:
				suite.Skipped++
			}
		}
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Errors += suite.Errors
		seconds += run.Seconds
		all.Suites = append(all.Suites, suite)
	}
	all.Time = secondsOf(seconds)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", " ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func secondsOf(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }

// junit is the entry as a case. Its class has the client: CI systems list by class and name, and not by suite.
func (e Entry) junit(checkedOut func(file string) bool) junitCase {
	class := []string{e.Run.Provider, e.Run.Client.Name, string(e.Run.Transport), e.Run.Tenant}
	for i := range class {
		class[i] = strings.ReplaceAll(class[i], ".", "_")
	}
	c := junitCase{
		Class: strings.TrimRight(strings.Join(class, "."), "."),
		Name:  e.ID, Time: secondsOf(e.Seconds),
	}
	if e.Title != "" {
		c.Name += " " + e.Title
	}
	if e.Documented != nil && checkedOut(e.Documented.File) {
		c.File, c.Line = e.Documented.File, e.Documented.Line
	}
	text := &junitText{Message: exchange.Safe(e.Reason), Type: e.Outcome.Label(), Text: exchange.Safe(cmp.Or(e.Text, e.Reason))}
	switch o := e.Outcome; {
	case o == Engine:
		c.Error = text
	case o.Fails():
		c.Failure = text
	case o == Honored:
	case o.Passes():
		c.Out = o.Label() + ": " + text.Message
	default:
		c.Skipped = &junitReason{o.Label() + ": " + text.Message}
	}
	return c
}
