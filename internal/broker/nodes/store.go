package nodes

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// What the process of a node is told on its standard input, one a line. It
// answers each with a line: done, or what went wrong.
const (
	orderOff = "off"
	orderOn  = "on"
	done     = "done"
)

// obey carries orders out until there are no more.
func obey(s *server.Server, orders io.Reader, answers io.Writer) {
	config := *s.JetStreamConfig()
	config.StoreDir = filepath.Dir(config.StoreDir) // the server adds its own folder
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		err := fmt.Errorf("no such order: %q", lines.Text())
		switch lines.Text() {
		case orderOff:
			err = s.ShutdownJetStream()
		case orderOn:
			again := config
			err = s.EnableJetStream(&again)
		}
		answer := done
		if err != nil {
			answer = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		_, _ = fmt.Fprintln(answers, answer) // who asked may be gone
	}
}

// Off switches JetStream off, as a server does by itself when its disk fails.
// The connections of clients stand, and nobody responds.
func (n *Node) Off() error { return n.order(orderOff) }

// On switches JetStream on again, with all that was stored.
func (n *Node) On() error { return n.order(orderOn) }

func (n *Node) order(what string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return fmt.Errorf("switch node %s %s: it does not run", n.config.Name, what)
	}
	if _, err := fmt.Fprintln(n.stdin, what); err != nil {
		return fmt.Errorf("switch node %s %s: %w", n.config.Name, what, err)
	}
	answer, err := n.stdout.ReadString('\n')
	if err == nil && answer != done+"\n" {
		err = errors.New(strings.TrimSpace(answer))
	}
	if err != nil {
		return fmt.Errorf("switch node %s %s: %w", n.config.Name, what, err)
	}
	return nil
}
