package fakecloud

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// wire sends a signed request over a real connection and gives up after
// patience; zero: never.
func (d *demo) wire(method, path, body string, patience time.Duration) (*http.Response, error) {
	d.t.Helper()
	server := httptest.NewServer(d.handler)
	d.t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(d.t.Context(), method, server.URL+"/demo"+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	d.sign(r, body, d.keys, time.Now())
	client := server.Client()
	client.Timeout = patience
	return client.Do(r)
}

// What a caller sees instead of an answer that can be read to its end.
const (
	seesEnd     = "end of the connection"
	seesNothing = "nothing in time"
	seesHalf    = "half an answer"
)

// TestFaults holds of each kind what was really done and what a caller sees.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  Fault
		done   bool
		status int
		sees   string // a part of the body, or one of the words above
	}{
		"drop before":    {Fault{Kind: DropBefore}, false, 0, seesEnd},
		"drop after":     {Fault{Kind: DropAfter}, true, 0, seesEnd},
		"500 before":     {Fault{Kind: StatusBefore, Status: 500}, false, 500, `"IMG.0061"`},
		"500 after":      {Fault{Kind: StatusAfter, Status: 500}, true, 500, `"IMG.0061"`},
		"504 before":     {Fault{Kind: StatusBefore, Status: 504}, false, 504, `{"message":"Wait response timeout.","request_id"`},
		"504 after":      {Fault{Kind: StatusAfter, Status: 504}, true, 504, `{"message":"Wait response timeout.","request_id"`},
		"502 page":       {Fault{Kind: StatusAfter, Status: 502}, true, 502, "<html>"},
		"own body":       {Fault{Kind: StatusBefore, Status: 400, Body: `{"error":{"code":"IMG.0018"}}`}, false, 400, "IMG.0018"},
		"redirect":       {Fault{Kind: StatusBefore, Status: 302, Body: "-", Header: map[string]string{"X-Location": "/"}}, false, 302, "-"},
		"429":            {Fault{Kind: StatusBefore, Status: 429}, false, 429, "APIGW.0308"},
		"too many":       {Fault{Kind: TooMany}, false, 429, "APIGW.0308"},
		"busy":           {Fault{Kind: Busy}, false, 400, "IMG.0060"},
		"hang before":    {Fault{Kind: HangBefore}, false, 0, seesNothing},
		"hang, then 504": {Fault{Kind: HangBefore, Delay: Duration(time.Millisecond)}, false, 504, "timeout"},
		"hang after":     {Fault{Kind: Delay}, true, 0, seesNothing},
		"slow":           {Fault{Kind: Delay, Delay: Duration(time.Millisecond)}, true, 200, "job_id"},
		"slow 500":       {Fault{Kind: StatusAfter, Status: 500, Delay: Duration(time.Millisecond)}, true, 500, "IMG.0061"},
		"broken before":  {Fault{Kind: BrokenBefore}, false, 200, seesHalf},
		"broken after":   {Fault{Kind: BrokenAfter}, true, 200, seesHalf},
		"cut before":     {Fault{Kind: CutBefore}, false, 200, seesEnd},
		"cut after":      {Fault{Kind: CutAfter}, true, 200, seesEnd},
		"page before":    {Fault{Kind: HTMLBefore}, false, 200, "<!DOCTYPE html>"},
		"page after":     {Fault{Kind: HTMLAfter}, true, 200, "<!DOCTYPE html>"},
		"huge before":    {Fault{Kind: HugeBefore}, false, 200, strings.Repeat("x", 17<<20)},
		"huge after":     {Fault{Kind: HugeAfter, Bytes: 2 << 20}, true, 200, strings.Repeat("x", 1<<20)},
		"no token":       {Fault{Kind: ExpireToken}, true, 200, "job_id"},
		"pass":           {Fault{Kind: Pass}, true, 200, "job_id"},
		"another call":   {Fault{Kind: DropBefore, Call: "ShowJob"}, true, 200, "job_id"},
		"any call":       {Fault{Kind: StatusBefore, Status: 503, Call: "*"}, false, 503, "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDemo(t)
			c.fault.Call = orElse(c.fault.Call, "CopyImage")
			if err := d.fake.Order(DemoCloud, c.fault); err != nil {
				t.Fatal(err)
			}
			d.checkFault(c.status, c.sees)
			if done := len(d.fake.Truth(DemoCloud)) == 1; done != c.done {
				t.Errorf("done %v, want %v", done, c.done)
			}
			d.copy(named("n")) // the order is used up
		})
	}
}

func (d *demo) checkFault(status int, sees string) {
	d.t.Helper()
	var patience time.Duration
	if sees == seesNothing {
		patience = 2 * time.Second
	}
	response, err := d.wire("POST", copyPath, named("n"), patience)
	if err != nil {
		timeout := errors.Is(err, context.DeadlineExceeded)
		if status != 0 || timeout != (sees == seesNothing) {
			d.t.Errorf("got %v, want %d, %s", err, status, sees)
		}
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != status || (err != nil) != (sees == seesEnd) {
		d.t.Errorf("got %d %v, want %d", response.StatusCode, err, status)
	}
	half := strings.HasPrefix(string(body), `{"job_id"`) && !json.Valid(body)
	switch sees {
	case seesEnd, seesHalf:
		if !half {
			d.t.Errorf("got %q, want half an answer", body)
		}
	default:
		if !strings.Contains(string(body), sees) {
			d.t.Errorf("got %.200s", body)
		}
	}
}

// TestTokenExpires: everybody with a token needs a new one.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	token := d.token(projectScope)
	if err := d.fake.Order(DemoCloud, Fault{Call: "*", Kind: ExpireToken}); err != nil {
		t.Fatal(err)
	}
	d.get("/v2/cloudimages").ok() // signed: not meant
	d.withToken(token).want(401, "APIGW.0307")
	d.withToken(token).want(401, "APIGW.0307")
	d.withToken(d.token(projectScope)).ok()
}

