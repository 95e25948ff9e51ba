// Package otlp collects the spans that package trace makes and sends them to a
// receiver by OTLP over HTTP, as the standard variables of OpenTelemetry say.
// It is the only room that knows the OpenTelemetry SDK. Nothing waits for it:
// spans that cannot be sent are dropped.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/imsworker/imsworker/internal/trace"
)

// Variables of the OpenTelemetry specification that switch traces on and off
// or that it would read otherwise than they are meant. All others are left to
// the SDK: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_…, OTEL_EXPORTER_OTLP_….
const (
	variableDisabled       = "OTEL_SDK_DISABLED"
	variableExporter       = "OTEL_TRACES_EXPORTER"
	variableEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	variableTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	variableProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	variableTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	variableHeaders        = "OTEL_EXPORTER_OTLP_HEADERS"
	variableTracesHeaders  = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
	variableSampler        = "OTEL_TRACES_SAMPLER"
	variableSamplerArg     = "OTEL_TRACES_SAMPLER_ARG"
)

// Wanted reports whether the environment asks for traces. The error says in
// words what it asks for that this worker cannot do.
func Wanted(env func(string) string) (bool, error) {
	value := func(names ...string) string {
		for _, name := range names {
			if v := strings.TrimSpace(env(name)); v != "" {
				return v
			}
		}
		return ""
	}
	exporter := value(variableExporter)
	switch {
	case strings.EqualFold(value(variableDisabled), "true"), exporter == "none":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("%s: %q is not known here; otlp and none are allowed", variableExporter, exporter)
	case exporter == "" && value(variableTracesEndpoint, variableEndpoint) == "":
		return false, nil
	}
	if protocol := value(variableTracesProtocol, variableProtocol); !slices.Contains([]string{"", "http/protobuf", "http/json"}, protocol) {
		return false, fmt.Errorf("%s: %q is not spoken here; http/protobuf and http/json are allowed, usually at port 4318", variableProtocol, protocol)
	}
	if err := unreadable(env); err != nil {
		return false, err
	}
	return true, nil
}

// Options say who makes the spans.
type Options struct {
	Version  string
	Instance string
	Log      *slog.Logger
}

// Sender collects spans and sends them. A nil *Sender has no tracer.
type Sender struct {
	tracer    *trace.Tracer
	processor sdk.SpanProcessor
	exporter  *calm
}

// Start begins to send, if the environment of the process asks for that; else
// it returns nil. What is wrong with the environment is logged and leaves
// traces off: it is often that of a whole cluster, and no reason not to work.
func Start(ctx context.Context, o Options) *Sender {
	wanted, err := Wanted(os.Getenv)
	if err == nil && wanted {
		var s *Sender
		if s, err = start(ctx, o); err == nil {
			return s
		}
	}
	if err != nil {
		o.Log.Warn("no traces are made", "error", err)
	}
	return nil
}

func start(ctx context.Context, o Options) (*Sender, error) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Log.Warn("traces", "error", err) }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	return send(ctx, exporter, o)
}

// send gives the spans to an exporter, many at a time and beside the work.
func send(ctx context.Context, exporter sdk.SpanExporter, o Options) (*Sender, error) {
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "imsworker"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Instance),
	), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	quiet := &calm{next: exporter, log: o.Log, secrets: secrets(os.Getenv)}
	processor := sdk.NewBatchSpanProcessor(quiet)
	common := []sdk.TracerProviderOption{sdk.WithResource(about), sdk.WithSpanProcessor(processor), sdk.WithIDGenerator(ids{})}
	return &Sender{
		tracer:    trace.New(sdk.NewTracerProvider(common...), sdk.NewTracerProvider(append(common, sdk.WithSampler(sdk.AlwaysSample()))...)),
		processor: processor, exporter: quiet,
	}, nil
}

// Tracer makes spans that are sent; nil where none are.
func (s *Sender) Tracer() *trace.Tracer {
	if s == nil {
		return nil
	}
	return s.tracer
}

// Stop sends what is left, for as long as ctx lasts, and gives up the rest. It
// must be called once.
func (s *Sender) Stop(ctx context.Context) {
	if s == nil {
		return
	}
	err := s.processor.Shutdown(ctx)
	if ctx.Err() != nil { // cuts off what is still being sent
		_ = s.exporter.next.Shutdown(context.WithoutCancel(ctx))
	}
	if err != nil {
		s.exporter.log.Warn("the last spans were not sent", "error", s.exporter.hide(err))
	}
}
