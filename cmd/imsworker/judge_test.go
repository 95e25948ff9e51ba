package main

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// TestSubmitJudgesFirst publishes nothing that a worker would reject for certain, unless told to.
func TestSubmitJudgesFirst(t *testing.T) {
	conn := serving(t)
	submit := []string{"submit", "copy-image", "--cloud", "demo"}
	code, out, errOut := call(t, `{"nam": "x", "image_id": ""}`, submit...)
	for _, want := range []string{"nothing is published", "--no-check", "\n  nam: ", "\n  image_id: ", "\n  name: "} {
		if code != exitNotSucceeded || out != "" || !strings.Contains(errOut, want) {
			t.Errorf("got %d, %q, %q: %q is missing", code, out, errOut, want)
		}
	}
	if _, err := conn.Last(t.Context(), broker.StreamRequests, "ims.inbox.>"); err == nil {
		t.Error("the request is in the queue")
	}
	if code, _, errOut = call(t, `{"nam": "x"}`, append(submit, "--no-check")...); code != exitDone || errOut != "" {
		t.Errorf("with --no-check: %d, %q", code, errOut)
	}
	if _, err := conn.Last(t.Context(), broker.StreamRequests, "ims.inbox.>"); err != nil {
		t.Errorf("with --no-check: %v", err)
	}
}

// TestJudgedByProfile judges by the cloud's profile where clouds.yaml tells it, by the one that is asked for, and else refuses
// only what no profile takes.
func TestJudgedByProfile(t *testing.T) {
	const onlyHuawei = `{"image_id": "ea0d5dce-ddb2-4f6f-83e3-55da065347fd", "name": "副本"}`
	submit := []string{"submit", "copy-image", "--dry-run", "--cloud"}
	cloudsFile(t, faking(t, "--cloud", "first", "--cloud", "second:huaweicloud"))
	for name, tc := range map[string]struct {
		more []string
		code int
	}{
		"otc":     {[]string{"first"}, exitNotSucceeded},
		"huawei":  {[]string{"second"}, exitDone},
		"unknown": {[]string{"third"}, exitDone},
		"asked":   {[]string{"third", "--profile", "otc"}, exitNotSucceeded},
	} {
		t.Run(name, func(t *testing.T) {
			if code, out, errOut := call(t, onlyHuawei, append(submit, tc.more...)...); code != tc.code {
				t.Errorf("got %d, %q, %q", code, out, errOut)
			}
		})
	}
}

// TestDryRunShowsTheCall: the very call, with what proves the account masked, and the rules that a request is judged by.
func TestDryRunShowsTheCall(t *testing.T) {
	cloudsFile(t, faking(t, "--cloud", "first"))
	code, out, errOut := call(t, copyData, "submit", "copy-image", "--cloud", "first", "--id", "a", "--dry-run", "-o", "json")
	var r rehearsal
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitDone || r.Call == nil {
		t.Fatalf("got %d, %q, %q, %v", code, out, errOut, err)
	}
	body := `{"name":"x","description":"ims-request=` + messages.Key("first", submitSource, "a") + `"}`
	if r.Call.Method != "POST" || !strings.HasSuffix(r.Call.URL, "/v1/cloudimages/ea0d5dce-ddb2-4f6f-83e3-55da065347fd/copy") || !sameJSON(t, r.Call.Body, body) {
		t.Errorf("call %s %s %s, want %s", r.Call.Method, r.Call.URL, r.Call.Body, body)
	}
	if r.Call.Header["Authorization"] != "***" || strings.Contains(out, "Signature") || strings.Contains(out, "SDK-HMAC") {
		t.Errorf("header %v", r.Call.Header)
	}
	ids := map[string]bool{}
	for _, rule := range r.Rules {
		ids[rule.ID] = rule.Asks
	}
	if asks, told := ids["image-not-whole"]; !told || !asks || ids["name-characters"] {
		t.Errorf("rules %v", ids)
	}
	if _, out, _ = call(t, copyData, "submit", "copy-image", "--cloud", "first", "--dry-run"); !strings.Contains(out, "image-not-whole: ") || !strings.Contains(out, "/copy") {
		t.Errorf("table %s", out)
	}
	if _, out, _ = call(t, copyData, "submit", "copy-image", "--cloud", "elsewhere", "--dry-run"); !strings.Contains(out, "in no clouds.yaml") {
		t.Errorf("table %s", out)
	}
}

// TestDryRunOfSeveralCalls: of an operation that makes two calls both are shown, of one that makes none a note.
func TestDryRunOfSeveralCalls(t *testing.T) {
	cloudsFile(t, faking(t, "--cloud", "first"))
	code, out, _ := call(t, `{"name":"n","image_url":"images:base.qcow2"}`, "submit", "register-image", "--cloud", "first", "--dry-run")
	for _, want := range []string{"/v2/images\n", "/v1/cloudimages/IMAGE_ID/upload", "IMAGE_ID stands for"} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("%q is missing: %s", want, out)
		}
	}
	_, out, _ = call(t, `{"image_id":"8e3d6a17-f2b9-4c50-a7d4-19c05b6e8f32","image_url":"images:base.qcow2"}`, "submit", "register-image", "--cloud", "first", "--dry-run")
	if strings.Contains(out, "IMAGE_ID") || strings.Contains(out, "/v2/images\n") {
		t.Errorf("one call is enough: %s", out)
	}
	if _, out, _ = call(t, `{"job_id":"9a175ac892fa13420193002961972392"}`, "submit", "adopt-job", "--cloud", "first", "--dry-run"); !strings.Contains(out, "is followed") {
		t.Errorf("no note: %s", out)
	}
}

// TestSubmitJudgedByEntry: what the cloud's entry does not allow is not published, and an unknown cloud is told of.
func TestSubmitJudgedByEntry(t *testing.T) {
	serving(t)
	cloudsFile(t, faking(t, "--cloud", "first"))
	const data = `{"image_id": "ea0d5dce-ddb2-4f6f-83e3-55da065347fd"}`
	if code, _, errOut := call(t, data, "submit", "delete-image", "--cloud", "first"); code != exitNotSucceeded || !strings.Contains(errOut, "does not allow the operation delete-image") {
		t.Errorf("got %d, %q", code, errOut)
	}
	if code, _, errOut := call(t, copyData, "submit", "copy-image", "--cloud", "frist"); code != exitDone || !strings.Contains(errOut, `no cloud "frist", only first`) {
		t.Errorf("got %d, %q", code, errOut)
	}
}

func sameJSON(t *testing.T, got json.RawMessage, want string) bool {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal(got, &a), json.Unmarshal([]byte(want), &b)); err != nil {
		t.Error(err)
	}
	return reflect.DeepEqual(a, b)
}
