package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// readAtOnce is how many ledger streams are read at the same time.
const readAtOnce = 4

// Requests lists the requests that have a record, oldest first: all that live and what ended in the last hour. Messages that
// cannot be read as a record are skipped; a newer worker may have written them. It is an error where the filter asks for
// what only workers know and one does not answer.
func (c *Client) Requests(ctx context.Context, f Filter) (list []Summary, err error) {
	defer c.permitted(&ctx, &err)()
	g := &gathering{filter: &f, found: map[string]*Summary{}}
	if f.History {
		if err := c.ended(ctx, g); err != nil {
			return nil, err
		}
	}
	if err := c.records(ctx, g); err != nil {
		return nil, err
	}
	list = g.chosen()
	if f.asks() {
		if err := c.Expect(ctx, list); err != nil {
			return nil, fmt.Errorf("ask why requests wait: %w", err)
		}
		list = slices.DeleteFunc(list, func(s Summary) bool { return !f.hasReason(&s) })
	}
	return list, c.addCounts(ctx, list)
}

// records reads the ledgers.
func (c *Client) records(ctx context.Context, g *gathering) error {
	streams, err := c.trackStreams(ctx)
	if err != nil {
		return err
	}
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(readAtOnce)
	for _, stream := range g.filter.shards(streams) {
		reading.Go(func() error {
			var briefs ledger.Briefs
			err := c.read(ctx, stream, trackFilter(stream), func(m broker.Stored) {
				if r, err := briefs.Brief(m.Data); err == nil {
					g.add(summaryOfBrief(r))
				}
			})
			if err != nil {
				return fmt.Errorf("read %s: %w", stream, err)
			}
			return nil
		})
	}
	return reading.Wait()
}

// shards are those of the ledgers that can hold what is looked for.
func (f *Filter) shards(streams []string) []string {
	if len(f.Clouds) == 0 {
		return streams
	}
	var wanted []string
	for _, cloud := range f.Clouds {
		wanted = append(wanted, broker.TrackStream(broker.ShardOf(cloud, len(streams))))
	}
	return slices.DeleteFunc(slices.Clone(streams), func(stream string) bool { return !slices.Contains(wanted, stream) })
}

// ended reads the final events; of several attempts the newest counts.
func (c *Client) ended(ctx context.Context, g *gathering) error {
	if err := c.need(ctx, broker.StreamEvents); err != nil {
		return err
	}
	filter := "ims.event." + only(g.filter.Clouds) + "." + only(g.filter.Operations) + ".final.>"
	err := c.read(ctx, broker.StreamEvents, filter, func(m broker.Stored) {
		meta, event, err := messages.DecodeEvent(m.Header, m.Data)
		if err == nil && meta.Attempt >= g.attempt(meta.Key) {
			g.add(summaryOfEvent(meta, event))
		}
	})
	if err != nil {
		return fmt.Errorf("read final events: %w", err)
	}
	return nil
}

// only is the token of a subject that lets through all that may be chosen.
func only(values []string) string {
	if len(values) != 1 || values[0] == "" || strings.ContainsAny(values[0], ".*> \t\r\n") {
		return "*"
	}
	return values[0]
}

// gathering collects what may be in a list: of each request what was told last.
type gathering struct {
	filter *Filter
	mu     sync.Mutex
	found  map[string]*Summary // by key
}

func (g *gathering) add(s Summary) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, there := g.found[s.Key]
	switch {
	case there:
		*before = s
	case g.filter.History || g.filter.matches(&s): // an end that does not match may hide one of an earlier attempt that does
		g.found[s.Key] = &s
	}
}

// attempt is the one of that key that was told last, 0 if none was.
func (g *gathering) attempt(key string) int {
	if s, there := g.found[key]; there {
		return s.Attempt
	}
	return 0
}

// chosen are those that match, oldest first.
func (g *gathering) chosen() []Summary {
	fit := make([]*Summary, 0, len(g.found))
	for _, s := range g.found {
		if g.filter.matches(s) {
			fit = append(fit, s)
		}
	}
	g.found = nil
	slices.SortFunc(fit, func(a, b *Summary) int {
		return cmp.Or(a.Accepted.Compare(b.Accepted), strings.Compare(a.Key, b.Key))
	})
	list := make([]Summary, len(fit))
	for i, s := range fit {
		list[i], fit[i] = *s, nil
	}
	return list
}

func summaryOfBrief(b ledger.Brief) Summary {
	s := Summary{
		Key: b.Key, Cloud: b.Cloud, Operation: b.Operation, Source: b.Source, ID: b.ID, Attempt: b.Attempt, State: string(b.State), Reason: b.Reason,
		JobID: b.JobID, Accepted: b.Accepted, Submitted: b.Submitted, Finished: b.Finished, Legs: b.Counts, Parent: b.Parent,
	}
	if b.State == ledger.Finished && b.Outcome != "" {
		s.State = string(b.Outcome)
	}
	return s
}
