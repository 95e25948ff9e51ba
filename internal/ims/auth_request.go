package ims

// named refers to a Keystone object by id or by name.
type named struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Password string `json:"password,omitempty"`
	Domain   *named `json:"domain,omitempty"`
}

// tokenRequest is the body of POST /v3/auth/tokens (API reference 1.7).
type tokenRequest struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password struct {
				User named `json:"user"`
			} `json:"password"`
		} `json:"identity"`
		Scope struct {
			Project named `json:"project"`
		} `json:"scope"`
	} `json:"auth"`
}

func (t *tokens) request() tokenRequest {
	c := t.cfg.Credentials
	var r tokenRequest
	r.Auth.Identity.Methods = []string{"password"}
	user := named{ID: c.UserID, Password: c.Password.Reveal()}
	if c.UserID == "" {
		user.Name, user.Domain = c.Username, domain(c.UserDomainID, c.UserDomainName)
	}
	r.Auth.Identity.Password.User = user
	r.Auth.Scope.Project = t.scope()
	return r
}

// scope is the project: by id, else by name, else the region's own, which has
// the region's name.
func (t *tokens) scope() named {
	c := t.cfg.Credentials
	switch {
	case t.cfg.ProjectID != "":
		return named{ID: t.cfg.ProjectID}
	case c.ProjectName != "":
		return named{Name: c.ProjectName, Domain: domain(c.ProjectDomainID, c.ProjectDomainName)}
	default:
		return named{Name: t.cfg.Region}
	}
}

func domain(id, name string) *named {
	switch {
	case id != "":
		return &named{ID: id}
	case name != "":
		return &named{Name: name}
	default:
		return nil
	}
}
