package engine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
)

const volume = "16369c5d-384d-4e64-b37a-56d898769362"

// exported is a cloud that makes images of one volume, all under one name.
type exported struct {
	*world

	posts int
	lost  map[int]bool      // by number of the call: the answer is lost
	rows  map[int]time.Time // when the image of the call is shown; never if missing
	then  func(n int)       // after the image is made, before the answer
}

func newExported(w *world) *exported {
	x := &exported{world: w, lost: map[int]bool{}, rows: map[int]time.Time{}}
	w.cloud.volumes = func(r *http.Request) reply {
		_, id, _ := strings.Cut(r.URL.Path, "/volumes/")
		id = strings.TrimSuffix(id, "/action")
		if r.Method == http.MethodGet {
			return reply{status: 200, body: `{"volume":{"id":"` + id + `","status":"available"}}`}
		}
		x.posts++
		if x.then != nil {
			x.then(x.posts)
		}
		if x.lost[x.posts] {
			return reply{status: 504, body: `{}`}
		}
		return reply{status: 202, body: fmt.Sprintf(`{"os-volume_upload_image":{"id":%q,"image_id":%q}}`, id, image(x.posts))}
	}
	w.cloud.shown = func(query url.Values) string {
		var rows []string
		for n, at := range x.rows {
			if id := query.Get("id"); !time.Now().Before(at) && (id == "" || id == image(n)) {
				rows = append(rows, row(n, at))
			}
		}
		return strings.Join(rows, ",")
	}
	return x
}

func image(n int) string { return fmt.Sprintf("ea0d5dce-ddb2-4f6f-83e3-%012d", n) }

func row(n int, at time.Time) string {
	made := at.UTC().Format(time.RFC3339)
	return fmt.Sprintf(`{"id":%q,"name":"data","status":"active","created_at":%q,"updated_at":%q,"__data_origin":"volume,%s","__imagetype":"private","__isregistered":"true"}`,
		image(n), made, made, volume)
}

// export puts the record of an export into the ledger.
func (x *exported) export(id string, change func(*ledger.Record)) string {
	return x.request(id, func(r *ledger.Record) {
		r.Operation = "export-volume"
		r.Data, _ = json.Marshal(map[string]string{"volume_id": volume, "image_name": "data"})
		r.DataHash = ledger.HashData(r.Data)
		if change != nil {
			change(r)
		}
	})
}

// ended waits for success with the image of that call.
func (x *exported) ended(key string, n int) {
	x.t.Helper()
	x.expect(key, "accepted submitted succeeded")
	if e := x.events.last(x.t, key); len(e.Images) != 1 || e.Images[0].ID != image(n) || len(e.Duplicates) != 0 {
		x.t.Errorf("images %v, duplicates %v, want image %d", e.Images, e.Duplicates, n)
	}
}

// TestLostAnswerThenAnother: the image of the request whose answer is lost is
// shown late. Meanwhile another of the same volume and name succeeds.
func TestLostAnswerThenAnother(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		x := newExported(w)
		x.lost[1], x.rows[1], x.rows[2] = true, time.Now().Add(10*time.Minute), time.Now().Add(time.Minute)
		w.start()
		first := x.export("first", nil)
		w.expect(first, "accepted")
		time.Sleep(time.Minute)
		second := x.export("second", nil)
		x.ended(second, 2)
		x.ended(first, 1)
	})
}

// TestAnotherThenLostAnswer: the other one has succeeded minutes before.
func TestAnotherThenLostAnswer(t *testing.T) {
	t.Parallel()
	for name, takeOver := range map[string]bool{"same_owner": false, "next_owner": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				x := newExported(w)
				x.lost[2], x.rows[1], x.rows[2] = true, time.Now(), time.Now().Add(15*time.Minute)
				w.start()
				first := x.export("first", nil)
				x.ended(first, 1)
				time.Sleep(2 * time.Minute)
				second := x.export("second", nil)
				w.expect(second, "accepted")
				if takeOver {
					time.Sleep(time.Minute)
					w.end()
					w.start()
				}
				x.ended(second, 2)
			})
		})
	}
}

// TestBothAnswersLost: each gets one of the two images.
func TestBothAnswersLost(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		x := newExported(w)
		x.lost[1], x.lost[2] = true, true
		x.rows[1], x.rows[2] = time.Now().Add(5*time.Minute), time.Now().Add(5*time.Minute)
		w.start()
		got := map[string]bool{}
		keys := []string{x.export("first", nil), x.export("second", nil)}
		for _, key := range keys {
			w.expect(key, "accepted submitted succeeded")
			got[w.events.last(t, key).Images[0].ID] = true
		}
		if len(got) != 2 || x.posts != 2 {
			t.Errorf("images %v of %d calls", got, x.posts)
		}
	})
}

// TestImageOfACallOnItsWay: what is found may be the image of another request,
// whose answer is still to come.
func TestImageOfACallOnItsWay(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		x := newExported(w)
		x.lost[1], x.rows[1] = true, time.Now().Add(10*time.Minute)
		w.start()
		first := x.export("first", nil)
		w.expect(first, "accepted")
		second := x.export("second", func(r *ledger.Record) {
			// Somebody claimed it just now; the answer comes in 20 s.
			r.State, r.Since = ledger.Submitting, time.Now()
		})
		w.cloud.mu.Lock()
		x.rows[2] = time.Now()
		w.cloud.mu.Unlock()
		go func() {
			time.Sleep(20 * time.Second)
			r, _ := w.ledger.Get(t.Context(), second)
			r.State, r.ImageID, r.Submitted, r.EverUncertain = ledger.Submitted, image(2), time.Now(), false
			if err := w.ledger.put(r); err != nil {
				t.Error(err)
			}
		}()
		x.ended(first, 1)
		w.expect(second, "submitted succeeded")
		if e := w.events.last(t, second); e.Images[0].ID != image(2) {
			t.Errorf("images %v", e.Images)
		}
	})
}

// TestLooksBeforeItSendsAgain: the image of a lost answer shows up after the
// horizon, while the request waits to be sent again.
func TestLooksBeforeItSendsAgain(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]reply{"put_off": refusal(400, "IMG.0136"), "not_sent": {status: 429, body: `{"error_code":"APIGW.0308"}`}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.create = func(n int) reply {
					if n == 1 {
						return reply{status: 504, body: `{}`}
					}
					return second
				}
				shown := false
				w.cloud.images = func(posted string) string {
					if !shown {
						return ""
					}
					return marked(posted)
				}
				w.start()
				key := w.request("a", func(r *ledger.Record) { r.Deadline = time.Now().Add(24 * time.Hour) })
				for w.posts() < 2 {
					time.Sleep(time.Second)
				}
				w.cloud.mu.Lock()
				shown = true
				w.cloud.mu.Unlock()
				w.expect(key, "accepted submitted succeeded")
				w.wantPosts(2)
				if e := w.events.last(t, key); len(e.Warnings) == 0 || !strings.Contains(e.Warnings[0], "earlier call") {
					t.Errorf("warnings %q", e.Warnings)
				}
			})
		})
	}
}
