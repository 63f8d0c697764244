package pages

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/learncontract/learncontract/fixtures"
)

// tables is the form of pages that list errors in tables, in Markdown or saved as HTML. A table is one of the page, under the
// heading before it. In Markdown a cell is the source between the bars, without the white space around it; in HTML it is the
// text, white space folded, in each row and column that it spans. All cells of a row are there, also where the header has
// fewer. A table without a header has lines that start with a bar and belong to no table.
type tables struct{ layout fixtures.Layout }

func (form tables) read(page []byte) (*Page, error) {
	s := &source{page: page}
	tagged := startsWithTag.Match(page)
	if tagged {
		if err := s.html(); err != nil {
			return nil, err
		}
	} else {
		s.markdown()
	}
	if s.fault != nil {
		return nil, s.fault
	}
	read := &Page{Title: s.title, Includes: s.includes, Rendered: tagged}
	under, some := "", false
	for _, b := range s.blocks {
		switch b.kind {
		case heading:
			under = b.text
		case header:
			read.Tables = append(read.Tables, fixtures.Table{Heading: under, Header: b.cells})
			some = some || len(b.cells) > 0
		case row:
			t := &read.Tables[len(read.Tables)-1]
			t.Rows = append(t.Rows, fixtures.Row{
				Table: under, Number: len(t.Rows) + 1, Cells: b.cells, Line: b.line, Struck: b.struck,
			})
		}
	}
	switch {
	case !some && len(s.includes) > 0:
		return nil, fmt.Errorf("the page has no table, but includes another file in line %d, %s: give that file",
			s.includes[0].Line, s.includes[0].Text)
	case !some:
		return nil, errors.New("the page has no table: give its source, which is Markdown, or the page saved as HTML")
	case !tagged && cutRow(page):
		return nil, errors.New("the page ends within a row or a sentence: get all of it")
	}
	return read, nil
}

// cutRow reports whether a page ends within a row: without the bar that closes each line of the table above it.
func cutRow(page []byte) bool {
	lines := bytes.Split(page, []byte("\n"))
	open := func(line []byte) bool { return !bytes.HasSuffix(bytes.TrimSpace(line), []byte("|")) }
	if last := lines[len(lines)-1]; !bytes.HasPrefix(bytes.TrimSpace(last), []byte("|")) || !open(last) {
		return false
	}
	for _, line := range slices.Backward(lines[:len(lines)-1]) {
		if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("|")) {
			break
		}
		if open(line) {
			return false
		}
	}
	return true
}

func (form tables) largest() int { return maxPage }

func (form tables) Wanted() string {
	for _, c := range form.layout.Columns {
		return "it has no table with the columns " + listed(c)
	}
	return "its layout names no columns"
}

