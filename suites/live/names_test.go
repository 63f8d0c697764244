package live_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/live"
)

const (
	schools = "classroom: {domain: school.example}"
	began   = "2026-11-28T03:04:00Z"
)

func at(tb testing.TB, text string) time.Time {
	tb.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		tb.Fatal(err)
	}
	return moment
}

func TestANameSaysWhenItsRunBegan(t *testing.T) {
	t.Parallel()
	sandbox := load(t, schools)
	seen := map[string]bool{}
	for range 1000 {
		name := live.NameAt(sandbox, "classroom", at(t, began).Add(59*time.Second))
		when, valid := live.BeganAt(sandbox, "classroom", name)
		if !valid || !when.Equal(at(t, began)) || seen[name] {
			t.Fatalf("%s began at %v, %v, or is given twice", name, when, valid)
		}
		seen[name] = true
		if _, valid := live.BeganAt(sandbox, "classroom", "http://"+name+".example.com"); !valid || len(name) > 63 {
			t.Errorf("%s is no part of an address", name)
		}
	}
	name := live.NameAt(sandbox, "classroom", at(t, began))
	if _, valid := live.BeganAt(load(t, "classroom: {domain: School.Example}"), "classroom", name); !valid {
		t.Error("the same domain in other letters has other names")
	}
	for other, provider := range map[string]string{
		"classroom: {domain: other.example}": "classroom", "graph: {tenant: " + guidA + "}": "graph",
		schools + "\ngraph: {tenant: " + guidA + "}": "graph",
	} {
		if _, valid := live.BeganAt(load(t, other), provider, name); valid {
			t.Errorf("a run of %s gives the name %s", other, name)
		}
	}
}

// teamNames are names that people would give who have seen those of a run, or have not.
func teamNames(own []string) (names []string) {
	subjects := strings.FieldsSeq("homework training students teachers workshop semester division classroom classroomtests course biology algebra " +
		"demo sandbox test integration staging nightly notes onboarding compliance payroll safety abcdefgh aaaaaaaaaaaaaa mathematics8b")
	for subject := range subjects {
		for n := range 60 {
			for _, form := range []string{
				"learncontract-%s-%d", "learncontract %s %d", "Learncontract-%s-%d", "learncontract-%s%d", "%s-%d", "Copy of learncontract-%s-%d",
			} {
				names = append(names, fmt.Sprintf(form, subject, n))
			}
		}
	}
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	for i := range 1000 { // of earlier versions, of 8 and of 14 letters
		digit := func(n int) string { return letters[(i*7+n*n*13)%32 : (i*7+n*n*13)%32+1] }
		var text strings.Builder
		for n := range 14 {
			text.WriteString(digit(n))
		}
		names = append(names, "learncontract-"+text.String()[:8]+fmt.Sprintf("-%d", i), "learncontract-"+text.String()+fmt.Sprintf("-%d", i),
			"learncontract-"+text.String()+fmt.Sprintf("-%d-", i)+text.String()[4:])
	}
	for _, name := range own {
		names = append(names, "Copy of "+name, name+" (2)", name+" ", " "+name, name+"\n", strings.ToUpper(name), name[:1]+strings.ToUpper(name[1:]),
			strings.Replace(name, "-7-", "-8-", 1), strings.Replace(name, "-7-", "-77-", 1), strings.Replace(name, "-7-", "-07-", 1),
			strings.Replace(name, "learncontract", "learncontracts", 1), name+"-2", name+".example.com", "https://"+name+".example.com", name+"a",
			strings.ReplaceAll(name, "-", "_"), "[Archived] "+name, name+" – 8b", strings.ReplaceAll(name, "l", "1"))
		for i := range name {
			other := "a"
			if name[i] == 'a' {
				other = "b"
			}
			names = append(names, name[:i]+other+name[i+1:], name[:i]+name[i+1:], name[:i])
		}
	}
	return names
}

func TestNoNameOfATeamIsARuns(t *testing.T) {
	t.Parallel()
	sandbox := load(t, schools)
	var own []string
	for range 20 {
		own = append(own, live.NameAt(sandbox, "classroom", at(t, began)))
	}
	all := teamNames(own)
	for _, name := range all {
		if _, valid := live.BeganAt(sandbox, "classroom", name); valid {
			t.Errorf("%q is taken for a run's", name)
		}
	}
	slices.Sort(all)
	if different := len(slices.Compact(all)); different < 10_000 {
		t.Errorf("there are %d names, too few", different)
	}
}

func TestAnImplausibleMinute(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		began, created, now string
		want                string
	}{
		"now":                         {began, "2026-11-28T03:05:00Z", "2026-11-28T03:06:00Z", ""},
		"the provider does not say":   {began, "", "2027-11-28T03:06:00Z", ""},
		"clocks differ":               {began, "2026-11-28T02:55:00Z", "2026-11-28T02:59:00Z", ""},
		"a long run":                  {began, "2026-11-28T09:00:00Z", "2027-01-01T00:00:00Z", ""},
		"in the future":               {began, "2026-11-28T03:05:00Z", "2026-11-27T03:06:00Z", "when no run can have begun"},
		"before there were any":       {"2025-12-31T23:59:00Z", "2025-12-31T23:59:00Z", began, "when no run can have begun"},
		"made before the run":         {began, "2026-11-28T02:00:00Z", "2026-11-28T04:00:00Z", "it was made at 2026-11-28 02:00:00"},
		"made a day after it, copied": {began, "2026-11-29T03:04:00Z", "2026-12-28T04:00:00Z", "it was made at 2026-11-29 03:04:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var created time.Time
			if test.created != "" {
				created = at(t, test.created)
			}
			got := live.Implausible(at(t, test.began), created, at(t, test.now))
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("it is said that %q; want %q", got, test.want)
			}
		})
	}
}

func TestAnIDThatIsNone(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"740000000001", "6d812034-9ca7-4edf-a37b-d0da1b173906", "6d812034-9ca7-4edf-a37b-d0da1b173906:0d2b6a8e-3c41-4f79-9e15-7a84c5b1d301",
		"NTIzNjg5NTE0NzZa", "Cg4I_-==", "1",
	} {
		if err := live.CheckID(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range []string{
		"", ".", "..", "../x", "a/b", "a?b", "a#b", "%2e%2e", "a%2Fb", `a\b`, " ", "a b", "a\nb", "a\x00b", "a;b", "-", "me", "d:math-8b", "p:math-8b",
		"\u202e1", "１", "~", "a..b", strings.Repeat("7", 257), "<nil>",
	} {
		if err := live.CheckID(id); err == nil || len(err.Error()) > 300 {
			t.Errorf("%q is taken for an id, %v", id, err)
		}
	}
}
