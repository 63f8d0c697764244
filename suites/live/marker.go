package live

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// tenantMark is whether the tenant is known to be marked as a sandbox.
type tenantMark struct {
	mutex sync.Mutex
	found bool
	err   error // why nothing is changed
}

// marked looks the marker up that the file names, once, before the first change: a file can name production by mistake, and its tokens
// are then those of production, but production is not marked.
func (tr *Transport) marked(ctx context.Context) error {
	tr.mark.mutex.Lock()
	defer tr.mark.mutex.Unlock()
	if tr.mark.found || tr.mark.err != nil {
		return tr.mark.err
	}
	key := tr.provider + ".marker"
	problem, err := tr.lookUp(ctx, key)
	if err != nil {
		return err
	}
	if tr.mark.found = problem == ""; !tr.mark.found {
		tr.mark.err = engineErrorf(opGuard, "the tenant is not marked as a sandbox, and so nothing is changed: %s: %s",
			problem, tr.howToMake(key))
	}
	return tr.mark.err
}

// howToMake says how to make what a key of the file names.
func (tr *Transport) howToMake(key string) string {
	text, _ := fixtures.Resolve(tr.sandbox.facts.Keys[key].Make, func(name string) (string, bool) {
		if value, named := tr.sandbox.Value(name); named {
			return value, true
		}
		return "${" + name + "}", true
	})
	return text
}

// lookUp reads what a key of the file names, and says what is wrong with it, "" if nothing is. The error says why that is not known.
func (tr *Transport) lookUp(ctx context.Context, key string) (problem string, err error) {
	look := tr.sandbox.facts.Keys[key]
	if _, named := tr.sandbox.Value(key); !named {
		return fmt.Sprintf("%s does not name %s", tr.sandbox.File(), key), nil
	}
	found, err := tr.proven(ctx, look.As)
	if err != nil {
		return "", err
	}
	value := func(name string) (string, bool) {
		if name == "me" {
			return found.user, found.user != ""
		}
		return tr.sandbox.Value(name)
	}
	path, err := fixtures.Resolve(look.Get, func(name string) (string, bool) {
		text, named := value(name)
		return url.PathEscape(text), named
	})
	if err != nil {
		return fmt.Sprintf("%s does not name all that %s takes: %v", tr.sandbox.File(), path, err), nil
	}
	x, err := tr.get(ctx, look.As, path, found.token)
	if err != nil {
		return "", err
	}
	at := fmt.Sprintf("GET %s, as %s,", path, look.As)
	switch disturbed := tr.disturbed(look.As, x); {
	case disturbed != nil:
		return "", disturbed
	case tr.isInstance(x, look.Clause):
		return "", nil
	case x.Status() == http.StatusUnauthorized:
		tr.Forget(look.As)
		return "", engineErrorf(opSignIn, "%s received %s, which says nothing of %s: sign in again", at, fixtures.StatusLine(x.Status()), key)
	case isBusy(x.Status()) || x.Status() >= http.StatusInternalServerError:
		return "", engineErrorf(opNetwork, "%s received %s, which says nothing of %s: try again later", at, fixtures.StatusLine(x.Status()), key)
	case !slices.Contains(look.Status, x.Status()):
		return fmt.Sprintf("%s received %s", at, fixtures.StatusLine(x.Status())), nil
	}
	body, _ := x.At("")
	object, _ := body.(map[string]any)
	for _, field := range slices.Sorted(maps.Keys(look.Is)) {
		want, err := fixtures.Resolve(look.Is[field], value)
		if err != nil {
			return fmt.Sprintf("%s does not name all that %s is compared with: %v", tr.sandbox.File(), key, err), nil
		}
		if got := fieldOf(object, field); !equalASCII(got, want) {
			return fmt.Sprintf("%s has %s %q and not %q", at, field, exchange.Printable(got), want), nil
		}
	}
	return "", nil
}

// isInstance reports whether a response is a clause, by its status and message.
func (tr *Transport) isInstance(x exchange.Exchange, id string) bool {
	if id == "" || tr.options.Contract == nil {
		return false
	}
	clause, message := tr.options.Contract.Clause(id), x.TextAt(tr.options.Contract.Envelope.Message)
	return clause != nil && clause.Status == x.Status() && slices.ContainsFunc(clause.Wordings, func(w *fixtures.Wording) bool {
		_, is := w.Message.MatchSpelling(message)
		return is
	})
}

// fieldOf is a text of an object, by a name that pages and services spell with other capitals; "" if it stands there twice.
func fieldOf(object map[string]any, field string) (text string) {
	count := 0
	for name, value := range object {
		if equalASCII(name, field) {
			text, _ = value.(string)
			count++
		}
	}
	if count != 1 {
		return ""
	}
	return text
}

// changes reports a request that may change something: by its method, or by a header that some services take for it.
func changes(r *http.Request) bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, strings.ToUpper(r.Method)) ||
		slices.ContainsFunc(methodHeaders, func(name string) bool { return r.Header.Get(name) != "" })
}

var methodHeaders = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}
