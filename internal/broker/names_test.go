package broker_test

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
)

// TestMemberSubject: whatever a replica is called, its subject has three
// tokens, and no two names share one.
func TestMemberSubject(t *testing.T) {
	t.Parallel()
	if got := broker.MemberSubject("worker-7_b"); got != "ims.member.worker-7_b" {
		t.Errorf("got %s", got)
	}
	seen := map[string]string{}
	long := strings.Repeat("x", 200)
	for _, name := range []string{"a.b", "a-b", "a b", "a*b", "a>b", "ä", "ö", "web-1.example.com:4711", long, long + "y"} {
		subject := broker.MemberSubject(name)
		if strings.Count(subject, ".") != 2 || strings.ContainsAny(subject, "*> ") || len(subject) > 120 {
			t.Errorf("%q becomes %s", name, subject)
		}
		if other, taken := seen[subject]; taken {
			t.Errorf("%q and %q share %s", name, other, subject)
		}
		seen[subject] = name
	}
}
