package exchange

import (
	"encoding/base64"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is Safe, and at most 600 bytes.
func Printable(text string) string { return cut(Safe(text), 600, "…") }

// cut is a text of at most that many bytes, and what stands for the rest where there is one.
func cut(text string, most int, rest string) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + rest
}

// Safe is a text as it may be printed, whoever wrote it: Escape, with tokens, passwords and cookies [masked], and every mail address
// and user principal name an {id}. It is for what is printed, never for what is compared. Twice is once.
func Safe(text string) string { return defuse(mask(visible(text))) }

// Escape is a text that neither a terminal nor a CI system that reads commands in a log obeys: a control character, and any other
// that nobody sees, is \uXXXX, and a command has a backslash in it. Lines stay lines. Twice is once.
func Escape(text string) string { return defuse(visible(text)) }

// visible writes as \uXXXX what a terminal obeys and a page does not show.
func visible(text string) string {
	hidden := func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }
	if utf8.ValidString(text) && !strings.ContainsFunc(text, hidden) {
		return text
	}
	var shown strings.Builder
	for _, r := range strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n") {
		switch {
		case !hidden(r):
			shown.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&shown, `\U%08x`, r)
		default:
			fmt.Fprintf(&shown, `\u%04x`, r)
		}
	}
	return shown.String()
}

// What CI systems take for a command in a log: GitHub a line that begins with ::, whatever space is before it, and ##[
// anywhere, as Azure Pipelines does ##vso[, and TeamCity ##teamcity[.
var (
	commandAtStart  = regexp.MustCompile(`(?m)^([ \t]*)::`)
	commandAnywhere = regexp.MustCompile(`(##\w*)\[`)
)

func defuse(text string) string {
	if strings.Contains(text, "::") {
		text = commandAtStart.ReplaceAllString(text, `$1\::`)
	}
	if strings.Contains(text, "##") {
		text = commandAnywhere.ReplaceAllString(text, `$1\[`)
	}
	return text
}

// PrintableURL is a URL as failures show it: Safe, without user information and fragment, every query value masked.
func PrintableURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "[unreadable URL]"
	}
	u.User, u.Fragment = nil, ""
	if u.RawQuery == "" {
		return Safe(u.String())
	}
	var query []string
	for _, name := range slices.Sorted(maps.Keys(u.Query())) {
		query = append(query, url.QueryEscape(Safe(name))+"=…")
	}
	u.RawQuery = ""
	return Safe(u.String()) + "?" + strings.Join(query, "&")
}

// Secret is where a text has what looks like a secret.
type Secret struct {
	Start, End int
	Kind       string // such as "a JSON Web Token"
}

// FindSecrets finds what looks like a token or a key, wherever it stands. It knows no mail address, and no secret by the name
// before it: those only Safe masks.
func FindSecrets(text []byte) (found []Secret) {
	lower := strings.ToLower(string(text))
	for _, shape := range shapes {
		if !strings.Contains(lower, shape.mark) {
			continue
		}
		for _, at := range shape.form.FindAllIndex(text, -1) {
			found = append(found, Secret{at[0], at[1], shape.kind})
		}
	}
	return found
}

