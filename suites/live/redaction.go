package live

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// redaction replaces every word of a response by a neutral one of its kind, but for the contract's own and plain English ones: what
// is not known is replaced. The same word is replaced alike, and numbered in the order of the response: two responses that differ in
// nothing else become one.
type redaction struct {
	contract map[string]bool   // words that the contract has
	exact    map[string]bool   // what stands between two spaces in a text of the operation, or in a place of a code
	forms    *regexp.Regexp    // of what is replaced wherever it stands
	known    map[string]string // what stands for a value
	own      map[string]string // what stands for a value that has no form, with its number
	count    int               // of the numbered ones
	secrets  *Secrets
}

// plainWords are English words that twelve or more of Google's APIs have in small letters in their descriptions, as
// google.golang.org/api v0.290.0 has these: no names.
//
//go:embed words.txt
var plainWords string

var english = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(plainWords) {
		words[word] = true
	}
	return words
})

// The domains of the sandbox file's users, as a recording has them.
const (
	homeDomain  = "school.example"
	otherDomain = "other.example" // the outsider's
)

// What stands for what has no form to recognize it by.
const (
	neutralID     = "id%d"
	neutralPerson = "Person %d"
	neutralUser   = "user%d@example.com"
	neutralHost   = "host%d.example"
	neutralNumber = "1%011d"

	shortestOwn = 4 // bytes: "me" and "404" may stand anywhere
	longestKept = 4 // digits of a number that may be one of minutes, or a limit
)

// newRedaction is for a response of an operation. It knows what the sandbox file names, and what the set-up received of its own.
func newRedaction(
	v vocabulary, o *fixtures.Operation, x exchange.Exchange, sandbox *Sandbox, responses []exchange.Exchange, secrets *Secrets,
) *redaction {
	r := &redaction{
		contract: v.words, exact: maps.Clone(v.exact), known: map[string]string{}, own: map[string]string{}, secrets: secrets,
	}
	for _, clause := range o.Clauses {
		keep(r.exact, wordsOf(clause)...)
	}
	if code := x.TextAt(o.Contract.Envelope.Code); identifier.MatchString(code) {
		r.exact[code] = true
	}
	name, _, _ := strings.Cut(x.TextAt(o.Contract.Envelope.Message), " ")
	if bare, named := strings.CutPrefix(name, "@"); named && identifier.MatchString(bare) {
		r.exact[name] = true // a draft of a clause is of use only with it
	}
	for _, x := range responses {
		var body any
		_ = json.Unmarshal(x.Body(), &body) // what is no JSON names nothing
		r.learn("", body)
	}
	for _, key := range sandbox.Names() {
		list, _ := sandbox.Value(key)
		for value := range strings.FieldsSeq(strings.ToLower(list)) {
			r.readKey(key, value)
		}
	}
	var values, forms []string
	for _, all := range []map[string]string{r.own, r.known} {
		for value := range all {
			values = append(values, value)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) }) // of two that begin alike, the longer one
	for _, value := range values {
		forms = append(forms, wholeWord(value))
	}
	for _, k := range valueKinds {
		forms = append(forms, k.form.String())
	}
	r.forms = regexp.MustCompile(strings.Join(forms, "|"))
	return r
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z]+(_[A-Za-z]+)*$`)
	letters    = regexp.MustCompile(`[A-Za-z]{2,}`)
	humps      = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`)
)

// readKey notes what the sandbox file names.
func (r *redaction) readKey(key, value string) {
	user, host, isAddress := strings.Cut(value, "@")
	switch {
	case strings.HasSuffix(key, "ndpoint"), key == "graph.authority", key == "ca":
	case isAddress && user != "":
		r.known[value] = strings.TrimPrefix(key, "classroom.") + "@" + homeDomain
		if key == "classroom.outsider" {
			r.known[value] = strings.TrimPrefix(key, "classroom.") + "@" + otherDomain
			r.known[host] = otherDomain
		}
	case key == "classroom.domain", key == "classroom.secondaryDomains":
		r.known[value] = homeDomain
	case len(value) >= shortestOwn:
		r.own[value] = neutralID
	}
}

