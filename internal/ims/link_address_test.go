package ims

import (
	"net/url"
	"strings"
	"testing"
)

// TestUnder: an address is what parsing the joined text gives.
func TestUnder(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://ims.example", "https://proxy.example:8443/a%2Fb", "https://proxy.example/c%20d", "http://[::1]:80/x"} {
		for _, path := range []string{"/v1/cloudimages/i/copy", "/v2/images/a:b_c.d", "/v1/" + url.PathEscape("pro ject/1") + "/jobs/j"} {
			parsed, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			want, err := url.Parse(strings.TrimRight(base, "/") + path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := under(parsed, path)
			if err != nil || got.String() != want.String() || got.Path != want.Path || got.EscapedPath() != want.EscapedPath() {
				t.Errorf("%s below %s: got %q (%q), %v; want %q (%q)", path, base, got, got.Path, err, want, want.Path)
			}
		}
	}
}
