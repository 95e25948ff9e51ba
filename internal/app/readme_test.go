package app_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// TestReadmeBackupNotices does what the README shows of backup notices, word
// for word but for the address of the hook: its rules, its message, its call.
func TestReadmeBackupNotices(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### Backups become images\n")
	section, _, _ = strings.Cut(section, "\n### Many images to many places\n")
	part := func(pattern string) []string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(section)
		if found == nil {
			t.Fatalf("the README has no %s", pattern)
		}
		return found[1:]
	}
	s := ruled(t, part("(?s)```yaml\n(.*?)```")[0], "")
	s.cfg.Hook.Listen, s.cfg.Hook.Token = "127.0.0.1:0", hookToken
	s.start()
	message := part(`nats pub (\S+) '(.*)'`)
	s.publish(message[0], message[1], nil)
	call := part(`(?s)curl -H "Authorization: Bearer \$TOKEN" -H 'content-type: (\S+)' http://127.0.0.1:8081(\S+) \\\n\s+-d '(.*?)'`)
	header := http.Header{"Content-Type": {call[0]}, "Authorization": {"Bearer " + hookToken}}
	if status, said, err := s.fake.Post(t.Context(), "http://"+s.at.Hooks+call[1], header, []byte(call[2])); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, said, err)
	}
	final := s.final(backupKey(fakecloud.DemoBackup))
	if final.State != messages.StateSucceeded || !strings.HasPrefix(final.Images[0].Name, "db-01-20") || len(final.Next) != 1 {
		t.Fatalf("ended %s %+v, %+v, then %v", final.State, final.Error, final.Images, final.Next)
	}
	if share := s.final(final.Next[0].Key); share.State != messages.StateSucceeded {
		t.Errorf("sharing ended %s %+v", share.State, share.Error)
	}
	s.handled()
	if s.made() != 1 {
		t.Errorf("%d images", s.made())
	}
}
