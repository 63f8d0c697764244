package call_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
)

// exchanged is a client that sends the request of its call, and does with the response what is under test.
func exchanged(f func(ctx context.Context, end context.CancelFunc, response *http.Response) error) client.Config {
	return connector(func(ctx context.Context, given *http.Client, base string, c client.Call) error {
		ctx, end := context.WithCancel(ctx)
		defer end()
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			response, err := given.Transport.RoundTrip(r)
			if err == nil {
				err = f(ctx, end, response)
			}
			if err != nil {
				return nil, err
			}
			return nil, errors.New("it has what it wants")
		})
		_ = do(ctx, &http.Client{Transport: transport}, base, c)
		return client.Failure{}
	})
}

// A body must behave as one of net/http's at every pace.
func TestABodyIsAsNetHTTPGivesIt(t *testing.T) {
	t.Parallel()
	readError := func(body io.Reader) error { _, err := io.ReadAll(body); return err }
	for name, f := range map[string]func(ctx context.Context, end context.CancelFunc, response *http.Response) (got, want any){
		"is whole": func(_ context.Context, _ context.CancelFunc, response *http.Response) (got, want any) {
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			return err == nil && strings.HasPrefix(string(text), "{") && strings.HasSuffix(string(text), "}") &&
				(response.ContentLength == int64(len(text)) || response.ContentLength == -1 && response.TransferEncoding[0] == "chunked"), true
		},
		"ends with its Close": func(_ context.Context, _ context.CancelFunc, response *http.Response) (got, want any) {
			response.Body.Close()
			return readError(response.Body), http.ErrBodyReadAfterClose
		},
		"ends half-read with its Close": func(_ context.Context, _ context.CancelFunc, response *http.Response) (got, want any) {
			if _, err := response.Body.Read(make([]byte, 3)); err != nil {
				return err, nil
			}
			response.Body.Close()
			return readError(response.Body), http.ErrBodyReadAfterClose
		},
		"closes twice": func(_ context.Context, _ context.CancelFunc, response *http.Response) (got, want any) {
			return errors.Join(response.Body.Close(), response.Body.Close()), nil
		},
		"ends with its context": func(_ context.Context, end context.CancelFunc, response *http.Response) (got, want any) {
			defer response.Body.Close()
			end()
			return readError(response.Body), context.Canceled
		},
		"is at its end after its context has ended": func(_ context.Context, end context.CancelFunc, response *http.Response) (got, want any) {
			defer response.Body.Close()
			if err := readError(response.Body); err != nil {
				return err, nil
			}
			end()
			return readError(response.Body), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for pace := range call.Paces {
				c := open(t, exchanged(func(ctx context.Context, end context.CancelFunc, response *http.Response) error {
					if got, want := f(ctx, end, response); got != want {
						t.Errorf("at pace %d: %v, want %v", pace, got, want)
					}
					return nil
				}))
				if r := receiveAt(t, c, pace); r.Fault != nil || r.Unclosed != nil {
					t.Errorf("at pace %d: %v, %v", pace, r.Fault, r.Unclosed)
				}
			}
		})
	}
}

func TestABodyThatIsNotClosed(t *testing.T) {
	t.Parallel()
	for pace := range call.Paces {
		r := receiveAt(t, open(t, exchanged(func(_ context.Context, _ context.CancelFunc, response *http.Response) error {
			_, err := io.ReadAll(response.Body)
			return err
		})), pace)
		const want = "connector returned without closing the body of the response 403 Forbidden (" + clauseID + "): net/http cannot"
		if unclosed := (*call.UnclosedBody)(nil); !errors.As(r.Unclosed, &unclosed) || !strings.HasPrefix(unclosed.Error(), want) {
			t.Errorf("at pace %d: %v", pace, r.Unclosed)
		}
	}
}

// A body that comes later takes its time, of which nothing passes where it comes with the header.
func TestABodyThatComesLater(t *testing.T) {
	t.Parallel()
	for pace, want := range map[call.Pace]time.Duration{call.Together: 0, call.Later: 20 * time.Millisecond, call.Chunked: 0} {
		if r := receiveAt(t, open(t, connector(do)), pace); r.Returned != want {
			t.Errorf("at pace %d it took %s, want %s", pace, r.Returned, want)
		}
		if r := receiveAt(t, open(t, dialling(do)), pace); r.Fault != nil || r.Surfaced.Failure.Code == "" {
			t.Errorf("by Dial, at pace %d: %v, %+v", pace, r.Fault, r.Surfaced)
		}
	}
}

