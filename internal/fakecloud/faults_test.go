package fakecloud

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// wire sends a signed request over a real connection.
func (d *demo) wire(method, path, body string) (*http.Response, error) {
	d.t.Helper()
	server := httptest.NewServer(d.handler)
	d.t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(d.t.Context(), method, server.URL+"/demo"+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	d.sign(r, body, d.keys, time.Now())
	return server.Client().Do(r)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  Fault
		status int // 0: the connection ends
		done   bool
		body   string
	}{
		"drop before":   {Fault{Kind: DropBefore}, 0, false, ""},
		"drop after":    {Fault{Kind: DropAfter}, 0, true, ""},
		"500 before":    {Fault{Kind: StatusBefore, Status: 500}, 500, false, `"IMG.0061"`},
		"500 after":     {Fault{Kind: StatusAfter, Status: 500}, 500, true, `"IMG.0061"`},
		"504 after":     {Fault{Kind: StatusAfter, Status: 504}, 504, true, `{"message":"Wait response timeout.","request_id"`},
		"502 page":      {Fault{Kind: StatusAfter, Status: 502}, 502, true, "<html>"},
		"own body":      {Fault{Kind: StatusBefore, Status: 400, Body: `{"error":{"code":"IMG.0018"}}`}, 400, false, "IMG.0018"},
		"redirect":      {Fault{Kind: StatusBefore, Status: 302, Body: "-", Header: map[string]string{"X-Location": "/"}}, 302, false, "-"},
		"delay":         {Fault{Kind: Delay, Delay: Duration(time.Millisecond)}, 200, true, "job_id"},
		"another call":  {Fault{Kind: DropBefore, Call: "ShowJob"}, 200, true, "job_id"},
		"any call":      {Fault{Kind: StatusBefore, Status: 503, Call: "*"}, 503, false, "<html>"},
		"too many reqs": {Fault{Kind: StatusBefore, Status: 429}, 429, false, "APIGW.0308"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDemo(t)
			c.fault.Call = orElse(c.fault.Call, "CopyImage")
			if err := d.fake.Order(DemoCloud, c.fault); err != nil {
				t.Fatal(err)
			}
			d.checkFault(c.status, c.body)
			if done := len(d.fake.Truth(DemoCloud)) == 1; done != c.done {
				t.Errorf("done %v, want %v", done, c.done)
			}
			d.copy(named("n")) // the order is used up
		})
	}
}

func (d *demo) checkFault(status int, body string) {
	d.t.Helper()
	response, err := d.wire("POST", copyPath, named("n"))
	if err == nil {
		defer response.Body.Close()
	}
	if status == 0 {
		if err == nil {
			d.t.Errorf("answered %d", response.StatusCode)
		}
		return
	}
	if err != nil {
		d.t.Fatal(err)
	}
	got := newReply(d.t, response)
	if got.status != status || !strings.Contains(got.raw, body) {
		d.t.Errorf("got %d %s, want %d %s", got.status, got.raw, status, body)
	}
}

func TestOrdersAreChecked(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	err := errors.Join(
		want(d.fake.Order(DemoCloud, Fault{Call: "CopyImage", Kind: "explode"})),
		want(d.fake.Order(DemoCloud, Fault{Call: "MakeCoffee", Kind: DropAfter})),
		want(d.fake.Order(DemoCloud, Fault{Call: "CopyImage", Kind: StatusAfter})),
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
