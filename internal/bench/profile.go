package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profilePath is the file of a profile; empty where none is to be kept.
func (b *bench) profilePath(name, kind string) string {
	if b.profile == "" || name == "" {
		return ""
	}
	return filepath.Join(b.profile, name+"."+kind+".pprof")
}

// profiled starts a processor profile under that name until finish is called.
func (b *bench) profiled(name string) (finish func() error, err error) {
	path := b.profilePath(name, "cpu")
	if path == "" {
		return func() error { return nil }, nil
	}
	return profileTo(path)
}

// profileTo profiles this process's time until finish is called.
func profileTo(path string) (finish func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("start profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// heap writes what the heap holds.
func (b *bench) heap(name string) error {
	path := b.profilePath(name, "heap")
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make profile: %w", err)
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}
