package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	limit "golang.org/x/time/rate"
)

// rate is the value of a flag that says how many in what time: 10/s, 15/5m. Zero is as fast as it goes.
type rate struct {
	text    string
	every   time.Duration
	limiter *limit.Limiter
}

// String implements pflag.Value.
func (r *rate) String() string { return r.text }

// Type implements pflag.Value.
func (r *rate) Type() string { return "N/duration" }

// Set implements pflag.Value.
func (r *rate) Set(s string) error {
	many, in, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(many)
	if in == "" || in[0] < '0' || in[0] > '9' {
		in = "1" + in
	}
	if in == "1" {
		in = "1s"
	}
	d, wrong := time.ParseDuration(in)
	if err != nil || wrong != nil || n < 1 || d <= 0 {
		return fmt.Errorf("%q is no rate: 10/s, 100/m and 15/5m are", s)
	}
	r.text, r.every = s, d/time.Duration(n)
	r.limiter = limit.NewLimiter(limit.Every(r.every), 1)
	return nil
}

// wait blocks until the next may go, or ctx ends.
func (r *rate) wait(ctx context.Context) error {
	if r.limiter == nil {
		return ctx.Err()
	}
	return r.limiter.Wait(ctx)
}