func receiveAt(t *testing.T, c *call.Client, pace call.Pace) *call.Result {
	t.Helper()
	clause := c.Contract.Clause(clauseID)
	r, err := c.Do(call.Request{
		Operation: clause.Operation, Response: clause.Wordings[0].Response(), Pace: pace, What: clauseID, Once: c.WhyOnce(clause),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// One instance performs its calls in turn and at once, and each has what was received in it.
func TestDoInTurns(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]client.Config{"New": connector(do), "Dial": dialling(do)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			constructed := 0
			construct := config.New
			if config.Dial != nil {
				construct = func(_ *http.Client, base string) (client.Calls, error) { return dialling(do).Dial(base) }
			}
			counted := func(given *http.Client, base string) (client.Calls, error) {
				constructed++
				return construct(given, base)
			}
			if config.Dial != nil {
				config.Dial = func(base string) (client.Calls, error) { return counted(nil, base) }
			} else {
				config.New = counted
			}
			c := open(t, config)
			constructed = 0
			get := c.Contract.Operation("sample.things.get")
			failed := c.Contract.Clause("sample.things.get.unavailable")
			success := call.Request{Operation: get, Response: get.SuccessResponse(), What: "a success"}
			failure := call.Request{Operation: get, Response: failed.Wordings[0].Response(), What: failed.ID}
			results, err := c.DoInTurns([]call.Request{failure}, []call.Request{success}, []call.Request{failure, success, failure})
			if err != nil || len(results) != 5 || constructed != 1 {
				t.Fatalf("%d results of %d instances: %v", len(results), constructed, err)
			}
			for i, want := range []int{503, 200, 503, 200, 503} {
				r := results[i]
				if r.Fault != nil || r.Unclosed != nil || len(r.Exchanges) != 1 {
					t.Fatalf("call %d: %+v", i, r)
				}
				if config.Dial == nil && r.Last().Status() != want || r.Surfaced.Err == nil != (r.Last().Status() == 200) && config.Dial == nil {
					t.Errorf("call %d received %s and returned %v", i, r.Last(), r.Surfaced.Err)
				}
			}
		})
	}
}

// What a client does in a later call is the fault of that one.
func TestTheFaultIsThatOfItsCall(t *testing.T) {
	t.Parallel()
	calls := 0
	c := open(t, connector(func(ctx context.Context, given *http.Client, base string, c client.Call) error {
		if calls++; calls == 2 {
			given = http.DefaultClient
		}
		return do(ctx, given, base, c)
	}))
	o := c.Contract.Operation("sample.things.get")
	success := call.Request{Operation: o, Response: o.SuccessResponse(), What: "a success"}
	results, err := c.DoInTurns([]call.Request{success}, []call.Request{success}, []call.Request{success})
	if err != nil || len(results) != 3 || results[0].Fault != nil || results[2].Fault != nil {
		t.Fatalf("it came to %+v, %v", results, err)
	}
	checkFault(t, results[1].Fault, new(*call.NoRequest), "connector did not send GET https://api.sample.example/v1/things/")
}

// After a panic or a hang, the instance is not called again.
func TestAFaultEndsTheCalls(t *testing.T) {
	t.Parallel()
	var lock chan struct{} // for ever, and not of the client's bubble
	for name, f := range map[string]func(){
		"a panic": func() { panic("no such code") }, "a hang": func() { select {} }, "a hang in real time": func() { <-lock },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			c := open(t, connector(func(ctx context.Context, given *http.Client, base string, c client.Call) error {
				if calls++; calls == 2 {
					f()
				}
				return do(ctx, given, base, c)
			}))
			c.SetPatience(patience)
			o := c.Contract.Operation("sample.things.get")
			success := call.Request{Operation: o, Response: o.SuccessResponse(), What: "a success"}
			results, err := c.DoInTurns([]call.Request{success}, []call.Request{success}, []call.Request{success})
			if err != nil || len(results) != 2 || results[0].Fault != nil || results[1].Fault == nil {
				t.Fatalf("it came to %+v, %v", results, err)
			}
		})
	}
}
