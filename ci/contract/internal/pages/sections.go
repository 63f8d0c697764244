package pages

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/learncontract/learncontract/fixtures"
)

// sections is the form of pages that document errors in prose: as text, in Markdown or saved as HTML. A table is a section for
// a status ("HTTP 418: TEAPOT", "418 errors", "Resolve a 418 error: Teapot"). Its introduction is row 0, and each sub-section
// for a named error, or for a reason, a row. A row's cells are the heading, the paragraphs, the samples, and the list items,
// which start with "• ": their text, white space folded.
type sections struct {
	layout  fixtures.Layout
	names   *regexp.Regexp // of the headings of sub-sections
	reasons bool           // whether a name is the code
}

var (
	// name matches a named error: words in one, each with a capital, or several.
	name = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*(?:[a-z0-9][A-Z]|[A-Z][A-Z][a-z]{2})[A-Za-z0-9]*$`)
	// reason matches a heading that starts with a reason, one word as in a program.
	reason = regexp.MustCompile(`^[a-z]+(?:[A-Z_][A-Za-z0-9_]*)?$|^(?:[a-z]+[A-Z]|[A-Z0-9]+_)[A-Za-z0-9_]*(?:[:\s(].*)?$`)
	// footer is the last line of a page below its text, as sites have it.
	footer = regexp.MustCompile(`^Last updated \d{4}-\d\d-\d\d\b`)
)

func (form sections) largest() int { return maxPage }

func (form sections) Wanted() string { return "it has no section headed by a status" }

func (form sections) read(page []byte) (*Page, error) {
	page = []byte(invisible.Replace(string(page)))
	s := &source{page: page, plain: true}
	tagged := startsWithTag.Match(page)
	switch {
	case tagged:
		if err := s.html(); err != nil {
			return nil, err
		}
	case markdownHeading.Match(page):
		s.markdown()
	default:
		s.prose(form.names)
	}
	if s.fault != nil {
		return nil, s.fault
	}
	read := &Page{Title: s.title, Tables: form.tables(s.blocks), Includes: s.includes, Rendered: true}
	if len(read.Tables) == 0 {
		return nil, errors.New(`the page has no section headed by a status, such as "HTTP 418: TEAPOT": ` +
			"give the page as text, as Markdown, or saved as HTML")
	}
	rows := read.Tables[len(read.Tables)-1].Rows
	if last := rows[len(rows)-1]; len(last.Cells) < 2 {
		return nil, fmt.Errorf("line %d: the page ends under %s: it is cut off, save it again", last.Line, last.Cells[0])
	}
	if !tagged && cutSentence(page) {
		return nil, errors.New("the page ends within a row or a sentence: get all of it")
	}
	return read, nil
}

// cutSentence reports whether a page without a last line end ends within a sentence.
func cutSentence(page []byte) bool {
	text := bytes.TrimSpace(page)
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	if !bytes.ContainsAny(last, " ") { // one word, of which nobody can tell
		return false
	}
	r, _ := utf8.DecodeLastRune(last)
	return !bytes.HasSuffix(page, []byte("\n")) && (unicode.IsLetter(r) || unicode.IsDigit(r)) && !footer.Match(last)
}

// tables are the sections of a page. What stands before the first of them, or under another heading of its level, belongs to
// none.
func (form sections) tables(blocks []block) (tables []fixtures.Table) {
	level, named := 0, 0 // of the section that is read, and of its sub-sections
	for _, b := range blocks {
		switch {
		case b.kind == heading && (level == 0 || b.level <= level) && isSection(b.text):
			level, named = b.level, 0
			introduction := fixtures.Row{Table: b.text, Cells: []string{b.text}, Line: b.line}
			tables = append(tables, fixtures.Table{Heading: b.text, Rows: []fixtures.Row{introduction}})
			continue
		case b.kind == heading && b.level <= level, footer.MatchString(b.text):
			level = 0
		}
		if level == 0 {
			continue
		}
		t := &tables[len(tables)-1]
		if b.kind == heading && form.names.MatchString(b.text) && (!form.reasons || named == 0 || b.level <= named) {
			named = b.level
			t.Rows = append(t.Rows, fixtures.Row{Table: t.Heading, Number: len(t.Rows), Cells: []string{b.text}, Line: b.line})
			continue
		}
		cell := b.text
		if len(b.cells) > 0 { // a table must not get lost
			cell = fold(strings.Join(b.cells, " | "))
		}
		if cell != "" {
			last := &t.Rows[len(t.Rows)-1]
			last.Cells = append(last.Cells, cell)
		}
	}
	return tables
}

// isSection reports whether a heading is of a status.
func isSection(heading string) bool {
	numbers, _ := statuses(heading)
	return len(numbers) > 0
}

func (form sections) Statements(t fixtures.Table, _ bool) (statements []Statement, fault string) {
	numbers, rest := statuses(t.Heading)
	if len(numbers) == 0 || len(t.Header) > 0 {
		return nil, ""
	}
	for _, row := range t.Rows {
		if len(row.Cells) == 0 {
			continue
		}
		s := Statement{Row: row, Status: numbers[0]}
		if code := strings.Trim(rest, "()[] "); !strings.Contains(code, " ") && !strings.EqualFold(strings.TrimSuffix(code, "s"), "error") &&
			code != "" && !strings.EqualFold(code, http.StatusText(s.Status)) {
			s.Codes = []string{code}
		}
		if row.Number > 0 {
			s.Name = row.Cells[0]
		}
		text := strings.Join(row.Cells[1:], "\n")
		for _, cell := range [][2]string{{ColumnSection, t.Heading}, {ColumnName, s.Name}, {ColumnText, text}} {
			s.Cells = append(s.Cells, Cell{cell[0], cell[1], cell[1]})
		}
		if form.reasons && s.Name != "" {
			s.Codes, s.Name = []string{strings.TrimRight(strings.Fields(s.Name)[0], ":")}, ""
		}
		statements = append(statements, form.samples(s, numbers)...)
	}
	return statements, ""
}

// samples are the statements of a row with sample responses, one for each; without any, one for each status.
func (form sections) samples(s Statement, numbers []int) (statements []Statement) {
	for _, cell := range s.Row.Cells[1:] {
		var sample any
		if !strings.HasPrefix(cell, "{") || json.Unmarshal([]byte(cell), &sample) != nil {
			continue
		}
		one := s
		if status, ok := lookUp[float64](sample, form.layout.Sample.Status); ok {
			one.Status = int(status)
		}
		if code, ok := lookUp[string](sample, form.layout.Sample.Code); ok {
			one.Codes = []string{code}
		}
		one.Message, _ = lookUp[string](sample, form.layout.Sample.Message)
		statements = append(statements, one)
	}
	if len(statements) > 0 {
		return statements
	}
	for _, number := range numbers {
		one := s
		one.Status = number
		if form.reasons && len(s.Codes) == 0 {
			one.Fault = "it has neither a code nor a sample response"
		}
		statements = append(statements, one)
	}
	return statements
}

// lookUp is the value at a place of a sample, if it is one of the type.
func lookUp[T any](sample any, place string) (value T, ok bool) {
	if place == "" {
		return value, false
	}
	found, _ := fixtures.Lookup(sample, place)
	value, ok = found.(T)
	return value, ok
}
