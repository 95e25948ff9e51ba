package engine_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
)

// spoiled is a transport some of whose calls go another way.
type spoiled struct {
	direct
	spoil func(*http.Request) (*http.Response, error, bool)
}

func (s spoiled) RoundTrip(r *http.Request) (*http.Response, error) {
	if answer, err, is := s.spoil(r); is {
		return answer, err
	}
	return s.direct.RoundTrip(r)
}

// lists reports whether a call looks through the images.
func lists(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "images") && r.URL.Query().Get("id") == ""
}

// TestSweepThatIsHeldUp: while the list is closed by the cloud, or does not
// answer, jobs are asked for one by one, and noticed no later.
func TestSweepThatIsHeldUp(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*http.Request) (*http.Response, error, bool){
		"throttled": func(r *http.Request) (*http.Response, error, bool) {
			if !lists(r) {
				return nil, nil, false
			}
			answer := refusal(429, "APIGW.0308")
			return &http.Response{StatusCode: answer.status, Body: io.NopCloser(strings.NewReader(answer.body)), Header: http.Header{"Content-Type": {"application/json"}}, Request: r}, nil, true
		},
		"silent": func(r *http.Request) (*http.Response, error, bool) {
			if !lists(r) {
				return nil, nil, false
			}
			<-r.Context().Done()
			return nil, r.Context().Err(), true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, fake := faked(t, false)
				w.transport = spoiled{w.transport.(direct), spoil}
				w.durations.known = map[string]*pace.Model{"demo copy-image": known(3 * time.Minute)}
				w.start()
				var keys []string
				for i := range 20 {
					keys = append(keys, w.request(fmt.Sprint(i), nil))
				}
				late := 0
				bound := pace.Bound{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute}
				for _, key := range keys {
					w.expect(key, "accepted submitted succeeded")
					e := w.events.last(t, key)
					if e.Times.Finished.Sub(*e.Times.RemoteEnd) > bound.Of(e.Times.RemoteEnd.Sub(*e.Times.RemoteBegin))+6*time.Second {
						late++

					}
				}
				if late > 1 {
					t.Errorf("%d of %d were noticed late", late, len(keys))
				}
				w.end()
				if err := fake.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
