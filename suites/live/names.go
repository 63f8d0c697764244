package live

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// prefix begins the name of everything that any run makes. A run's own follows it.
const prefix = "learncontract-"

// names makes and recognizes the names of what runs make in one tenant, such as
//
//	learncontract-a5q3oebtu4yzhk-12-k7mzq2vt4c
//
// That is the minute in which the run began, 40 random bits, the number of the recipe, and a checksum of what stands before it, which
// no person writes by chance and no run of another tenant: its key is the tenant.
type names struct{ key string }

func newNames(sandbox *Sandbox, provider string) names {
	return names{provider + " " + strings.ToLower(sandbox.tenant(provider))}
}

// tenant is the tenant, or the domain, that the file names.
func (s *Sandbox) tenant(provider string) string {
	return cmp.Or(s.values[provider+".tenant"], s.values[provider+".domain"])
}

// digits are those of RFC 4648, in small letters.
const digits = "abcdefghijklmnopqrstuvwxyz234567"

// newRun is what the names of a run begin with.
func newRun(began time.Time) string {
	var minute [6]byte // until the year 4011
	for i, left := len(minute)-1, began.Unix()/60; i >= 0; i, left = i-1, left/32 {
		minute[i] = digits[left%32]
	}
	return prefix + string(minute[:]) + strings.ToLower(rand.Text()[:8]) // 40 bits
}

// name is the name of what a run makes for its recipe of a number.
func (n names) name(run string, number int) string {
	name := fmt.Sprintf("%s-%d", run, number)
	return name + "-" + n.checksum(name)
}

// checksum is of 50 bits.
func (n names) checksum(text string) string {
	sum := hmac.New(sha256.New, []byte(n.key))
	sum.Write([]byte(text))
	return base32.NewEncoding(digits).EncodeToString(sum.Sum(nil))[:10]
}

// nameForm is the form of a name; earlier versions had no checksum, and at first no minute.
var nameForm = regexp.MustCompile(`^(` + prefix + `([a-z2-7]{6})?[a-z2-7]{8}-[0-9]+)(?:-([a-z2-7]{10}))?$`)

// bareName is the name in a text: one recipe has it in an address.
func bareName(text string) string {
	if address, is := strings.CutPrefix(text, "http://"); is {
		return strings.TrimSuffix(address, ".example.com")
	}
	return text
}

// parse returns when the run began that has given the name. It is nobody's if it has no checksum of this tenant. A copy that somebody
// makes is called otherwise, and is somebody's.
func (n names) parse(name string) (began time.Time, valid bool) {
	part := nameForm.FindStringSubmatch(name)
	if part == nil || part[2] == "" || part[3] != n.checksum(part[1]) {
		return began, false
	}
	minutes := int64(0)
	for _, digit := range part[2] {
		minutes = 32*minutes + int64(strings.IndexRune(digits, digit))
	}
	return time.Unix(60*minutes, 0), true
}

// resembles reports a name that is nobody's and has the form: of an earlier version's run, of another tenant's, or a person's.
func (n names) resembles(name string) bool {
	_, valid := n.parse(name)
	return !valid && nameForm.MatchString(name)
}

// marker stands in a second field of what a run makes, where its kind has one to spare.
const marker = "Made by a run of learncontract, which removes it."

// How long a run takes at most, from the minute in its name to what it makes last, and by how much clocks differ.
const (
	longestRun   = 6 * time.Hour
	clocksDiffer = 15 * time.Minute
)

// firstRun is before any run: names have a minute since this version.
var firstRun = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// implausible is why the minute in a name is none in which a run began that made something then; "" if it is. Not every provider
// says when something was made.
func implausible(began, created, now time.Time) string {
	created = cmp.Or(created, began)
	switch {
	case began.Before(firstRun), began.After(now.Add(clocksDiffer)):
		return fmt.Sprintf("its name is of %s, when no run can have begun", began.UTC().Format(time.DateTime))
	case created.Before(began.Add(-clocksDiffer)), created.After(began.Add(longestRun + clocksDiffer)):
		return fmt.Sprintf("its name is of %s, and it was made at %s", began.UTC().Format(time.DateTime), created.UTC().Format(time.DateTime))
	}
	return ""
}

// idForm is what an id may be that a response has, before it stands in a path or names somebody. Providers give numbers, GUIDs,
// two of them with a colon, and texts of base64.
var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_:=+~-]*$`)

// longestID is twice as long as any that was seen.
const longestID = 256

// checkID rejects an id of a response that would make another path than the one meant, or that stands for something else, as an alias
// and "me" do.
func checkID(id string) error {
	if len(id) > longestID || !idForm.MatchString(id) || id == "me" || strings.HasPrefix(id, "d:") || strings.HasPrefix(id, "p:") {
		return fmt.Errorf("its id is %.40q, which is no id: nothing is sent with it", id)
	}
	return nil
}

// newMissing is the id of nothing: a number of 18 digits. Classroom has given none above 12, and its users' have 21. It is a new
// one each run, and not one that is looked up first: a look proves little of a moment later, and half of the kinds have none.
func newMissing() string {
	var b [17]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return "8" + string(b[:])
}
