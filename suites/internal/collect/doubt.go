package collect

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/learncontract/learncontract/suites/report"
)

// From how many responses on a run can be told not to test what it claims to.
const (
	fewest        = 5
	fewestAnother = 3 // where none is the one that was provoked
)

// ImplausibleRun is why the responses of a live run say nothing of the clauses, nil if they may.
func ImplausibleRun(results []*report.Result) error {
	received, rejected, same, first, right, another, notRun := 0, 0, 0, 0, 0, 0, 0
	for _, result := range results {
		if result.Outcome == report.NotRun {
			notRun++
		}
		if result.ReceivedStatus == 0 {
			continue
		}
		if received++; received == 1 {
			first = result.ReceivedStatus
		}
		if result.ReceivedStatus == http.StatusUnauthorized || result.ReceivedStatus == http.StatusForbidden {
			rejected++
		}
		if result.ReceivedStatus == first {
			same++
		}
		switch {
		case result.Outcome.Passes():
			right++
		case result.Outcome == report.Another:
			another++
		}
	}
	switch {
	case len(results) > 0 && notRun == len(results):
		return errors.New("nothing was run: the sandbox file, or --provoke, leaves out whatever was selected, and each clause says why")
	case another == received && another >= fewestAnother:
		return errors.New("every response is documented, and none is the one that was provoked: check the sandbox file's fixtures")
	case received < fewest:
		return nil
	case same == received && right*2 < received:
		return fmt.Errorf("every response was %d: check the roles and scopes of the identities", first)
	case rejected*10 >= received*9 && right*2 < received:
		return fmt.Errorf("%d of %d responses are 401 or 403: check the roles and scopes of the identities", rejected, received)
	}
	return nil
}
