package promtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sample is one element of an expression's result.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// String is the sample in a line.
func (s Sample) String() string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		labels = append(labels, fmt.Sprintf("%s=%q", name, s.Labels[name]))
	}
	return fmt.Sprintf("{%s} %v", strings.Join(labels, ","), s.Value)
}

// Query evaluates an expression at a time. An expression that cannot be
// evaluated ends the test.
func (s *Server) Query(expr string, at time.Time) []Sample {
	s.t.Helper()
	var result []struct {
		Metric map[string]string `json:"metric"`
		Value  [2]any            `json:"value"`
	}
	ask := url.Values{"query": {expr}, "time": {stamp(at)}}
	if !s.ask("/api/v1/query?"+ask.Encode(), expr, &result) {
		return nil
	}
	samples := make([]Sample, 0, len(result))
	for _, r := range result {
		samples = append(samples, Sample{r.Metric, s.number(r.Value[1])})
	}
	return samples
}

// Holds reports whether an expression has the same element at each step from
// one time to another: whether an alert that waits for so long would fire. Where
// a job is named, elements of other jobs do not count.
func (s *Server) Holds(expr, job string, from, to time.Time, step time.Duration) bool {
	s.t.Helper()
	var result []struct {
		Metric map[string]string `json:"metric"`
		Values [][2]any          `json:"values"`
	}
	ask := url.Values{"query": {expr}, "start": {stamp(from)}, "end": {stamp(to)}, "step": {step.String()}}
	if !s.ask("/api/v1/query_range?"+ask.Encode(), expr, &result) {
		return false
	}
	want := 1 + int(to.Sub(from)/step)
	for _, r := range result {
		if of := r.Metric["job"]; len(r.Values) == want && (job == "" || of == "" || of == job) {
			return true
		}
	}
	return false
}

// ask reads a result. A scalar, which is none of a rule, is nothing.
func (s *Server) ask(path, expr string, into any) bool {
	s.t.Helper()
	resp, err := s.get(path)
	if err != nil {
		s.t.Fatalf("ask Prometheus: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     json.RawMessage
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		s.t.Fatalf("read the answer to %s: %v", expr, err)
	}
	if answer.Status != "success" {
		s.t.Fatalf("evaluate %s: %s", expr, answer.Error)
	}
	if answer.Data.ResultType == "scalar" {
		return false
	}
	if err := json.Unmarshal(answer.Data.Result, into); err != nil {
		s.t.Fatalf("read the answer to %s: %v", expr, err)
	}
	return true
}

func (s *Server) number(value any) float64 {
	s.t.Helper()
	text, _ := value.(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.t.Fatalf("read a value: %v", err)
	}
	return n
}

func stamp(at time.Time) string { return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64) }
