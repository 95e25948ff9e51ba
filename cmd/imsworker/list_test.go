package main

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// recorded writes a record of the demo cloud, which change makes different.
func recorded(t *testing.T, conn *broker.Conn, id string, change func(*ledger.Record)) string {
	t.Helper()
	r := &ledger.Record{
		Key: messages.Key("demo", submitSource, id), Cloud: "demo", Operation: "copy-image", Source: submitSource, ID: id, Attempt: 1,
		State: ledger.Accepted, Accepted: time.Now().UTC(),
	}
	if change != nil {
		change(r)
	}
	if err := ledger.New(conn, broker.ShardOf(r.Cloud, 2)).Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r.Key
}

// listed returns the ids in a list as JSON, which has to be the same as YAML.
func listed(t *testing.T, args ...string) (ids []string) {
	t.Helper()
	lists := [2][]client.Summary{}
	for i, form := range []string{"json", "yaml"} {
		code, out, errOut := call(t, "", append([]string{"requests", "ls", "-o", form}, args...)...)
		parse := json.Unmarshal
		if form == "yaml" {
			parse = parseYAML
		}
		if err := parse([]byte(out), &lists[i]); code != exitDone || err != nil {
			t.Fatalf("%v: %d, %q, %v", args, code, errOut, err)
		}
	}
	for i, s := range lists[0] {
		if ids = append(ids, s.ID); lists[1][i].ID != s.ID || !lists[1][i].Accepted.Equal(s.Accepted) {
			t.Errorf("YAML has %+v, JSON %+v", lists[1][i], s)
		}
	}
	return ids
}

// parseYAML reads it by way of JSON, whose names of fields it has.
func parseYAML(text []byte, into any) error {
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return err
	}
	again, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(again, into)
}

func TestListFilters(t *testing.T) {
	conn := serving(t)
	now := time.Now().UTC()
	bulk := recorded(t, conn, "bulk", func(r *ledger.Record) {
		r.Operation, r.State, r.Accepted = messages.OperationBulkCopy, ledger.Submitted, now.Add(-3*time.Hour)
	})
	recorded(t, conn, "leg", func(r *ledger.Record) {
		r.Parent, r.Accepted = &messages.Relative{Key: bulk}, now.Add(-2*time.Hour)
	})
	recorded(t, conn, "full", func(r *ledger.Record) {
		r.State, r.Failure, r.Accepted = ledger.Parked, &messages.Failure{Reason: messages.ReasonQuota}, now.Add(-time.Hour)
	})
	recorded(t, conn, "bad", func(r *ledger.Record) {
		r.Operation, r.State, r.Outcome, r.Finished = "share-image", ledger.Finished, messages.StateFailed, now
	})
	ended(t, conn, "old", messages.StateRejected, &messages.Failure{Reason: messages.ReasonInvalid})
	for args, want := range map[string]string{
		"":                                   "bulk leg full bad",
		"--history":                          "old bulk leg full bad", // when it was accepted its event does not tell
		"--state parked,failed":              "full bad",
		"--state parked --state failed":      "full bad",
		"--state not-succeeded --history":    "old bad",
		"--state open":                       "bulk leg full",
		"--operation copy-image,share-image": "leg full bad",
		"--cloud other":                      "",
		"--reason quota,invalid --history":   "old full",
		"--source /imsworker/sub*":           "bulk leg full bad",
		"--older-than 90m":                   "bulk leg",
		"--younger-than 150m":                "leg full bad",
		"--younger-than 0.5d --older-than 90m --operation copy-image": "leg",
		"--batch " + bulk:           "leg",
		"--reverse --limit 2":       "bad full",
		"--sort finished --limit 1": "bad",
		"--sort operation":          "bulk leg full bad",
		"--sort state":              "leg full bulk bad",
	} {
		if got := strings.Join(listed(t, strings.Fields(args)...), " "); got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
	if _, _, errOut := call(t, "", "requests", "ls", "--limit", "1"); errOut != "note: 1 of 4 requests are shown, --limit 0 shows all\n" {
		t.Errorf("got note %q", errOut)
	}
	if code, out, errOut := call(t, "", "requests", "ls", "--reason", "budget"); code != exitNotSucceeded || out != "" || !strings.Contains(errOut, "no worker answers") {
		t.Errorf("what nobody can tell: %d, %q, %q", code, out, errOut)
	}
	if code, out, errOut := call(t, "", "requests", "ls", "--cloud", "other"); code != exitDone || !strings.HasPrefix(out, "KEY") || !strings.Contains(errOut, "no request fits; --history") {
		t.Errorf("nothing: %d, %q, %q", code, out, errOut)
	}
}

// TestListRefuses tells all that is wrong at once, what is allowed and what may
// have been meant.
func TestListRefuses(t *testing.T) {
	code, _, errOut := call(t, "", "requests", "ls", "--state", "parkd,failed", "--operation", "copyimage", "--reason", "qota", "--batch", "X", "--older-than", "2w", "--younger-than", "-1h")
	for _, want := range []string{
		`--state is "parkd": did you mean parked? accepted, parked, `, `--operation is "copyimage": did you mean copy-image? `, `--reason is "qota": did you mean quota? invalid, `,
		`--batch is "X": the key of a bulk is wanted`, `--older-than is "2w": a time such as 90m, 2h or 3d is wanted`, `--younger-than is "-1h"`, "requests ls --help",
	} {
		if code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("got %d, %q: %q is missing", code, errOut, want)
		}
	}
	for want, args := range map[string][]string{
		`--sort is "age": `: {"--sort", "age"}, `--limit is -1: `: {"--limit", "-1"}, "leave no time between them": {"--older-than", "2h", "--younger-than", "1h"},
	} {
		if code, _, errOut := call(t, "", append([]string{"requests", "ls"}, args...)...); code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%v: %d, %q", args, code, errOut)
		}
	}
}

