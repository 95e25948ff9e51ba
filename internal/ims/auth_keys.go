package ims

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// skewWorthRetry is how wrong our clock must have been for a second try to
// make sense; the cloud refuses from 15 minutes on (API reference 1.4).
const skewWorthRetry = 5 * time.Minute

// keys authorises calls by signing them with access and secret key.
type keys struct {
	cfg   Config
	clock *clock
	once  *projects

	scribes sync.Pool // of *scribe
}

func newKeys(cfg Config, clock *clock, bare link) *keys {
	k := &keys{cfg: cfg, clock: clock, scribes: sync.Pool{New: func() any { return &scribe{} }}}
	k.once = newProjects(cfg, renewing(func(ctx context.Context, c call) (*reply, error) {
		c.sign = k.sign
		return bare(ctx, c)
	}, k))
	return k
}

func (k *keys) project(ctx context.Context) (string, error) { return k.once.get(ctx) }

// authorize needs the project also where the path does not: without its header
// the cloud would not know which project is meant.
func (k *keys) authorize(ctx context.Context, c *call) error {
	project, err := k.project(ctx)
	if err != nil {
		return err
	}
	c.header.Set("X-Project-Id", project)
	k.sign(c)
	return nil
}

func (k *keys) sign(c *call) {
	at := k.clock.now()
	if c.used != nil {
		c.used.at = at
	}
	c.header.Set("Host", c.url.Host) // signed, but it travels in the request's own field
	defer c.header.Del("Host")
	w := k.scribes.Get().(*scribe)
	defer k.scribes.Put(w)
	credentials := k.cfg.Credentials
	if k.cfg.Signing == SigningDerived {
		k.signLate(w, c, at)
		return
	}
	if token := credentials.SecurityToken; token != "" {
		c.header.Set("X-Security-Token", token.Reveal())
	}
	w.signSimple(signable{c.method, c.url, c.header, c.body}, credentials.AccessKey.Reveal(), credentials.SecretKey.Reveal(), at)
}

// signLate adds project and security token after signing, as variant B does.
func (k *keys) signLate(w *scribe, c *call, at time.Time) {
	credentials := k.cfg.Credentials
	project := c.header.Values("X-Project-Id")
	c.header.Del("X-Project-Id")
	w.signDerived(signable{c.method, c.url, c.header, c.body}, credentials.AccessKey.Reveal(), credentials.SecretKey.Reveal(), at)
	for _, p := range project {
		c.header.Set("X-Project-Id", p)
	}
	if token := credentials.SecurityToken; token != "" {
		c.header.Set("X-Security-Token", token.Reveal())
	}
}

// renew tries again only where the answer's Date has shown that our clock was
// wrong: keys do not get better by themselves.
func (k *keys) renew(used stamp) bool {
	elapsed := time.Since(used.at)
	now := k.clock.now()
	return !used.at.IsZero() && now.Sub(used.at.Add(max(0, min(elapsed, time.Minute)))).Abs() > skewWorthRetry
}

// projectCall finds a project by name; the region's own project has its name.
func projectCall(cfg Config) call {
	name := cfg.Credentials.ProjectName
	if name == "" {
		name = cfg.Region
	}
	return call{
		name: "Project", method: http.MethodGet, service: identityService,
		path: "/v3/projects", query: url.Values{"name": {name}},
	}
}
