package brokertest

import "testing"

// Storeless is a server whose JetStream can be switched off and on again while
// the connections of its clients stand. Without it nobody responds. It is a
// process of its own: a server that is switched on is not safe to be asked at
// the same moment, and the race detector says so of what shares its process.
type Storeless struct{ process *Process }

// StartStoreless starts a server without streams, JetStream switched on, as
// StartProcess does. It ends with the test.
func StartStoreless(t testing.TB) *Storeless {
	t.Helper()
	return &Storeless{StartProcess(t)}
}

// URL is the address that clients use.
func (s *Storeless) URL() string { return s.process.URL() }

// Off switches JetStream off, as a server does by itself when its disk fails.
func (s *Storeless) Off() {
	s.process.t.Helper()
	s.must(s.process.Off())
}

// On switches JetStream on again, with all that was stored.
func (s *Storeless) On() {
	s.process.t.Helper()
	s.must(s.process.On())
}

func (s *Storeless) must(err error) {
	s.process.t.Helper()
	if err != nil {
		s.process.t.Fatal(err)
	}
}
