// Package browser has the page of a report opened in a real Chromium. It has tests only, built with the tag browser, for
// nothing else links what drives one; without the tag one test says so, and skips:
//
//	AXE=axe.min.js go -C suites/report/page/browser test -tags browser
//
// AXE is axe-core's file, without which the accessibility pass skips; SCREENSHOTS a folder in which to keep pictures; REPORT
// a report's HTML file, of which a picture is written to the file PICTURE, the README's.
package browser