// shapes are what secrets look like, by kind. Of each, a text has the mark in lower case, or the expression is spared: it takes
// long.
var shapes = []struct {
	kind string
	mark string
	form *regexp.Regexp
}{
	{"a bearer token", "bearer", regexp.MustCompile(`(?i)\bbearer(?:\s+|%20|\+)[\w.~+/=%-]{16,}`)},
	{"a JSON Web Token", "eyj", regexp.MustCompile(`eyJ[\w-]{8,}\.[\w-]*(?:\.[\w-]*){0,3}[\w-]`)},
	{"a Google access token", "ya29.", regexp.MustCompile(`ya29\.[\w.-]{4,}`)},
	{"a private key", "private key-----", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\w\s+/=]*`)},
	{"a Google refresh token", "1", regexp.MustCompile(`\b1(?://|%2[Ff]%2[Ff]|\\/\\/)[\w-]{16,}`)},
	{"a Google client secret", "gocspx-", regexp.MustCompile(`GOCSPX-[\w-]{16,}`)},
	{"an Entra client secret", "q~", regexp.MustCompile(`[\w.~-]{3}\dQ~[\w.~-]{31,37}`)},
}

// secretNames name a secret that has no shape of its own.
const secretNames = `(?i)((?:client[_-]?secret|client[_-]?assertion|assertion|password|passwd|api[_-]?key|` +
	`(?:access|refresh|id|subject|session)[_-]?token)`

// named are the forms in which a secret stands after its name: in a URL or a form, in JSON, in JSON within JSON, in a Python
// client's texts, in a header, and before the host of a URL. Of each, a text has one of the marks in lower case.
var named = []struct {
	marks []string
	form  *regexp.Regexp
}{
	{nameMarks, regexp.MustCompile(secretNames + `(?:=|%3D))(?:[^\s&"'<>%\\…]|%(?:[013-9a-f][0-9a-f]|2[0-57-9a-f]))+`)},
	{nameMarks, regexp.MustCompile(secretNames + `"\s*:\s*")(?:[^"\\]|\\.)*`)},
	{nameMarks, regexp.MustCompile(secretNames + `\\"\s*:\s*\\")(?:[^"\\]|\\[^"])*`)},
	{nameMarks, regexp.MustCompile(secretNames + `'\s*:\s*')(?:[^'\\]|\\.)*`)},
	{[]string{"cookie"}, regexp.MustCompile(
		`(?i)(cookie2?(?:\\*["'])?\s*[:=]\s*(?:\\*["'\[])*)[^\s=;:"'\\\[\]]+=[^\r\n"'\\\]]*`)},
	{[]string{"://"}, regexp.MustCompile(`(://)[^\s/?#"'<>\\]+(@)`)},
}

var nameMarks = []string{"secret", "assertion", "passw", "api", "token"}

var basic = regexp.MustCompile(`(?i)(\bbasic\s+)([A-Za-z0-9+/_-]{6,}={0,2})`)

const masked = "[masked]"

// mask masks what looks like a secret, in a text of any length, and every address.
func mask(text string) string {
	lower := strings.ToLower(text)
	if strings.Contains(lower, "basic") {
		text = basic.ReplaceAllStringFunc(text, maskBasic)
	}
	for _, n := range named {
		if slices.ContainsFunc(n.marks, func(mark string) bool { return strings.Contains(lower, mark) }) {
			text = n.form.ReplaceAllString(text, "${1}"+masked+"${2}")
		}
	}
	for _, shape := range shapes {
		if strings.Contains(lower, shape.mark) {
			text = shape.form.ReplaceAllString(text, masked)
		}
	}
	return maskAddresses(text)
}

// maskBasic masks the credentials of Basic authentication (RFC 7617), which any word after "basic" may look like.
func maskBasic(found string) string {
	parts := basic.FindStringSubmatch(found)
	plain, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(parts[2]))
	if err != nil || !strings.Contains(string(plain), ":") || !utf8.Valid(plain) {
		return found
	}
	return parts[1] + masked
}

// maskAddresses replaces each mail address and user principal name by {id}, however it is escaped: both are ids of people.
func maskAddresses(text string) string {
	if !strings.Contains(text, "@") && !strings.Contains(text, "40") && !strings.Contains(text, ";") {
		return text
	}
	var shown strings.Builder
	done := 0 // up to here the text is written
	for i := 0; i < len(text); {
		if text[i] != '@' && text[i] != '%' && text[i] != '\\' && text[i] != '&' {
			i++
			continue
		}
		r, size := nextChar(text[i:])
		if r == '@' {
			local, isGuest := localPart(text[done:i])
			if domain := domainPart(text[i+size:], isGuest); local > 0 && domain > 0 {
				shown.WriteString(text[done:i-local] + "{id}")
				done = i + size + domain
				i = done
				continue
			}
		}
		i += size
	}
	if done == 0 {
		return text
	}
	return shown.String() + text[done:]
}

const maxLocalPart, maxDomain = 128, 255 // characters

// localPart returns the length of the local part (RFC 5321 and 6531, and what Entra has) that ends the text, 0 for none, and
// whether it is that of a guest, mary_school.example#EXT#.
func localPart(text string) (length int, isGuest bool) {
	end := len(text)
	r, size := lastChar(text)
	if r == '"' {
		return quotedLocalPart(text), false
	}
	var reversed []rune
	start, first := end, end // first is where the leftmost letter or digit begins
	for start > 0 && len(reversed) < maxLocalPart && isOfLocalPart(r) {
		start -= size
		reversed = append(reversed, unicode.ToUpper(r))
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' {
			first = start // what is before it, such as a quotation mark, is the sentence's
		}
		r, size = lastChar(text[:start])
	}
	return end - first, strings.HasPrefix(string(reversed), "#TXE#")
}

