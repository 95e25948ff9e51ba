package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// operation is one row of what requests ask for. A request's name stands in
// the calls that it causes: by that the auditor knows whose they are.
type operation struct {
	name  string
	share int // of all shares
	// unresolved says that a lost answer may end it unresolved; all others are
	// submitted again.
	unresolved bool
	// data is what the request says about a thing of its own, with that id.
	data func(name, id string) map[string]any
	// add puts the thing into the account; nil where none is needed.
	add func(w *fakecloud.World, name, id string)
}

// mix is the only list of them: a new operation is a row.
var mix = []operation{
	{
		name: "copy-image", share: 55,
		data: func(name, _ string) map[string]any {
			return map[string]any{"image_id": fakecloud.DemoImage, "name": name}
		},
	},
	{
		name: "create-whole-image", share: 16,
		data: func(name, id string) map[string]any {
			return map[string]any{"backup_id": id, "whole_image_type": "CBR", "name": name}
		},
		add: func(w *fakecloud.World, name, id string) {
			w.Backups = append(w.Backups, fakecloud.Backup{ID: id, Name: "of-" + name, ResourceID: fakecloud.DemoServer, ResourceName: "web-01", SizeGB: 40})
		},
	},
	{
		name: "create-whole-image", share: 5, unresolved: true,
		data: func(name, id string) map[string]any { return map[string]any{"instance_id": id, "name": name} },
		add: func(w *fakecloud.World, name, id string) {
			w.Servers = append(w.Servers, fakecloud.Server{ID: id, Name: "of-" + name, Status: "ACTIVE", SizeGB: 40})
		},
	},
	{
		name: "import-image", share: 4,
		data: func(name, _ string) map[string]any {
			return map[string]any{"image_url": fakecloud.DemoQuickFile, "name": name, "min_disk": 250, "os_version": system}
		},
	},
	{
		name: "register-image", share: 4,
		data: func(name, _ string) map[string]any {
			return map[string]any{"image_url": fakecloud.DemoFile, "name": name, "min_disk": 40, "__os_version": system}
		},
	},
	{
		name: "create-system-image", share: 4,
		data: func(name, _ string) map[string]any {
			return map[string]any{"image_url": fakecloud.DemoFile, "name": name, "min_disk": 40, "os_version": system}
		},
	},
	{
		name: "export-volume", share: 12,
		data: func(name, id string) map[string]any { return map[string]any{"volume_id": id, "image_name": name} },
		add: func(w *fakecloud.World, name, id string) {
			w.Volumes = append(w.Volumes, fakecloud.Volume{ID: id, Name: "of-" + name, SizeGB: 40})
		},
	},
}

// system is what is on the disks that come as files.
const system = "Ubuntu 22.04 server 64bit"

// source is the ce-source of all requests.
const source = "/chaos"

// request is one that is sent.
type request struct {
	name      string // also its ce-id
	cloud     string
	operation operation
	body      []byte
	key       string
}

// cloudName is the n-th account.
func cloudName(n int) string { return fmt.Sprintf("cloud-%d", n+1) }

// requests draws all requests of a run, and what the accounts must hold for
// them. Every operation of the mix is there if there are enough requests.
func (s settings) draw() ([]request, map[string]*fakecloud.World, error) {
	random, worlds := s.random(chanceMix), map[string]*fakecloud.World{}
	for n := range clouds {
		worlds[cloudName(n)] = &fakecloud.World{}
	}
	all := make([]request, s.requests)
	for i := range all {
		r := request{name: fmt.Sprintf("chaos-%06d", i+1), cloud: cloudName(random.IntN(clouds)), operation: drawOperation(random)}
		id := uuid(random)
		data := r.operation.data(r.name, id)
		// Beyond its deadline a request that was only put off is rejected, which is
		// right and not what is asked here.
		data["options"] = map[string]any{"deadline": "200h"}
		body, err := json.Marshal(data)
		if err != nil {
			return nil, nil, fmt.Errorf("encode request %s: %w", r.name, err)
		}
		r.body, r.key = body, messages.Key(r.cloud, source, r.name)
		if r.operation.add != nil {
			r.operation.add(worlds[r.cloud], r.name, id)
		}
		all[i] = r
	}
	return all, worlds, nil
}

func drawOperation(random *rand.Rand) operation {
	sum := 0
	for _, o := range mix {
		sum += o.share
	}
	at := random.IntN(sum)
	for _, o := range mix {
		if at -= o.share; at < 0 {
			return o
		}
	}
	return mix[0]
}

func uuid(random *rand.Rand) string {
	a, b := random.Uint64(), random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff)
}
