package fakecloud

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// admin sends one request to the admin endpoint and decodes the answer.
func (d *demo) admin(method, path, body string, into any) int {
	d.t.Helper()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, httptest.NewRequestWithContext(d.t.Context(), method, "http://fake.test/_admin/"+path, strings.NewReader(body)))
	if into != nil {
		if err := json.NewDecoder(w.Body).Decode(into); err != nil {
			d.t.Fatalf("%s %s: %d %v", method, path, w.Code, err)
		}
	}
	return w.Code
}

func TestAdminShowsTheTruth(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	job := d.whole(DemoBackup)
	d.post(wholePath, wholeBody(DemoBackup)).want(400, "IMG.0134")
	var truth []Mutation
	d.admin("GET", "truth", "", &truth)
	if len(truth) != 1 || truth[0].JobID != job || truth[0].BackupID != DemoBackup || truth[0].Auth != variantA || len(truth[0].Body) == 0 {
		t.Errorf("truth %+v", truth)
	}
	var calls []Call
	d.admin("GET", "calls?limit=1", "", &calls)
	if len(calls) != 1 || calls[0].Status != 400 || calls[0].Code != "IMG.0134" || calls[0].Call != "CreateWholeImage" {
		t.Errorf("calls %+v", calls)
	}
	var counts map[string]map[string]int
	d.admin("GET", "counts?cloud=demo", "", &counts)
	if counts["CreateWholeImage"]["200"] != 1 || counts["CreateWholeImage"]["400"] != 1 {
		t.Errorf("counts %v", counts)
	}
	for path, want := range map[string]int{"images": 7, "jobs": 1, "backups": 6, "servers": 3, "vaults": 1, "images?limit=2": 2} {
		var list []map[string]any
		if d.admin("GET", path, "", &list); len(list) != want {
			t.Errorf("%s: %d, want %d", path, len(list), want)
		}
	}
}

func TestAdminAdds(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	var added struct{ IDs []string }
	d.admin("POST", "backups", `{"count":3,"resource_name":"web-09"}`, &added)
	if len(added.IDs) != 3 {
		t.Fatal(added)
	}
	d.whole(added.IDs[2])
	for path, body := range map[string]string{
		"servers": `{"id":"s","name":"s"}`, "vaults": `{"id":"v","size_gb":100}`, "images": `{"id":"i","name":"i","tags":[{"key":"a","value":"b"}]}`,
		"world": `{"backups":[{"id":"b"}]}`,
	} {
		if status := d.admin("POST", path, body, nil); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
	d.post(copyOfImage("i"), named("n")).ok()
	d.post(wholePath, `{"name":"n","instance_id":"s","vault_id":"v"}`).ok()
	d.whole("b")
}

func TestAdminSwitches(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	var now Switches
	d.admin("POST", "switches", `{"rates_off":true,"durations":{"*":{"init":"0s","run":"1m"}}}`, &now)
	if !now.RatesOff || now.Quota != demoQuota || now.Durations["*"].Run != minutes(1) {
		t.Errorf("switches %+v", now)
	}
	for _, body := range []string{`{"rate_off":true}`, `{"quota":"many"}`, `{"delete_lag":"long"}`, `{"delete_lag":5}`, `{`} {
		if status := d.admin("POST", "switches", `{"quota":1,`+body[1:], nil); status != 400 {
			t.Errorf("%s: %d", body, status)
		}
	}
	d.admin("GET", "switches", "", &now)
	if now.Quota != demoQuota {
		t.Error("a refused change was kept")
	}
}

// TestAdminOrdersEchoed: who orders is shown what those see who look later.
func TestAdminOrdersEchoed(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	var faults, shown []Fault
	d.admin("POST", "faults", `[{"call":"CopyImage","kind":"busy"},{"call":"*","kind":"busy","probability":0.5}]`, &faults)
	d.admin("GET", "faults", "", &shown)
	if len(faults) != 2 || faults[0].Count != 1 || faults[1].Count != -1 || !reflect.DeepEqual(faults, shown) {
		t.Errorf("ordered %+v, shown %+v", faults, shown)
	}
}

func TestAdminOrders(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	d.admin("POST", "faults", `{"call":"CopyImage","kind":"status_after","status":500,"count":2}`, nil)
	d.post(copyPath, named("n")).want(500, "IMG.0061")
	d.admin("DELETE", "faults", "", nil)
	d.copy(named("n"))
	d.admin("POST", "outcomes", `{"call":"*","code":"IMG.0014","run":"1s"}`, nil)
	d.admin("DELETE", "outcomes", "", nil)
	token := d.token(projectScope)
	d.admin("POST", "tokens/invalidate", "", nil)
	d.withToken(token).want(401, "APIGW.0307")
	for path, body := range map[string]string{"faults": `{"call":"CopyImage","kind":"no"}`, "outcomes": `{"call":"no"}`, "backups": `[]`} {
		if status := d.admin("POST", path, body, nil); status != 400 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status := d.admin("GET", "truth?cloud=no", "", nil); status != 404 {
		t.Errorf("unknown cloud: %d", status)
	}
	var index map[string]any
	if d.admin("GET", "", "", &index); index["calls"] == nil {
		t.Errorf("index %v", index)
	}
}
