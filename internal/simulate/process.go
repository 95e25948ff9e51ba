package simulate

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errKilled is what a process that does not live any more gets for an answer.
var errKilled = errors.New("the process was killed")

// process is one life of a replica. Whatever it does to the world goes through
// its gate: a killed process does nothing any more, a paused one nothing until
// it goes on.
type process struct {
	name string
	dead chan struct{}

	mu      sync.Mutex
	killed  bool
	going   chan struct{} // closed while it is not paused
	paused  time.Time     // since when; zero while it is not
	leaving bool          // it was told to end
}

func newProcess(name string) *process {
	going := make(chan struct{})
	close(going)
	return &process{name: name, dead: make(chan struct{}), going: going}
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.killed {
		p.killed = true
		close(p.dead)
	}
}

func (p *process) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused.IsZero() {
		p.paused, p.going = time.Now(), make(chan struct{})
	}
}

func (p *process) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.paused.IsZero() {
		p.paused = time.Time{}
		close(p.going)
	}
}

// silent reports whether nobody hears of the process.
func (p *process) silent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed || !p.paused.IsZero()
}

// gate lets a living process through, at once or when it goes on.
func (p *process) gate() error {
	p.mu.Lock()
	going := p.going
	p.mu.Unlock()
	select {
	case <-p.dead:
		return errKilled
	default:
	}
	select {
	case <-going:
		return nil
	case <-p.dead:
		return errKilled
	}
}

// sleep lets time pass for something that the process waits for, and then
// looks whether the process still goes on.
func (p *process) sleep(ctx context.Context, d time.Duration) error {
	if err := p.gate(); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	var ended error
	select {
	case <-timer.C:
	case <-ctx.Done():
		ended = context.Cause(ctx)
	case <-p.dead:
	}
	if err := p.gate(); err != nil {
		return err
	}
	return ended
}

// leave reports whether the process may be ended so: it is ended once, and
// nothing else befalls it afterwards.
func (p *process) leave(kind string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leaving {
		return false
	}
	p.leaving = kind != "pause"
	return true
}
