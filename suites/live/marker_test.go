package live_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// TestAMarkerThatIsNotRead has the tenant not respond of the marker at first: that it is not marked is not said, and not for ever.
func TestAMarkerThatIsNotRead(t *testing.T) {
	t.Parallel()
	for status, says := range map[int]string{
		http.StatusInternalServerError: "network: GET /v1/courses/640000000008, as teacher, received 500 Internal Server Error, which says nothing of classroom.marker: try again later",
		http.StatusUnauthorized:        "received 401 Unauthorized, which says nothing of classroom.marker: sign in again",
		http.StatusTooManyRequests:     "received 429 Too Many Requests, which says nothing of classroom.marker: try again later",
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			var healthy atomic.Bool
			s := startStandIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if healthy.Load() || r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/v1/courses/") {
						next.ServeHTTP(w, r)
						return
					}
					writeText(w, status, fmt.Sprintf(`{"error":{"code":%d,"message":"No.","status":"UNKNOWN"}}`, status))
				})
			}})
			tenant := s.tenant("classroom")
			first := errors.Join(provoke(t, tenant, takesCourse)...)
			if first == nil || !strings.Contains(first.Error(), says) {
				t.Errorf("it is said by %v", first)
			}
			healthy.Store(true)
			if err := errors.Join(provoke(t, tenant, takesCourse)...); err != nil {
				t.Error(err)
			}
			if err := tenant.Close(t.Context()); err != nil || len(s.changes()) > 0 {
				t.Errorf("changed is %q, and the run ends with %v", s.changes(), err)
			}
		})
	}
}
