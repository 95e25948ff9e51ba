package engine

import (
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// Hold makes the engine look again at what is held back. It never blocks.
func (g *Engine) Hold() {
	select {
	case g.holds <- struct{}{}:
	default:
	}
}

// heldBack reports whether nothing new of an operation is to be submitted to a
// cloud, because somebody said so or another one works the account.
func (g *Engine) heldBack(cloud, operation string) bool { return g.held(cloud, operation) != "" }

// held is why, empty where it may be submitted.
func (g *Engine) held(cloud, operation string) messages.WaitReason {
	if g.Held == nil {
		return ""
	}
	return g.Held(cloud, operation)
}

// rehold takes what is held back now out of the queues, and puts back in what
// is not any more.
func (g *Engine) rehold() {
	for _, e := range g.entries {
		if e.batch != nil && e.state == ledger.Submitted && !g.heldBack(e.account.name, e.operation) {
			e.batch.woken = true // legs that wait are begun
			g.settle(e)
		}
		if e.state != ledger.Accepted && e.state != ledger.Parked {
			continue
		}
		if e.place >= 0 && g.heldBack(e.account.name, e.operation) {
			e.account.leave(e)
		}
		g.settle(e)
	}
}

// Hold says that somebody has paused an operation of a cloud, or goes on with
// it; all of them where it is empty.
func (m *Metrics) Hold(cloud, operation string, on bool) {
	m.mu.Lock()
	m.said[[2]string{cloud, operation}] = on
	m.mu.Unlock()
	m.showPaused(cloud, operation)
}

// paused says that the cloud refuses its credentials, or takes them again.
func (m *Metrics) paused(cloud string, on bool) {
	m.mu.Lock()
	m.refused[cloud] = on
	m.mu.Unlock()
	m.showPaused(cloud, "")
}

// Taken says that another cloud is the same account and works it, or does not
// any more.
func (m *Metrics) Taken(cloud string, on bool) {
	name, _ := m.Label(cloud, "")
	m.taken.WithLabelValues(name).Set(truth(on))
	m.mu.Lock()
	m.held[cloud] = on
	m.mu.Unlock()
	m.showPaused(cloud, "")
}

func truth(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func (m *Metrics) showPaused(cloud, operation string) {
	m.mu.Lock()
	on := m.said[[2]string{cloud, operation}] || operation == "" && (m.refused[cloud] || m.held[cloud])
	m.mu.Unlock()
	name, label := m.Label(cloud, operation)
	if operation == "" {
		label = "all"
	}
	m.pauses.WithLabelValues(name, label).Set(truth(on))
}