func isOfLocalPart(r rune) bool {
	return unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit, unicode.Cf) || strings.ContainsRune(".!#$%*+-_^~'\u2019", r) && r != utf8.RuneError
}

// quotedLocalPart returns the length of a quoted local part that ends the text, 0 for none.
func quotedLocalPart(text string) int {
	_, size := lastChar(text)
	start := len(text) - size
	for n := 0; start > 0 && n < maxLocalPart; n++ {
		r, size := lastChar(text[:start])
		start -= size
		if r == '"' && n > 0 {
			return len(text) - start
		}
		if r == '"' || strings.ContainsRune(":{}[],\n", r) { // those of JSON around a name with an at sign
			return 0
		}
	}
	return 0
}

// odata are the control information of OData, which stands after a property's name as a domain does: learner@odata.bind.
var odata = regexp.MustCompile(`^(odata\.(bind|context|count|delta|deltaLink|etag|id|type|editLink|readLink|nextLink|navigationLink|` +
	`associationLink|media\w*|removed)|microsoft\.graph\..*)$`)

// domainPart returns the length of the domain that begins the text, 0 for none. It has two labels or more, the last one of letters:
// a version, or an edition's id after an at sign, is no domain. A guest's may be the tenant's name alone.
func domainPart(text string, isGuest bool) (length int) {
	var name, label strings.Builder
	labels, at := 0, 0
	accept := func() {
		last := label.String()
		top := strings.TrimRightFunc(last, func(r rune) bool { return !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Cf) })
		isTop := utf8.RuneCountInString(last) > 1 && top == last && !strings.ContainsFunc(last, unicode.IsDigit) || strings.HasPrefix(strings.ToLower(last), "xn--")
		if last != "" && (isGuest || labels > 0 && isTop && !strings.ContainsAny(last, "-_")) {
			length = at
		}
	}
	for n := 0; at < len(text) && n < maxDomain; n++ {
		r, size := nextChar(text[at:])
		switch {
		case r == '.' || r == '\u3002':
			accept()
			if label.Len() == 0 {
				return length
			}
			labels++
			label.Reset()
		case r == '-' || r == '_':
			accept() // a sentence may go on so
			label.WriteRune(r)
		case unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit, unicode.Cf):
			label.WriteRune(r)
		default:
			accept()
			if odata.MatchString(name.String()) {
				return 0
			}
			return length
		}
		name.WriteRune(r)
		at += size
	}
	accept()
	if odata.MatchString(strings.TrimRight(name.String(), ".")) {
		return 0
	}
	return length
}

// nextChar is the first character of a text, however it is escaped, and its length: \u0040, \", %C3%B6, &#64; and as it is.
func nextChar(text string) (r rune, size int) {
	switch {
	case len(text) == 0:
		return utf8.RuneError, 0
	case text[0] == '\\' && len(text) > 1:
		if text[1] == 'u' && len(text) >= 6 {
			if n, err := strconv.ParseUint(text[2:6], 16, 16); err == nil {
				return rune(n), 6
			}
		}
		if i := strings.IndexByte(`"\/'nrt`, text[1]); i >= 0 {
			return rune("\"\\/'\n\r\t"[i]), 2
		}
	case text[0] == '%':
		for size = 3; size <= 12 && size <= len(text); size += 3 {
			plain, err := url.PathUnescape(text[:size])
			if err != nil {
				break
			}
			if r, n := utf8.DecodeRuneInString(plain); r != utf8.RuneError && n == len(plain) {
				return r, size
			}
		}
	case text[0] == '&':
		const longest = len("&commat;")
		end := 1 + strings.IndexByte(text[:min(longest, len(text))], ';')
		plain := html.UnescapeString(text[:end])
		if r, n := utf8.DecodeRuneInString(plain); n == len(plain) && n < end {
			return r, end
		}
	}
	return utf8.DecodeRuneInString(text)
}

// lastChar is the last character of a text, as nextChar has it.
func lastChar(text string) (r rune, size int) {
	const longest = len("%F0%9F%98%80")
	for size = min(longest, len(text)); size > 1; size-- {
		if tail := text[len(text)-size:]; strings.IndexByte(`\%&`, tail[0]) >= 0 {
			if r, n := nextChar(tail); n == size {
				return r, size
			}
		}
	}
	return utf8.DecodeLastRuneInString(text)
}
