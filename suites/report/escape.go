package report

import (
	"regexp"
	"strings"
	"unicode"
)

// EscapeLogCommands makes a text safe to print: neither a terminal nor a CI system that reads commands in a log obeys it. A
// command is shown with a backslash in it. Lines stay lines.
func EscapeLogCommands(text string) string {
	return commandAnywhere.ReplaceAllString(commandAtStart.ReplaceAllString(stripControl(text), `$1\::`), `$1\[`)
}

// What CI systems take for a command in a log: GitHub a line that begins with ::, whatever space is before it, and ##[
// anywhere, as Azure Pipelines does ##vso[, and TeamCity ##teamcity[.
var (
	commandAtStart  = regexp.MustCompile(`(?m)^(\s*)::`)
	commandAnywhere = regexp.MustCompile(`(##\w*)\[`)
)

// line is the text on one line, escaped.
func line(text string) string { return EscapeLogCommands(strings.Join(strings.Fields(text), " ")) }

// stripControl replaces what a terminal obeys and a page does not show.
func stripControl(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
