package cloud

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
)

// nameForm is what a subject token of ours may look like.
var nameForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// ValidName reports whether a cloud may have that name.
func ValidName(name string) bool { return nameForm.MatchString(name) }

// authKeys are the keys below auth that the worker reads, for hints about
// typing mistakes; others belong to OpenStack tools and are left alone.
var authKeys = []string{
	"auth_url", "ak", "access_key", "sk", "secret_key", "security_token", "username", "user_id", "password",
	"project_id", "project_name", "user_domain_name", "user_domain_id",
}

// entry reads one entry of the file.
func (r *reader) entry(name string, t *tree, operations []string) Cloud {
	c := Cloud{Name: r.name(name, t), Entry: name}
	r.misspelled(t)
	c.Settings = r.settings(t.get(ownBlock), operations)
	c.Region = r.region(t)
	c.Profile = r.profile(t)
	r.safeMode(t.get(ownBlock), c)
	c.Client = ims.Config{
		Cloud: c.Name, Profile: c.Profile, Region: c.Region,
		Endpoints:   r.endpoints(t, c.Profile, c.Region),
		Credentials: r.credentials(t),
		JobQuery:    c.Settings.JobQuery,
		TimeFactor:  c.Settings.TimeFactor,
		SafeMode:    c.Settings.SafeMode && c.Profile == ims.ProfileHuawei,
		TLS:         r.tls(t),
	}
	c.SMN, c.Consoles = smnOf(c.Profile, c.Region), consoles[c.Profile]
	if at := t.get("smn_endpoint_override"); !at.empty() {
		c.SMN, c.Consoles = r.address(at, "smn_endpoint_override"), nil
	}
	c.ProjectID = r.project(t.get("auth"))
	c.Client.ProjectID = c.ProjectID
	return c
}

// projectForm is what both clouds' project ids look like.
var projectForm = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)

func (r *reader) project(auth *tree) string {
	at := firstOf(auth, "project_id", "tenant_id")
	id := r.word(at, "auth.project_id")
	if id != "" && !projectForm.MatchString(id) {
		r.bad(at, 0, "auth.project_id", "is no project's id, want 32 hexadecimal digits; a name belongs into project_name")
	}
	return id
}

func (r *reader) name(entry string, t *tree) string {
	alias := t.get(ownBlock).get("alias")
	name, at, key := entry, t, ""
	if alias != nil {
		name, at, key = r.word(alias, ownBlock+".alias"), alias, ownBlock+".alias"
	}
	if !nameForm.MatchString(name) {
		r.bad(at, 0, key, "%q cannot be a cloud's name, want 1 to 40 of a-z, 0-9 and -; imsworker.alias can give another one", name)
	}
	return name
}

// misspelled notices a block of ours that nobody would read.
func (r *reader) misspelled(t *tree) {
	for _, key := range t.keys {
		if key != ownBlock && nearest(key, []string{ownBlock}) != "" {
			r.bad(t.fields[key], t.lines[key], "", "%s", unknown("key", key, []string{ownBlock}))
		}
	}
}

func (r *reader) region(t *tree) string {
	region := r.word(t.get("region_name"), "region_name")
	switch {
	case region == "" && t.get("region_name").empty():
		r.bad(t, 0, "region_name", "is missing, want the region's name, like eu-de")
	case region != "" && !regionForm.MatchString(region):
		r.bad(t.get("region_name"), 0, "region_name", "%q is no region, want a name like eu-de", region)
	}
	return region
}

var regionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

func (r *reader) profile(t *tree) ims.Profile {
	if at := t.get("profile"); at != nil {
		return ims.Profile(r.oneOf(at, "profile", "profile", profiles...))
	}
	p := profileOf(r.word(t.get("auth").get("auth_url"), "auth.auth_url"))
	if p == "" {
		r.bad(t, 0, "profile", "is missing, want otc or huaweicloud")
	}
	return p
}

