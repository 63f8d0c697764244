package pages

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const english = "en"

var (
	htmlLang = regexp.MustCompile(`(?i)<html\b[^>]*?\blang\s*=\s*["']?([A-Za-z-]+)`)
	tags     = regexp.MustCompile(`<[^<>]*>`)
)

// languageOf is the language of a page if it is another one than that wanted, else "": what the page says, or that it has next to
// none of the words that every English text has, and letters that English hasn't.
func languageOf(page []byte, wanted string) string {
	fields, end := front(page)
	said := cmp.Or(fields.Lang, fields.Locale, fields.MSLocale, fields.ContentLocale)
	if at := htmlLang.FindSubmatch(page[:min(len(page), 4<<10)]); said == "" && at != nil && startsWithTag.Match(page) {
		said = string(at[1])
	}
	if said != "" {
		if base(said) == base(wanted) {
			return ""
		}
		return said
	}
	if base(wanted) != english {
		return ""
	}
	const most = 256 << 10 // bytes, enough to tell by
	words := strings.FieldsFunc(tags.ReplaceAllString(string(page[end:min(len(page), end+most)]), " "),
		func(r rune) bool { return !unicode.IsLetter(r) })
	common, foreign := 0, 0
	for _, word := range words {
		switch {
		case slices.Contains([]string{"the", "to", "and", "for", "this", "that", "with", "not", "be"}, strings.ToLower(word)):
			common++
		case strings.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxASCII }):
			foreign++
		}
	}
	// In an English text of this kind more than a tenth of the words are the former; in others hardly any.
	if foreign >= 10 && 100*foreign > len(words) && 33*common < len(words) {
		return "not English"
	}
	return ""
}

// base is the language of a tag, without its region.
func base(tag string) string {
	language, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	return strings.ToLower(language)
}
