package dev

import (
	"fmt"
	"strings"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// CloudsYAML is the clouds.yaml that leads to clouds of a fake that is served
// at base, with their keys, and with a clock that runs so much faster.
func CloudsYAML(base string, factor float64, clouds ...fakecloud.CloudOptions) string {
	var b strings.Builder
	b.WriteString("clouds:\n")
	for _, c := range clouds {
		url := base + "/" + c.Name
		fmt.Fprintf(&b, "  %s:\n    profile: %s\n    region_name: %s\n", c.Name, c.Profile, c.Region)
		fmt.Fprintf(&b, "    auth:\n      auth_url: %s/v3\n      project_id: %q\n      ak: %s\n      sk: %s\n", url, c.ProjectID, c.AccessKey, c.SecretKey)
		for _, service := range []string{"image", "cbr", "block_storage"} {
			fmt.Fprintf(&b, "    %s_endpoint_override: %s\n", service, url)
		}
		fmt.Fprintf(&b, "    smn_endpoint_override: %s\n", url)
		fmt.Fprintf(&b, "    imsworker:\n      time_factor: %g\n      smn_topics: [ %q ]\n", max(factor, 1), c.Topic("backups"))
	}
	return b.String()
}
