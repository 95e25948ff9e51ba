package main

import (
	"cmp"
	"os"
	"os/user"
	"strconv"
)

// who is the person at the keyboard, as far as the machine knows: alice@bastion.
func who() string {
	name := "user " + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = cmp.Or(u.Username, name)
	}
	if by := os.Getenv("SUDO_USER"); by != "" && by != name {
		name = by + " as " + name
	}
	host, _ := os.Hostname() // without it the name is left
	if host == "" {
		return name
	}
	return name + "@" + host
}
