package retry

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/report"
)

// early is the schedule of a client that drops fractions.
var early = &schedule{
	requested: "Retry-After: 1.9",
	attempts: []attempt{
		{at: 0, status: 429, delay: 1900 * time.Millisecond, source: "Retry-After: 1.9", waited: time.Second},
		{at: time.Second, status: 429, delay: 1900 * time.Millisecond, source: "Retry-After: 1.9", waited: 2345678 * time.Microsecond},
		{at: 3345678 * time.Microsecond, source: theMessage + "Retry after 5 minutes", waited: 10 * time.Nanosecond},
		{at: 3345678*time.Microsecond + 10, status: 503, delay: 5 * time.Minute, source: theMessage + "Retry after 5 minutes"},
	},
	ended: 4 * time.Second, outcome: "surfaced the failure", repeated: `POST https://api.sample.example/v1/things {"name":"a thing"}`,
}

func TestScheduleIsATable(t *testing.T) {
	t.Parallel()
	endless := &schedule{outcome: "given up by its caller", ended: 101 * 365 * 24 * time.Hour}
	for i := range 13 {
		a := attempt{at: time.Duration(i) * time.Second, status: 429, waited: time.Second}
		if i == 0 {
			a.delay, a.source = 1<<63-1, "Retry-After: 9999999999"
		}
		endless.attempts = append(endless.attempts, a)
	}
	twelve := *endless
	twelve.attempts, twelve.ended = endless.attempts[:12], 100*365*24*time.Hour
	golden(t, "schedule.txt", early.String()+"\n\n"+endless.String()+"\n\n"+twelve.String()+"\n")
}

func TestScheduleIsReported(t *testing.T) {
	t.Parallel()
	want := report.Schedule{
		Case: "Retry-After: 1.9", Outcome: "surfaced the failure", Ended: 4, Repeated: early.repeated,
		Attempts: []report.Attempt{
			{Status: 429, RequestedDelay: 1.9, DelaySource: "Retry-After: 1.9", Waited: 1, EarlyBy: 0.9},
			{At: 1, Status: 429, RequestedDelay: 1.9, DelaySource: "Retry-After: 1.9", Waited: 2.345678},
			{At: 3.345678, DelaySource: "message: Retry after 5 minutes", Waited: 1e-8},
			{At: 3.34567801, Status: 503, RequestedDelay: 300, DelaySource: "message: Retry after 5 minutes"},
		},
	}
	if got := early.reported(); !reflect.DeepEqual(got, want) {
		t.Errorf("it is\n%+v\nwant\n%+v", got, want)
	}
	late := (&schedule{ended: time.Hour, attempts: []attempt{
		{status: 429, delay: time.Second, most: time.Second, waited: time.Hour}, {at: time.Hour, status: 200},
	}}).reported()
	if got := late.Attempts[0].LateBy; got != 3600-2-60 || late.Attempts[1].LateBy != 0 {
		t.Errorf("a wait of an hour in place of a second is late by %g s", got)
	}
	if none := (&schedule{}).reported(); none.Attempts == nil {
		t.Error("attempts are null in JSON where there are none")
	}
}

func TestRounded(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Millisecond - 1: "999.999µs", time.Millisecond: "1ms", 1499 * time.Microsecond: "1ms", 1500 * time.Microsecond: "2ms",
		100 * 365 * 24 * time.Hour: "876000h0m0s", 100*365*24*time.Hour + 1: "more than a century",
	} {
		if got := rounded(d); got != want {
			t.Errorf("%d is %q, want %q", d, got, want)
		}
	}
}

// runs are waits in seconds.
func runs(list ...[]float64) (all [][]time.Duration) {
	for _, waits := range list {
		run := []time.Duration{}
		for _, seconds := range waits {
			run = append(run, time.Duration(seconds*float64(time.Second)))
		}
		all = append(all, run)
	}
	return all
}

func TestMeans(t *testing.T) {
	t.Parallel()
	if got := means(runs([]float64{1, 3, 9}, []float64{3, 5, 9}), 2); !slices.Equal(got, []float64{2e9, 4e9}) {
		t.Errorf("they are %v", got)
	}
}

func TestJitters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		runs [][]time.Duration
		want bool
	}{
		"none":                          {runs([]float64{1, 2}, []float64{1, 2}), false},
		"in the first wait":             {runs([]float64{1, 2}, []float64{1.1, 2}), true},
		"in the last wait":              {runs([]float64{1, 2}, []float64{1, 2.1}), true},
		"of a hundredth":                {runs([]float64{99, 2}, []float64{100, 2}), true},
		"of less":                       {runs([]float64{99.01, 2}, []float64{100, 2}), false},
		"a shorter wait comes later":    {runs([]float64{1.1, 2}, []float64{1, 2}), true},
		"in a wait that some runs lack": {runs([]float64{1, 2, 3}, []float64{1, 2, 4}), false},
	} {
		if got := jitters(test.runs, 2); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		runs [][]time.Duration
		want int
	}{
		"growing":                   {runs([]float64{1, 2, 4}, []float64{1, 2, 4}), 0},
		"falling at once":           {runs([]float64{2, 1, 4}, []float64{2, 1, 4}), 1},
		"falling later":             {runs([]float64{1, 4, 2}, []float64{1, 4, 2}), 2},
		"by less than a hundredth":  {runs([]float64{1, 100, 99.01}, []float64{1, 100, 99.01}), 0},
		"by more than a hundredth":  {runs([]float64{1, 100, 98.9}, []float64{1, 100, 98.9}), 2},
		"in one of two runs":        {runs([]float64{1, 4, 2}, []float64{1, 4, 5}), 0},
		"of which one wait is left": {runs([]float64{3}, []float64{1}), 0},
	} {
		if got := falls(test.runs, len(test.runs[0]), 5); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	// A mean fall of 2 ± 1/sqrt(2) is 2.8 standard errors.
	noisy := runs([]float64{10, 7}, []float64{10, 9})
	if falls(noisy, 2, 2.7) != 1 || falls(noisy, 2, 2.9) != 0 {
		t.Error("the standard errors do not count")
	}
}

func TestClearly(t *testing.T) {
	t.Parallel()
	if clearly(4) != 3.2 || clearly(400) != 1.4 {
		t.Errorf("%v, %v", clearly(4), clearly(400))
	}
}
