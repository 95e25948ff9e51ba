// Package credentials makes what the broker's shipped configuration needs to
// know its users and its nodes by: a key for each user, an authority and a
// certificate for each node. What is there already is kept, so that it can be
// run again for a new user. Rights are given elsewhere, in accounts.conf.
package credentials

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
)

// Options say for whom.
type Options struct {
	Dir   string   // of accounts.conf; the folder secrets is made beside it
	Nodes []string // names of the nodes' hosts, one certificate each
	Hosts []string // further names and addresses that every node answers to
	Renew bool     // nodes get new certificates of the authority that is there
	Now   time.Time
}

// Secrets is the folder of everything that is made, below Options.Dir.
const Secrets = "secrets"

// File is something that was made or kept.
type File struct {
	Name string // below the folder
	What string
	Made bool
}

// Make makes what is missing and returns all that is there. After an error
// what was made before it stays; the next call goes on.
func Make(o Options) ([]File, error) {
	names, err := users(filepath.Join(o.Dir, "accounts.conf"))
	if err != nil {
		return nil, err
	}
	m := maker{Options: o, dir: filepath.Join(o.Dir, Secrets)}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of secrets: %w", err)
	}
	if err := m.users(names); err != nil {
		return m.files, fmt.Errorf("keys of users: %w", err)
	}
	if err := m.certificates(); err != nil {
		return m.files, fmt.Errorf("certificates: %w", err)
	}
	return m.files, nil
}

// keyOf finds the users in accounts.conf.
var keyOf = regexp.MustCompile(`\bnkey: *\$([a-z0-9_]+)_key\b`)

func users(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read who the users are: %w", err)
	}
	var names []string
	for _, found := range keyOf.FindAllStringSubmatch(string(text), -1) {
		names = append(names, found[1])
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s names no user: want some `nkey: $NAME_key`", file)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// maker is one call of Make.
type maker struct {
	Options

	dir   string
	files []File
}

func (m *maker) path(name string) string { return filepath.Join(m.dir, name) }

func (m *maker) there(name string) bool {
	_, err := os.Stat(m.path(name))
	return err == nil
}

func (m *maker) tell(name, what string, made bool) {
	m.files = append(m.files, File{Name: name, What: what, Made: made})
}

// write replaces a file as a whole: who reads it meanwhile, or after a crash,
// finds the old one or the new one.
func (m *maker) write(name string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(m.dir, "."+name+"-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has its name by then, or is of no use
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), m.path(name))
}

// users lists the public keys in the form of the server's configuration.
func (m *maker) users(names []string) error {
	var list strings.Builder
	list.WriteString("# Made by deployments/nats/credentials: the public keys of the users in accounts.conf.\n")
	for _, name := range names {
		key, err := m.user(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(&list, "%s_key: %s\n", name, key)
	}
	m.tell("users.conf", "public keys of all users, for the nodes", true)
	return m.write("users.conf", []byte(list.String()), 0o644)
}

// user returns the public key of a user: of the one that has a seed here, or
// has given only the public half, or of a new one.
func (m *maker) user(name string) (string, error) {
	seed, public := name+".nk", name+".pub"
	if !m.there(seed) && m.there(public) {
		return m.given(public)
	}
	made := !m.there(seed)
	if made {
		if err := m.newSeed(seed); err != nil {
			return "", err
		}
	}
	text, err := os.ReadFile(m.path(seed))
	if err != nil {
		return "", err
	}
	pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(string(text))))
	if err != nil {
		return "", fmt.Errorf("%s holds no seed of a user: %w", seed, err)
	}
	m.tell(seed, "key of "+name+", inbox prefix _INBOX_"+name, made)
	return userKey(pair.PublicKey())
}

func (m *maker) given(public string) (string, error) {
	text, err := os.ReadFile(m.path(public))
	if err != nil {
		return "", err
	}
	m.tell(public, "public key that was given", false)
	return userKey(strings.TrimSpace(string(text)), nil)
}

func userKey(key string, err error) (string, error) {
	if err == nil && !nkeys.IsValidPublicUserKey(key) {
		err = errors.New("it is not the key of a user, which begins with U")
	}
	return key, err
}

func (m *maker) newSeed(file string) error {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	seed, err := pair.Seed()
	if err != nil {
		return err
	}
	return m.write(file, append(seed, '\n'), 0o600)
}
