package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// bury stores a dead letter as the intake does.
func bury(t *testing.T, conn *broker.Conn, cloud, id, reason, detail string) uint64 {
	t.Helper()
	number, err := conn.Put(t.Context(), broker.StreamDead, broker.Message{
		Subject: broker.DeadSubject(cloud, "copy-image"), Data: []byte(`{}`),
		Header: map[string][]string{
			"Ims-Dead-Reason": {reason}, "Ims-Dead-Detail": {detail}, "Ims-Dead-Subject": {"ims.request." + cloud + ".copy-image"},
			"Ims-Dead-Sequence": {"1"}, "Ims-Dead-Request-Source": {"nats"}, "Ims-Dead-Request-Id": {id},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestDead(t *testing.T) {
	conn := serving(t)
	bury(t, conn, "demo", "m1", "invalid", "name is missing")
	bury(t, conn, "other", "m2", "unknown_cloud", "no worker knows it")
	for _, tc := range []struct {
		args string
		code int
		want string
	}{
		{"ls", exitDone, "2 dead letters (2 open): 1 invalid, 1 unknown_cloud\n\nNUMBER"},
		{"ls", exitDone, "name is missing"},
		{"ls --reason unknown_cloud --younger-than 2d", exitDone, "1 dead letter (1 open): 1 unknown_cloud\n"},
		{"ls --text MISSING --cloud demo,other --subject *copy*", exitDone, "1 dead letter (1 open): 1 invalid\n"},
		{"ls --older-than 1h", exitDone, "no dead letters\n"},
		{"ls --status bogus --reason bogus --older-than x", exitUsage, `--reason is "bogus": `},
		{"ls --status bogus --reason bogus --older-than x", exitUsage, `--older-than is "x": a time such as`},
		{"ls --status bogus --reason bogus --older-than x", exitUsage, `--status is "bogus": open, replayed, dropped are there`},
		{"get 1", exitDone, `"Ims-Dead-Sequence: 1"`},
		{"get 1 -o json", exitDone, `"body": "{}"`},
		{"replay", exitUsage, "say which: either numbers, or filters such as --reason, or --all"},
		{"replay 1 --all", exitUsage, "say which"},
		{"drop --all --cloud demo", exitUsage, "say which"},
		{"replay --reason unknown_operation --yes", exitDone, "no dead letters to replay"},
		{"replay --all", exitNotSucceeded, "nothing is done: this would replay 2 dead letters (2 open): 1 invalid, 1 unknown_cloud; --yes does it"},
		{"replay --all --dry-run", exitDone, "would be replayed"},
		{"replay --all --rate fast", exitUsage, `"fast" is no rate: 10/s, 100/m and 15/5m are`},
		{"replay 1 99", exitNotSucceeded, "no such dead letter: 99; `imsworker dead ls` lists their numbers (after 1 of 2; the same command goes on with the rest)"},
		{"replay 1", exitNotSucceeded, "left alone"},
		{"ls --status replayed", exitDone, "1 dead letter (1 replayed): 1 invalid"},
		{"drop --status replayed", exitNotSucceeded, "this would drop 1 dead letter (1 replayed)"},
		{"drop --status replayed --yes --why cleaning", exitDone, "dropped"},
		{"get 1", exitDone, ": cleaning"},
		{"ls --status dropped", exitDone, "1 dead letter (1 dropped): 1 invalid"},
		{"ls", exitDone, "1 dead letter (1 open): 1 unknown_cloud"},
	} {
		code, out, errOut := call(t, "", append([]string{"dead"}, strings.Fields(tc.args)...)...)
		if code != tc.code || !strings.Contains(out+errOut, tc.want) {
			t.Errorf("dead %s: got %d, %q, %q; want %d, %q", tc.args, code, out, errOut, tc.code, tc.want)
		}
	}
}

// TestReplayMany: each open letter once, those of one identity once, at the given rate; the same again finds nothing to do.
func TestReplayMany(t *testing.T) {
	conn := serving(t)
	for i := range 5 {
		bury(t, conn, "demo", fmt.Sprint("m", i%4), "invalid", "x") // two of one request
	}
	started := time.Now()
	var done []deadDone
	code, out, errOut := call(t, "", "dead", "replay", "--all", "--yes", "--rate", "20/s", "-o", "json")
	if err := json.Unmarshal([]byte(out), &done); err != nil || code != exitDone || len(done) != 5 {
		t.Fatalf("got %d, %q, %q, %v", code, out, errOut, err)
	}
	for i, d := range done {
		if i < 4 && (d.Result != "replayed" || d.Key != messages.Key("demo", "nats", fmt.Sprint("m", i)) || d.Attempt != 1) ||
			i == 4 && (d.Result != "left alone" || !strings.Contains(d.Why, "identity of dead letter 1")) {
			t.Errorf("got %+v", d)
		}
	}
	if took := time.Since(started); took < 200*time.Millisecond {
		t.Errorf("5 letters at 20/s took %s", took)
	}
	stream, err := conn.JetStream().Stream(t.Context(), broker.StreamRequests)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 4 {
		t.Errorf("%d messages were published, %v", info.State.Msgs, err)
	}
}

// TestDeadLogIsShown to people and to scripts.
func TestDeadLogIsShown(t *testing.T) {
	conn := serving(t)
	bury(t, conn, "demo", "m1", "invalid", "name is missing")
	if code, _, errOut := call(t, "", "dead", "replay", "1", "--why", "cloud added"); code != exitDone {
		t.Fatal(errOut)
	}
	_, out, _ := call(t, "", "dead", "get", "1")
	if want := " replayed by " + who() + " as attempt 1 of " + messages.Key("demo", "nats", "m1") + ": cloud added\n"; !strings.Contains(out, want) {
		t.Errorf("%q is missing in %s", want, out)
	}
	var d client.DeadLetter
	if _, out, _ = call(t, "", "dead", "get", "1", "-o", "json"); json.Unmarshal([]byte(out), &d) != nil || len(d.Log) != 2 || d.Log[1].Did != client.DidReplay || d.Status != client.DeadReplayed {
		t.Errorf("got %s", out)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"10/s": 100 * time.Millisecond, "10": 100 * time.Millisecond, "15/5m": 20 * time.Second, "60/m": time.Second, "1/1h": time.Hour} {
		var r rate
		if err := r.Set(text); err != nil || r.every != want || r.String() != text {
			t.Errorf("%s: got %s, %v", text, r.every, err)
		}
	}
	for _, text := range []string{"", "0/s", "-1/s", "x", "1/x", "1/0s", "1/s/s"} {
		if err := new(rate).Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
