package drift

import (
	"slices"
	"strings"
	"unicode"

	"github.com/learncontract/learncontract/fixtures"
)

// byMethods are the operations with one of the HTTP methods that pages document; where none has a method, the method.
func (r *reader) byMethods(methods []string) (operations []string) {
	for _, method := range methods {
		before := len(operations)
		for _, o := range r.contract.Operations {
			if o.Method == method && len(r.entries[o.ID]) > 0 {
				operations = append(operations, o.ID)
			}
		}
		if len(operations) == before {
			operations = append(operations, method)
		}
	}
	return operations
}

// about is the operation of a table by its heading or else, on a page of the contract's API, by the page's title: the one whose
// headings or titles have words of it that those of the others lack. It is "" for tables that are of all operations; known
// reports whether there is any.
func (r *reader) about(p Page, heading string) (operation string, known bool) {
	if of := r.headings.operation(heading); of != "" {
		return of, true
	}
	title := fixtures.Normalize(p.Title)
	titled := func(e *fixtures.Edition) bool { return fixtures.Normalize(e.Title) == title }
	if strings.Contains(title, fixtures.Normalize(r.contract.API)) || slices.ContainsFunc(r.contract.Editions, titled) {
		if of := r.titles.operation(p.Title); of != "" {
			return of, true
		}
	}
	return "", len(r.entries[""]) > 0
}

// heads reports whether a heading is that of a table of some edition.
func (r *reader) heads(heading string) bool {
	headed := func(t fixtures.Table) bool { return fixtures.Normalize(t.Heading) == fixtures.Normalize(heading) }
	return slices.ContainsFunc(r.contract.Editions, func(e *fixtures.Edition) bool { return slices.ContainsFunc(e.Tables, headed) })
}

// words say by how many headings or titles a word distinguishes an operation from the others.
type words map[string]map[string]int

// add notes the words of a text about an operation.
func (w words) add(text, operation string) {
	for _, word := range wordsIn(text) {
		if w[word] == nil {
			w[word] = map[string]int{}
		}
		w[word][operation]++
	}
}

// operation is that of most of the words that distinguish one; "" if none does, or if they are undecided.
func (w words) operation(text string) (operation string) {
	votes := map[string]int{}
	for _, word := range wordsIn(text) {
		if len(w[word]) == 1 {
			for operation, n := range w[word] {
				votes[operation] += n
			}
		}
	}
	most := 0
	for candidate, n := range votes {
		if n > most {
			operation, most = candidate, n
		} else if n == most {
			operation = ""
		}
	}
	return operation
}

func wordsIn(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
}
