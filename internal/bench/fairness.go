package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// fairness is the scenario of one publisher with a bulk, and another with a
// single request at a time.
type fairness struct {
	bulk   int
	rounds int
	factor float64
}

func (s fairness) run(ctx context.Context, b *bench) (err error) {
	slots := fakecloud.Limit{Count: 1, Window: fakecloud.Duration(slotEvery)}
	stage, err := startStage(ctx, s.factor, account{
		name: "worker", settings: fmt.Sprintf("limits: {copy: 1/%s}", slotEvery),
		switches: fakecloud.Switches{Durations: ordinary, Limits: map[string]fakecloud.Limit{"copy": slots}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.stop()) }()
	for range s.bulk {
		if _, err := stage.request("worker", "copy-image", "/bulk", copyOf); err != nil {
			return err
		}
	}
	if err := stage.flush(); err != nil {
		return err
	}
	b.signs.say("waiting until the bulk waits")
	if err := until(ctx, func() bool { return stage.ends.begunCount() >= s.bulk }); err != nil {
		return err
	}
	ahead, waits := map[int]int{}, time.Duration(0)
	for n := range s.rounds {
		b.signs.say(fmt.Sprintf("request %d of %d", n+1, s.rounds))
		slots, wait, err := s.single(ctx, stage)
		if err != nil {
			return err
		}
		ahead[slots]++
		waits = max(waits, wait)
	}
	fmt.Fprintf(b.out, "%d requests of one source, then %d of another one after the other, a slot every %s, %.0f times faster than the wall's clock;\n"+
		"the single ones waited %s at most\n\n", s.bulk, s.rounds, slotEvery, s.factor, waits.Round(time.Second))
	return b.tell([]figure{{"fairness_slots_ahead", float64(slices.Max(slices.Collect(maps.Keys(ahead)))), "slots", "≤ 1"}})
}

// slotEvery is the time between two slots. Of slots that open together nobody
// could say from outside which was given first.
const slotEvery = 20 * time.Second

// single sends one request and counts how many of the others begin between the
// moment in which it is accepted and its own begin.
func (s fairness) single(ctx context.Context, stage *stage) (slots int, wait time.Duration, err error) {
	if err := stage.sleep(ctx, slotEvery/2); err != nil {
		return 0, 0, err
	}
	key, err := stage.request("worker", "copy-image", "/single", copyOf)
	if err != nil {
		return 0, 0, err
	}
	if err := stage.flush(); err != nil {
		return 0, 0, err
	}
	var own time.Time
	err = until(ctx, func() bool {
		own = stage.begunAt(key)
		return !own.IsZero()
	})
	if err != nil {
		return 0, 0, err
	}
	accepted := stage.ends.acceptedAt(key)
	for _, m := range stage.fake.Begun("worker") {
		if m.Time.After(accepted) && m.Time.Before(own) {
			slots++
		}
	}
	return slots, own.Sub(accepted), nil
}
