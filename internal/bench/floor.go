package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
)

const (
	floorWorkers  = 256 // lives at the same time
	floorPrefetch = 32  // requests that a shard's consumer holds back
	payloadBytes  = 256 // of each message that is stored
)

// floor does what a request needs with nothing but nats.go and net/http: no
// checks, no crash safety, no limits, no metrics. What it makes is as much as
// the broker, the cloud and the machine give.
type floor struct {
	js     jetstream.JetStream
	client *http.Client
	cloud  string
	plan   plan
	data   []byte
	places chan struct{}
	hands  sync.WaitGroup
	lost   errorOnce
}

// life is one request on its way.
type life struct {
	floor    *floor
	msg      jetstream.Msg
	record   string // subject
	events   string // subjects' beginning
	sequence uint64 // of the record
	told     int
}

// startFloor makes the worker's streams and takes requests until stop.
func startFloor(ctx context.Context, nc *nats.Conn, cloud string, p plan) (stop func() error, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	f := &floor{
		js: js, cloud: cloud, plan: p, places: make(chan struct{}, floorWorkers),
		client: &http.Client{Transport: &http.Transport{MaxIdleConns: floorWorkers, MaxIdleConnsPerHost: floorWorkers}},
		data:   []byte(`{"state":"` + strings.Repeat("x", payloadBytes-12) + `"}`),
	}
	if err := makeStreams(ctx, js); err != nil {
		return nil, err
	}
	return f.consume(ctx)
}

// makeStreams makes the same streams that the worker uses.
func makeStreams(ctx context.Context, js jetstream.JetStream) error {
	for _, s := range broker.Topology(broker.TopologyOptions{Shards: shards, Replicas: 1, EventsMaxAge: eventsMaxAge}) {
		stream, err := js.CreateStream(ctx, s.Config)
		if err != nil {
			return fmt.Errorf("make stream %s: %w", s.Config.Name, err)
		}
		for _, c := range s.Consumers {
			if _, err := stream.CreateConsumer(ctx, c); err != nil {
				return fmt.Errorf("make consumer %s: %w", c.Name, err)
			}
		}
	}
	return nil
}

func (f *floor) consume(ctx context.Context) (stop func() error, err error) {
	var consuming []jetstream.ConsumeContext
	for shard := range shards {
		consumer, err := f.js.Consumer(ctx, broker.StreamRequests, broker.ShardConsumer(shard))
		if err != nil {
			return nil, fmt.Errorf("find consumer %d: %w", shard, err)
		}
		c, err := consumer.Consume(func(msg jetstream.Msg) { f.take(ctx, msg) }, jetstream.PullMaxMessages(floorPrefetch))
		if err != nil {
			return nil, fmt.Errorf("consume shard %d: %w", shard, err)
		}
		consuming = append(consuming, c)
	}
	return func() error {
		for _, c := range consuming {
			c.Stop()
			<-c.Closed()
		}
		f.hands.Wait()
		f.client.CloseIdleConnections()
		return f.lost.first()
	}, nil
}

// take starts a life as soon as there is a place for it.
func (f *floor) take(ctx context.Context, msg jetstream.Msg) {
	f.places <- struct{}{}
	f.hands.Go(func() {
		defer func() { <-f.places }()
		f.lost.note(f.live(ctx, msg))
	})
}

func (f *floor) live(ctx context.Context, msg jetstream.Msg) error {
	tokens := strings.Split(msg.Subject(), ".") // ims.inbox.<shard>.request.<cloud>.<operation>
	shard, err := strconv.Atoi(tokens[2])
	if err != nil {
		return err
	}
	id := msg.Headers().Get("ce-id")
	key := id[strings.LastIndexByte(id, '.')+1:]
	l := &life{
		floor: f, msg: msg, record: broker.TrackSubject(shard, key),
		events: "ims.event." + tokens[4] + "." + tokens[5] + ".", sequence: 0,
	}
	err = l.run(ctx, key)
	if wrong, ok := errors.AsType[*jetstream.APIError](err); ok && wrong.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return msg.Ack() // delivered again while the first delivery was still worked on
	}
	return err
}

func (l *life) run(ctx context.Context, key string) error {
	if err := l.store(ctx, key, l.floor.plan.before); err != nil {
		return err
	}
	job, err := l.floor.post(ctx)
	if err != nil {
		return err
	}
	if err := l.store(ctx, key, l.floor.plan.between); err != nil {
		return err
	}
	if err := l.floor.ask(ctx, job); err != nil {
		return err
	}
	if err := l.store(ctx, key, l.floor.plan.after); err != nil {
		return err
	}
	return l.msg.Ack()
}

// store makes the writes of one part of the life; the last event is the final
// one.
func (l *life) store(ctx context.Context, key string, writes []write) error {
	for _, w := range writes {
		m := &nats.Msg{Subject: l.record, Header: nats.Header{}, Data: l.floor.data}
		expected := l.sequence
		switch w {
		case update:
			m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
		case tell:
			m.Subject, expected = l.events+l.eventState()+"."+key+".1", 0
		}
		m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expected, 10))
		ack, err := l.floor.js.PublishMsg(ctx, m)
		if err != nil {
			return fmt.Errorf("publish %s: %w", m.Subject, err)
		}
		if w != tell {
			l.sequence = ack.Sequence
		}
	}
	return nil
}

// eventState is class and state of the next event.
func (l *life) eventState() string {
	states := [...]string{"life.accepted", "life.submitted", "final.succeeded"}
	l.told++
	return states[len(states)-min(l.floor.plan.events()-l.told+1, len(states))]
}
