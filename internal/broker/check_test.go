package broker

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestDialOldServer speaks just enough of the protocol to be a server of
// another version.
func TestDialOldServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		serveOld(l)
	}()
	_, err = Dial(t.Context(), Options{URL: "nats://" + l.Addr().String()}, quiet())
	_ = l.Close()
	<-done
	if err == nil || !strings.Contains(err.Error(), "2.10.7") || !strings.Contains(err.Error(), TestedVersion) {
		t.Errorf("got %v, want both versions", err)
	}
}

func serveOld(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, `INFO {"server_id":"old","version":"2.10.7","headers":true,"jetstream":true,"max_payload":1048576}`+"\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "PING") {
			fmt.Fprint(conn, "PONG\r\n")
		}
	}
}

func TestOlderThan(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"2.15.2": false, "2.15.3-RC.1": false, "2.16.0": false, "3.0.0": false, "v2.15.2": false,
		"2.15.1": true, "2.9.20": true, "1.99.99": true, "": true,
	} {
		if got := olderThan(version, TestedVersion); got != want {
			t.Errorf("%q: got %t", version, got)
		}
	}
}
