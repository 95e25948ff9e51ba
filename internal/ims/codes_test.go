package ims

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
)

var reasons = []string{
	reasonInvalid, reasonConstraint, reasonUnauthorized, reasonNotFound, reasonConflict, reasonQuota,
	reasonRateLimited, reasonUnavailable, reasonTimeout,
}

// TestCodesComplete compares the table with the list of documented codes, and
// each verdict with the class that the list gives the code.
func TestCodesComplete(t *testing.T) {
	t.Parallel()
	allowed := map[string][]Verdict{
		"permanent": {Refused, Account},
		"retryable": {Park, Uncertain},
		"throttled": {Throttled},
		"auth":      {Refused, Account},
		"quota":     {Park, Refused},
		"conflict":  {Already, Refused},
	}
	documented := documentedCodes(t)
	for code, class := range documented {
		m, ok := Explain(code)
		switch {
		case !ok:
			t.Errorf("%s is not in the table", code)
		case !slices.Contains(allowed[class], m.Verdict):
			t.Errorf("%s: verdict %s for class %s", code, m.Verdict, class)
		}
	}
	seen := map[string]bool{}
	for _, m := range table {
		if seen[m.Code] {
			t.Errorf("%s stands twice", m.Code)
		}
		seen[m.Code] = true
		if documented[m.Code] == "" {
			t.Errorf("%s is not documented", m.Code)
		}
		checkWords(t, m)
	}
}

// actions are what remedies ask a person to do; waiting alone is none.
var actions = []string{
	"add", "allow", "ask", "attach", "check", "choose", "correct", "delete", "detach", "enable", "encrypt", "enlarge", "fill", "free", "give", "have", "keep",
	"leave", "let", "look", "lower", "make", "name", "raise", "read", "remove", "repair", "replace", "set", "share", "shorten", "stop", "take", "use", "write", "accept", "wait for",
}

func checkWords(t *testing.T, m Meaning) {
	t.Helper()
	if !slices.Contains(reasons, m.Reason) {
		t.Errorf("%s: reason %q is not in the list", m.Code, m.Reason)
	}
	if m.Text == "" || strings.HasSuffix(m.Text, ".") {
		t.Errorf("%s: text %q", m.Code, m.Text)
	}
	if !slices.ContainsFunc(actions, func(verb string) bool { return strings.Contains(strings.ToLower(" "+m.Remedy), " "+verb+" ") }) {
		t.Errorf("%s: remedy %q names no action", m.Code, m.Remedy)
	}
	if len(m.Remedy) < 10 || !strings.HasSuffix(m.Remedy, ".") {
		t.Errorf("%s: remedy %q is no sentence", m.Code, m.Remedy)
	}
}

func documentedCodes(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/documented-codes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	codes := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if code, class, ok := strings.Cut(s.Text(), " "); ok && code != "#" {
			codes[code] = class
		}
	}
	return codes
}

// TestDesignedVerdicts holds what the worker does with the codes that it has
// to handle by name.
func TestDesignedVerdicts(t *testing.T) {
	t.Parallel()
	for verdict, list := range map[Verdict]string{
		Park:      "IMG.0136 IMG.0010 IMG.0132 IMG.0139 IMG.0126 IMG.0022 IMG.0032 IMG.0015 IMG.0182 IMG.0185 IMG.0090 IMG.0152",
		Throttled: "APIGW.0308 APIG.0308 IMG.0060 IMG.0149 IMG.0187 IAM.0012",
		Already:   "IMG.0029 IMG.0134 IMG.0009 IMG.0070 IMG.0148 IMG.0150",
		Refused:   "IMG.0002 IMG.0005 IMG.0115 IMG.0130 IMG.0198 IMG.0020 IMG.0127 IMG.0144 IMG.0026",
		Account:   "APIGW.0301 IMG.0030 IMG.0087 IAM.0066",
		Uncertain: "IMG.0018 IMG.0014 IMG.0061",
	} {
		for code := range strings.FieldsSeq(list) {
			if m, ok := Explain(code); !ok || m.Verdict != verdict {
				t.Errorf("%s: got %s, want %s", code, m.Verdict, verdict)
			}
		}
	}
}

func TestStatusVerdicts(t *testing.T) {
	t.Parallel()
	for status, verdict := range map[int]Verdict{
		200: Uncertain, 300: NotSent, 301: NotSent, 302: NotSent, 303: Uncertain, 304: Uncertain, 305: NotSent, 307: NotSent, 308: NotSent,
		400: Refused, 401: Account, 403: Account, 404: Refused, 409: Already,
		413: Park, 418: Refused, 429: Throttled, 500: Uncertain, 502: Uncertain, 503: Uncertain, 504: Uncertain, 599: Uncertain,
	} {
		e := &Error{Status: status, Code: statusCode(status)}
		if e.Verdict() != verdict {
			t.Errorf("status %d: got %s, want %s", status, e.Verdict(), verdict)
		}
		if !slices.Contains(reasons, e.Reason()) || e.Remedy() == "" {
			t.Errorf("status %d: reason %q, remedy %q", status, e.Reason(), e.Remedy())
		}
	}
	for _, m := range statuses {
		m.Code = "status"
		checkWords(t, m)
	}
}

// TestTooManyCallsWhateverTheCode: no request fails, and no account is paused,
// because of a 429. What may have been begun all the same is looked for.
func TestTooManyCallsWhateverTheCode(t *testing.T) {
	t.Parallel()
	for _, m := range Codes() {
		want, reason := Throttled, reasonRateLimited
		if m.Verdict == Uncertain {
			want, reason = Uncertain, m.Reason
		}
		if e := (&Error{Status: 429, Code: m.Code}); e.Verdict() != want || e.Reason() != reason {
			t.Errorf("429 %s: %s, %s; want %s, %s", m.Code, e.Verdict(), e.Reason(), want, reason)
		}
	}
}
