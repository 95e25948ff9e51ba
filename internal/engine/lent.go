package engine

import (
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ims"
)

// A copy to another region is looked for where it appears, by whoever owns the
// cloud that it was asked of: not the one who owns the place, and counts its
// calls. So each cloud leaves a tenth of its questions to the clouds that may
// ask, in equal parts. Nobody has to ask for that.

// tenth is the part that is lent.
const tenth = 10

// lends reports whether others may need the bucket of a cloud.
func lends(bucket string) bool {
	switch bucket {
	case listBucket, "get_image", "update", "tags", ims.IdentityBucket:
		return true
	}
	return false
}

// all is a cloud's limit for questions, whoever asks.
func all(conf *Account, bucket string) budget.Limit {
	if conf == nil {
		return budget.Limit{}
	}
	l := conf.Limits[bucket]
	if l.Count > 0 && mixed(bucket) {
		l.Count = max(1, l.Count-l.Count/2)
	}
	return l
}

// questions is what the owner of a cloud may ask: all but what it lends.
func questions(conf *Account, bucket string) budget.Limit {
	l := all(conf, bucket)
	if l.Count > 0 && lends(bucket) && conf.Askers > 0 {
		l.Count = max(1, l.Count-(l.Count+tenth-1)/tenth)
	}
	return l
}

// lent is what one of those may ask who look into a cloud from outside: a call
// in several windows where its part of one is less than that.
func lent(conf *Account, bucket string) budget.Limit {
	l := all(conf, bucket)
	if l.Count <= 0 {
		return l
	}
	parts := tenth * max(1, conf.Askers)
	if l.Count >= parts {
		l.Count /= parts
		return l
	}
	return budget.Limit{Count: 1, Window: l.Window * time.Duration(parts) / time.Duration(l.Count)}
}

// bucketAt is the bucket of questions that the account asks a cloud: its own, or
// its part of what another one lends.
func (g *Engine) bucketAt(a *account, cloud, bucket string) *budget.Paced {
	if cloud == a.name {
		return a.query(bucket)
	}
	var l budget.Limit
	if conf, known := g.Clouds.Account(cloud); known {
		l = lent(conf, bucket)
	}
	name := cloud + "/" + bucket
	p := a.abroad[name]
	if p == nil {
		p = budget.NewPaced(l, time.Now())
		a.abroad[name] = p
	}
	p.Resize(l, time.Now())
	return p
}