func TestFirstOpen(t *testing.T) {
	t.Parallel()
	open, over := client.Summary{State: "accepted"}, client.Summary{State: "failed"}
	list := []client.Summary{open, over, open, over, open}
	for most, want := range map[int]int{0: 0, 1: 2, 2: 4, 3: 5, 9: 5} {
		if got := len(firstOpen(slices.Clone(list), most)); got != want {
			t.Errorf("%d: got %d, want %d", most, got, want)
		}
	}
}

// TestLongTable: a table that is not kept is the same as one that is.
func TestLongTable(t *testing.T) {
	t.Parallel()
	list := []client.Summary{{Key: "k", Cloud: "größer", State: "accepted", ID: "a\tb"}, {Key: "longer", Operation: "漢字", State: "failed", Attempt: 2}}
	table := func(w io.Writer) { requestTable(w, list) }
	var long strings.Builder
	if err := printLong(&long, table); err != nil || long.String() != shown(table) {
		t.Errorf("got %v\n%swant\n%s", err, &long, shown(table))
	}
	if err := printLong(failing{}, table); err == nil {
		t.Error("an error of the output is lost")
	}
}

// failing takes nothing.
type failing struct{}

// Write implements io.Writer.
func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

// TestGetForms shows one request as JSON and YAML, which say the same.
func TestGetForms(t *testing.T) {
	conn := serving(t)
	key := recorded(t, conn, "a", nil)
	happened(t, conn, watchedRequest("a"), messages.StateAccepted, nil)
	for form, parse := range map[string]func([]byte, any) error{"json": json.Unmarshal, "yaml": parseYAML} {
		var d client.Detail
		code, out, errOut := call(t, "", "requests", "get", key, "-o", form)
		if err := parse([]byte(out), &d); code != exitDone || err != nil || d.Summary.Key != key || d.Record == nil || d.Record.ID != "a" || len(d.Events) != 1 {
			t.Errorf("%s: %d, %q, %v", form, code, errOut, err)
		}
	}
}
