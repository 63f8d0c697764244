package drift

import (
	"slices"
	"strconv"
	"strings"

	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
)

// documented returns the entries of the contract that come from pages, by group: the operation of their table or, where a table
// has none, that of the clause if the table has a column of methods.
func documented(c *fixtures.Contract, form *pages.Reader) map[string][]*entry {
	entries := map[string][]*entry{}
	byKey := map[string]*entry{}
	type place struct {
		table *fixtures.Table
		row   int
	}
	rows := map[place][]pages.Statement{} // that were read
	for clause := range c.Clauses() {
		for _, source := range clause.Sources {
			at := place{source.Table, source.Row.Number}
			stated, read := rows[at]
			if !read {
				row := *source.Table
				row.Rows = []fixtures.Row{source.Row}
				stated, _ = form.Statements(row, false)
				rows[at] = stated
			}
			if len(stated) == 0 {
				continue // of a discovery document
			}
			i := slices.IndexFunc(stated, func(s pages.Statement) bool { return s.Status == clause.Status })
			s := statementOf(stated[max(0, i)])
			s.edition, s.group = source.Edition, source.Table.Operation
			if s.group == "" && len(stated[0].Methods) > 0 {
				s.group = clause.Operation.ID
			}
			s.table = slices.IndexFunc(s.edition.Tables, func(t fixtures.Table) bool { return t.ID == source.Table.ID })
			key := s.group + " " + strings.TrimPrefix(clause.ID, clause.Operation.ID+".")
			e := byKey[key]
			if e == nil {
				e = &entry{
					subject: clause.ID, place: Place{clause.File, clause.Line}, bindings: clause.Bindings, group: s.group,
					reads: map[Field][]string{FieldStatus: {strconv.Itoa(clause.Status)}},
				}
				byKey[key] = e
				entries[s.group] = append(entries[s.group], e)
			}
			if !slices.Contains(e.clauses, clause.ID) {
				e.clauses = append(e.clauses, clause.ID)
			}
			for _, w := range clause.Wordings {
				s.codes = append(s.codes, fixtures.Normalize(w.Code))
				if len(source.Table.Header) > 0 {
					e.reads[FieldCode] = append(e.reads[FieldCode], w.Code)
					e.reads[FieldMessage] = append(e.reads[FieldMessage], w.Message.String())
				}
			}
			if !slices.ContainsFunc(e.variants, func(v *statement) bool {
				return v.edition == s.edition && v.table == s.table && v.row.Number == s.row.Number
			}) {
				e.variants = append(e.variants, s)
			}
		}
	}
	return entries
}

// statementOf compares what a reader of the page sees, and quotes the page.
func statementOf(read pages.Statement) *statement {
	s := &statement{name: read.Name, message: read.Message, fault: read.Fault, row: read.Row}
	if read.Status > 0 {
		s.status = strconv.Itoa(read.Status)
	}
	for i, code := range read.Codes {
		if i == 0 {
			s.code = code
		}
		s.codes = append(s.codes, fixtures.Normalize(code))
	}
	separator := "\n"
	for _, cell := range read.Cells {
		if cell.Column != pages.ColumnMethod || len(read.Methods) == 0 { // which the group has
			s.fields = append(s.fields, field{Field(cell.Column), cell.Text, cell.Seen})
		}
		switch cell.Column {
		case pages.ColumnText:
			s.message = cell.Seen // a section has no message of its own
		case pages.ColumnStatus, pages.ColumnCode, pages.ColumnMessage:
			separator = " | "
		}
	}
	s.text = strings.Join(read.Row.Cells, separator)
	return s
}