func (r *reader) credentials(t *tree) ims.Credentials {
	auth := t.get("auth")
	if auth.empty() || !auth.isMap() {
		at := t
		if auth != nil {
			at = auth
		}
		r.bad(at, 0, "auth", "is missing, want auth_url, project_id, and ak and sk or username and password")
		return ims.Credentials{}
	}
	secret := func(keys ...string) ims.Secret {
		r.once(auth, keys)
		return ims.Secret(strings.TrimSpace(r.text(firstOf(auth, keys...), "auth."+keys[0])))
	}
	word := func(keys ...string) string { return r.word(firstOf(auth, keys...), "auth."+keys[0]) }
	c := ims.Credentials{
		AccessKey: secret("ak", "access_key"), SecretKey: secret("sk", "secret_key"), SecurityToken: secret("security_token"),
		Username: word("username"), UserID: word("user_id"), Password: ims.Secret(r.text(auth.get("password"), "auth.password")),
		UserDomainName: word("user_domain_name", "domain_name"), UserDomainID: word("user_domain_id", "domain_id"),
		ProjectName:       word("project_name", "tenant_name"),
		ProjectDomainName: word("project_domain_name"), ProjectDomainID: word("project_domain_id"),
	}
	r.complete(auth, c)
	return c
}

// once reports a value that is given under two names.
func (r *reader) once(auth *tree, keys []string) {
	if len(keys) == 2 && auth.get(keys[0]) != nil && auth.get(keys[1]) != nil {
		r.bad(auth.get(keys[1]), 0, "auth."+keys[1], "is given as %s too, want only one of them", keys[0])
	}
}

func (r *reader) complete(auth *tree, c ims.Credentials) {
	switch {
	case c.AccessKey != "" && c.Password != "":
		r.bad(auth, 0, "auth", "ak and sk are given, and a password too: want only one way to log in")
	case c.AccessKey != "" && c.SecretKey == "":
		r.bad(auth, 0, "auth", "ak is given without sk%s", hint(auth))
	case c.AccessKey == "" && c.SecretKey != "":
		r.bad(auth, 0, "auth", "sk is given without ak%s", hint(auth))
	case c.AccessKey == "" && c.SecurityToken != "":
		r.bad(auth, 0, "auth", "security_token is given without ak and sk%s", hint(auth))
	case c.AccessKey != "":
	case c.Password == "":
		r.bad(auth, 0, "auth", "credentials are missing, want ak and sk, or username and password%s", hint(auth))
	case c.Username == "" && c.UserID == "":
		r.bad(auth, 0, "auth", "password is given without username%s", hint(auth))
	case c.UserID == "" && c.UserDomainName == "" && c.UserDomainID == "":
		r.bad(auth, 0, "auth", "username is given without user_domain_name%s", hint(auth))
	}
}

// hint names a key that looks like a typing mistake.
func hint(auth *tree) string {
	for _, key := range auth.keys {
		if near := nearest(key, authKeys); len(key) > 3 && near != "" && near != key && auth.get(near) == nil && !slices.Contains(authKeys, key) {
			return "; " + key + ": did you mean " + near + "?"
		}
	}
	return ""
}

// endpoints are the profile's unless the entry overrides them.
func (r *reader) endpoints(t *tree, p ims.Profile, region string) ims.Endpoints {
	e := defaultEndpoints(p, region)
	if at := t.get("auth").get("auth_url"); !at.empty() {
		e.Identity = r.address(at, "auth.auth_url")
	}
	for _, o := range []struct {
		to   *string
		keys []string
	}{
		{&e.Image, []string{"image_endpoint_override"}},
		{&e.CBR, []string{"cbr_endpoint_override"}},
		{&e.BlockStorage, []string{"block_storage_endpoint_override", "volume_endpoint_override"}},
		{&e.Identity, []string{"identity_endpoint_override"}},
	} {
		if at := firstOf(t, o.keys...); !at.empty() {
			*o.to = r.address(at, o.keys[0])
		}
	}
	return e
}

// version ends the addresses that OpenStack tools want.
var version = regexp.MustCompile(`/v\d+(\.\d+)?(/.*)?$`)

// address does not quote what it refuses: it may hold a password.
func (r *reader) address(t *tree, key string) string {
	w := r.word(t, key)
	u, err := url.Parse(w)
	switch {
	case w == "":
		return ""
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		r.bad(t, 0, key, "is no address, want https://host")
		return ""
	case u.User != nil:
		r.bad(t, 0, key, "user and password do not belong into an address")
		return ""
	case u.RawQuery != "" || u.Fragment != "":
		r.bad(t, 0, key, "query and fragment do not belong into an endpoint")
		return ""
	}
	return version.ReplaceAllString(strings.TrimRight(w, "/"), "")
}

// firstOf is the first of several keys that is there.
func firstOf(t *tree, keys ...string) *tree {
	for _, key := range keys {
		if at := t.get(key); !at.empty() {
			return at
		}
	}
	return nil
}
