package matchers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/matchers"
)

func TestHaveRetryAfter(t *testing.T) {
	w := clause(t, "sample.things.update.throttled").Wordings[0]
	g := gomega.NewWithT(t)
	x := respondWording(w, header("Retry-After", "2.128"))
	g.Expect(x).To(matchers.HaveRetryAfter(2128 * time.Millisecond))
	g.Expect(x).To(matchers.HaveRetryAfter(gomega.BeNumerically("~", 2*time.Second, time.Second)))
	g.Expect(x).NotTo(matchers.HaveRetryAfter(2 * time.Second))
	for _, values := range [][]string{{}, {"soon"}, {"1", "1"}} {
		g.Expect(respondWording(w, header("Retry-After", values...))).NotTo(matchers.HaveRetryAfter(gomega.BeNumerically(">=", 0)))
	}
}

// The message gives whole minutes: the header agrees if it lies within the minute they are rounded to.
func TestRetryAfterAgreesWithMessage(t *testing.T) {
	throttled := clause(t, "sample.things.update.throttled")
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
		{strings.Repeat("9", 30), "0", false},
	} {
		for name, message := range map[string]string{
			"as documented": "Retry after " + c.minutes + " minutes", "by spelling": "retry after " + c.minutes + " Minutes.",
		} {
			x := respondWording(throttled.Wordings[0], set("message", message), header("Retry-After", c.value))
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
	throttled := clause(t, "sample.things.update.throttled")
	x := respondWording(throttled.Wordings[0], set("message", "Please retry again later."), header("Retry-After", "2.128"))
	if m := matchers.HonorClause(throttled); !matches(t, m, x) {
		t.Error(m.FailureMessage(x))
	}
}
