package main

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
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
