package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// of changes the record of a copy into one of another operation.
func of(operation, data string) func(*ledger.Record) {
	return func(r *ledger.Record) { r.Operation, r.Data = operation, json.RawMessage(data) }
}

// runFaked runs a test with a fake of the cloud.
func runFaked(t *testing.T, test func(*world, *fakecloud.Fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, fake := faked(t, false)
		test(w, fake)
		w.end()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSecondCallRefused: an image without data was made, so the request was
// submitted; its end names what is left.
func TestSecondCallRefused(t *testing.T) {
	t.Parallel()
	runFaked(t, func(w *world, _ *fakecloud.Fake) {
		w.start()
		key := w.request("a", of("register-image", `{"name":"n","image_url":"images:no-such-file.qcow2"}`))
		w.expect(key, "accepted failed")
		e := w.events.last(w.t, key)
		if e.Error.Code != "IMG.0057" || len(e.Images) != 1 || len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0], e.Images[0].ID) {
			w.t.Errorf("error %+v, images %v, warnings %q", e.Error, e.Images, e.Warnings)
		}
	})
}

// TestShareNotShownAtOnce: that a job is not shown at first gives up no request,
// also where the state tells at once what is done.
func TestShareNotShownAtOnce(t *testing.T) {
	t.Parallel()
	runFaked(t, func(w *world, fake *fakecloud.Fake) {
		err := fake.Order(fakecloud.DemoCloud, fakecloud.Fault{
			Call: "ShowJob", Kind: fakecloud.StatusBefore, Status: 400, Body: `{"error":{"code":"IMG.0023","message":"no such job"}}`, Count: 2,
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.start()
		data := `{"images":["` + fakecloud.DemoImage + `"],"projects":["` + fakecloud.DemoNeighbour + `"]}`
		w.expect(w.request("a", of("share-image", data)), "accepted submitted succeeded")
	})
}

// TestRetriedExport: after an attempt that ended unresolved a file that is
// there may be the request's own.
func TestRetriedExport(t *testing.T) {
	t.Parallel()
	for want, look := range map[string]bool{"accepted succeeded": true, "accepted rejected": false} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.create = func(int) reply { return refusal(400, "IMG.0070") }
				w.start()
				w.expect(w.request("a", func(r *ledger.Record) {
					of("export-image", `{"image_id":"`+source+`","bucket_url":"images:out.qcow2","file_format":"qcow2"}`)(r)
					r.Look = look
				}), want)
			})
		})
	}
}

// TestResolvedElsewhere: what a person names in a place that is no configured
// cloud cannot be looked at, and is not looked for in this one.
func TestResolvedElsewhere(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.start()
		key := w.request("a", func(r *ledger.Record) {
			of("copy-image-cross-region", `{"image_id":"`+source+`","name":"n","region":"eu-nl","project_name":"eu-nl","agency_name":"a"}`)(r)
			r.As, r.ImageID, r.Submitted = messages.AsDone, copied, time.Now()
		})
		w.expect(key, "accepted succeeded")
		if e := w.events.last(w.t, key); len(e.Images) != 1 || e.Images[0] != (messages.Image{ID: copied}) || len(e.Warnings) != 1 {
			w.t.Errorf("images %+v, warnings %q", e.Images, e.Warnings)
		}
	})
}

// TestForgottenExport: a job that makes no image and is not told about leaves
// no image to look for; a retry tells.
func TestForgottenExport(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = func(int) reply { return refusal(400, "IMG.0023") }
		w.start()
		key := w.request("a", of("export-image", `{"image_id":"`+source+`","bucket_url":"images:out.qcow2","file_format":"qcow2"}`))
		w.expect(key, "accepted submitted unresolved")
		if e := w.events.last(w.t, key).Error; strings.Contains(e.Remedy, "image with") || !strings.Contains(e.Remedy, "requests retry") {
			w.t.Errorf("remedy %q", e.Remedy)
		}
	})
}

// TestCancelSparesOthers: with delete_image only what the request itself has
// made is deleted, not an image that it names, nor that of a job which somebody
// else has started.
func TestCancelSparesOthers(t *testing.T) {
	t.Parallel()
	for operation, data := range map[string]string{
		"register-image": `{"image_id":"` + copied + `","image_url":"images:base.qcow2"}`,
		"adopt-job":      `{"job_id":"` + jobID + `"}`,
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.remove = func(string) reply { return reply{status: 204} }
				w.start()
				key := w.request("a", func(r *ledger.Record) {
					of(operation, data)(r)
					r.State, r.Submitted, r.JobID = ledger.Submitted, time.Now(), jobID
					r.Cancel = &ledger.Cancel{Delete: true, By: messages.CancelByRequest, At: time.Now()}
				})
				w.expect(key, "submitted cancelled")
				if e := w.events.last(w.t, key).Cancel; e.Image != messages.CancelLeft || len(w.cloud.removed) > 0 {
					w.t.Errorf("cancel %+v, deleted %v", e, w.cloud.removed)
				}
			})
		})
	}
}

// TestFirstAnswerComesLate: while the first of two calls was under way another
// owner has found its image and made the second. The answer changes nothing
// then.
func TestFirstAnswerComesLate(t *testing.T) {
	t.Parallel()
	runFaked(t, func(w *world, fake *fakecloud.Fake) {
		slow := fakecloud.Fault{Call: "CreateMetadata", Kind: fakecloud.Delay, Delay: fakecloud.Duration(5 * time.Second), Count: 1}
		if err := fake.Order(fakecloud.DemoCloud, slow); err != nil {
			w.t.Fatal(err)
		}
		w.start()
		key := w.request("a", of("register-image", `{"name":"n","image_url":"images:base.qcow2"}`))
		time.Sleep(3 * time.Second) // the call is under way
		w.ledger.mu.Lock()
		tell := w.ledger.follower
		w.ledger.follower = func(*ledger.Record) {} // the news come late
		w.ledger.write(w.ledger.records[key].Clone(), func(r *ledger.Record) {
			r.State, r.Submitted, r.ImageID, r.JobID = ledger.Submitted, time.Now(), copied, "job-of-another"
		})
		w.ledger.follower = tell
		w.ledger.mu.Unlock()
		time.Sleep(5 * time.Second)
		r, err := w.ledger.Get(w.t.Context(), key)
		if err != nil || r.State != ledger.Submitted || r.ImageID != copied || r.JobID != "job-of-another" || len(r.Posts) != 1 {
			w.t.Errorf("record %+v, %v", r, err)
		}
	})
}
