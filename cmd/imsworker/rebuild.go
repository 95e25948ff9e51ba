package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/rebuild"
)

func newRebuild() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rebuild CLOUD", Short: "Find requests again at a cloud when the broker's store is lost", Args: cobra.ExactArgs(1),
		Long: `Lists all images of the cloud's account that carry the marker of a request, and says what cannot be known. It asks the cloud
only, no broker, and writes nothing anywhere.

With --requests it says of each request that a publisher remembers what became of it: a file of JSON objects, one a line, with "id"
and "source" as the CloudEvents had them. A request that came as plain JSON has the id of its Nats-Msg-Id and no source.
Exit code 1 if an image was found for some of them only.`,
		Example: "  imsworker rebuild eu-de-prod\n  imsworker rebuild eu-de-prod --requests sent.jsonl -o json\n  imsworker rebuild eu-nl-prod --from eu-de-prod --requests sent.jsonl",
	}
	output := outputFlag(cmd)
	file := cmd.Flags().String("requests", "", "what a publisher has sent, one JSON object a line; - is standard input")
	from := cmd.Flags().String("from", "", "with --requests: the cloud that they were sent to, where their images lie in another region")
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		if *from != "" && *file == "" {
			return usage(cmd, "--from says which cloud the requests of --requests were sent to: --requests is missing")
		}
		conf, err := oneCloud(args[0])
		if err != nil {
			return err
		}
		sent, err := sentRequests(cmd, *file, cmp.Or(*from, args[0]))
		if err != nil {
			return err
		}
		report, err := findAgain(cmd.Context(), conf)
		if err != nil {
			return err
		}
		if *file != "" {
			report.Match(sent)
		}
		if err := output.print(cmd.OutOrStdout(), report, func(w io.Writer) { reportTable(w, report) }); err != nil {
			return err
		}
		return missing(report.Requests)
	})
	return cmd
}

func sentRequests(cmd *cobra.Command, file, cloud string) ([]rebuild.Request, error) {
	if file == "" {
		return nil, nil
	}
	in := cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the person's own file
		if err != nil {
			return nil, fmt.Errorf("read the requests: %w", err)
		}
		defer f.Close()
		in = f
	}
	sent, err := rebuild.ReadRequests(in, cloud)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return sent, nil
}

func findAgain(ctx context.Context, conf cloud.Cloud) (rebuild.Report, error) {
	api, err := ims.New(conf.Client)
	if err != nil {
		return rebuild.Report{}, err
	}
	defer api.Close()
	report, err := rebuild.Find(ctx, conf.Name, api)
	return report, withRemedy(err)
}

func reportTable(w io.Writer, r rebuild.Report) {
	if len(r.Images) == 0 {
		fmt.Fprintf(w, "no image of cloud %s carries the marker of a request\n", r.Cloud)
	} else {
		head(w, "KEY", "IMAGE", "STATUS", spare("CREATED"), narrow("NAME"), spare("MADE FROM"))
	}
	for _, i := range r.Images {
		row(w, i.Key, i.ImageID, i.Status, moment(i.CreatedAt), i.Name, i.MadeFrom)
	}
	if len(r.Requests) > 0 {
		fmt.Fprintln(w)
		head(w, "REQUEST", spare("SOURCE"), "STATE", "KEY", folded("IMAGES"))
	}
	for _, q := range r.Requests {
		row(w, q.ID, q.Source, q.State, q.Key, strings.Join(q.Images, " "))
	}
	fmt.Fprintln(w, "\nWhat cannot be known from the cloud:")
	for _, sentence := range r.CannotBeKnown {
		fmt.Fprintln(w, "  - "+sentence)
	}
}

// missing is an error that counts the requests without an image.
func missing(requests []rebuild.Request) error {
	var n int
	for _, q := range requests {
		if q.State == rebuild.NotFound || q.State == rebuild.Failed {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("no good image was found for %d of %d requests: before you send one again, see above what that does not prove", n, len(requests))
}
