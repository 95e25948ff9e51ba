package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// regions is a fake with two clouds, each in a region of its own, that notes
// what is asked of them and answered.
type regions struct {
	inner   http.RoundTripper
	mu      sync.Mutex
	calls   []called
	refused map[string]int // by code
	lose    func(*http.Request) bool
}

const abroadName = "abroad"

// newRegions makes copies take 20 minutes.
func newRegions(t *testing.T, w *world) *regions {
	t.Helper()
	here, there := fakecloud.Demo(), fakecloud.Demo()
	there.Name, there.Region, there.ProjectName, there.ProjectID = abroadName, "eu-nl", "eu-nl", strings.Repeat("b", 32)
	all := []fakecloud.CloudOptions{here, there}
	for i := range all {
		all[i].Profile = fakecloud.ProfileHuawei
		all[i].Switches = fakecloud.Switches{RatesOff: true, Quota: -1, Durations: map[string]fakecloud.Span{"*": {Run: fakecloud.Duration(20 * time.Minute)}}}
	}
	fake, err := fakecloud.New(fakecloud.Options{Clouds: all, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	r := &regions{inner: direct{fake.Handler(), 20 * time.Millisecond}, refused: map[string]int{}}
	w.transport = r
	const address = "http://cloud.test/" + abroadName
	client, err := ims.New(ims.Config{
		Cloud: abroadName, Profile: ims.ProfileHuawei, Region: "eu-nl", ProjectID: there.ProjectID,
		Endpoints:   ims.Endpoints{Image: address, CBR: address, BlockStorage: address, Identity: address},
		Credentials: ims.Credentials{AccessKey: fakecloud.DemoAccessKey, SecretKey: fakecloud.DemoSecretKey}, Transport: r, Signing: ims.SigningSimple,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.abroad = &engine.Account{Name: abroadName, Client: client, Profile: ims.ProfileHuawei, TimeFactor: 1, Region: "eu-nl"}
	w.adjust = func(a *engine.Account) {
		a.Region, a.Slots = "eu-de", map[string]int{"cross_region_concurrent": 5}
	}
	return r
}

func (r *regions) RoundTrip(q *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.calls = append(r.calls, called{time.Now(), q.Method + " " + q.URL.Path})
	lost := r.lose != nil && r.lose(q)
	r.mu.Unlock()
	answer, err := r.inner.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	var said struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &said) == nil && said.Error.Code != "" {
		r.mu.Lock()
		r.refused[said.Error.Code]++
		r.mu.Unlock()
	}
	if lost {
		return nil, io.ErrUnexpectedEOF
	}
	return answer, nil
}

// sent is how many calls with that in method and path were made.
func (r *regions) sent(part string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if strings.Contains(c.path, part) {
			n++
		}
	}
	return n
}

// across asks for a copy to the other region.
func (w *world) across(id string, change func(*ledger.Record)) string {
	return w.request(id, func(r *ledger.Record) {
		r.Operation = "copy-image-cross-region"
		r.Data = json.RawMessage(`{"image_id":"` + fakecloud.DemoImage + `","name":"copy-` + id + `","region":"eu-nl","project_name":"eu-nl","agency_name":"ims"}`)
		r.DataHash = ledger.HashData(r.Data)
		r.Deadline = time.Now().Add(24 * time.Hour)
		if change != nil {
			change(r)
		}
	})
}

// TestCopiesToOtherRegionsHoldSlots: the sixth waits until one has ended, also
// under a new owner, one whose answer was lost and one that was cancelled
// among them.
func TestCopiesToOtherRegionsHoldSlots(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		r := newRegions(t, w)
		posts := 0
		r.lose = func(q *http.Request) bool {
			if strings.HasSuffix(q.URL.Path, "cross_region_copy") {
				posts++
			}
			return posts == 2 && q.Method == http.MethodPost // it was begun all the same
		}
		w.start()
		keys := make([]string, 12)
		for i := range keys {
			keys[i] = w.across(fmt.Sprint(i), nil)
		}
		time.Sleep(10 * time.Minute)
		if n := r.sent("cross_region_copy"); n != 5 {
			t.Errorf("%d copies begun, want 5", n)
		}
		for i, key := range keys { // the first is one that runs
			if strings.HasPrefix(w.events.states(key), "accepted submitted") {
				keys[0], keys[i] = keys[i], keys[0]
				break
			}
		}
		cancelled, err := w.ledger.Get(w.t.Context(), keys[0])
		if err != nil {
			t.Fatal(err)
		}
		cancelled.Wish(ledger.Cancel{By: messages.CancelByRequest, At: time.Now()})
		if err := w.ledger.put(cancelled); err != nil {
			t.Fatal(err)
		}
		w.ends(keys[0], "cancelled")
		w.end()
		w.start() // another owner
		time.Sleep(5 * time.Minute)
		if n := r.sent("cross_region_copy"); n != 5 {
			t.Errorf("%d copies begun while all slots are held", n)
		}
		for _, key := range keys[1:] {
			w.ends(key, "succeeded")
		}
		// The job of the one whose answer was lost is not known; it ends a little
		// after its image is there.
		if n := r.refused["IMG.0149"]; n > 1 || r.sent("cross_region_copy") != len(keys)+n {
			t.Errorf("%d copies begun, refused %v", r.sent("cross_region_copy"), r.refused)
		}
	})
}

