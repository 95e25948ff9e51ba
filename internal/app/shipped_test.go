package app_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// guarded is a worker over the broker as it is configured in deployments/nats,
// whose streams the administrator has made; the test has the operator's rights.
type guarded struct {
	*system

	broker *brokertest.Shipped
}

// withGuard makes all that is there before the first worker starts.
func withGuard(t *testing.T, s *system, change func(string) string) guarded {
	t.Helper()
	g := guarded{system: s, broker: brokertest.StartShipped(t, change)}
	s.cfg.NATS = g.broker.NATS("worker")
	operator := g.broker.Options("operator")
	s.broker = &operator
	s.deps.Log = slog.New(slog.NewTextHandler(s.logs, nil))
	as := s.cfg
	as.NATS = g.broker.NATS("administrator")
	admin := g.client("administrator")
	if made, err := admin.ApplyStreams(t.Context(), as, client.Others{Notifier: true, Readers: []string{"demo"}}); err != nil || !made.Plan.Applicable() || len(made.Done) == 0 {
		t.Fatalf("the administrator makes the streams: %v\n%s", err, made.Plan)
	}
	return g
}

// client is what the command line has with a user's credentials.
func (g guarded) client(user string) *client.Client {
	g.t.Helper()
	as := g.cfg
	as.NATS = g.broker.NATS(user)
	c, err := client.Dial(g.t.Context(), as)
	if err != nil {
		g.t.Fatalf("%s: %v", user, err)
	}
	g.t.Cleanup(c.Close)
	return c
}

// nats is a connection without anything of ours. What it is refused goes into
// the channel.
func (g guarded) nats(user string) (*nats.Conn, <-chan error) {
	g.t.Helper()
	o := g.broker.Options(user)
	nkey, err := nats.NkeyOptionFromSeed(o.Nkey)
	if err != nil {
		g.t.Fatal(err)
	}
	refused := make(chan error, 256)
	nc, err := nats.Connect(o.URL, nkey, nats.RootCAs(o.CA), nats.CustomInboxPrefix(o.InboxPrefix),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		g.t.Fatalf("%s: %v", user, err)
	}
	g.t.Cleanup(nc.Close)
	return nc, refused
}

func copyAs(id string) messages.Request {
	return messages.Request{Identity: messages.Identity{Source: "/test", ID: id}, Cloud: "demo", Operation: "copy-image", Data: []byte(copyBase)}
}

// TestShippedWorker: with the rights that are shipped a worker does all that a
// worker does, and is refused nothing: single requests, bulks, backups by all
// channels, notices, questions, and going on where another one has stopped.
func TestShippedWorker(t *testing.T) {
	t.Parallel()
	n := &notices{got: map[string]string{}}
	receiver := httptest.NewServer(n)
	t.Cleanup(receiver.Close)
	g := withGuard(t, ruled(t, everyBackup, ", smn_topics: ['"+fakecloud.Demo().Topic("backups")+"'], backup_watch: {every: 30s}, allow_steps: [update-image]"), nil)
	g.cfg.Hook.Listen, g.cfg.Hook.Token, g.cfg.NotifyURL = "127.0.0.1:0", hookToken, config.Secret(receiver.URL)
	g.start()
	publisher := g.client("publisher_demo")
	if _, err := publisher.Submit(t.Context(), copyAs("single")); err != nil {
		t.Fatalf("publish: %v", err)
	}
	g.publish("ims.request.demo.bulk-copy", `{"images":["`+fakecloud.DemoImage+`"],"targets":[{"name":"a"},{"name":"b"}]}`, nats.Header{"Nats-Msg-Id": {"bulk"}})
	g.publish("ims.request.demo.copy-image", strings.Replace(copyBase, "{", `{"options":{"on_success":[{"operation":"update-image","name":"next"}]},`, 1), copyEvent("steps"))
	g.publish("ims.request.demo.copy-image", strings.Replace(copyBase, `"name"`, `"nmae"`, 1), copyEvent("wrong"))
	backups := make([]string, 3)
	for i := range backups {
		backups[i] = g.backup(fakecloud.Backup{ResourceName: "web-01"}, time.Duration(i)*20*time.Second)
		g.announce(i, backups[i])
	}
	second := &system{t: t, cfg: g.cfg, deps: g.deps, logs: g.logs, broker: g.system.broker}
	second.cfg.Instance = "second"
	second.start()
	g.publish("ims.request.demo.copy-image", copyBase, copyEvent("handed over"))
	g.system.stop()
	for _, key := range []string{messages.Key("demo", "/test", "single"), messages.Key("demo", "/test", "steps"), messages.Key("demo", "/test", "handed over"), backupKey(backups[0]), backupKey(backups[1]), backupKey(backups[2])} {
		if final := g.final(key); final.State != messages.StateSucceeded {
			t.Errorf("ended %s %+v", final.State, final.Error)
		}
	}
	if final := g.final(messages.Key("demo", "nats", "bulk")); final.State != messages.StateBatchCompleted || final.Batch.Counts.Succeeded != 2 {
		t.Errorf("the bulk ended %s %+v %+v", final.State, final.Error, final.Batch)
	}
	g.await("the notice of what was wrong", func() bool { return len(n.ids()) == 1 })
	second.stop()
	if log := g.logs.String(); strings.Contains(log, "not permitted") || strings.Contains(log, "Permissions Violation") {
		t.Errorf("the worker lacks a right:\n%s", grep(log, "ermi"))
	}
}

