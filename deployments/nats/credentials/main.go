// Command credentials makes the keys of the users in accounts.conf, and an
// authority and certificates for the nodes, in the folder secrets. What is there
// already is kept: run it again after a user was added.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imsworker/imsworker/internal/credentials"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "credentials:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("credentials", flag.ContinueOnError)
	dir := flags.String("dir", "deployments/nats", "folder of accounts.conf; the folder secrets is made in it")
	nodes := flags.String("nodes", "nats-1,nats-2,nats-3", "host names of the nodes, separated by commas")
	hosts := flags.String("hosts", "localhost,127.0.0.1", "further names and addresses that clients use for every node")
	renew := flags.Bool("renew", false, "make new certificates for the nodes")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("%q belongs to no flag: names are one word, separated by commas without spaces, or in quotes; nothing was made", flags.Args())
	}
	files, err := credentials.Make(credentials.Options{Dir: *dir, Nodes: list(*nodes), Hosts: list(*hosts), Renew: *renew, Now: time.Now()})
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, f := range files {
		word := "kept"
		if f.Made {
			word = "made"
		}
		fmt.Fprintf(w, "%s\t%s/%s\t%s\n", word, credentials.Secrets, f.Name, f.What)
	}
	_ = w.Flush() // to a terminal or a pipe whose reader is gone
	return err
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