// vocabulary is what a contract's texts have.
type vocabulary struct {
	words map[string]bool // of letters, and their parts in small letters
	exact map[string]bool // what stands between two spaces in a text that every operation shares
}

func (v vocabulary) note(texts ...string) {
	for _, text := range texts {
		for _, word := range letters.FindAllString(text, -1) {
			v.words[word] = true
			for _, part := range humps.FindAllString(word, -1) {
				v.words[strings.ToLower(part)] = len(part) > 1
			}
		}
	}
}

// newVocabulary reads a contract.
func newVocabulary(c *fixtures.Contract) vocabulary {
	v := vocabulary{map[string]bool{}, map[string]bool{}}
	envelope, _ := json.Marshal(c.Envelope) // it was read from YAML
	texts := []string{strings.ReplaceAll(c.BaseURL, "/", " ")}
	for _, text := range []string{string(envelope), string(c.Envelope.Schema.JSON)} {
		for _, token := range jsonTokens.FindAllString(text, -1) {
			texts = append(texts, strings.Trim(token, `"`))
		}
	}
	texts = slices.AppendSeq(texts, maps.Keys(c.Codes))
	for _, refusal := range c.Refusals {
		texts = append(append(texts, refusal.Text), refusal.Reasons...)
	}
	v.note(texts...)
	keep(v.exact, texts...)
	for clause := range c.Clauses() {
		v.note(wordsOf(clause)...)
	}
	for _, o := range c.Operations {
		v.note(o.ID, o.Path, string(o.Request.JSON), string(o.Body))
	}
	return v
}

// wordsOf are the texts of a clause that a response may have.
func wordsOf(clause *fixtures.Clause) (texts []string) {
	for _, w := range clause.Wordings {
		texts = append(texts, w.Code, w.Message.String(), clause.Name)
		for _, d := range w.Details {
			texts = append(texts, d.Code, d.Message.String())
		}
	}
	return texts
}

// keep adds what stands between two spaces in texts.
func keep(exact map[string]bool, texts ...string) {
	for _, text := range texts {
		for token := range strings.FieldsSeq(text) {
			exact[trimmed(token)] = true
		}
	}
}

// learn notes the ids and the names of people in a response.
func (r *redaction) learn(key string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, entry := range value {
			r.learn(name, entry)
		}
	case []any:
		for _, entry := range value {
			r.learn(key, entry)
		}
	case string:
		switch {
		case len(value) < shortestOwn:
		case key == "fullName" && strings.Contains(value, " "): // one word may be the provider's, such as Student
			r.own[strings.ToLower(value)] = neutralPerson
		case key == "id" || strings.HasSuffix(key, "Id") || key == "enrollmentCode":
			r.own[strings.ToLower(value)] = neutralID
		}
	}
}

// wholeWord matches a text, in capitals too, that is no part of a longer word.
func wholeWord(text string) string {
	form := regexp.QuoteMeta(text)
	if isWord.MatchString(text[:1]) {
		form = `\b` + form
	}
	if isWord.MatchString(text[len(text)-1:]) {
		form += `\b`
	}
	return "(?i:" + form + ")"
}

var isWord = regexp.MustCompile(`\w`)

// valueKind is a kind of what is replaced wherever it stands.
type valueKind struct {
	form    *regexp.Regexp
	neutral string // with the number of the value where one must differ from another
}

const month = `(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|` +
	`Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?`

