// Package nodes runs brokers as processes of their own, one or a cluster that
// keeps three copies, which can be killed, paused and cut off from each other.
// It is for tests and for measuring what the worker bears; what is written to
// them is others' affair.
package nodes

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// serveVariable holds, as JSON, the node that a process is to be.
const serveVariable = "IMSWORKER_TEST_NODE"

// startTime is how long a node may take until clients can connect.
const startTime = 30 * time.Second

// config is what a process needs to be a node.
type config struct {
	Name   string
	Dir    string
	Port   int    // of clients
	Routes int    // port of routes; 0: no cluster
	Peers  string // addresses of the others' routes, separated by commas
	File   string // configuration to be read, with Env as its environment; "": what options says
	Env    map[string]string
}

// ServeIfAsked makes this process a node, for ever, when Node.Start started it.
// A main or TestMain calls it before anything else.
func ServeIfAsked() {
	text := os.Getenv(serveVariable)
	if text == "" {
		return
	}
	if err := serve(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve carries out the orders of standard input and ends with it, so that no
// node outlives the process that started it.
func serve(text string) error {
	var c config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fmt.Errorf("node: read %s: %w", serveVariable, err)
	}
	options, err := c.options()
	if err != nil {
		return fmt.Errorf("node %s: %w", c.Name, err)
	}
	s, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("node %s: %w", c.Name, err)
	}
	s.ConfigureLogger()
	s.Start()
	if !s.ReadyForConnections(startTime) || !s.JetStreamEnabled() {
		return fmt.Errorf("node %s: not ready within %s", c.Name, startTime)
	}
	fmt.Println(s.ClientURL())
	obey(s, os.Stdin, os.Stdout)
	return nil
}

// options are those of the file, or of the nodes that need none.
func (c config) options() (*server.Options, error) {
	if c.File == "" {
		return c.plain(), nil
	}
	for name, value := range c.Env {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	o, err := server.ProcessConfigFile(c.File)
	if err != nil {
		return nil, err
	}
	o.NoSigs, o.LogFile, o.Logtime = true, c.Dir+".log", true
	return o, nil
}

// plain options make every message reach the disk before it is confirmed, as
// production should. Routes are told to others under an address where nobody
// answers: all of them go through the cluster's proxies.
func (c config) plain() *server.Options {
	o := &server.Options{
		ServerName: c.Name, Host: "127.0.0.1", Port: c.Port, NoSigs: true, LogFile: c.Dir + ".log", Logtime: true,
		JetStream: true, StoreDir: c.Dir, SyncAlways: true,
	}
	if c.Routes != 0 {
		o.Cluster = server.ClusterOpts{Name: "nodes", Host: "127.0.0.1", Port: c.Routes, Advertise: "127.0.0.1:9", NoAdvertise: true}
		o.Routes = server.RoutesFromStr(c.Peers)
	}
	return o
}
