package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir keeps a second trial away from a directory in which one runs: it
// would write over the fake's state. The lock ends with the process.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "dev.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another dev runs in %s: stop it, or set IMSWORKER_DATA_DIR to a directory of this one's own (%w)", dir, err)
	}
	return func() { _ = f.Close() }, nil
}
