//go:build rules

package notify

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/promtest"
)

// TestAlertsOfNotices: a receiver that refuses all notices for what stands in
// them takes nothing and does not ail; what is told is that they are given up.
func TestAlertsOfNotices(t *testing.T) {
	t.Parallel()
	const job, lasts = "imsworker", 40 * time.Minute
	rules := promtest.Rules(t, promtest.RulesFile(t, 2))
	storage := promtest.New(t, "imsworker_notifications")
	var begun time.Time
	synctest.Test(t, func(t *testing.T) {
		begun = time.Now()
		n, _, shown := notifier(t, "http://receiver.example/")
		n.to.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return status(http.StatusUnprocessableEntity), nil })
		q := newQueue(t)
		go n.work(t.Context(), q.out)
		q.feed(t.Context(), 1, 3)
		for time.Since(begun) < lasts {
			synctest.Wait()
			storage.Scraped(time.Now(), promtest.Target{Job: job, Instance: "replica-1:8080"}, promtest.Render(t, shown))
			time.Sleep(time.Minute)
		}
		q.hands.Wait()
		close(q.out)
	})
	p := storage.Open(promtest.RulesFile(t, 2), time.Minute)
	fires := func(alert string, at time.Duration) bool {
		return p.Fires(promtest.Alert(t, rules, alert), job, begun.Add(at), time.Minute)
	}
	if fires("ImsworkerNotificationsGivenUp", 15*time.Minute) || !fires("ImsworkerNotificationsGivenUp", 30*time.Minute) {
		t.Error("somebody is to be told when notices are given up, and not before")
	}
	if fires("ImsworkerNotificationsFailing", 30*time.Minute) {
		t.Error("a receiver that refuses is told of as one that ails")
	}
}
