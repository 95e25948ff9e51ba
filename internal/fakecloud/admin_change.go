package fakecloud

import (
	"bytes"
	"io"
	"net/http"
	"slices"
)

// adminChanges are the orders; each reads its body and returns what to answer.
var adminChanges = map[string]func(f *Fake, cloud string, r *http.Request) (any, error){
	"servers":           addOne(func(s Server) World { return World{Servers: []Server{s}} }),
	"vaults":            addOne(func(v Vault) World { return World{Vaults: []Vault{v}} }),
	"volumes":           addOne(func(v Volume) World { return World{Volumes: []Volume{v}} }),
	"buckets":           addOne(func(b Bucket) World { return World{Buckets: []Bucket{b}} }),
	"objects":           addOne(func(o Object) World { return World{Objects: []Object{o}} }),
	"images":            addOne(func(i Image) World { return World{Images: []Image{i}} }),
	"backups":           addBackups,
	"world":             addWorld,
	"switches":          changeSwitches,
	"faults":            orderFaults,
	"outcomes":          orderOutcomes,
	"tokens/invalidate": killTokens,
	"smn":               postSMN,
	"eventgrid":         postEventGrid,
}

func (f *Fake) adminChange(change func(*Fake, string, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := f.adminCloud(w, r)
		if c == nil {
			return
		}
		said, err := change(f, c.Name, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writeJSON(w, said)
	}
}

func addOne[T any](world func(T) World) func(*Fake, string, *http.Request) (any, error) {
	return func(f *Fake, cloud string, r *http.Request) (any, error) {
		var thing T
		if err := decodeStrict(r.Body, &thing); err != nil {
			return nil, err
		}
		return added(f, cloud, world(thing))
	}
}

func addWorld(f *Fake, cloud string, r *http.Request) (any, error) {
	var w World
	if err := decodeStrict(r.Body, &w); err != nil {
		return nil, err
	}
	return added(f, cloud, w)
}

// addBackups takes a backup and how many of it; an empty id is made up.
func addBackups(f *Fake, cloud string, r *http.Request) (any, error) {
	var order struct {
		Backup
		Count int `json:"count"`
	}
	if err := decodeStrict(r.Body, &order); err != nil {
		return nil, err
	}
	var w World
	for range max(order.Count, 1) {
		w.Backups = append(w.Backups, order.Backup)
	}
	return added(f, cloud, w)
}

func added(f *Fake, cloud string, w World) (any, error) {
	ids, err := f.Add(cloud, w)
	return map[string][]string{"ids": ids}, err
}

// changeSwitches changes what the body names and leaves the rest.
func changeSwitches(f *Fake, cloud string, r *http.Request) (any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	var now Switches
	err = f.Switch(cloud, func(s *Switches) error {
		err := decodeStrict(bytes.NewReader(body), s)
		now = s.clone()
		return err
	})
	return now, err
}

// orderFaults takes one fault, or a script of several.
func orderFaults(f *Fake, cloud string, r *http.Request) (any, error) {
	faults, err := oneOrMany[Fault](r.Body)
	if err != nil {
		return nil, err
	}
	err = f.Order(cloud, faults...)
	return taken(faults), err
}

func orderOutcomes(f *Fake, cloud string, r *http.Request) (any, error) {
	outcomes, err := oneOrMany[Outcome](r.Body)
	if err != nil {
		return nil, err
	}
	err = f.Decide(cloud, outcomes...)
	return taken(outcomes), err
}

func oneOrMany[T any](body io.Reader) ([]T, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxBody))
	if err != nil {
		return nil, err
	}
	if text = bytes.TrimSpace(text); !bytes.HasPrefix(text, []byte("[")) {
		text = slices.Concat([]byte("["), text, []byte("]"))
	}
	var many []T
	return many, decodeStrict(bytes.NewReader(text), &many)
}

func killTokens(f *Fake, cloud string, _ *http.Request) (any, error) {
	return map[string]bool{"done": true}, f.InvalidateTokens(cloud)
}

// Switch changes the switches of a cloud for all later calls; an error of
// change leaves them as they were. Rates and durations that it finds in the
// maps may be changed in place.
func (f *Fake) Switch(cloud string, change func(*Switches) error) error {
	c, err := f.cloud(cloud)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.switches.clone()
	if err := change(&next); err != nil {
		return err
	}
	c.switches = next
	return nil
}
