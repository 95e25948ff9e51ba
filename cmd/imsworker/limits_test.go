package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

var limitsNow = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// someLimits are of two accounts in all sorts of trouble.
func someLimits() []messages.CloudLimits {
	return []messages.CloudLimits{
		{Cloud: "eu-de-prod", Configured: true, Waiting: 37, Following: 600, Buckets: []messages.BucketUse{
			{Bucket: "copy", Kind: messages.BucketCreates, Limit: new(7), Configured: new(15), Seconds: 300, Used: 7, Left: new(0), Running: 1, Waiting: 35, Next: new(limitsNow.Add(72 * time.Second))},
			{Bucket: "export", Kind: messages.BucketCreates, Limit: new(20), Seconds: 300, Left: new(20)},
			{Bucket: "show_job", Kind: messages.BucketQueries, Limit: new(1400), Seconds: 60, Waiting: 3, ClosedUntil: new(limitsNow.Add(time.Minute)), ClosedBy: "APIGW.0308"},
			{Bucket: "cross_region_concurrent", Kind: messages.BucketSlots, Limit: new(5), Used: 5, Left: new(0), Running: 5, Waiting: 2},
			{Bucket: "whole", Kind: messages.BucketCreates, Limit: new(20), Seconds: 120, Used: 3, Left: new(17), Running: 2},
		}},
		{Cloud: "eu-nl", Configured: true, Paused: []string{messages.PausedAll}, Buckets: []messages.BucketUse{
			{Bucket: "copy", Kind: messages.BucketCreates, Limit: new(7), Configured: new(15), Seconds: 300, Used: 4, Refused: 8, Left: new(3)},
		}},
		{Cloud: "eu-pl", Configured: true, Paused: []string{"copy-image", "export-image"}},
		{Cloud: "old", Waiting: 1, RefusedUntil: new(limitsNow.Add(15 * time.Second))},
	}
}

func TestLimitsTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		all  bool
		want string
	}{
		"in use": {false, `
CLOUD       LIMIT OF                 KIND     LIMIT       USED  LEFT  RUNNING  IN LINE  NEXT      NOTE
eu-de-prod  cross_region_concurrent  slots    5 at once   5     0     5        2        -         -
eu-de-prod  copy                     creates  7 in 5m     7     0     1        35       in 1m12s  learned; configured are 15
eu-de-prod  whole                    creates  20 in 2m    3     17    2        0        now       -
eu-de-prod  show_job                 queries  1400 in 1m  -     -     -        3        in 1m0s   closed, opens in 1m0s: APIGW.0308
eu-nl       copy                     creates  7 in 5m     4     3     0        0        paused    8 more were refused; learned; configured are 15

eu-de-prod: 37 requests in line, 600 under way at the cloud
eu-nl: 0 requests in line, 0 under way at the cloud; nothing new of it is submitted: paused until "imsworker resume eu-nl"
eu-pl: 0 requests in line, 0 under way at the cloud; nothing new of copy-image is submitted: paused until "imsworker resume eu-pl --operation copy-image"; nothing new of export-image is submitted: paused until "imsworker resume eu-pl --operation export-image"
old: 1 request in line, 0 under way at the cloud; it is not in clouds.yaml: its requests wait until it is; it refuses the credentials, the next try is in 15s
`},
		"all": {true, `
CLOUD       LIMIT OF                 KIND     LIMIT       USED  LEFT  RUNNING  IN LINE  NEXT      NOTE
eu-de-prod  cross_region_concurrent  slots    5 at once   5     0     5        2        -         -
eu-de-prod  copy                     creates  7 in 5m     7     0     1        35       in 1m12s  learned; configured are 15
eu-de-prod  export                   creates  20 in 5m    0     20    0        0        now       -
eu-de-prod  whole                    creates  20 in 2m    3     17    2        0        now       -
eu-de-prod  show_job                 queries  1400 in 1m  -     -     -        3        in 1m0s   closed, opens in 1m0s: APIGW.0308
eu-nl       copy                     creates  7 in 5m     4     3     0        0        paused    8 more were refused; learned; configured are 15

eu-de-prod: 37 requests in line, 600 under way at the cloud
eu-nl: 0 requests in line, 0 under way at the cloud; nothing new of it is submitted: paused until "imsworker resume eu-nl"
eu-pl: 0 requests in line, 0 under way at the cloud; nothing new of copy-image is submitted: paused until "imsworker resume eu-pl --operation copy-image"; nothing new of export-image is submitted: paused until "imsworker resume eu-pl --operation export-image"
old: 1 request in line, 0 under way at the cloud; it is not in clouds.yaml: its requests wait until it is; it refuses the credentials, the next try is in 15s
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			tabs := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
			limitsTable(tabs, client.Limits{Clouds: someLimits()}, c.all, limitsNow)
			if err := tabs.Flush(); err != nil || "\n"+b.String() != c.want {
				t.Errorf("got %v\n%s\nwant%s", err, b.String(), c.want)
			}
		})
	}
}

// TestLimitsCommand asks a broker without any worker, then one owner of two.
func TestLimitsCommand(t *testing.T) {
	conn := serving(t)
	for name, args := range map[string][]string{"all": {"limits"}, "one": {"limits", "demo"}} {
		if code, out, errOut := call(t, "", args...); code != exitNotSucceeded || out != "" || !strings.Contains(errOut, "no worker answers") || !strings.Contains(errOut, "imsworker serve") {
			t.Errorf("%s: got %d, %q, %q", name, code, out, errOut)
		}
	}
	if code, _, _ := call(t, "", "limits", "a", "b"); code != exitUsage {
		t.Errorf("two clouds: got %d", code)
	}
	owner := broker.ShardOf("eu-de-prod", 2)
	ctx, stop := context.WithCancel(t.Context())
	var ends sync.WaitGroup
	ends.Go(func() {
		_ = conn.Answer(ctx, broker.QueryFilter(owner), func(_ string, _ []byte) []byte {
			text, err := json.Marshal(messages.LimitsAnswer{Clouds: someLimits()})
			if err != nil {
				return nil
			}
			return text
		})
	})
	defer func() { stop(); ends.Wait() }()
	for err := broker.ErrNobody; errors.Is(err, broker.ErrNobody); { // until it listens
		_, err = conn.Query(t.Context(), broker.QuerySubject(owner, "limits"), nil)
	}
	var found client.Limits
	code, out, errOut := call(t, "", "limits", "-o", "json")
	if err := json.Unmarshal([]byte(out), &found); err != nil || len(found.Clouds) != len(someLimits()) || *found.Clouds[0].Buckets[0].Left != 0 {
		t.Errorf("got %v, %s", err, out)
	}
	if code != exitNotSucceeded || !strings.Contains(errOut, "nobody answers for shard 0") {
		t.Errorf("a shard without owner: got %d, %q", code, errOut)
	}
	if code, out, errOut = call(t, "", "limits", "eu-de-prod", "-o", "yaml"); code != exitDone || errOut != "" || !strings.Contains(out, "- cloud: eu-de-prod\n") {
		t.Errorf("got %d, %q, %q", code, out, errOut)
	}
}
