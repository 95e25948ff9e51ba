package app_test

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

// TestPauseHoldsBack through a restart, until somebody resumes.
func TestPauseHoldsBack(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	if _, err := client.New(s.conn).Pause(t.Context(), "demo", "copy-image", false); err != nil {
		t.Fatal(err)
	}
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("a"))
	key := messages.Key("demo", "/test", "a")
	s.await("the request to be accepted", func() bool { return len(s.events(key)) == 1 })
	s.stop()
	s.start()
	// What is not paused shows that the cloud is served.
	s.publish("ims.request.demo.export-volume", `{"volume_id":"16369c5d-384d-4e64-b37a-56d898769362","image_name":"n"}`, map[string][]string{"Nats-Msg-Id": {"b"}})
	s.final(messages.Key("demo", "nats", "b"))
	cl := client.New(s.conn)
	paused, err := cl.Pauses(t.Context())
	if err != nil || len(paused) != 1 || paused[0].Cloud != "demo" || paused[0].Operation != "copy-image" {
		t.Errorf("paused %+v, %v", paused, err)
	}
	list, err := cl.Requests(t.Context(), client.Filter{Operations: []string{"copy-image"}})
	if client.MarkPaused(list, paused); err != nil || len(list) != 1 || list[0].State != "accepted" || !list[0].Paused {
		t.Errorf("list %+v, %v", list, err)
	}
	if _, body := s.get("/metrics"); !strings.Contains(body, `imsworker_paused{cloud="demo",operation="copy-image"} 1`) {
		t.Error("no metric tells of the pause")
	}
	if _, err := cl.Pause(t.Context(), "demo", "copy-image", true); err != nil {
		t.Fatal(err)
	}
	if final := s.final(key); final.State != messages.StateSucceeded {
		t.Errorf("ended %s", final.State)
	}
}