// listed names the columns that a table of errors must have.
func listed(c fixtures.Columns) string {
	names := keys(c)
	last := names[len(names)-1]
	if len(names) == 1 {
		return last
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + last
}

// keys are the columns by which a table is recognized.
func keys(c fixtures.Columns) (names []string) {
	for _, name := range []string{c.Status, c.Code, c.Message} {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (form tables) Statements(t fixtures.Table, rendered bool) (statements []Statement, fault string) {
	header := make([]string, len(t.Header))
	for i, text := range t.Header {
		header[i] = fold(see(text, rendered))
	}
	for _, c := range form.layout.Columns {
		names := keys(c)
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return columnOf(header, name) >= 0 })
		switch {
		case len(names) == 0:
		case len(missing) == 0:
			for _, row := range t.Rows {
				if len(row.Cells) > 0 {
					statements = append(statements, statementsOf(t.Heading, header, c, row, rendered)...)
				}
			}
			return statements, ""
		case len(header) == 0 && slices.ContainsFunc(t.Rows, hasStatus):
			fault = "its rows have no header: is the line of dashes missing?"
		case c.Status != "" && columnOf(header, c.Status) >= 0, len(missing) == 1 && len(names) > 2:
			fault = fmt.Sprintf("its columns are %s, and those of errors %s", strings.Join(header, ", "), listed(c))
		}
	}
	return nil, fault
}

// hasStatus reports whether a cell of a row is an HTTP status.
func hasStatus(row fixtures.Row) bool {
	return slices.ContainsFunc(row.Cells, func(cell string) bool {
		numbers, rest := statuses(cell)
		return len(numbers) == 1 && rest == ""
	})
}

// columnOf is the index of a column, -1 if there is none with the name.
func columnOf(header []string, name string) int {
	return slices.IndexFunc(header, func(h string) bool { return name != "" && strings.EqualFold(h, name) })
}

// statementsOf reads a row. Where a table has no column of the status, its heading may have it.
func statementsOf(under string, header []string, columns fixtures.Columns, row fixtures.Row, rendered bool) []Statement {
	cells := aligned(row.Cells, len(header), columnOf(header, columns.Code))
	s := Statement{Row: row}
	lines := map[string]string{} // what a reader sees
	for i, heading := range header {
		cell := Cell{Column: strings.ToLower(heading)}
		for _, known := range [][2]string{
			{ColumnStatus, columns.Status}, {ColumnCode, columns.Code}, {ColumnMessage, columns.Message},
			{ColumnDetails, columns.Details}, {ColumnMethod, columns.Method},
		} {
			if strings.EqualFold(heading, known[1]) {
				cell.Column = known[0]
				break
			}
		}
		if i < len(cells) {
			cell.Text = cells[i]
		}
		lines[cell.Column] = see(cell.Text, rendered)
		cell.Seen = fold(lines[cell.Column])
		s.Cells = append(s.Cells, cell)
	}
	s.Message, s.Details = fold(lines[ColumnMessage]), fold(lines[ColumnDetails])
	stated := lines[ColumnStatus]
	if columns.Status == "" {
		stated = fold(see(under, rendered))
	}
	numbers, rest := statuses(stated)
	code := lines[ColumnCode]
	if columns.Code != "" && strings.EqualFold(columns.Status, columns.Code) {
		code = rest
	}
	s.Codes = several(code)
	if columns.Method == "" {
		lines[ColumnMethod] = "" // of another meaning
	}
	for _, method := range strings.FieldsFunc(lines[ColumnMethod], func(r rune) bool { return !unicode.IsLetter(r) }) {
		s.Methods = append(s.Methods, strings.ToUpper(method))
	}
	switch {
	case len(cells) > len(header):
		s.Fault = fmt.Sprintf("it has %d cells under %d columns: is there a bar that is not escaped?", len(cells), len(header))
	case len(numbers) == 0 && columns.Status == "":
		s.Fault = "it has no HTTP status: neither a column nor the heading of its table names one"
	case len(numbers) == 0:
		s.Fault = fmt.Sprintf("%q is not the HTTP status of an error", fold(stated))
	case columns.Message != "" && s.Message == "":
		s.Fault = "it has no message"
	}
	if s.Fault != "" {
		numbers = append(numbers, 0)[:1]
	}
	var statements []Statement
	for i, number := range numbers {
		one := s
		one.Status = number
		if len(numbers) > 1 && len(s.Codes) == len(numbers) { // each with its own
			one.Codes = s.Codes[i : i+1]
		}
		statements = append(statements, one)
	}
	return statements
}

// aligned inserts an empty cell for a missing code: a sentence stands in its place, and the row is shorter than its table.
// The number of cells alone does not show it, because rows without details are as short.
func aligned(cells []string, columns, code int) []string {
	const longest = 4 // words of a code that is spelled as a reason phrase
	if len(cells) < columns && code >= 0 && code < len(cells) && len(strings.Fields(cells[code])) > longest {
		return slices.Insert(slices.Clone(cells), code, "")
	}
	return cells
}

var (
	// statusNumber matches a status that stands on its own: "403.1", "40300", "4xx" and "400-403" have none.
	statusNumber = regexp.MustCompile(`(?i)(^|[^\pL\pN.–-])(?:HTTP(?:/[0-9.]+)?[ :_-]*)?([45][0-9]{2})(?:([^\pL\pN_.–-])|([.–-])(\PN|$)|$)`)
	aroundCode   = regexp.MustCompile(`^[\s\pP]+|[\s\pP]+$`)
)

// statuses are the HTTP statuses of errors in a text, and what stands there beside them.
func statuses(text string) (numbers []int, rest string) {
	const most = 12 // words of a text that is one of statuses, and not about them
	if len(strings.Fields(text)) > most || !strings.ContainsAny(text, "45") {
		return nil, text
	}
	for {
		at := statusNumber.FindStringSubmatchIndex(text)
		if at == nil {
			return numbers, strings.TrimSpace(aroundCode.ReplaceAllString(strings.TrimSpace(text), ""))
		}
		n := 0
		for _, digit := range text[at[4]:at[5]] {
			n = 10*n + int(digit-'0')
		}
		if !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
		text = text[:at[3]] + " " + text[at[5]:] // what stands before and after it may belong to another
	}
}

var (
	between    = regexp.MustCompile(`\s*(?:[\n,;/]|\s(?:or|and)\s)\s*`)
	identifier = regexp.MustCompile(`^[A-Za-z]\w*(?:[a-z0-9][A-Z]|_|[0-9])\w*$`)
)

// several are the codes of a cell: all of it, or what stands between line breaks, commas and "or".
func several(cell string) (codes []string) {
	const longest = 4 // words of a code that is spelled as a reason phrase
	parts := between.Split(strings.TrimSpace(cell), -1)
	if words := strings.Fields(cell); len(words) > 1 && !slices.ContainsFunc(words, func(w string) bool { return !identifier.MatchString(w) }) {
		parts = words
	}
	for _, part := range parts {
		part = strings.Trim(part, " .")
		if len(strings.Fields(part)) > longest {
			return []string{fold(cell)}
		}
		if part != "" {
			codes = append(codes, fold(part))
		}
	}
	return codes
}
