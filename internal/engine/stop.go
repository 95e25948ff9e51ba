package engine

import (
	"context"
	"time"
)

// hushAfter is how long questions to the cloud may go on when the engine is to
// stop: the next owner asks them anew, and waits for this one until then.
const hushAfter = 500 * time.Millisecond

type askingKey struct{}

// withAsking gives the steps a second context, for what may be cut off sooner
// than they.
func withAsking(steps context.Context) (context.Context, context.CancelFunc) {
	asking, hush := context.WithCancel(steps)
	return context.WithValue(steps, askingKey{}, asking), hush
}

// asking is the context for questions to the cloud that a step asks.
func asking(ctx context.Context) context.Context {
	if a, known := ctx.Value(askingKey{}).(context.Context); known {
		return a
	}
	return ctx
}

// drain waits for the running steps: a moment for those that only ask, for
// Drain at most for those that may have begun something. Then their context
// ends and they return at once.
func (g *Engine) drain(ctx context.Context, hush context.CancelFunc, cancel context.CancelCauseFunc) {
	g.stopping = true
	defer time.AfterFunc(hushAfter, hush).Stop()
	defer time.AfterFunc(g.Drain, func() { cancel(context.Cause(ctx)) }).Stop()
	defer g.dismiss()
	defer g.saveAll()
	defer g.unpause()
	for g.running > 0 {
		select {
		case res := <-g.results:
			g.conclude(res)
		case <-g.news:
		case look := <-g.asked:
			look()
		}
	}
}

// unpause takes back what this owner has shown of clouds that refuse their
// credentials: the next one finds out by itself, perhaps in another process.
func (g *Engine) unpause() {
	for _, a := range g.accounts {
		if a.pause.times > 0 {
			g.Metrics.paused(a.name, false)
		}
	}
}

// dismiss ends the goroutines that wait for another step.
func (g *Engine) dismiss() {
	for _, p := range g.pools {
		close(p.work)
	}
}
