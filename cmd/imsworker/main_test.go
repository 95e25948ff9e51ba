package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.yaml.in/yaml/v3"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
	"github.com/imsworker/imsworker/schemas"
)

// call runs a command line as main does.
func call(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errOut)
	code = exitCode(root, root.ExecuteContext(t.Context()))
	return code, out.String(), errOut.String()
}

// serving starts a broker with the streams of a worker and points the environment to it.
func serving(t *testing.T) *broker.Conn {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	inside, err := broker.StartInside(broker.InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	t.Setenv("IMSWORKER_NATS_URL", inside.URL())
	t.Setenv("IMSWORKER_SHARDS", "2")
	conn := brokertest.DialAs(t, broker.Options{URL: inside.URL()})
	if _, err := conn.Apply(t.Context(), broker.Topology(broker.TopologyOptions{Shards: 2, EventsMaxAge: 720 * time.Hour})); err != nil {
		t.Fatal(err)
	}
	return conn
}

// taking plays the worker that empties the queue.
func taking(t *testing.T, conn *broker.Conn) {
	t.Helper()
	for shard := range 2 {
		consumer, err := conn.JetStream().Consumer(t.Context(), broker.StreamRequests, broker.ShardConsumer(shard))
		if err != nil {
			t.Fatal(err)
		}
		consuming, err := consumer.Consume(func(m jetstream.Msg) { _ = m.Ack() })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(consuming.Stop)
	}
}

// ended publishes the final event of request id.
func ended(t *testing.T, conn *broker.Conn, id string, state messages.State, failure *messages.Failure) string {
	t.Helper()
	key := messages.Key("demo", submitSource, id)
	header, body, err := messages.EncodeEvent(
		messages.EventMeta{Cloud: "demo", Operation: "copy-image", Key: key, Attempt: 1, State: state, Time: time.Now().UTC(), CausationID: id},
		messages.Event{
			Request: messages.RequestInfo{ID: id, Source: submitSource, Key: key, Cloud: "demo", Operation: "copy-image", Attempt: 1},
			State:   state, Images: []messages.Image{{ID: "image-1", Name: "x", Cloud: "demo"}}, Error: failure,
		})
	if err != nil {
		t.Fatal(err)
	}
	subject := messages.EventSubject("demo", "copy-image", state, key, 1)
	if _, err := conn.Put(t.Context(), broker.StreamEvents, broker.Message{Subject: subject, Header: header, Data: body}); err != nil {
		t.Fatal(err)
	}
	return key
}

func TestUsage(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"unknown_command":    {[]string{"sumbit"}, `imsworker has no command "sumbit": did you mean submit?`},
		"unknown_subcommand": {[]string{"dead", "rpelay"}, `imsworker dead has no command "rpelay": did you mean replay?`},
		"no_subcommand":      {[]string{"dead"}, "imsworker dead wants one of its commands"},
		"unknown_flag":       {[]string{"submit", "--clod", "x"}, "unknown flag: --clod"},
		"bad_output":         {[]string{"version", "-o", "xml"}, "is no output form: table, wide, json and yaml are"},
		"no_operation":       {[]string{"submit"}, "`imsworker submit OPERATION --cloud CLOUD` is wanted; got 0 arguments"},
		"no_number_given":    {[]string{"dead", "get"}, "`imsworker dead get NUMBER` is wanted; got 0 arguments"},
		"too_many_keys":      {[]string{"requests", "get", "a", "b"}, "`imsworker requests get KEY` is wanted; got 2 arguments"},
		"unknown_operation":  {[]string{"submit", "copyimage", "--cloud", "demo"}, `there is no operation "copyimage": did you mean copy-image?`},
		"no_cloud":           {[]string{"submit", "copy-image"}, "--cloud is missing: "},
		"no_json":            {[]string{"submit", "copy-image", "--cloud", "demo"}, "standard input: "},
		"no_file":            {[]string{"submit", "copy-image", "--cloud", "demo", "-f", "/nowhere"}, "open /nowhere"},
		"no_key":             {[]string{"requests", "get", "X"}, `"X" is no key`},
		"no_identity":        {[]string{"requests", "get"}, "either a key or --cloud and --id are wanted"},
		"no_number":          {[]string{"dead", "get", "first"}, `"first" is no dead letter's number`},
		"no_schema":          {[]string{"schema", "x"}, `there is no schema "x"`},
		"far_operation":      {[]string{"submit", "bogus", "--cloud", "demo"}, `there is no operation "bogus": create-whole-image, `},
		"no_state":           {[]string{"requests", "ls", "--state", "bogus"}, `--state is "bogus": accepted, parked, `},
		"no_profile":         {[]string{"submit", "copy-image", "--cloud", "demo", "--dry-run", "--profile", "bogus"}, `--profile is "bogus": otc and huaweicloud are there`},
		"bad_reader":         {[]string{"streams", "--reader", "ims.>"}, `--reader "ims.>": want the name of a cloud`},
		"reader_twice":       {[]string{"streams", "--reader", "demo", "--reader", "demo"}, `--reader "demo" is given twice`},
		"fake_name":          {[]string{"fake", "--cloud", "a b"}, `cloud name "a b"`},
		"fake_profile":       {[]string{"fake", "--cloud", "a:huawei"}, `profile "huawei"`},
		"fake_factor":        {[]string{"fake", "--time-factor", "-1"}, "time factor -1: want more than 0"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := call(t, "{", tc.args...)
			if code != exitUsage || !strings.Contains(errOut, tc.want) || !strings.Contains(errOut, "--help' for usage.") || out != "" {
				t.Errorf("got code %d, out %q, err %q", code, out, errOut)
			}
		})
	}
}

