package accounts_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/accounts"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var account = accounts.Account{Identity: "https://iam.example.com", Project: "0123456789abcdef0123456789abcdef"}

func answering(is bool, err error) func(context.Context, string) (bool, error) {
	return func(context.Context, string) (bool, error) { return is, err }
}

var (
	yes    = answering(true, nil)
	no     = answering(false, nil)
	errAsk = errors.New("the cloud is away")
	unsure = answering(false, errAsk)
)

// TestClaim: the first cloud has the account for as long as it still is that
// account, and who takes it over has it from then on.
func TestClaim(t *testing.T) {
	t.Parallel()
	a := accounts.New(brokertest.Connect(t, 1))
	other := accounts.Account{Identity: account.Identity, Project: "fedcba9876543210fedcba9876543210"}
	elsewhere := accounts.Account{Identity: "https://iam.example.org", Project: account.Project}
	for i, step := range []struct {
		account accounts.Account
		cloud   string
		still   func(context.Context, string) (bool, error)
		want    string
		err     error
	}{
		{account, "demo", no, "demo", nil},
		{account, "demo", no, "demo", nil},
		{account, "second", yes, "demo", nil},
		{account, "second", unsure, "demo", errAsk},
		{other, "second", yes, "second", nil},
		{elsewhere, "second", yes, "second", nil},
		{account, "second", no, "second", nil},
		{account, "demo", yes, "second", nil},
		{accounts.Account{Identity: account.Identity, Project: "0123456789ABCDEF0123456789ABCDEF"}, "demo", yes, "second", nil},
	} {
		if got, err := a.Claim(t.Context(), step.account, step.cloud, step.still); got != step.want || !errors.Is(err, step.err) {
			t.Errorf("step %d: %q, %v", i, got, err)
		}
	}
}

// TestClaimAtOnce: of many that come at once one is the first for all.
func TestClaimAtOnce(t *testing.T) {
	t.Parallel()
	a := accounts.New(brokertest.Connect(t, 1))
	found := make(chan string)
	clouds := []string{"a", "b", "c", "d", "a", "b", "c", "d"}
	for _, cloud := range clouds {
		go func() {
			by, err := a.Claim(t.Context(), account, cloud, yes)
			if err != nil {
				t.Error(err)
			}
			found <- by
		}()
	}
	first := <-found
	for range clouds[1:] {
		if by := <-found; by != first {
			t.Errorf("%s and %s", first, by)
		}
	}
}

// failing is a store whose first write fails, after it was done or before.
type failing struct {
	*broker.Conn
	failed, after bool
}

var errLost = errors.New("no answer")

func (f *failing) Put(ctx context.Context, stream string, m broker.Message) (uint64, error) {
	if f.failed {
		return f.Conn.Put(ctx, stream, m)
	}
	f.failed = true
	if f.after {
		if _, err := f.Conn.Put(ctx, stream, m); err != nil {
			return 0, err
		}
	}
	return 0, errLost
}

// TestClaimThatFails is made again, in both halves of failing: whoever was first
// has the account.
func TestClaimThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after bool
		want  string
	}{"nothing_happened": {false, "second"}, "answer_lost": {true, "demo"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := accounts.New(&failing{Conn: brokertest.Connect(t, 1), after: c.after})
			if by, err := a.Claim(t.Context(), account, "demo", yes); by != "" || !errors.Is(err, errLost) {
				t.Errorf("%q, %v", by, err)
			}
			for _, cloud := range []string{"second", "demo", "second"} {
				if by, err := a.Claim(t.Context(), account, cloud, yes); by != c.want || err != nil {
					t.Errorf("%s: %q, %v", cloud, by, err)
				}
			}
		})
	}
}

// TestClaimOfLaterVersion leaves alone what it does not understand.
func TestClaimOfLaterVersion(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	subject := broker.AccountSubject(account.Identity, account.Project)
	for _, data := range []string{`{"v":2,"clouds":["demo"]}`, `nonsense`} {
		if _, err := conn.Put(t.Context(), broker.StreamState, broker.Message{Subject: subject, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		if by, err := accounts.New(conn).Claim(t.Context(), account, "demo", no); by != "" || err == nil {
			t.Errorf("%q, %v", by, err)
		}
		if m, err := conn.Last(t.Context(), broker.StreamState, subject); err != nil || string(m.Data) != data {
			t.Errorf("%s, %v", m.Data, err)
		}
	}
}
