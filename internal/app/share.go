package app

import (
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/shard"
)

// setEngine notes which engine works a shard; nil: none does.
func (w *worker) setEngine(number int, g *engine.Engine) {
	w.mu.Lock()
	if g == nil {
		delete(w.engines, number)
	} else {
		w.engines[number] = g
	}
	w.mu.Unlock()
	w.judgeShare()
}

// running returns the engines at work.
func (w *worker) running() []*engine.Engine {
	w.mu.Lock()
	defer w.mu.Unlock()
	engines := make([]*engine.Engine, 0, len(w.engines))
	for _, g := range w.engines {
		engines = append(engines, g)
	}
	return engines
}

// weight is what a shard's requests in flight weigh when replicas share the
// shards; false until they are loaded.
func (w *worker) weight(number int) (int, bool) {
	w.mu.Lock()
	g := w.engines[number]
	w.mu.Unlock()
	if !loaded(g) {
		return 0, false
	}
	return g.Weight(), true
}

// changeShare notes this replica's part of the shards.
func (w *worker) changeShare(s shard.Share) {
	w.mu.Lock()
	w.share = s
	w.mu.Unlock()
	w.judgeShare()
}

// judgeShare says whether the replica is ready: it has its share of the shards,
// which may be none, and their records are loaded.
func (w *worker) judgeShare() {
	w.mu.Lock()
	share, ready := w.share, w.share.Settled
	for _, number := range share.Shards {
		ready = ready && loaded(w.engines[number])
	}
	w.health.Set(readyShards, ready)
	w.mu.Unlock()
	if !ready {
		return
	}
	w.readyOnce.Do(func() {
		w.log.Info("worker ready", "shards", len(share.Shards), "replicas", share.Members)
		if w.deps.Ready != nil {
			w.deps.Ready(w.addresses())
		}
	})
}

func loaded(g *engine.Engine) bool {
	if g == nil {
		return false
	}
	select {
	case <-g.Ready():
		return true
	default:
		return false
	}
}
