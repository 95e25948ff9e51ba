package fakecloud

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// caller is who sent a request, as far as the gateway could tell.
type caller struct {
	auth    string // variantA, variantB, "token", "" before IAM
	project string // the scope: X-Project-Id, or the token's project
}

// authenticate checks signature or token; with both, the signature counts
// (API reference 1.6). The lock is held.
func (c *cloud) authenticate(q *request) (caller, *answer) {
	if q.route.access == accessOpen {
		return caller{}, nil
	}
	r := q.http
	var who caller
	var err error
	switch {
	case strings.HasPrefix(r.Header.Get("Authorization"), algorithm):
		who, err = q.signer, q.signerErr
	case r.Header.Get("X-Auth-Token") != "":
		who, err = c.checkToken(r.Header.Get("X-Auth-Token"), q.now)
	default:
		err = errors.New("neither a token nor a signature")
	}
	if err != nil {
		return who, unauthorized(err)
	}
	return who, c.checkScope(q, who)
}

// checkSignature needs no lock: keys do not change.
func (c *cloud) checkSignature(r *http.Request, body []byte, virtual time.Time) (caller, error) {
	s, err := parseAuthorization(r.Header.Get("Authorization"))
	who := caller{auth: s.variant, project: r.Header.Get("X-Project-Id")}
	if err != nil {
		return who, err
	}
	if s.access != c.AccessKey || c.SecretKey == "" {
		return who, errors.New("verify aksk signature fail")
	}
	if c.SecurityToken != "" && r.Header.Get("X-Security-Token") != c.SecurityToken {
		return who, errors.New("the security token is missing or wrong")
	}
	if err := s.checkTime(r, time.Now(), virtual); err != nil {
		return who, err
	}
	return who, s.verify(r, body, c.SecretKey)
}

func (c *cloud) checkToken(token string, now time.Time) (caller, error) {
	t, err := c.readToken(token, now)
	if err == nil && t.Cloud != c.Name {
		err = errTokenInvalid
	}
	return caller{auth: "token", project: t.Project}, err
}

// checkScope holds the project of path, header and token together. Paths
// without a project need it from the header or from the token.
func (c *cloud) checkScope(q *request, who caller) *answer {
	if q.route.access == accessAccount {
		return nil
	}
	if who.auth == "token" && who.project == "" {
		return gateway(http.StatusForbidden, "APIGW.0302", "The token is not scoped to a project.")
	}
	path, inPath := q.vars["pid"]
	foreign := who.project != c.ProjectID && (who.project != "" || !inPath)
	if foreign || (inPath && path != c.ProjectID) {
		return &answer{status: http.StatusForbidden, body: imsError("IMG.0030", "The project id does not match the credentials.")}
	}
	return nil
}

func unauthorized(err error) *answer {
	if errors.Is(err, errTokenExpired) {
		return gateway(http.StatusUnauthorized, "APIGW.0307", "The token must be updated.")
	}
	return gateway(http.StatusUnauthorized, "APIGW.0301", "Incorrect IAM authentication information: "+err.Error())
}