func TestBadEnvironment(t *testing.T) {
	t.Setenv("IMSWORKER_LEASE", "1")
	code, _, errOut := call(t, "", "requests", "ls")
	if code != exitUsage || !strings.Contains(errOut, `IMSWORKER_LEASE is "1"`) {
		t.Errorf("got %d, %q", code, errOut)
	}
}

func TestNotConnected(t *testing.T) {
	t.Setenv("IMSWORKER_NATS_URL", "nats://127.0.0.1:1")
	code, _, errOut := call(t, "", "requests", "ls")
	if code != exitNotConnected || !strings.Contains(errOut, "IMSWORKER_NATS_URL") {
		t.Errorf("got %d, %q", code, errOut)
	}
}

func TestSchemaAndVersion(t *testing.T) {
	code, out, _ := call(t, "", "schema")
	if want := strings.Join(append(schemas.Names(), "event", "backup", "batch", "asyncapi"), "\n") + "\n"; code != exitDone || out != want {
		t.Errorf("schema: %d, %q", code, out)
	}
	for _, name := range []string{"copy-image", "event", "batch"} {
		if code, out, _ = call(t, "", "schema", name); code != exitDone || !json.Valid([]byte(out)) {
			t.Errorf("schema %s: %d, %q", name, code, out)
		}
	}
	for form, parse := range map[string]func([]byte, any) error{"json": json.Unmarshal, "yaml": yaml.Unmarshal} {
		code, out, _ = call(t, "", "version", "-o", form)
		var value map[string]string
		if err := parse([]byte(out), &value); code != exitDone || err != nil || value["goversion"] == "" {
			t.Errorf("version: %d, %q, %v", code, out, err)
		}
	}
}

func TestVersionFlag(t *testing.T) {
	_, command, _ := call(t, "", "version")
	if code, out, _ := call(t, "", "--version"); code != exitDone || out != command || !strings.Contains(out, "go1.") {
		t.Errorf("got %d, %q; the command says %q", code, out, command)
	}
}

func TestCommandsOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range newRoot().Commands() {
		if seen[c.Name()] {
			t.Errorf("%s is there twice", c.Name())
		}
		seen[c.Name()] = true
	}
}

// copyData is valid data of a copy, for every profile.
const copyData = `{"image_id": "ea0d5dce-ddb2-4f6f-83e3-55da065347fd", "name": "x"}`