// TestChance: an order with a probability meets the same calls again when the
// same calls come again, and goes on until it is cleared.
func TestChance(t *testing.T) {
	t.Parallel()
	calm := switched(func(s *Switches) { s.RatesOff, s.Quota = true, -1 })
	other := func(o *Options) { o.Seed = 2 }
	order := Fault{Call: "CopyImage", Kind: StatusAfter, Status: 500, Probability: 0.3}
	first := newDemo(t, calm).pattern(order, 300)
	if n := strings.Count(first, "5"); n < 60 || n > 120 {
		t.Errorf("%d of 300 calls met a fault of probability 0.3", n)
	}
	if again := newDemo(t, calm).pattern(order, 300); again != first {
		t.Error("the same calls met other faults")
	}
	if another := newDemo(t, calm, other).pattern(order, 300); another == first {
		t.Error("another seed of the fake meets the same calls")
	}
	order.Seed = 7
	seeded := newDemo(t, calm).pattern(order, 300)
	if newDemo(t, calm, other).pattern(order, 300) != seeded || seeded == first {
		t.Error("a seed of its own does not decide")
	}
	order.Count = 5
	if few := newDemo(t, calm).pattern(order, 300); strings.Count(few, "5") != 5 || few[:10] != seeded[:10] {
		t.Errorf("limited to five: %s", few)
	}
}

// pattern is the first digit of each answer to so many calls; others between
// them change nothing.
func (d *demo) pattern(order Fault, calls int) string {
	d.t.Helper()
	if err := d.fake.Order(DemoCloud, order); err != nil {
		d.t.Fatal(err)
	}
	var seen strings.Builder
	for n := range calls {
		seen.WriteByte(byte('0' + d.post(copyPath, named("n")).status/100))
		if n%7 == 0 {
			d.get("/v2/cloudimages?limit=1").ok()
		}
	}
	return seen.String()
}

// TestScript: orders for one call are met one after the other.
func TestScript(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	script := `[{"call":"CopyImage","kind":"pass","count":2},{"call":"CopyImage","kind":"busy"},
	  {"call":"CopyImage","kind":"pass"},{"call":"*","kind":"too_many","count":2}]`
	if status := d.admin("POST", "faults", script, nil); status != 200 {
		t.Fatal(status)
	}
	var got []int
	for range 7 {
		got = append(got, d.post(copyPath, named("n")).status)
	}
	if want := []int{200, 200, 400, 200, 429, 429, 200}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := len(d.fake.Truth(DemoCloud)); got != 4 {
		t.Errorf("%d were done, want 4", got)
	}
	wrong := `[{"call":"CopyImage","kind":"busy"},{"call":"CopyImage","kind":"explode"}]`
	if status := d.admin("POST", "faults", wrong, nil); status != 400 {
		t.Errorf("a wrong script answers %d", status)
	}
	d.copy(named("n")) // nothing of it was taken
}

func TestOrdersAreShown(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	d.admin("POST", "faults", `{"call":"CopyImage","kind":"busy","count":3}`, nil)
	d.admin("POST", "faults", `{"call":"ShowJob","kind":"html_after","probability":0.5}`, nil)
	d.post(copyPath, named("n")).want(400, "IMG.0060")
	var shown []Fault
	d.admin("GET", "faults", "", &shown)
	if len(shown) != 2 || shown[0].Count != 2 || shown[1].Count != -1 || shown[1].Probability != 0.5 {
		t.Errorf("shown %+v", shown)
	}
}

func TestOrdersAreChecked(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	err := errors.Join(
		want(d.fake.Order(DemoCloud, Fault{Call: "CopyImage", Kind: "explode"})),
		want(d.fake.Order(DemoCloud, Fault{Call: "MakeCoffee", Kind: DropAfter})),
		want(d.fake.Order(DemoCloud, Fault{Call: "CopyImage", Kind: StatusAfter})),
		want(d.fake.Order(DemoCloud, Fault{Call: "CopyImage", Kind: DropAfter, Probability: 1.5})),
		want(d.fake.Order(DemoCloud, Fault{Call: "CopyImage", Kind: HugeAfter, Bytes: -1})),
		want(d.fake.Order("no", Fault{Call: "CopyImage", Kind: DropAfter})),
		want(d.fake.Decide(DemoCloud, Outcome{Call: "MakeCoffee"})),
	)
	if err != nil {
		t.Error(err)
	}
}

// want turns a missing error into one.
func want(err error) error {
	if err == nil {
		return errors.New("an order was taken that cannot be met")
	}
	return nil
}
