package report

import (
	"regexp"
	"strings"
	"unicode"
)

// EscapeLogCommands is a text that nothing obeys which shows it: no terminal, and no CI system that reads commands in a log. What
// would be one is shown with a backslash in it. Lines stay lines.
func EscapeLogCommands(text string) string {
	return anywhere.ReplaceAllString(atTheStart.ReplaceAllString(stripControl(text), `$1\::`), `$1\[`)
}

// What CI systems take for a command in a log: GitHub a line that begins with ::, whatever space is before it, and ##[
// anywhere, as Azure Pipelines does ##vso[, and TeamCity ##teamcity[.
var (
	atTheStart = regexp.MustCompile(`(?m)^(\s*)::`)
	anywhere   = regexp.MustCompile(`(##\w*)\[`)
)

// line is a text tamed, in one line.
func line(text string) string { return EscapeLogCommands(strings.Join(strings.Fields(text), " ")) }

// stripControl is a text without what a terminal obeys and a page does not show.
func stripControl(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
