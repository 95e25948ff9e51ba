package fakecloud

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

const (
	tokenPrefix = "MIIa"
	tokenPad    = 2400 // tokens with a catalogue have several kB
	macSize     = sha256.Size
)

var (
	errTokenInvalid = errors.New("decrypt token fail")
	errTokenExpired = errors.New("the token must be updated")
)

// ticket is what a token says. Tokens carry it with a seal, so that none has
// to be remembered and all outlive a restart.
type ticket struct {
	Cloud   string    `json:"cloud"`
	Project string    `json:"project,omitempty"` // empty: not scoped to a project
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	Pad     string    `json:"pad"`
}

func (c *cloud) sealKey() []byte {
	sum := sha256.Sum256([]byte("token seal\n" + c.Name + "\n" + c.SecretKey + "\n" + c.Password))
	return sum[:]
}

// issueToken makes a token for the project, or an unscoped one for "".
func (c *cloud) issueToken(project string, now time.Time) (string, ticket) {
	life := time.Duration(c.switches.TokenLife)
	if life <= 0 {
		life = 24 * time.Hour
	}
	t := ticket{Cloud: c.Name, Project: project, Issued: now, Expires: now.Add(life), Pad: strings.Repeat("catalogue ", tokenPad/10)}
	data, err := json.Marshal(t)
	if err != nil {
		panic(err) // a ticket is always JSON
	}
	sealed := append(hmacOf(c.sealKey(), string(data)), data...)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(sealed), t
}

// readToken checks seal, cloud and life; the cloud's lock is held.
func (c *cloud) readToken(token string, now time.Time) (ticket, error) {
	var t ticket
	sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, tokenPrefix))
	if err != nil || len(sealed) < macSize {
		return t, errTokenInvalid
	}
	if !hmac.Equal(sealed[:macSize], hmacOf(c.sealKey(), string(sealed[macSize:]))) {
		return t, errTokenInvalid
	}
	if err := json.Unmarshal(sealed[macSize:], &t); err != nil {
		return t, errTokenInvalid
	}
	if !now.Before(t.Expires) || !t.Issued.After(c.tokensAfter) {
		return t, errTokenExpired
	}
	return t, nil
}

// InvalidateTokens kills every token that the cloud has issued so far, as a
// changed password does.
func (f *Fake) InvalidateTokens(cloud string) error {
	c, err := f.cloud(cloud)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokensAfter = f.clock.now()
	return nil
}