func TestDryRun(t *testing.T) {
	code, out, errOut := call(t, copyData, "submit", "copy-image", "--cloud", "demo", "--id", "a", "--dry-run")
	for _, want := range []string{"ims.request.demo.copy-image", messages.Key("demo", submitSource, "a"), "ce-type: io.imsworker.request.copy-image.v1"} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("got %d, %q, %q: %q is missing", code, out, errOut, want)
		}
	}
	code, out, _ = call(t, `{"image_id": "", "nome": "x"}`, "submit", "copy-image", "--cloud", "demo", "--dry-run", "-o", "json")
	var value struct{ Problems messages.Problems }
	if err := json.Unmarshal([]byte(out), &value); err != nil || code != exitNotSucceeded || len(value.Problems) < 2 {
		t.Errorf("got %d, %q, %v", code, out, err)
	}
}

func TestSubmit(t *testing.T) {
	conn := serving(t)
	file := filepath.Join(t.TempDir(), "copy.json")
	if err := os.WriteFile(file, []byte(copyData), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := call(t, "", "submit", "copy-image", "--cloud", "demo", "-f", file, "--id", "a", "-o", "json")
	if code != exitDone || !strings.Contains(out, messages.Key("demo", submitSource, "a")) {
		t.Fatalf("got %d, %q, %q", code, out, errOut)
	}
	stored, err := conn.Last(t.Context(), broker.StreamRequests, "ims.inbox.*.request.demo.copy-image")
	if err != nil || string(stored.Data) != copyData {
		t.Errorf("stored %q, %v", stored.Data, err)
	}
}

func TestSubmitAndWait(t *testing.T) {
	conn := serving(t)
	taking(t, conn)
	ended(t, conn, "good", messages.StateSucceeded, nil)
	ended(t, conn, "bad", messages.StateRejected, &messages.Failure{Reason: messages.ReasonInvalid, Message: "no such", Remedy: "mend it"})
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"succeeded": {[]string{"--id", "good"}, exitDone, "image-1"},
		"json":      {[]string{"--id", "good", "-o", "json"}, exitDone, `"state": "succeeded"`},
		"rejected":  {[]string{"--id", "bad"}, exitNotSucceeded, "mend it"},
		"timed_out": {[]string{"--id", "slow", "--timeout", "300ms"}, exitTimedOut, "nothing heard of the request after 300ms: maybe no worker runs, or none knows a cloud \"demo\"; the request goes on"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"submit", "copy-image", "--cloud", "demo", "--wait"}, tc.args...)
			code, out, errOut := call(t, copyData, args...)
			if code != tc.code || !strings.Contains(out+errOut, tc.want) {
				t.Errorf("got %d, %q, %q", code, out, errOut)
			}
			if code != exitTimedOut && errOut != "" {
				t.Errorf("progress where no terminal is: %q", errOut)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	conn := serving(t)
	key := ended(t, conn, "good", messages.StateSucceeded, nil)
	if code, out, _ := call(t, "", "requests", "ls", "-o", "json"); code != exitDone || strings.TrimSpace(out) != "[]" {
		t.Errorf("ls: %d, %q", code, out)
	}
	if code, out, _ := call(t, "", "requests", "ls", "--history"); code != exitDone || !strings.Contains(out, key+"  demo") {
		t.Errorf("ls --history: %d, %q", code, out)
	}
	for _, args := range [][]string{{key}, {"--cloud", "demo", "--source", submitSource, "--id", "good"}, {"--cloud", "demo", "--id", "good"}} {
		code, out, errOut := call(t, "", append([]string{"requests", "get"}, args...)...)
		if code != exitDone || !strings.Contains(out, "image image-1 x") {
			t.Errorf("get %v: %d, %q, %q", args, code, out, errOut)
		}
	}
	if code, _, errOut := call(t, "", "requests", "get", messages.Key("demo", "x", "never")); code != exitNotSucceeded || !strings.Contains(errOut, "no such request") {
		t.Errorf("get unknown: %d, %q", code, errOut)
	}
}

// hostile is what a stranger may write: colours, a bell, another direction of writing, bytes that are no text.
const hostile = "a\x1b[31mred\a\u202etxt.exe\xff\u0085\tb"

const hostileShown = `a\x1b[31mred\a\u202etxt.exe`

// TestNothingSteersTheTerminal shows hostile words in every table; other forms of output carry them as they are.
func TestNothingSteersTheTerminal(t *testing.T) {
	conn := serving(t)
	ended(t, conn, "good", messages.StateFailed, &messages.Failure{Reason: messages.ReasonJobFailed, Message: hostile, Remedy: "x"})
	header := map[string][]string{"Ims-Dead-Reason": {"invalid"}, "Ims-Dead-Detail": {"\x1b[31m"}, "Ims-Dead-Subject": {"ims.request.demo.\u202ex"}}
	if _, err := conn.Put(t.Context(), broker.StreamDead, broker.Message{Subject: "ims.dead.demo.copy-image", Header: header, Data: []byte("{\n\t" + hostile)}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"dead_ls":      {[]string{"dead", "ls"}, `\u202ex`},
		"dead_get":     {[]string{"dead", "get", "1"}, "{\n    " + hostileShown + `\xff\u0085    b`},
		"requests_get": {[]string{"requests", "get", "--cloud", "demo", "--source", submitSource, "--id", "good"}, hostileShown},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := call(t, "", tc.args...)
			if code != exitDone || !strings.Contains(out, tc.want) || strings.ContainsAny(out, "\x1b\a\u202e\u0085") {
				t.Errorf("got %d, %q, %q", code, out, errOut)
			}
		})
	}
	var letter struct{ Subject string }
	if _, out, _ := call(t, "", "dead", "get", "1", "-o", "json"); json.Unmarshal([]byte(out), &letter) != nil || letter.Subject != "ims.request.demo.\u202ex" {
		t.Errorf("JSON is changed: %q", out)
	}
}

