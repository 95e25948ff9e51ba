package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/ops"
)

// signs of life: one line that is written over, every second, on a terminal;
// elsewhere a line from time to time. A nil one shows nothing.
type signs struct {
	out      io.Writer
	every    time.Duration
	over     string // what is written before a line
	under    string // and after it
	mu       sync.Mutex
	name     string
	doing    string
	begun    time.Time
	finished chan struct{}
	ended    sync.WaitGroup
}

func newSigns(out io.Writer) *signs {
	if ops.IsTerminal(out) {
		return &signs{out: out, every: time.Second, over: "\r\x1b[K"}
	}
	return &signs{out: out, every: 30 * time.Second, under: "\n"}
}

// begin shows from now on that a scenario runs.
func (s *signs) begin(name string) {
	if s == nil {
		return
	}
	s.name, s.doing, s.begun, s.finished = name, "starting", time.Now(), make(chan struct{})
	s.ended.Go(func() {
		for tick := time.NewTicker(s.every); ; {
			select {
			case <-tick.C:
				s.show()
			case <-s.finished:
				tick.Stop()
				return
			}
		}
	})
}

func (s *signs) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%s%s, %s: %s%s", s.over, s.name, time.Since(s.begun).Round(time.Second), s.doing, s.under)
}

// say changes what is shown.
func (s *signs) say(doing string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doing = doing
}

// end shows nothing any more. It may be called twice.
func (s *signs) end() {
	if s == nil || s.finished == nil {
		return
	}
	close(s.finished)
	s.ended.Wait()
	s.finished = nil
	fmt.Fprint(s.out, s.over)
}

// wait waits for a time of the cloud's clock and says so.
func (b *bench) wait(ctx context.Context, s *stage, what string, d time.Duration) error {
	end := s.fake.Now().Add(d)
	for now := s.fake.Now(); now.Before(end); now = s.fake.Now() {
		left := end.Sub(now)
		b.signs.say(fmt.Sprintf("%s, %s left by the cloud's clock; %d requests have ended", what, left.Round(time.Second), s.ends.count()))
		if err := s.sleep(ctx, min(left, time.Duration(s.factor*float64(time.Second)))); err != nil {
			return err
		}
	}
	return nil
}
