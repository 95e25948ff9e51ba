package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// settings are what the environment chooses.
type settings struct {
	requests int           // REQUESTS: how many are sent
	workers  int           // WORKERS: how many run
	brokers  int           // BROKERS: 1, or 3 that keep copies of each other
	seed     uint64        // SEED: of the plan, of the cloud's faults, of the mix; another one each time if it is not given
	limits   string        // LIMITS: profile, the account's limits as documented, or off
	factor   float64       // FACTOR: the cloud's clock runs that much faster
	lease    time.Duration // LEASE: of the workers; one is killed every three of them
	nodes    time.Duration // NODES: a broker node is killed once in that time
	flight   int           // FLIGHT: at most that many requests are under way at once
	binary   string        // BINARY: an imsworker to use instead of one that is built here
	config   string        // CONFIG: a folder with nats.conf and accounts.conf for the brokers, as deployments/nats; else they let in everybody
}

// clouds is how many accounts the requests are spread over.
const clouds = 8

// shards is how many the broker spreads them over.
const shards = 8

func readSettings(env func(string) string) (settings, error) {
	r := reader{env: env}
	s := settings{
		requests: r.number("REQUESTS", 1000, 1_000_000), workers: r.number("WORKERS", 2, 20), brokers: r.number("BROKERS", 3, 3),
		seed: uint64(r.number("SEED", 1+rand.IntN(999_999), math.MaxInt)), limits: r.text("LIMITS", "profile"),
		factor: float64(r.number("FACTOR", 60, 120)), lease: r.duration("LEASE", 15*time.Second), nodes: r.duration("NODES", time.Minute),
		flight: r.number("FLIGHT", 400, 100_000), binary: env("BINARY"), config: env("CONFIG"),
	}
	if s.config != "" && s.brokers != 3 {
		r.wrong("BROKERS", strconv.Itoa(s.brokers), "3: CONFIG is that of a cluster")
	}
	if s.limits != "profile" && s.limits != "off" {
		r.wrong("LIMITS", s.limits, "profile or off")
	}
	if s.brokers == 2 {
		r.wrong("BROKERS", "2", "1 or 3")
	}
	if s.lease < 5*time.Second || s.lease%time.Second != 0 {
		r.wrong("LEASE", s.lease.String(), "whole seconds, at least 5s: an election must fit into it")
	}
	if s.nodes < 10*time.Second {
		r.wrong("NODES", s.nodes.String(), "at least 10s")
	}
	return s, errors.Join(r.problems...)
}

// String is what a run can be repeated with.
func (s settings) String() string {
	return fmt.Sprintf("CONFIG=%s SEED=%d REQUESTS=%d WORKERS=%d BROKERS=%d LIMITS=%s FACTOR=%g LEASE=%s NODES=%s FLIGHT=%d (the cloud's clock runs %g times faster)",
		s.config, s.seed, s.requests, s.workers, s.brokers, s.limits, s.factor, s.lease, s.nodes, s.flight, s.factor)
}

// submitTimeout is two minutes of the cloud's time: well below the shortest
// horizon, as it is in service.
func (s settings) submitTimeout() time.Duration {
	return max(s.real(2*time.Minute), time.Second)
}

// real is how long some of the cloud's time takes here.
func (s settings) real(virtual time.Duration) time.Duration {
	return time.Duration(float64(virtual) / s.factor)
}

// random is a source of chance of its own for each purpose, so that a change
// of one leaves the others as they were.
func (s settings) random(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(s.seed, purpose)) }

// Purposes of chance.
const (
	chanceMix = iota
	chanceRepeats
	chanceKills
	chancePauses
	chanceCuts
	chanceNodes
)

// reader reads variables and collects what is wrong with them.
type reader struct {
	env      func(string) string
	problems []error
}

func (r *reader) wrong(name, given, want string) {
	r.problems = append(r.problems, fmt.Errorf("%s is %q: want %s", name, given, want))
}

func (r *reader) text(name, otherwise string) string {
	if text := r.env(name); text != "" {
		return text
	}
	return otherwise
}

func (r *reader) number(name string, otherwise, most int) int {
	text := r.env(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		r.wrong(name, text, fmt.Sprintf("a number from 1 to %d", most))
	}
	return n
}

func (r *reader) duration(name string, otherwise time.Duration) time.Duration {
	text := r.env(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		r.wrong(name, text, "a duration such as 15s")
	}
	return d
}
