package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// ErrNoOwner says that no worker works a shard now, so that nobody can tell
// live figures.
var ErrNoOwner = errors.New("no worker answers")

// askTime is how long the owner of a shard may take for one answer.
const askTime = 6 * time.Second

// askAtOnce is how many owners are asked at the same time.
const askAtOnce = 8

// Limits are the budgets of clouds, sorted by name.
type Limits struct {
	Clouds []messages.CloudLimits `json:"clouds"`
	// Silent are the shards that nobody answers for; their clouds are missing.
	Silent []int `json:"silent"`
}

// MayAsk is nil where this user may ask the workers for live figures; the error
// wraps broker.ErrDenied where it may not.
func (c *Client) MayAsk(ctx context.Context, cfg config.Config) error {
	return c.conn.MayAsk(ctx, cfg.Shards)
}

// MayAnswer is nil where this user, as a worker, may listen to those questions;
// the error wraps broker.ErrDenied where it may not.
func (c *Client) MayAnswer(ctx context.Context, cfg config.Config) error {
	return c.conn.MayListen(ctx, cfg.Shards)
}

// Limits asks the owners how accounts stand to their limits: that of one
// cloud, or of all where cloud is empty. ErrNoOwner: nobody answers for that
// cloud, or for any.
func (c *Client) Limits(ctx context.Context, cloud string) (found Limits, err error) {
	defer c.permitted(&ctx, &err)()
	streams, err := c.trackStreams(ctx)
	if err != nil {
		return Limits{}, err
	}
	found = Limits{Clouds: []messages.CloudLimits{}, Silent: []int{}}
	if cloud != "" {
		number := broker.ShardOf(cloud, len(streams))
		found.Clouds, err = c.limitsOf(ctx, number, cloud)
		switch {
		case errors.Is(err, ErrNoOwner):
			return found, fmt.Errorf("%w for cloud %s, which belongs to shard %02d: %s", err, cloud, number, startOne)
		case err == nil && len(found.Clouds) == 0:
			return found, fmt.Errorf("no cloud %q is known to the worker that would serve it: `imsworker limits` lists those that are, clouds.yaml configures them", cloud)
		}
		return found, err
	}
	for number := range streams {
		more, err := c.limitsOf(ctx, number)
		if errors.Is(err, ErrNoOwner) {
			found.Silent = append(found.Silent, number)
			continue
		}
		if err != nil {
			return found, err
		}
		found.Clouds = append(found.Clouds, more...)
	}
	if len(found.Silent) == len(streams) {
		return found, fmt.Errorf("%w: %s", ErrNoOwner, startOne)
	}
	slices.SortFunc(found.Clouds, func(a, b messages.CloudLimits) int { return strings.Compare(a.Cloud, b.Cloud) })
	return found, nil
}

// startOne is what to do where nobody answers.
const startOne = "start one (`imsworker serve`), or try again in some seconds if one has just stopped and another takes over"

// limitsOf asks one owner, page by page.
func (c *Client) limitsOf(ctx context.Context, number int, clouds ...string) (all []messages.CloudLimits, err error) {
	q := messages.LimitsQuestion{Clouds: clouds}
	for {
		var answer messages.LimitsAnswer
		if err := c.ask(ctx, number, messages.AskLimits, q, &answer); err != nil {
			return nil, err
		}
		if answer.Error != "" {
			return nil, fmt.Errorf("the owner of shard %02d cannot tell: %s", number, answer.Error)
		}
		all = append(all, answer.Clouds...)
		if q.After = answer.Next; q.After == "" {
			return all, nil
		}
	}
}

// Expect fills in the prospects of those in a list that have not ended. It is
// an error where one owner cannot be asked; the others' are filled in.
func (c *Client) Expect(ctx context.Context, list []Summary) (err error) {
	defer c.permitted(&ctx, &err)()
	streams, err := c.trackStreams(ctx)
	if err != nil {
		return err
	}
	byShard := map[int][]int{} // indexes in list
	for i, s := range list {
		if s.lives() {
			number := broker.ShardOf(s.Cloud, len(streams))
			byShard[number] = append(byShard[number], i)
		}
	}
	problems := make([]error, len(streams))
	var asking errgroup.Group // every shard has an owner of its own to answer
	asking.SetLimit(askAtOnce)
	for number, living := range byShard {
		asking.Go(func() error {
			for page := range slices.Chunk(living, messages.ProspectsPage) {
				if problems[number] = c.expect(ctx, number, list, page); problems[number] != nil {
					break
				}
			}
			return nil
		})
	}
	_ = asking.Wait()
	return errors.Join(problems...)
}

// ExpectOne fills in what is expected of a request that has not ended, and
// whether anybody serves it.
func (c *Client) ExpectOne(ctx context.Context, d *Detail) error {
	list := []Summary{d.Summary}
	err := c.Expect(ctx, list)
	d.Summary.Prospect, d.Unserved = list[0].Prospect, errors.Is(err, ErrNoOwner)
	if d.Unserved {
		return nil
	}
	return err
}

// lives reports whether the owner may have something to say of the request.
func (s Summary) lives() bool {
	return s.Finished.IsZero() || s.State == string(messages.StateUnresolved) || s.State == string(ledger.Finished)
}

// expect fills in one page of prospects.
func (c *Client) expect(ctx context.Context, number int, list []Summary, page []int) error {
	q, at := messages.RecordQuestion{}, map[string]int{}
	for _, i := range page {
		q.Keys = append(q.Keys, list[i].Key)
		at[list[i].Key] = i
	}
	var answer messages.ProspectsAnswer
	if err := c.ask(ctx, number, messages.AskRecord, q, &answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return fmt.Errorf("the owner of shard %02d cannot tell: %s", number, answer.Error)
	}
	for _, p := range answer.Requests {
		if i, asked := at[p.Key]; asked {
			list[i].Prospect = &p
		}
	}
	return nil
}

// ask asks the owner of a shard.
func (c *Client) ask(ctx context.Context, number int, what string, question, answer any) error {
	limited, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	text, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode the question: %w", err)
	}
	reply, err := c.conn.Query(limited, broker.QuerySubject(number, what), text)
	switch {
	case errors.Is(err, broker.ErrNobody):
		return ErrNoOwner
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return fmt.Errorf("the worker of shard %02d has not answered within %s: it hangs, or has just died; its log and /readyz tell: %w", number, askTime, err)
	case err != nil:
		return err
	}
	if err := json.Unmarshal(reply, answer); err != nil {
		return fmt.Errorf("read the answer of shard %02d: %w", number, err)
	}
	return nil
}
