package matchers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

func TestRetryAfter(t *testing.T) {
	w := clause(t, "graph.update.throttled").Wordings[0]
	const (
		neither = "the header is neither seconds nor an HTTP date"
		long    = "the header asks to wait longer than a year"
		sent    = "Wed, 17 Aug 2022 03:35:03 GMT" // as received
	)
	for _, c := range []struct {
		value string
		date  string // the Date header
		wait  time.Duration
		text  string // of the error
	}{
		{value: "0"},
		{value: "300", wait: 5 * time.Minute},
		{value: " 300 ", wait: 5 * time.Minute},
		{value: "00300", wait: 5 * time.Minute},
		{value: "2.128", wait: 2128 * time.Millisecond}, // concepts/throttling.md
		{value: "1.001", wait: 1001 * time.Millisecond}, // no float64
		{value: "0.000000001", wait: time.Nanosecond},
		{value: "31622400", wait: 366 * 24 * time.Hour},

		{value: "Wed, 17 Aug 2022 03:40:03 GMT", date: sent, wait: 5 * time.Minute},
		{value: "Wed, 17 Aug 2022 03:40:03 GMT", wait: 5 * time.Minute}, // from when it was received
		{value: "Wed, 17 Aug 2022 03:40:03 GMT", date: "yesterday", wait: 5 * time.Minute},
		{value: "Wed, 17 Aug 2022 03:40:03 GMT", date: "Wed, 17 Aug 2022 03:39:03 GMT", wait: time.Minute},
		{value: "Wednesday, 17-Aug-22 03:40:03 GMT", date: sent, wait: 5 * time.Minute}, // RFC 850
		{value: "Wed Aug 17 03:40:03 2022", date: sent, wait: 5 * time.Minute},          // asctime
		{value: "Wed, 17 Aug 2022 03:30:03 GMT", date: sent},                            // over already
		{value: "Fri, 31 Dec 9999 23:59:59 GMT", date: sent, text: long},

		{value: "-1", text: "the header is negative"},
		{value: "-0.5", text: "the header is negative"},
		{value: "31622401", text: long},
		{value: strings.Repeat("9", 300), text: long},
		{value: strings.Repeat("9", 100_000), text: long},
		{value: "soon", text: neither},
		{value: "NaN", text: neither},
		{value: "Inf", text: neither},
		{value: "+5", text: neither},
		{value: "0x10", text: neither},
		{value: "1e3", text: neither},
		{value: ".", text: neither},
		{value: "1.2.3", text: neither},
		{value: "1,5", text: neither},
		{value: "1_000", text: neither},
		{value: "5 minutes", text: neither},
		{value: "٥", text: neither}, // a digit, and none of HTTP's
		{value: "2022-08-17T03:40:03Z", text: neither},
		{value: "", text: neither},
	} {
		changes := []change{header("Retry-After", c.value), header("Date")}
		if c.date != "" {
			changes = append(changes, header("Date", c.date))
		}
		wait, err := exchange.RetryAfter(answered(w, changes...))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if wait != c.wait || text != c.text {
			t.Errorf("%.40q sent %q is %v, %q; want %v, %q", c.value, c.date, wait, text, c.wait, c.text)
		}
	}
	for want, values := range map[string][]string{
		"the header stands 0 times, and must once": {},
		"the header stands 2 times, and must once": {"300", "300"},
	} {
		if _, err := exchange.RetryAfter(answered(w, header("Retry-After", values...))); err == nil || err.Error() != want {
			t.Errorf("%q: %v", values, err)
		}
	}
}

func TestHaveRetryAfter(t *testing.T) {
	w := clause(t, "graph.update.throttled").Wordings[0]
	g := gomega.NewWithT(t)
	x := answered(w, header("Retry-After", "2.128"))
	g.Expect(x).To(matchers.HaveRetryAfter(2128 * time.Millisecond))
	g.Expect(x).To(matchers.HaveRetryAfter(gomega.BeNumerically("~", 2*time.Second, time.Second)))
	g.Expect(x).NotTo(matchers.HaveRetryAfter(2 * time.Second))
	for _, values := range [][]string{{}, {"soon"}, {"1", "1"}} {
		g.Expect(answered(w, header("Retry-After", values...))).NotTo(matchers.HaveRetryAfter(gomega.BeNumerically(">=", 0)))
	}
}

// The message gives whole minutes: the header agrees if it lies within the minute they are rounded to.
func TestRetryAfterAgreesWithMessage(t *testing.T) {
	throttled := clause(t, "graph.update.throttled")
	for _, c := range []struct {
		minutes, value string
		agree          bool
	}{
		{"5", "300", true},
		{"5", "241", true},
		{"5", "240.5", true},
		{"5", "359", true},
		{"5", "240", false},
		{"5", "360", false},
		{"5", "5", false}, // minutes sent as seconds
		{"1", "1", true},
		{"1", "0", false},
		{"0", "0", true},
		{"0", "59", true},
		{"0", "60", false},
		{"5", "Wed, 17 Aug 2022 03:40:03 GMT", true},
		{"5", "Wed, 17 Aug 2022 03:41:03 GMT", false},
		{"5", "Wed, 17 Aug 2022 03:30:03 GMT", false},
		{strings.Repeat("9", 30), "300", false},
	} {
		for name, message := range map[string]string{
			"as documented": "Retry after " + c.minutes + " minutes", "by spelling": "retry after " + c.minutes + " Minutes.",
		} {
			x := answered(throttled.Wordings[0], set("message", message), header("Retry-After", c.value))
			for reading, m := range map[string]*matchers.HonorMatcher{
				"HonorWording": matchers.HonorWording(throttled.Wordings[0]), "HonorClause": matchers.HonorClause(throttled),
			} {
				if matches(t, m, x) != c.agree {
					t.Errorf("%s, %s: %s minutes and Retry-After %s agree is %v: %+v",
						reading, name, c.minutes, c.value, !c.agree, m.Deviations())
				}
			}
		}
	}
}

// Where the message gives no minutes there is nothing for the header to agree with.
func TestRetryAfterWithoutMinutes(t *testing.T) {
	throttled := clause(t, "graph.update.throttled")
	x := answered(throttled.Wordings[0], set("message", "Please retry again later."), header("Retry-After", "2.128"))
	if m := matchers.HonorClause(throttled); !matches(t, m, x) {
		t.Error(m.FailureMessage(x))
	}
}
