package ims

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Profile names the family of clouds that an account belongs to; endpoints,
// constraints and limits differ between them.
type Profile string

// The profiles that exist.
const (
	ProfileOTC    Profile = "otc"
	ProfileHuawei Profile = "huaweicloud"
)

// The two ways to ask for a job (API reference 3.1), values of Config.JobQuery.
const (
	ShowJob         = "show_job"
	ShowJobProgress = "show_progress"
)

// The two ways to sign with AK and SK (API reference 1.4), values of
// Config.Signing.
const (
	SigningSimple  = "simple"
	SigningDerived = "derived"
)

// Endpoints are the base addresses of the services, without a version and
// without a slash at the end; a path in front of the API's own path is kept
// and signed.
type Endpoints struct {
	Image, CBR, BlockStorage, Identity string
}

// Credentials are either AccessKey and SecretKey, with SecurityToken if they
// are temporary, or Username and Password, which are changed for a token.
type Credentials struct {
	AccessKey, SecretKey, SecurityToken Secret

	Username, UserID             string
	Password                     Secret
	UserDomainName, UserDomainID string
	ProjectName                  string // project to look up or to scope the token to where Config.ProjectID is empty
	ProjectDomainName            string
	ProjectDomainID              string
}

// keys reports whether requests are signed instead of carrying a token.
func (c Credentials) keys() bool { return c.AccessKey != "" }

// Config is everything a Client needs to know. It can be copied.
type Config struct {
	Cloud       string  // name of the account, for errors, logs and metrics
	Profile     Profile // otc or huaweicloud
	Region      string
	ProjectID   string // empty: found at the first call, by Credentials.ProjectName or Region
	Endpoints   Endpoints
	Credentials Credentials
	Signing     string            // SigningSimple (default) or SigningDerived
	TLS         *tls.Config       // nil: the system's roots; copied, never changed
	JobQuery    string            // ShowJob (default) or ShowJobProgress
	SafeMode    bool              // the v2.1 twins are called, where a call has one; Huawei Cloud only
	TimeFactor  float64           // a cloud whose clock runs faster; 0 means 1
	Transport   http.RoundTripper // nil: a pool of connections of the client's own
	Observe     Observer          // nil: nobody counts
	UserAgent   string
	Logger      *slog.Logger // nil: silent; headers and bodies, without secrets, at debug level
}

// Observer is told of every call that was sent or attempted, retries included.
type Observer interface {
	// Called gets the method's name and a code from a closed set: an HTTP
	// status, a code of the table of codes, or "other"; and the trace that the
	// call is part of, empty for most.
	Called(call, code string, d time.Duration, trace string)
}

func (c Config) withDefaults() Config {
	if c.Signing == "" {
		c.Signing = SigningSimple
	}
	if c.JobQuery == "" {
		c.JobQuery = ShowJob
	}
	if c.TimeFactor <= 0 {
		c.TimeFactor = 1
	}
	if c.UserAgent == "" {
		c.UserAgent = "imsworker"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = nobody{}
	}
	return c
}

func (c Config) validate() error {
	return errors.Join(
		oneOf("signing", c.Signing, SigningSimple, SigningDerived),
		oneOf("job query", c.JobQuery, ShowJob, ShowJobProgress),
		c.Credentials.validate(),
		endpoint("image", c.Endpoints.Image),
		endpoint("identity", c.Endpoints.Identity),
		optionalEndpoint("cbr", c.Endpoints.CBR),
		optionalEndpoint("block storage", c.Endpoints.BlockStorage),
	)
}

func (c Credentials) validate() error {
	switch {
	case c.AccessKey != "" && c.SecretKey == "":
		return errors.New("credentials: access key without secret key")
	case c.AccessKey == "" && c.Password == "":
		return errors.New("credentials: neither access and secret key nor user name and password")
	case c.AccessKey == "" && c.Username == "" && c.UserID == "":
		return errors.New("credentials: password without user name")
	}
	for _, s := range []Secret{c.AccessKey, c.SecretKey, c.SecurityToken} {
		if strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return errors.New("credentials: a key contains white space or control characters")
		}
	}
	return nil
}

func oneOf(what, got string, allowed ...string) error {
	if slices.Contains(allowed, got) {
		return nil
	}
	return fmt.Errorf("%s: %q is not one of %s", what, got, strings.Join(allowed, ", "))
}

func optionalEndpoint(what, address string) error {
	if address == "" {
		return nil
	}
	return endpoint(what, address)
}

// endpoint does not quote the address: a mistyped one may hold a password.
func endpoint(what, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return fmt.Errorf("%s endpoint: not an address", what)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%s endpoint: want https://host", what)
	case u.User != nil:
		return fmt.Errorf("%s endpoint: user and password do not belong into an address", what)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s endpoint: query and fragment do not belong into an endpoint", what)
	}
	return nil
}

// nobody is the Observer that does nothing.
type nobody struct{}

func (nobody) Called(string, string, time.Duration, string) {}
