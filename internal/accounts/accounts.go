// Package accounts keeps which cloud works an account, where several entries of
// clouds.yaml turn out to be the same one: the first that came. Each account is
// one message in the stream of state, and who takes it over writes over it:
// nothing is ever deleted.
//
// Which account an entry stands for, the cloud tells; what becomes of an entry
// that came later is the business of who asks.
package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/imsworker/imsworker/internal/broker"
)

// version is of what is stored.
const version = 1

// Account is a project, at the identity service that knows it.
type Account struct {
	Identity string // its address
	Project  string // the project's id
}

// store is what accounts need of the broker.
type store interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
	Last(ctx context.Context, stream, subject string) (broker.Stored, error)
}

// Accounts are those that clouds work. It holds nothing in memory and is safe
// for concurrent use.
type Accounts struct{ store store }

// New returns the accounts that are kept there.
func New(s store) Accounts { return Accounts{store: s} }

// holding is a stored message.
type holding struct {
	Version  int    `json:"v"`
	Cloud    string `json:"cloud"` // that works the account
	Identity string `json:"identity"`
	Project  string `json:"project"`
}

// Claim says that a cloud is the account, and returns which cloud works it: the
// one that came before, as long as still says that it is that account to this
// day, and else this one. Still is asked about no other cloud, once for each that
// came before. Claim blocks until the broker has answered or ctx ends, and may
// be repeated after any error.
func (a Accounts) Claim(ctx context.Context, account Account, cloud string, still func(ctx context.Context, cloud string) (bool, error)) (string, error) {
	subject := broker.AccountSubject(account.Identity, account.Project)
	for {
		before, sequence, err := a.holder(ctx, subject)
		if err != nil || before == cloud {
			return before, err
		}
		if before != "" {
			if is, err := still(ctx, before); err != nil || is {
				return before, err
			}
		}
		if err := a.put(ctx, subject, holding{version, cloud, account.Identity, account.Project}, sequence); err == nil {
			return cloud, nil
		} else if !errors.Is(err, broker.ErrConflict) {
			return "", err
		}
	}
}

// holder reads which cloud works an account, "" where none does.
func (a Accounts) holder(ctx context.Context, subject string) (cloud string, sequence uint64, err error) {
	m, err := a.store.Last(ctx, broker.StreamState, subject)
	if errors.Is(err, broker.ErrNone) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("read who works an account: %w", err)
	}
	var h holding
	if err := json.Unmarshal(m.Data, &h); err != nil {
		return "", 0, fmt.Errorf("read who works an account: %s: %w", subject, err)
	}
	if h.Version != version {
		return "", 0, fmt.Errorf("read who works an account: %s is of version %d", subject, h.Version)
	}
	return h.Cloud, m.Sequence, nil
}

func (a Accounts) put(ctx context.Context, subject string, h holding, over uint64) error {
	data, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode who works an account: %w", err)
	}
	_, err = a.store.Put(ctx, broker.StreamState, broker.Message{
		Subject: subject, Data: data, Expect: &broker.Expect{Sequence: over}, Token: fmt.Sprintf("account-%s-%d", h.Cloud, over),
	})
	if err != nil {
		return fmt.Errorf("store who works an account: %w", err)
	}
	return nil
}
