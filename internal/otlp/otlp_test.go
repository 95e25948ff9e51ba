package otlp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWanted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env   string
		want  bool
		fault string
	}{
		"nothing":           {},
		"endpoint":          {env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", want: true},
		"traces_endpoint":   {env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4318/v1/traces", want: true},
		"exporter":          {env: "OTEL_TRACES_EXPORTER=otlp", want: true},
		"none":              {env: "OTEL_TRACES_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"},
		"disabled":          {env: "OTEL_SDK_DISABLED=TRUE OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"},
		"not_disabled":      {env: "OTEL_SDK_DISABLED=1 OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", want: true},
		"name_alone":        {env: "OTEL_SERVICE_NAME=images OTEL_TRACES_SAMPLER=always_on"},
		"sampler":           {env: "OTEL_TRACES_SAMPLER=TraceIDRatio OTEL_TRACES_SAMPLER_ARG=0.01 OTEL_TRACES_EXPORTER=otlp", want: true},
		"no_sampler":        {env: "OTEL_TRACES_SAMPLER=ratio OTEL_TRACES_EXPORTER=otlp", fault: "parentbased_traceidratio are allowed"},
		"no_ratio":          {env: "OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=1% OTEL_TRACES_EXPORTER=otlp", fault: "OTEL_TRACES_SAMPLER_ARG"},
		"ratio_above_all":   {env: "OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=10 OTEL_TRACES_EXPORTER=otlp", fault: "from 0 to 1"},
		"arg_of_no_ratio":   {env: "OTEL_TRACES_SAMPLER=always_on OTEL_TRACES_SAMPLER_ARG=x OTEL_TRACES_EXPORTER=otlp", want: true},
		"other_exporter":    {env: "OTEL_TRACES_EXPORTER=zipkin", fault: "OTEL_TRACES_EXPORTER"},
		"other_protocol":    {env: "OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317", fault: "OTEL_EXPORTER_OTLP_PROTOCOL"},
		"own_protocol":      {env: "OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317", want: true},
		"protocol_of_other": {env: "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			for pair := range strings.FieldsSeq(test.env) {
				name, value, _ := strings.Cut(pair, "=")
				env[name] = value
			}
			got, err := Wanted(func(name string) string { return env[name] })
			if got != test.want || (err != nil) != (test.fault != "") || err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// receiver notes what spans come, and answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	answer http.HandlerFunc
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.bodies = append(r.bodies, q.URL.Path+" "+q.Header.Get("Authorization")+" "+string(body))
		r.mu.Unlock()
		r.answer(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.bodies, "\n")
}

// lines is a log that many may write to.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func span(s *Sender) {
	s.Tracer().Receive(trace.Receipt{About: trace.About{Key: "k"}, Subject: "ims.request.{cloud}.{operation}", Begun: time.Now()}).Taken("accepted", nil)
}

// TestEnvironment: the standard variables are all that is needed. It sets them
// for the whole process.
func TestEnvironment(t *testing.T) {
	r := receive(t, func(http.ResponseWriter, *http.Request) {})
	for name, value := range map[string]string{
		variableEndpoint: r.URL, "OTEL_SERVICE_NAME": "images", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
		"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20secret-token",
	} {
		t.Setenv(name, value)
	}
	log := &lines{}
	s := Start(t.Context(), Options{Version: "1.2.3", Instance: "here", Log: slog.New(slog.NewTextHandler(log, nil))})
	span(s)
	s.Stop(context.Background())
	got := r.got()
	for _, want := range []string{"/v1/traces Bearer secret-token", "images", "deployment.environment.name", "1.2.3", "here", "process ims.request.{cloud}.{operation}"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	if log.String() != "" {
		t.Errorf("log: %s", log)
	}
	t.Setenv(variableExporter, "jaeger")
	if s := Start(t.Context(), Options{Log: slog.New(slog.NewTextHandler(log, nil))}); s != nil || s.Tracer().On() || !strings.Contains(log.String(), "jaeger") {
		t.Errorf("started, log %s", log)
	}
	(*Sender)(nil).Stop(t.Context())
}

// TestReceiverInTrouble: one line when it begins, one when it is over, and no
// secret in them.
func TestReceiverInTrouble(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20secret-token")
	log, broken := &lines{}, true
	r := receive(t, func(w http.ResponseWriter, q *http.Request) {
		if broken {
			http.Error(w, "who is "+q.Header.Get("Authorization")+strings.Repeat("?", 5000), http.StatusUnauthorized)
		}
	})
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(r.URL))
	if err != nil {
		t.Fatal(err)
	}
	s, err := send(t.Context(), exporter, Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		span(s)
		if err := s.processor.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "401") || strings.Contains(got, "secret-token") || len(got) > 1000 {
		t.Errorf("log of three failures: %s", got)
	}
	broken = false
	span(s)
	s.Stop(context.Background())
	if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "sent again") {
		t.Errorf("log: %s", got)
	}
}

// TestStopIsBounded: a receiver that never answers holds up neither the work
// nor the stop.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	r := receive(t, func(_ http.ResponseWriter, q *http.Request) {
		select {
		case <-hang:
		case <-q.Context().Done():
		}
	})
	defer close(hang)
	log := &lines{}
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(r.URL))
	if err != nil {
		t.Fatal(err)
	}
	s, err := send(t.Context(), exporter, Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 { // more than are kept
		span(s)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	stopped := make(chan struct{})
	go func() { s.Stop(ctx); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(9 * time.Second): // a call alone may take ten
		t.Error("the stop waits for the receiver")
		<-stopped
	}
	if !strings.Contains(log.String(), "the last spans were not sent") {
		t.Errorf("log: %s", log)
	}
}

// TestEndsAreTheSame: an end has its ids by its seed, whoever tells of it.
func TestEndsAreTheSame(t *testing.T) {
	t.Parallel()
	told := map[string]int{}
	for _, seed := range []string{"a", "a", "b"} {
		e := tracetest.NewInMemoryExporter()
		s, err := send(t.Context(), keep{e}, Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		end := s.Tracer().End(trace.End{Seed: seed, Begun: time.Now()})
		told[end.TraceParent()]++
		end.Told(time.Now())
		span(s)
		s.Stop(context.Background())
		if n := len(e.GetSpans()); n != 2 {
			t.Errorf("%d spans", n)
		}
	}
	if len(told) != 2 {
		t.Errorf("ends are %v", told)
	}
}

// keep is the exporter in memory, but keeps what it has over its end.
type keep struct{ *tracetest.InMemoryExporter }

func (keep) Shutdown(context.Context) error { return nil }

// TestCalm: whatever goes wrong, the SDK hears of success.
func TestCalm(t *testing.T) {
	t.Parallel()
	c := &calm{next: broken{}, log: slog.New(slog.DiscardHandler)}
	if err := c.ExportSpans(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

type broken struct{ sdk.SpanExporter }

func (broken) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return errors.New("broken") }
