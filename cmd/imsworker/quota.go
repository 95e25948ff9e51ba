package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ims"
)

// quota is one row of the command's output.
type quota struct {
	Type  string `json:"type"`
	Used  int64  `json:"used"`
	Limit *int64 `json:"limit"` // null: there is none
	Left  *int64 `json:"left"`
}

func newQuota() *cobra.Command {
	cmd := &cobra.Command{
		Use: "quota CLOUD", Short: "Show how many images a cloud's account has and may have", Args: cobra.ExactArgs(1),
		Long: `Asks the cloud for the quotas of its image service: private images, images that are shared, and projects that an image can be
shared with. CLOUD is a name from clouds.yaml.`,
		Example: "  imsworker quota eu-de-prod\n  imsworker quota eu-de-prod -o json",
	}
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		conf, err := oneCloud(args[0])
		if err != nil {
			return err
		}
		quotas, err := askQuotas(cmd.Context(), conf)
		if err != nil {
			return err
		}
		return output.print(cmd.OutOrStdout(), quotas, func(w io.Writer) { quotaTable(w, quotas) })
	})
	return cmd
}

// oneCloud is a configured cloud by its name.
func oneCloud(name string) (cloud.Cloud, error) {
	cfg, err := config.Load()
	if err != nil {
		return cloud.Cloud{}, err
	}
	set, err := loadClouds(cfg)
	if err != nil {
		return cloud.Cloud{}, err
	}
	conf, known := set.Get(name)
	if !known {
		return cloud.Cloud{}, fmt.Errorf("there is no cloud %q in clouds.yaml: %s are there", name, strings.Join(set.Names(), ", "))
	}
	return conf, nil
}

func askQuotas(ctx context.Context, conf cloud.Cloud) ([]quota, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	api, err := ims.New(conf.Client)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	all, err := api.Quotas(ctx)
	quotas := make([]quota, 0, len(all))
	for _, q := range all {
		quotas = append(quotas, quotaOf(q))
	}
	return quotas, withRemedy(err)
}

// withRemedy adds to what a cloud said what a person can do.
func withRemedy(err error) error {
	if e, ok := errors.AsType[*ims.Error](err); ok && e.Remedy() != "" {
		return fmt.Errorf("%w: %s", err, e.Remedy())
	}
	return err
}

func quotaOf(q ims.Quota) quota {
	if q.Limit < 0 {
		return quota{Type: q.Type, Used: q.Used}
	}
	left := max(q.Limit-q.Used, 0)
	return quota{Type: q.Type, Used: q.Used, Limit: &q.Limit, Left: &left}
}

func quotaTable(w io.Writer, quotas []quota) {
	head(w, "TYPE", "USED", "LIMIT", "LEFT")
	for _, q := range quotas {
		row(w, q.Type, q.Used, orNone(q.Limit), orNone(q.Left))
	}
}

func orNone(n *int64) string {
	if n == nil {
		return "no limit"
	}
	return fmt.Sprint(*n)
}
