package otlp

import (
	"log/slog"
	"strings"
	"testing"
)

// TestUnreadable: what the SDK cannot read is told by its name, before the SDK
// sees it, and never with the secret in it.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ variable, value, want string }{
		"address":         {variableEndpoint, "http://u:s3cret@c:4318", ""},
		"no_port":         {variableEndpoint, "http://u:s3cret@c:x", "is no address"},
		"no_scheme":       {variableEndpoint, "127.0.0.1:4318", "is no address"},
		"name_no_scheme":  {variableTracesEndpoint, "collector:4318", "is no address"},
		"headers":         {variableHeaders, "Authorization=Bearer%20s3cret==, x-scope = a,", ""},
		"header_no_value": {variableHeaders, "x-scope=a,s3cret", "is no list of headers"},
		"header_name":     {variableTracesHeaders, "s3 cret=a", "is no list of headers"},
		"header_escape":   {variableTracesHeaders, "Authorization=s3cret%", "is no list of headers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{variableEndpoint: "http://c:4318", test.variable: test.value}
			wanted, err := Wanted(func(name string) string { return env[name] })
			switch {
			case test.want == "":
				if err != nil || !wanted {
					t.Errorf("got %v, %v", wanted, err)
				}
			case err == nil || wanted || !strings.Contains(err.Error(), test.variable+" "+test.want) || strings.Contains(err.Error(), "s3"):
				t.Errorf("got %v, %v", wanted, err)
			}
		})
	}
}

// TestUnreadableStartsNothing: traces stay off, and the log says why.
func TestUnreadableStartsNothing(t *testing.T) {
	t.Setenv(variableEndpoint, "http://u:s3cret@c:x")
	t.Setenv(variableHeaders, "s3cret")
	log := &lines{}
	s := Start(t.Context(), Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	if got := log.String(); s != nil || !strings.Contains(got, variableEndpoint) || !strings.Contains(got, variableHeaders) || strings.Contains(got, "s3cret") {
		t.Errorf("%v, %s", s, got)
	}
}