// TestShippedTenants: a publisher publishes its one operation, a reader reads
// its cloud's events, and neither can anything else, be it by the subject of an
// answer.
func TestShippedTenants(t *testing.T) {
	t.Parallel()
	g := withGuard(t, newSystem(t, "", nil), nil)
	publisher := g.client("publisher_demo")
	if _, err := publisher.Submit(t.Context(), copyAs("a")); err != nil {
		t.Fatal(err)
	}
	other := copyAs("b")
	other.Operation = "delete-image"
	if _, err := publisher.Submit(t.Context(), other); !errors.Is(err, broker.ErrDenied) || !strings.Contains(err.Error(), `publish to "ims.request.demo.delete-image"`) {
		t.Errorf("another operation: %v", err)
	}
	worker := brokertest.DialAs(t, g.broker.Options("worker"))
	for _, cloud := range []string{"demo", "other", "demo"} {
		subject := "ims.event." + cloud + ".copy-image.final.succeeded." + messages.Key(cloud, "s", nats.NewInbox()) + ".1"
		if _, err := worker.Put(t.Context(), broker.StreamEvents, broker.Message{Subject: subject, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	g.readsItsOwn("demo")

	nc, refused := g.nats("publisher_demo")
	subjects := []string{
		"ims.paused.demo._", "ims.paused.demo.copy-image", "ims.track.00.x", "ims.lease.00", "ims.event.demo.copy-image.final.failed.x.1",
		"ims.request.demo.delete-image", "ims.control.demo.pause", "$JS.API.STREAM.PURGE.IMS_EVENTS", "$JS.API.CONSUMER.DELETE.IMS_EVENTS.reader-demo",
	}
	answered, err := nc.SubscribeSync("_INBOX_publisher_demo.all")
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range append(subjects, answered.Subject) {
		if err := nc.PublishRequest("ims.request.demo.copy-image", answer, []byte(copyBase)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := answered.NextMsg(patience); err != nil {
		t.Fatalf("no confirmation: %v", err)
	}
	if len(refused) > 0 {
		t.Errorf("refused: %v", <-refused)
	}
	g.untouched(1 + len(subjects) + 1)
}

// anotherTenant adds one as the README says: copies of the accounts, with
// another cloud.
func anotherTenant(accounts string) string {
	const demo, next = "  PUBLISHER_DEMO {", "\n  # The servers themselves"
	_, tenant, _ := strings.Cut(accounts, demo)
	tenant, _, _ = strings.Cut(tenant, next)
	return strings.Replace(accounts, next, "\n"+strings.NewReplacer("DEMO", "OTHER", "demo", "other").Replace(demo+tenant)+next, 1)
}

// TestShippedTenantsApart: of two tenants each has its own, and neither sees,
// takes or changes what is the other's.
func TestShippedTenantsApart(t *testing.T) {
	t.Parallel()
	g := withGuard(t, newSystem(t, "", nil), anotherTenant)
	as := g.cfg
	as.NATS = g.broker.NATS("administrator")
	if _, err := g.client("administrator").ApplyStreams(t.Context(), as, client.Others{Readers: []string{"other"}}); err != nil {
		t.Fatal(err)
	}
	worker := brokertest.DialAs(t, g.broker.Options("worker"))
	for _, cloud := range []string{"demo", "other", "demo", "other"} {
		subject := "ims.event." + cloud + ".copy-image.final.succeeded." + messages.Key(cloud, "s", nats.NewInbox()) + ".1"
		if _, err := worker.Put(t.Context(), broker.StreamEvents, broker.Message{Subject: subject, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, cloud := range []string{"demo", "other"} {
		r := copyAs("of " + cloud)
		r.Cloud = cloud
		if _, err := g.client("publisher_"+cloud).Submit(t.Context(), r); err != nil {
			t.Errorf("%s: %v", cloud, err)
		}
		g.readsItsOwn(cloud)
	}
	for user, of := range map[string]string{"publisher_demo": "other", "reader_demo": "other", "publisher_other": "demo", "reader_other": "demo"} {
		consumer := broker.ReaderConsumer(of)
		says := []string{
			"ims.request." + of + ".copy-image", "ims.event." + of + ".copy-image.final.failed.x.1", "ims.control." + of + ".cancel", "ims.track.00.x",
			"$JS.IMS.API.CONSUMER.MSG.NEXT.IMS_EVENTS." + consumer, "$JS.IMS.API.CONSUMER.INFO.IMS_EVENTS." + consumer, "$JS.ACK.IMS_EVENTS." + consumer + ".1.1.1.1.0",
			"$JS.IMS.API.CONSUMER.DELETE.IMS_EVENTS." + consumer, "$JS.IMS.API.CONSUMER.CREATE.IMS_EVENTS.mine.ims.event." + of + ".>", "$JS.IMS.API.STREAM.PURGE.IMS_EVENTS",
			"$JS.API.CONSUMER.MSG.NEXT.IMS_EVENTS." + consumer, "$JS.API.STREAM.MSG.GET.IMS_TRACK_00", "_INBOX_publisher_" + of + ".x", "_INBOX_reader_" + of + ".x",
		}
		hears := []string{"_INBOX_publisher_" + of + ".>", "_INBOX_reader_" + of + ".>", "ims.event." + of + ".>", "ims.request." + of + ".>", ">"}
		g.refusedAll(t, user, `Publish to "`, says, func(nc *nats.Conn, subject string) error { return nc.Publish(subject, nil) })
		g.refusedAll(t, user, `Subscription to "`, hears, func(nc *nats.Conn, subject string) error { _, err := nc.SubscribeSync(subject); return err })
	}
}

// TestShippedSystem: who looks after the servers hears of them, and of no
// message.
func TestShippedSystem(t *testing.T) {
	t.Parallel()
	g := withGuard(t, newSystem(t, "", nil), nil)
	nc, refused := g.nats("system")
	answer, err := nc.Request("$SYS.REQ.SERVER.PING.JSZ", nil, patience)
	if err != nil || !strings.Contains(string(answer.Data), `"server"`) || len(refused) > 0 {
		t.Errorf("got %v, %v", answer, err)
	}
	if strings.Contains(string(answer.Data), "ims.") {
		t.Errorf("subjects are told: %s", answer.Data)
	}
}

// readsItsOwn fetches as the reader of a cloud, of which there are two events.
func (g guarded) readsItsOwn(cloud string) {
	g.t.Helper()
	nc, refused := g.nats("reader_" + cloud)
	js, err := jetstream.NewWithDomain(nc, "IMS")
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := js.Consumer(g.t.Context(), broker.StreamEvents, broker.ReaderConsumer(cloud))
	if err != nil {
		g.t.Fatal(err)
	}
	batch, err := c.Fetch(2, jetstream.FetchMaxWait(patience))
	if err != nil {
		g.t.Fatal(err)
	}
	n := 0
	for m := range batch.Messages() {
		n++
		if err := m.DoubleAck(g.t.Context()); err != nil || !strings.HasPrefix(m.Subject(), "ims.event."+cloud+".") {
			g.t.Errorf("%s: %v", m.Subject(), err)
		}
	}
	info, err := c.Info(g.t.Context())
	if n != 2 || err != nil || info.NumPending != 0 || info.NumAckPending != 0 || len(refused) > 0 {
		g.t.Errorf("%d events, %+v, %v, %d refusals", n, info, err, len(refused))
	}
}

// untouched: nothing is in the streams but so many requests, and three events.
func (g guarded) untouched(requests int) {
	g.t.Helper()
	conn := brokertest.DialAs(g.t, g.broker.Options("operator"))
	want := map[string]int{broker.StreamRequests: requests, broker.StreamEvents: 3, broker.StreamState: 0, broker.StreamDead: 0, broker.TrackStream(0): 0}
	for name, n := range want {
		stream, err := conn.JetStream().Stream(g.t.Context(), name)
		if err != nil || stream.CachedInfo().State.Msgs != uint64(n) {
			g.t.Errorf("%s: %v, want %d messages", name, err, n)
		}
	}
	stream, err := conn.JetStream().Stream(g.t.Context(), broker.StreamEvents)
	if err != nil {
		g.t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Consumers; n != 2 {
		g.t.Errorf("%d consumers of events, want the notifier's and the reader's", n)
	}
}

// wholeAPI is what would disturb others, or read what is theirs.
var wholeAPI = []string{
	"$JS.API.STREAM.PURGE.IMS_TRACK_00", "$JS.API.STREAM.PURGE.IMS_REQUESTS", "$JS.API.STREAM.DELETE.IMS_EVENTS", "$JS.API.STREAM.MSG.DELETE.IMS_EVENTS",
	"$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.UPDATE.IMS_EVENTS", "$JS.API.STREAM.SNAPSHOT.IMS_EVENTS", "$JS.API.STREAM.RESTORE.IMS_EVENTS",
	"$JS.API.CONSUMER.DELETE.IMS_REQUESTS.shard-00", "$JS.API.CONSUMER.DELETE.IMS_EVENTS.notify", "$JS.API.CONSUMER.DELETE.IMS_EVENTS.reader-demo",
	"$JS.API.CONSUMER.CREATE.IMS_REQUESTS.mine.ims.inbox.0.>", "$JS.API.CONSUMER.CREATE.IMS_EVENTS", "$JS.API.CONSUMER.CREATE.IMS_EVENTS.mine",
	"$JS.API.CONSUMER.CREATE.IMS_EVENTS.notify.ims.event.demo.>", "$JS.API.CONSUMER.CREATE.IMS_EVENTS.reader-demo.ims.event.demo.>",
	"$JS.API.CONSUMER.DURABLE.CREATE.IMS_EVENTS.mine", "$JS.API.CONSUMER.MSG.NEXT.IMS_EVENTS.reader-other", "$JS.API.CONSUMER.PAUSE.IMS_REQUESTS.shard-00",
	"$JS.API.CONSUMER.UNPIN.IMS_EVENTS.notify", "$JS.API.CONSUMER.LEADER.STEPDOWN.IMS_REQUESTS.shard-00", "$JS.API.STREAM.LEADER.STEPDOWN.IMS_EVENTS",
	"$JS.API.DIRECT.GET.IMS_EVENTS", "$JS.API.DIRECT.GET.IMS_EVENTS.ims.event.other.copy-image.final.succeeded.k.1", "$JS.API.STREAM.MSG.GET.IMS_EVENTS",
	"$JS.API.STREAM.INFO.IMS_REQUESTS", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.ACCOUNT.PURGE.IMS", "$JS.ACK.IMS_REQUESTS.shard-00.1.1.1.1.0",
	"$JS.ACK.IMS_EVENTS.notify.1.1.1.1.0", "$JS.ACK.IMS_EVENTS.reader-other.1.1.1.1.0", "$SYS.REQ.SERVER.PING",
	"ims.request.demo.copy-image", "ims.request.demo.delete-image", "ims.request.other.copy-image", "ims.request.demo.copy-image.more", "ims.control.demo.cancel", "ims.control.demo.pause",
	"ims.control.demo.child-finished", "ims.backup.demo.ready", "ims.inbox.0.request.demo.delete-image", "ims.track.00.x", "ims.lease.00", "ims.member.x",
	"ims.pace.demo.copy-image", "ims.paused.demo._", "ims.watched.demo", "ims.heard.x", "ims.hint.00.demo.x", "ims.event.demo.copy-image.final.succeeded.x.1",
	"ims.dead.demo.copy-image", "ims.query.00.limits", "_INBOX_worker.x", "_INBOX_operator.x", "_INBOX_publisher_demo.x", "_INBOX_reader_demo.x", "_INBOX.x", "any",
}

// everywhere is what one could listen to.
var everywhere = []string{
	">", "ims.>", "ims.request.>", "ims.event.>", "ims.event.demo.>", "ims.control.>", "ims.track.>", "ims.lease.*", "ims.query.*.*", "_INBOX.>", "_INBOX_worker.>", "_INBOX_operator.>",
	"_INBOX_administrator.>", "_INBOX_publisher_demo.>", "_INBOX_reader_demo.>", "_INBOX_system.>", "$JS.>", "$JS.API.>", "$JS.ACK.>", "$JS.EVENT.>", "$SYS.>", "$SYS.SERVER.>", "_R_.>",
}

// TestShippedRefusals: what is not in the list of a user's rights is refused,
// and the server's word names it.
func TestShippedRefusals(t *testing.T) {
	t.Parallel()
	g := withGuard(t, newSystem(t, "", nil), nil)
	own := map[string]struct{ says, hears []string }{
		"publisher_demo": {says: []string{"ims.request.demo.copy-image"}},
		"reader_demo":    {},
		"system":         {says: []string{"$SYS.REQ.SERVER.PING"}, hears: []string{"$SYS.SERVER.>"}},
		"administrator": {says: []string{
			"$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.UPDATE.IMS_EVENTS", "$JS.API.STREAM.INFO.IMS_REQUESTS", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST",
			"$JS.API.CONSUMER.CREATE.IMS_REQUESTS.mine.ims.inbox.0.>", "$JS.API.CONSUMER.CREATE.IMS_EVENTS.mine", "$JS.API.CONSUMER.CREATE.IMS_EVENTS.notify.ims.event.demo.>",
			"$JS.API.CONSUMER.CREATE.IMS_EVENTS.reader-demo.ims.event.demo.>", "$JS.API.CONSUMER.DELETE.IMS_EVENTS.notify", "$JS.API.CONSUMER.DELETE.IMS_EVENTS.reader-demo",
		}},
		"operator": {says: []string{
			"$JS.API.STREAM.MSG.GET.IMS_EVENTS", "$JS.API.STREAM.INFO.IMS_REQUESTS", "$JS.API.STREAM.NAMES", "$JS.API.CONSUMER.MSG.NEXT.IMS_EVENTS.reader-other",
			"ims.request.demo.copy-image", "ims.request.demo.delete-image", "ims.request.other.copy-image", "ims.control.demo.cancel", "ims.control.demo.pause", "ims.backup.demo.ready", "ims.query.00.limits",
		}},
		"worker": {says: []string{
			"$JS.API.STREAM.MSG.GET.IMS_EVENTS", "$JS.API.STREAM.INFO.IMS_REQUESTS", "$JS.ACK.IMS_REQUESTS.shard-00.1.1.1.1.0", "$JS.ACK.IMS_EVENTS.notify.1.1.1.1.0",
			"$JS.API.CONSUMER.MSG.NEXT.IMS_EVENTS.reader-other", "ims.request.demo.copy-image", "ims.request.demo.delete-image", "ims.request.other.copy-image", "ims.control.demo.cancel",
			"ims.control.demo.pause", "ims.control.demo.child-finished", "ims.backup.demo.ready", "ims.track.00.x", "ims.lease.00", "ims.member.x", "ims.pace.demo.copy-image",
			"ims.paused.demo._", "ims.watched.demo", "ims.heard.x", "ims.hint.00.demo.x", "ims.event.demo.copy-image.final.succeeded.x.1", "ims.dead.demo.copy-image", "_INBOX_operator.x",
		}, hears: []string{"ims.query.*.*"}},
	}
	for user, rights := range own {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			g.refusedAll(t, user, `Publish to "`, without(wholeAPI, rights.says), func(nc *nats.Conn, subject string) error { return nc.Publish(subject, nil) })
			hears := append([]string{"_INBOX_" + user + ".>"}, rights.hears...)
			g.refusedAll(t, user, `Subscription to "`, without(everywhere, hears), func(nc *nats.Conn, subject string) error {
				_, err := nc.SubscribeSync(subject)
				return err
			})
		})
	}
}

func without(all, some []string) []string {
	left := map[string]bool{}
	for _, each := range all {
		left[each] = true
	}
	for _, each := range some {
		delete(left, each)
	}
	var list []string
	for each := range left {
		list = append(list, each)
	}
	return list
}

// refusedAll does something with each subject and waits for each refusal, and
// for no other.
func (g guarded) refusedAll(t *testing.T, user, word string, subjects []string, do func(*nats.Conn, string) error) {
	t.Helper()
	nc, refused := g.nats(user)
	missing := map[string]bool{}
	for _, subject := range subjects {
		missing[subject] = true
		if err := do(nc, subject); err != nil {
			t.Fatal(err)
		}
	}
	for len(missing) > 0 {
		select {
		case err := <-refused:
			_, rest, _ := strings.Cut(err.Error(), word)
			subject, _, _ := strings.Cut(rest, `"`)
			if !errors.Is(err, nats.ErrPermissionViolation) || !missing[subject] {
				t.Fatalf("refused %v", err)
			}
			delete(missing, subject)
		case <-time.After(patience):
			t.Fatalf("not refused: %v", missing)
		}
	}
}
