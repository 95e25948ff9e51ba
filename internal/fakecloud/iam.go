package fakecloud

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
)

const iamTime = "2006-01-02T15:04:05.000000Z"

// tokenRequest is the body of POST /v3/auth/tokens (API reference 1.7).
type tokenRequest struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password struct {
				User iamUser `json:"user"`
			} `json:"password"`
		} `json:"identity"`
		Scope struct {
			Project *iamNamed `json:"project"`
			Domain  *iamNamed `json:"domain"`
		} `json:"scope"`
	} `json:"auth"`
}

type iamNamed struct {
	ID     string    `json:"id,omitempty"`
	Name   string    `json:"name,omitempty"`
	Domain *iamNamed `json:"domain,omitempty"`
}

type iamUser struct {
	iamNamed
	Password string `json:"password"`
}

// createToken gives a token for name and password.
func (c *cloud) createToken(q *request) *answer {
	var body tokenRequest
	if err := json.Unmarshal(q.body, &body); err != nil || len(body.Auth.Identity.Methods) == 0 {
		return keystone(http.StatusBadRequest, "Request body is invalid.")
	}
	if !c.knowsUser(body) {
		return keystone(http.StatusUnauthorized, "The username or password is wrong.")
	}
	project, a := c.scopeOf(body)
	if a != nil {
		return a
	}
	token, t := c.issueToken(project, q.now)
	return &answer{status: http.StatusCreated, body: map[string]any{"token": c.tokenView(t, q.query.Has("nocatalog"))},
		header: map[string]string{"X-Subject-Token": token}}
}

func (c *cloud) knowsUser(body tokenRequest) bool {
	user := body.Auth.Identity.Password.User
	byName := user.Name == c.Username && user.Domain != nil && (user.Domain.Name == c.Domain || user.Domain.ID == c.domainID())
	byID := user.ID != "" && user.ID == c.userID()
	right := subtle.ConstantTimeCompare([]byte(user.Password), []byte(c.Password)) == 1
	return body.Auth.Identity.Methods[0] == "password" && c.Username != "" && right && (byName || byID)
}

// scopeOf is the project that the token is asked for; "" is the whole account.
func (c *cloud) scopeOf(body tokenRequest) (string, *answer) {
	project := body.Auth.Scope.Project
	switch {
	case project == nil:
		return "", nil
	case project.ID == c.ProjectID, project.ID == "" && project.Name == c.ProjectName:
		return c.ProjectID, nil
	default:
		return "", keystone(http.StatusUnauthorized, "The project is not found or access to it is denied.")
	}
}

func (c *cloud) userID() string { return hexHash([]byte("user" + c.Name + c.Username))[:32] }

func (c *cloud) domainID() string { return hexHash([]byte("domain" + c.Domain))[:32] }

type tokenView struct {
	Methods []string         `json:"methods"`
	Expires string           `json:"expires_at"`
	Issued  string           `json:"issued_at"`
	User    iamNamed         `json:"user"`
	Project *iamNamed        `json:"project,omitempty"`
	Domain  *iamNamed        `json:"domain,omitempty"`
	Roles   []iamNamed       `json:"roles"`
	Catalog []map[string]any `json:"catalog"`
}

func (c *cloud) tokenView(t ticket, bare bool) tokenView {
	domain := &iamNamed{ID: c.domainID(), Name: c.Domain}
	view := tokenView{Methods: []string{"password"}, Expires: t.Expires.UTC().Format(iamTime), Issued: t.Issued.UTC().Format(iamTime),
		User: iamNamed{ID: c.userID(), Name: c.Username, Domain: domain}, Roles: []iamNamed{{ID: "0", Name: "te_admin"}}, Catalog: []map[string]any{}}
	if t.Project == "" {
		view.Domain = domain
	} else {
		view.Project = &iamNamed{ID: c.ProjectID, Name: c.ProjectName, Domain: domain}
	}
	if !bare {
		view.Catalog = c.catalog()
	}
	return view
}

// catalog names the services; the paths are relative to where the fake is
// served, which it does not know.
func (c *cloud) catalog() []map[string]any {
	var entries []map[string]any
	for _, kind := range []string{"image", "cbr", "identity"} {
		entries = append(entries, map[string]any{"type": kind, "name": kind, "id": hexHash([]byte(kind))[:32],
			"endpoints": []map[string]string{{"interface": "public", "region": c.Region, "region_id": c.Region, "url": "/" + c.Name}}})
	}
	return entries
}

type projectView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	DomainID string `json:"domain_id"`
	Enabled  bool   `json:"enabled"`
}

// listProjects is GET /v3/projects?name={region}.
func (c *cloud) listProjects(q *request) *answer {
	projects := []projectView{}
	if name := q.query.Get("name"); name == "" || name == c.ProjectName {
		projects = append(projects, projectView{ID: c.ProjectID, Name: c.ProjectName, DomainID: c.domainID(), Enabled: true})
	}
	return ok(map[string]any{"projects": projects, "links": map[string]any{"self": q.http.URL.Path, "next": nil, "previous": nil}})
}
