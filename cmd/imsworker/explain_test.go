package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	for code, want := range map[string][]string{
		"IMG.0136":           {"IMG.0136", "the server is being backed up", "park", "waits and submits", "job_failed"},
		"img.0029":           {"IMG.0029", "already", "looks whether", "delete it, or make a new backup"},
		"APIG.0308":          {"APIGW.0308", "throttled", "no attempt is used up"},
		"BackupService.6216": {"BackupService.6216", "refused"},
		"IAM.0066":           {"account", "pauses submissions"},
	} {
		exit, out, errOut := call(t, "", "explain", code)
		for _, words := range want {
			if exit != exitDone || !strings.Contains(out, words) {
				t.Errorf("%s: exit %d, %q is missing in\n%s%s", code, exit, words, out, errOut)
			}
		}
	}
	exit, out, errOut := call(t, "", "explain", "IMG.9999")
	if exit != exitNotSucceeded || out != "" || !strings.Contains(errOut, `"IMG.9999" is no documented code`) {
		t.Errorf("unknown code: exit %d, %q, %q", exit, out, errOut)
	}
	if exit, _, _ := call(t, "", "explain"); exit != exitUsage {
		t.Errorf("no code: exit %d", exit)
	}
}

func TestExplainAsJSON(t *testing.T) {
	_, out, _ := call(t, "", "explain", "IMG.0088", "-o", "json")
	var e explanation
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatal(err)
	}
	if e.Code != "IMG.0088" || e.Verdict != "refused" || e.Reason != "quota" || e.Remedy == "" || e.Worker == "" || e.Meaning == "" || e.Job == "" {
		t.Errorf("%+v", e)
	}
	if exit, out, _ := call(t, "", "explain", "IMG.0088", "-o", "yaml"); exit != exitDone || !strings.HasPrefix(out, "code: IMG.0088\n") {
		t.Errorf("exit %d: %s", exit, out)
	}
}

func TestQuota(t *testing.T) {
	cloudsFile(t, faking(t, "--cloud", "demo", "--cloud", "second:huaweicloud"))
	exit, out, errOut := call(t, "", "quota", "demo")
	if exit != exitDone || !strings.Contains(out, "LEFT") || !strings.Contains(out, "image_member") {
		t.Errorf("exit %d\n%s%s", exit, out, errOut)
	}
	exit, out, _ = call(t, "", "quota", "second", "-o", "json")
	var quotas []quota
	if err := json.Unmarshal([]byte(out), &quotas); err != nil || exit != exitDone || len(quotas) != 3 {
		t.Fatalf("exit %d, %v\n%s", exit, err, out)
	}
	if q := quotas[0]; q.Type != "image" || q.Limit == nil || *q.Limit != 1000 || *q.Left != 1000-q.Used {
		t.Errorf("%+v", q)
	}
	exit, _, errOut = call(t, "", "quota", "nowhere")
	if exit != exitNotSucceeded || !strings.Contains(errOut, `no cloud "nowhere" in clouds.yaml: demo, second are there`) {
		t.Errorf("unknown cloud: exit %d, %s", exit, errOut)
	}
}