// valueKinds are all, the first that matches before the others.
var valueKinds = []valueKind{
	{regexp.MustCompile(`(?i:` + regexp.QuoteMeta(prefix) + `[a-z2-7]{8,}-[0-9a-z-]+(?:\.example\.com)?)`), "learncontract-run"},
	{regexp.MustCompile(`[^\s"<>()\[\]{},;:|=/\\]+@[\w-]+(?:\.[\w-]+)+`), neutralUser},
	{regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`), "00000000-0000-0000-0000-%012d"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`), "2000-01-01T00:00:00Z"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?`), "2000-01-01T00:00:00"},
	{regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d\b`), "2000-01-01"},
	{regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d ` + month + ` \d{4} \d\d:\d\d:\d\d GMT`), "Sat, 01 Jan 2000 00:00:00 GMT"},
	{regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`), neutralIP},
	{regexp.MustCompile(`\b\d{1,2}([./-])\d{1,2}[./-]\d{2,4}\b`), "1/1/2000"},
	{regexp.MustCompile(`\b` + month + ` \d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?\b`), "January 1, 2000"},
	{regexp.MustCompile(`\b\d{1,2}(?:st|nd|rd|th|\.)? (?:of )?` + month + `(?:,? \d{4})?\b`), "1 January 2000"},
	{regexp.MustCompile(`\b\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\b\.?)?`), "00:00:00"},
	{regexp.MustCompile(`[0-9A-Fa-f]*(?::[0-9A-Fa-f]*){2,}(?:\d{1,3}(?:\.\d{1,3}){3})?`), neutralIP},
	{regexp.MustCompile(`\+\d[\d ()-]{5,}\d`), "+1 555 0100"},
}

const neutralIP = "192.0.2.1"

// body is a response's body with every value replaced. JSON stays JSON.
func (r *redaction) body(text string) string {
	if !json.Valid([]byte(text)) {
		return r.text(text)
	}
	return r.secrets.Scrub(jsonTokens.ReplaceAllStringFunc(text, func(token string) string {
		var value string
		if token[0] != '"' {
			if len(token) <= longestKept {
				return token
			}
			return "1"
		}
		if json.Unmarshal([]byte(token), &value) != nil {
			return `""` // no JSON, against what was seen
		}
		redacted := r.text(value)
		if redacted == value {
			return token
		}
		encoded, _ := json.Marshal(redacted) // it is a text
		return string(encoded)
	}))
}