// TestForeignCopiesTakeSlots: the cloud says that there is no room, since
// somebody else copies too. Nothing fails of that, and little is tried in vain.
func TestForeignCopiesTakeSlots(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		r := newRegions(t, w)
		adjust := w.adjust
		w.adjust = func(a *engine.Account) {
			adjust(a)
			a.Slots["cross_region_concurrent"] = 8 // the cloud has 5
			a.Limits = map[string]budget.Limit{"cross_region": {Count: 100, Window: 5 * time.Minute}}
		}
		w.start()
		begun := time.Now()
		keys := make([]string, 20)
		for i := range keys {
			keys[i] = w.across(fmt.Sprint(i), nil)
		}
		for _, key := range keys {
			w.ends(key, "succeeded")
		}
		took := time.Since(begun)
		if n := r.refused["IMG.0149"]; n < 1 || n > 25 {
			t.Errorf("refused %v", r.refused)
		}
		if took > 90*time.Minute {
			t.Errorf("20 copies of 20 minutes, 5 at once, took %v", took)
		}
	})
}

// TestLooksIntoAnotherCloudWithinItsPart: many copies whose answers are lost are
// looked for in the other region, with the tenth that it lends.
func TestLooksIntoAnotherCloudWithinItsPart(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		r := newRegions(t, w)
		adjust := w.adjust
		w.adjust = func(a *engine.Account) {
			adjust(a)
			a.Limits = map[string]budget.Limit{"list": {Count: 100, Window: time.Minute}}
		}
		w.abroad.Askers = 2
		w.abroad.Limits = map[string]budget.Limit{"list": {Count: 100, Window: time.Minute}, "get_image": {Count: 60, Window: time.Minute}, "tags": {Count: 40, Window: time.Minute}}
		r.lose = func(q *http.Request) bool { return strings.HasSuffix(q.URL.Path, "cross_region_copy") }
		w.start()
		keys := make([]string, 10)
		for i := range keys {
			keys[i] = w.across(fmt.Sprint(i), nil)
		}
		for _, key := range keys {
			w.ends(key, "succeeded")
		}
		for part, most := range map[string]int{"GET /abroad/v2/cloudimages": 5, "GET /abroad/v2/images/": 3, "/tags": 1} {
			if got := mostWithin(r.calls, part, time.Minute); got > most || got == 0 && part == "GET /abroad/v2/cloudimages" {
				t.Errorf("%d calls of %s in a minute, want at most %d", got, part, most)
			}
		}
	})
}

// mostWithin is the largest number of calls with that part in any window of
// that length.
func mostWithin(calls []called, part string, window time.Duration) (most int) {
	var at []time.Time
	for _, c := range calls {
		if strings.Contains(c.path, part) {
			at = append(at, c.at)
		}
	}
	for i, first := 0, 0; i < len(at); i++ {
		for at[i].Sub(at[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
