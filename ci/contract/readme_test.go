package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/ci/contract/internal/drift"
	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
)

// TestReadme compares the drift that the README shows with the one of the page of an edition and a contract that lacks it.
func TestReadme(t *testing.T) {
	const edition = "2026-04"
	contract, err := fixtures.Load("classroom")
	if err != nil {
		t.Fatal(err)
	}
	newer := contract.Editions[slices.IndexFunc(contract.Editions, func(e *fixtures.Edition) bool { return e.ID == edition })]
	contract.Editions = slices.DeleteFunc(contract.Editions, func(e *fixtures.Edition) bool { return e == newer })
	for clause := range contract.Clauses() {
		clause.Sources = slices.DeleteFunc(clause.Sources, func(s *fixtures.Source) bool { return s.Edition == newer })
	}
	reader, err := pages.New(contract.Layout)
	if err != nil {
		t.Fatal(err)
	}
	page, err := reader.Read([]byte(prose(newer)))
	if err != nil {
		t.Fatal(err)
	}
	found, err := drift.Pages(contract, drift.Page{File: "common-errors.md", Page: page})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Findings) != 8 {
		t.Errorf("there are %d findings, and the README speaks of eight", len(found.Findings))
	}
	var printed bytes.Buffer
	for _, f := range found.Findings {
		if strings.HasSuffix(f.Subject, ".UserIneligibleToUpdateGradingPeriodSettings") {
			writeFinding(&printed, f)
		}
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`\.(md|json):\d+`)
	if want := line.ReplaceAllString(strings.TrimSpace(printed.String()), ".$1:LINE"); !strings.Contains(line.ReplaceAllString(string(text), ".$1:LINE"), want) {
		t.Errorf("the README does not show\n%s", want)
	}
}