// jsonTokens are the texts and the numbers of a JSON value.
var jsonTokens = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*`)

// text is a text with every value replaced, and what looks like a token masked.
func (r *redaction) text(text string) string {
	var done []string // what stands for the marks
	const mark = "\uE000"
	marked := r.forms.ReplaceAllStringFunc(strings.ReplaceAll(text, mark, " "), func(value string) string {
		neutral, is := r.formed(value)
		if !is {
			return value
		}
		done = append(done, neutral)
		return mark
	})
	var replaced strings.Builder
	end := 0
	for _, at := range tokens.FindAllStringIndex(marked, -1) {
		between := marked[end:at[0]]
		replaced.WriteString(between)
		replaced.WriteString(r.token(marked[at[0]:at[1]], beginsSentence(marked[:at[0]])))
		end = at[1]
	}
	replaced.WriteString(marked[end:])
	result := replaced.String()
	for _, neutral := range done {
		result = strings.Replace(result, mark, neutral, 1)
	}
	return r.secrets.Scrub(result)
}

// formed is what stands for a value that is known, or that has the form of a kind, and whether it is one.
func (r *redaction) formed(value string) (neutral string, is bool) {
	key := strings.ToLower(value)
	if neutral, known := r.known[key]; known {
		return neutral, true
	}
	form := r.own[key]
	if at := slices.IndexFunc(valueKinds, func(k valueKind) bool { return k.form.FindString(value) == value }); form == "" && at >= 0 {
		form = valueKinds[at].neutral
		if _, err := netip.ParseAddr(value); form == neutralIP && err != nil {
			return "", false
		}
	}
	if form == "" {
		return "", false
	}
	return r.numbered(value, form), true
}

// numbered is the neutral value of a form for a value.
func (r *redaction) numbered(value, form string) string {
	key := strings.ToLower(value)
	if neutral, known := r.known[key]; known {
		return neutral
	}
	if strings.Contains(form, "%") {
		r.count++
		form = fmt.Sprintf(form, r.count)
	}
	r.known[key] = form
	return form
}

// tokens are what stands between spaces, brackets, quotes and the marks of a text.
var tokens = regexp.MustCompile(`[^\s"<>()\[\]{},;|\x{E000}]+`)

// beginsSentence reports whether what follows the text does.
func beginsSentence(text string) bool {
	text = strings.TrimRight(text, "\"'( \n\t")
	last := text[strings.LastIndexAny(text, " \n\t")+1:]
	return text == "" || strings.ContainsAny(text[len(text)-1:], ".!?:>") || last[0] == '@' // Google's name of an error
}

const punctuation = ".,:;!?'`*…’‘"

func trimmed(token string) string { return strings.Trim(token, punctuation) }

// token is what stands for a token.
func (r *redaction) token(token string, first bool) string {
	core := trimmed(token)
	if core == "" {
		return token
	}
	before, after, _ := strings.Cut(token, core)
	return before + r.core(core, first) + after
}

// separators part the words of a path, an address, or a query.
var separators = regexp.MustCompile(`[/:?&=\\]+`)

func (r *redaction) core(core string, first bool) string {
	switch {
	case r.exact[core], r.isPlain(core, first):
		return core
	case strings.Contains(core[1:], "@"):
		return r.numbered(core, neutralUser)
	case separators.MatchString(core) && !r.isOpaque(core):
		var parts strings.Builder
		end := 0
		for _, at := range append(separators.FindAllStringIndex(core, -1), []int{len(core), len(core)}) {
			if part := core[end:at[0]]; part != "" {
				parts.WriteString(r.token(part, false))
			}
			parts.WriteString(core[at[0]:at[1]])
			end = at[1]
		}
		return parts.String()
	case isDigits.MatchString(core) && len(core) <= longestKept:
		return core
	case isDigits.MatchString(core):
		return r.numbered(core, neutralNumber)
	case isHost.MatchString(core):
		return r.numbered(core, neutralHost)
	}
	return r.numbered(core, neutralID)
}

var (
	isDigits = regexp.MustCompile(`^[0-9]+$`)
	isHost   = regexp.MustCompile(`^[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}$`)
	isBase64 = regexp.MustCompile(`^[A-Za-z0-9+/_-]{8,}={0,2}$`)
)

// isOpaque reports what is one id, although it has slashes: no part of it is a word.
func (r *redaction) isOpaque(core string) bool {
	const longEnough = 4 // to be no word by chance
	return isBase64.MatchString(core) && !slices.ContainsFunc(strings.Split(core, "/"), func(part string) bool {
		return len(part) >= longEnough && r.isPlain(part, false)
	})
}

// isPlain reports whether every word of a token is the contract's, or an English one in small letters. The first of a sentence may begin
// with a capital, and so may those of a name such as CourseNotFound.
func (r *redaction) isPlain(core string, first bool) bool {
	base, ending, _ := strings.Cut(strings.ReplaceAll(core, "’", "'"), "'")
	if annotation, is := strings.CutPrefix(base, "@"); is && annotation == strings.ToLower(annotation) { // @type
		base = annotation
	}
	switch ending {
	case "", "s":
	case "t":
		base = strings.TrimSuffix(base, "n")
	default:
		return false
	}
	for label := range strings.SplitSeq(base, ".") { // google.rpc.ErrorInfo
		if !identifier.MatchString(label) || !r.isName(label, first || base != label) {
			return false
		}
	}
	return true
}

// isName reports whether every part of an identifier is a word. One that is a capital and small letters must be the contract's.
func (r *redaction) isName(name string, mayBegin bool) bool {
	if r.contract[name] || english()[name] {
		return true
	}
	parts := humps.FindAllString(name, -1)
	isOne := len(parts) == 1
	if isOne && !mayBegin && unicode.IsUpper(rune(name[0])) && name != strings.ToUpper(name) || strings.Contains(name, "_") && name != strings.ToUpper(name) {
		return false
	}
	return !slices.ContainsFunc(parts, func(part string) bool {
		word := strings.ToLower(part)
		return !r.contract[word] && !english()[word]
	})
}
