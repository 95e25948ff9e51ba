package app

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/imsworker/imsworker/internal/backup"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/hooks"
	"github.com/imsworker/imsworker/internal/intake"
	"github.com/imsworker/imsworker/internal/ops"
)

// backups is what the process knows of backups beside its shards.
type backups struct {
	metrics *backup.Metrics
	rules   atomic.Pointer[backup.Rules]
}

// startBackups reads the rules, where there are any, and follows their file
// for as long as ctx lasts. A file that is wrong keeps the worker from starting.
func (w *worker) startBackups(ctx context.Context) error {
	w.backups = &backups{metrics: backup.NewMetrics(w.registry, func(name string) bool { return slices.Contains(w.clouds.names(), name) })}
	if w.cfg.BackupRules == "" {
		for _, name := range w.clouds.names() {
			if conf, _ := w.clouds.backup(name); conf.Every > 0 {
				w.log.Warn("backup_watch has no effect without rules: name their file in IMSWORKER_BACKUP_RULES", "cloud", name)
			}
		}
		return nil
	}
	rules, err := backup.Load(w.cfg.BackupRules, w.clouds.forRules())
	if err != nil {
		return err
	}
	w.backups.rules.Store(rules)
	stands := w.follows(fileRules, "the file of backup rules")
	w.background.Go(func() { backup.Follow(ctx, w.cfg.BackupRules, w.clouds.forRules, w.backups.rules.Store, stands, w.log) })
	return nil
}

// startHooks listens for notices by HTTP, where an address is set.
func (w *worker) startHooks(ctx context.Context) error {
	if w.cfg.Hook.Listen == "" {
		return nil
	}
	h := hooks.New(hooks.Options{Token: string(w.cfg.Hook.Token), Cloud: w.clouds.hook, Store: w.conn, Log: w.log}, w.registry)
	server, err := ops.Serve(ctx, "IMSWORKER_HOOK_LISTEN", w.cfg.Hook.Listen, h.Handler(), w.log)
	if err != nil {
		return err
	}
	w.onStop("hooks", func(ctx context.Context) error { h.Close(); return server.Stop(ctx) })
	w.hooks = server
	w.log.Info("hooks listen", "address", server.Addr(), "cloudevents", w.cfg.Hook.Token != "")
	return nil
}

// hook is what the hooks need to know of a cloud.
func (c *clouds) hook(name string) (hooks.Cloud, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	conf, known := c.set.Get(name)
	return hooks.Cloud{Topics: conf.Settings.SMNTopics, SMN: conf.SMN, Consoles: conf.Consoles, TLS: conf.Client.TLS}, known
}

// desk is where a shard's backup notices are looked after.
func (w *worker) desk(number int, in *intake.Intake, g *engine.Engine) *backup.Desk {
	return backup.New(backup.Options{
		Shard: number, Shards: w.cfg.Shards, Store: w.conn, Clouds: w.clouds.names, Cloud: w.clouds.backup,
		Rules: w.backups.rules.Load, Pace: g.Pace, Requests: in, Metrics: w.backups.metrics, Log: w.log,
	})
}

// backup is what the desks need to know of a cloud.
func (c *clouds) backup(name string) (backup.Cloud, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	conf, known := c.set.Get(name)
	account := c.accounts[name]
	if !known || account == nil {
		return backup.Cloud{}, false
	}
	return backup.Cloud{
		Client: account.Client, Profile: conf.Profile, Scale: func(d time.Duration) time.Duration { return scale(conf.Settings, d) },
		Vaults: conf.Settings.BackupWatch.Vaults, Every: conf.Settings.BackupWatch.Every,
	}, true
}

// forRules is what rules for backups have to hold for.
func (c *clouds) forRules() backup.Clouds {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := backup.Clouds{Names: c.set.Entries()}
	for _, name := range c.set.Names() {
		if conf, _ := c.set.Get(name); !slices.Contains(all.Profiles, conf.Profile) {
			all.Profiles = append(all.Profiles, conf.Profile)
		}
	}
	return all
}
