package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
)

// How often a screen looks whether there is something to draw, how long it may stand without, and how often and about how many
// requests the workers are asked what they expect.
const (
	lookEvery = 200 * time.Millisecond
	drawEvery = time.Second
	askEvery  = 5 * time.Second
	askMost   = 100
)

// animate keeps the screen up to date while the requests are watched.
func (w *watcher) animate(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	changed := make(chan struct{}, 1)
	w.screen.open()
	defer w.screen.close()
	defer others.Wait()
	defer cancel()
	others.Go(func() { w.redraw(ctx, changed) })
	asked := false
	return w.client.Watch(ctx, w.of, func(n client.News) {
		w.board.take(n)
		select {
		case changed <- struct{}{}:
		default:
		}
		if !asked {
			asked = true
			others.Go(func() { w.ask(ctx) })
		}
	})
}

// redraw draws what has changed, at the pace of people, and follows the terminal when its size changes.
func (w *watcher) redraw(ctx context.Context, changed <-chan struct{}) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	dirty, drawn := true, time.Time{}
	for {
		anew := w.screen.measure()
		now := time.Now()
		w.board.connected(w.client.Connected())
		if dirty || anew || now.Sub(drawn) >= drawEvery {
			w.screen.draw(w.board.frame(w.screen.columns, w.screen.rows, now, w.paint), anew)
			dirty, drawn = false, now
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		select {
		case <-changed:
			dirty = true
		default:
		}
	}
}

// ask asks the workers what they expect of what the screen can show, unless it may not.
func (w *watcher) ask(ctx context.Context) {
	pause := time.NewTicker(askEvery)
	defer pause.Stop()
	for {
		list := w.board.asked(askMost)
		if err := w.client.Expect(ctx, list); errors.Is(err, broker.ErrDenied) {
			return
		}
		w.board.expect(list)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
	}
}

// notSucceeded reports whether one has ended so that somebody should hear of it.
func (b *board) notSucceeded() bool {
	for _, i := range b.order {
		if i.Summary.NotSucceeded() {
			return true
		}
	}
	return false
}

// endTable shows how all that were watched have ended.
func (b *board) endTable(w io.Writer) {
	head(w, "KEY", narrow("OPERATION"), "STATE", folded("DETAIL"))
	for _, i := range b.order {
		row(w, i.Summary.Key, i.Summary.Operation, toned{i.Summary.State, stateTone(i.Summary.State)}, i.ending())
	}
	if i := b.bulk(); i != nil && b.notSucceeded() && i.Event != nil {
		fmt.Fprintln(w)
		endedLegRows(w, i.Summary.Key, *i.Event)
	}
}