// TestWaitingRequest shows of a request that was put off why, how often, and when it goes on.
func TestWaitingRequest(t *testing.T) {
	conn := serving(t)
	now := time.Now().UTC()
	r := ledger.Record{
		Version: ledger.Version, Key: messages.Key("demo", "/s", "a"), Cloud: "demo", Operation: "copy-image", Source: "/s", ID: "a", Attempt: 1,
		State: ledger.Parked, Accepted: now, Deadline: now.Add(time.Hour), Until: now.Add(5 * time.Minute), Refusals: 3,
		Failure: &messages.Failure{Reason: messages.ReasonQuota, Code: "IMG.0129", Message: "no room for images", Remedy: "delete some", HTTPStatus: 403},
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Put(t.Context(), broker.TrackStream(0), broker.Message{Subject: broker.TrackSubject(0, r.Key), Data: data}); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := call(t, "", "requests", "get", r.Key)
	for _, want := range []string{"parked (attempt 1)", "the cloud put it off", "next try", "(in ", "deadline", "3 times in a row", "quota IMG.0129", "no room for images", "delete some"} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("got %d, %s, %q: %q is missing", code, out, errOut, want)
		}
	}
}

func TestStreams(t *testing.T) {
	serving(t)
	if code, out, errOut := call(t, "", "streams"); code != exitDone || !strings.Contains(out, "all streams are as they should be") {
		t.Errorf("fits: %d, %q, %q", code, out, errOut)
	}
	t.Setenv("IMSWORKER_SHARDS", "4")
	if code, out, _ := call(t, "", "streams"); code != exitNotSucceeded || !strings.Contains(out, "IMS_REQUESTS") {
		t.Errorf("other shards: %d, %q", code, out)
	}
	code, out, _ := call(t, "", "streams", "--offline", "-o", "json")
	if code != exitDone || !json.Valid([]byte(out)) {
		t.Errorf("offline: %d, %q", code, out)
	}
}
