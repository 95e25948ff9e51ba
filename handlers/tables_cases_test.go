package handlers_test

import (
	"maps"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// later is a moment that no case reaches.
func later() time.Time { return time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC) }

func ofServer(s fakecloud.Server) fakecloud.World {
	s.ID = itsImage
	return fakecloud.World{Servers: []fakecloud.Server{s}}
}

func ofBackup(b fakecloud.Backup) fakecloud.World {
	b.ID = itsBackup
	return fakecloud.World{Backups: []fakecloud.Backup{b}}
}

func ofVault(v fakecloud.Vault) fakecloud.World {
	v.ID = itsOther
	return fakecloud.World{Vaults: []fakecloud.Vault{v}}
}

func ofImage(i fakecloud.Image) fakecloud.World {
	i.ID = itsImage
	return fakecloud.World{Images: []fakecloud.Image{i}}
}

func ofObject(o fakecloud.Object) fakecloud.World {
	o.Bucket, o.Key = "images", "its"
	return fakecloud.World{Objects: []fakecloud.Object{o}}
}

// prefixed are the cases of one operation.
func prefixed(operation string, cases map[string]cloudCase) map[string]cloudCase {
	named := make(map[string]cloudCase, len(cases))
	for row, c := range cases {
		named[operation+" | "+row] = c
	}
	return named
}

// wholeCases are those of 2.2.
func wholeCases() map[string]cloudCase {
	const (
		cbr     = `{"name":"n","backup_id":"` + itsBackup + `","whole_image_type":"CBR"}`
		csbs    = `{"name":"n","backup_id":"` + itsBackup + `","whole_image_type":"CSBS"}`
		server  = `{"name":"n","instance_id":"` + itsImage + `"}`
		inVault = `{"name":"n","instance_id":"` + itsImage + `","vault_id":"` + itsOther + `"}`
		inDemo  = `{"name":"n","instance_id":"` + itsImage + `","vault_id":"` + fakecloud.DemoVault + `"}`
		active  = "ACTIVE"
	)
	good := fakecloud.Vault{ObjectType: "server", Status: "available", SizeGB: 100, MaxServers: 9}
	vault := func(change func(*fakecloud.Vault)) fakecloud.World {
		v := good
		change(&v)
		w := ofVault(v)
		w.Servers = ofServer(fakecloud.Server{Status: active, SizeGB: 40}).Servers
		return w
	}
	return prefixed("create-whole-image", map[string]cloudCase{
		"instance_id: unknown server":              {data: server, code: "IMG.0005"},
		"backup_id: unknown to CBR":                {data: cbr, code: "IMG.0020", said: "BackupService.6217"},
		"backup_id: unknown to CSBS":               {data: csbs, code: "IMG.0127"},
		"whole_image_type: CSBS for a CBR backup":  {data: csbs, code: "IMG.0198", world: ofBackup(fakecloud.Backup{})},
		"whole_image_type: CBR for a CSBS backup":  {data: cbr, code: "IMG.0198", said: "BackupService.6217", world: ofBackup(fakecloud.Backup{Service: "CSBS"})},
		"vault_id: needed for a server in a vault": {data: server, code: "IMG.0184", world: ofServer(fakecloud.Server{Status: active, VaultID: fakecloud.DemoVault})},
		"server runs or is stopped":                {data: server, code: "IMG.0126", world: ofServer(fakecloud.Server{Status: "SUSPENDED"})},
		"server is not being backed up":            {data: server, code: "IMG.0136", world: ofServer(fakecloud.Server{Status: active, BackupUntil: later()})},
		"server's disks are free":                  {data: server, code: "IMG.0139", world: ofServer(fakecloud.Server{Status: active, DiskBusy: true})},
		"no DESS or DSS disks":                     {data: server, code: "IMG.0153", world: ofServer(fakecloud.Server{Status: active, DESS: true})},
		"backup available":                         {data: cbr, code: "IMG.0132", world: ofBackup(fakecloud.Backup{Status: "restoring"})},
		"one image of a backup, CBR":               {data: strings.ReplaceAll(cbr, itsBackup, fakecloud.DemoWholeBackup), code: "IMG.0134"},
		"one image of a backup, CSBS":              {data: csbs, code: "IMG.0029", world: ofBackup(fakecloud.Backup{Service: "CSBS", Spent: true})},
		"backup with a system disk":                {data: cbr, code: "IMG.0195", world: ofBackup(fakecloud.Backup{NoSystemDisk: true})},
		"backup of a server":                       {data: cbr, code: "IMG.0033", world: ofBackup(fakecloud.Backup{ResourceType: "OS::Cinder::Volume"})},
		"vault: room":                              {data: inVault, code: "IMG.0182", world: vault(func(v *fakecloud.Vault) { v.UsedGB = 100 })},
		"vault: room for this server":              {data: inVault, code: "IMG.0182", world: vault(func(v *fakecloud.Vault) { v.UsedGB = 61 })},
		"vault: server in another":                 {data: inDemo, code: "IMG.0183", world: ofServer(fakecloud.Server{Status: active, VaultID: itsOther})},
		"vault: exists":                            {data: inVault, code: "IMG.0184", world: ofServer(fakecloud.Server{Status: active})},
		"vault: number of servers":                 {data: inVault, code: "IMG.0185", world: fullOfServers(vault(func(v *fakecloud.Vault) { v.MaxServers = 1 }))},
		"vault: server bound to CSBS":              {data: inDemo, code: "IMG.0186", world: ofServer(fakecloud.Server{Status: active, CSBS: true})},
		"vault: usable":                            {data: inVault, code: "IMG.0188", world: vault(func(v *fakecloud.Vault) { v.Status = "frozen" })},
		"vault: for servers":                       {data: inVault, code: "IMG.0193", world: vault(func(v *fakecloud.Vault) { v.ObjectType = "disk" })},
	})
}

func fullOfServers(w fakecloud.World) fakecloud.World {
	w.Servers = append(w.Servers, fakecloud.Server{ID: itsBackup, Status: "ACTIVE", SizeGB: 1, VaultID: itsOther})
	return w
}

// systemCases are those of 2.3.
func systemCases() map[string]cloudCase {
	const (
		server  = `{"name":"n","instance_id":"` + itsImage + `"}`
		volume  = `{"name":"n","volume_id":"` + itsImage + `","os_version":"Ubuntu 22.04 server 64bit"}`
		file    = `{"name":"n","image_url":"images:its","min_disk":40}`
		quick   = `{"name":"n","image_url":"images:its","min_disk":40,"is_quick_import":true,"os_version":"Ubuntu 22.04 server 64bit"}`
		stopped = "SHUTOFF"
	)
	busy := fakecloud.World{Volumes: []fakecloud.Volume{{ID: itsImage, Status: "backing-up"}}}
	mixed := ofObject(fakecloud.Object{Format: "qcow2", SizeGB: 1, DiskGB: 10, OSType: "Linux"})
	mixed.Objects = append(mixed.Objects, fakecloud.Object{Bucket: "images", Key: "other", Format: "qcow2", SizeGB: 1, DiskGB: 10, OSType: "Windows"})
	elsewhere := ofObject(fakecloud.Object{Format: "qcow2", SizeGB: 1})
	elsewhere.Buckets = []fakecloud.Bucket{{Name: "images", Region: farRegion}}
	cases := prefixed("create-system-image", map[string]cloudCase{
		"server is stopped":               {data: server, code: "IMG.0008", world: ofServer(fakecloud.Server{Status: "ACTIVE"})},
		"server is idle":                  {data: server, code: "IMG.0010", world: ofServer(fakecloud.Server{Status: stopped, ImagingUntil: later()})},
		"system disk may be used":         {data: server, code: "IMG.0006", world: ofServer(fakecloud.Server{Status: stopped, DiskForbidden: true})},
		"system disk is usable":           {data: server, code: "IMG.0110", world: ofServer(fakecloud.Server{Status: stopped, DiskBusy: true})},
		"system disk exists":              {data: server, code: "IMG.0119", world: ofServer(fakecloud.Server{Status: stopped, NoSystemDisk: true})},
		"system disk's size":              {data: server, code: "IMG.0111", world: ofServer(fakecloud.Server{Status: stopped, SizeGB: 2000})},
		"server's type":                   {data: server, code: "IMG.0063", world: ofServer(fakecloud.Server{Status: stopped, BMS: true})},
		"os_version: of the list":         {data: `{"name":"n","image_url":"` + fakecloud.DemoFile + `","min_disk":40,"os_version":"Plan 9"}`, code: "IMG.0056"},
		"volume's state":                  {data: volume, code: "IMG.0022", said: "EVS.5400", world: busy},
		"volume's id":                     {data: volume, code: "IMG.0120", said: "404"},
		"file up to 128 GB":               {data: file, code: "IMG.0059", world: ofObject(fakecloud.Object{Format: "qcow2", SizeGB: 129})},
		"file up to 1 TB, quick":          {data: quick, code: "IMG.0059", world: ofObject(fakecloud.Object{Format: "zvhd2", SizeGB: 1025})},
		"file exists and is readable":     {data: file, code: "IMG.0057"},
		"bucket of this region":           {data: file, code: "IMG.0058", world: elsewhere},
		"data disks of the system's type": {data: strings.Replace(file, "}", `,"data_images":[{"image_url":"images:other","min_disk":40}]}`, 1), code: "IMG.0122", world: mixed},
	})
	ofVolumes := func(ids ...string) string {
		var items []string
		for _, id := range ids {
			items = append(items, `{"name":"n","volume_id":"`+id+`"}`)
		}
		return `{"data_images":[` + strings.Join(items, ",") + `]}`
	}
	maps.Copy(cases, prefixed("create-data-image", map[string]cloudCase{
		"volumes of one server": {data: ofVolumes(fakecloud.DemoDataVolume, fakecloud.DemoInUseVolume), code: "IMG.0140"},
		"volume's state":        {data: ofVolumes(itsImage), code: "IMG.0022", said: "EVS.5400", world: busy},
		"volume's id":           {data: ofVolumes(itsImage), code: "IMG.0120", said: "404"},
		"image_url: readable":   {data: file, code: "IMG.0057"},
	}))
	return cases
}

// fileCases are those of 2.5 and 2.6.
func fileCases() map[string]cloudCase {
	quick := func(version string) string {
		return `{"name":"n","image_url":"images:its","min_disk":40,"os_version":"` + version + `"}`
	}
	const ubuntu = "Ubuntu 22.04 server 64bit"
	cases := prefixed("import-image", map[string]cloudCase{
		"image_url: RAW with bitmap, or ZVHD2":         {data: quick(ubuntu), code: "IMG.0158", world: ofObject(fakecloud.Object{Format: "raw", SizeGB: 1})},
		"image_url: up to 1 TB":                        {data: quick(ubuntu), code: "IMG.0059", world: ofObject(fakecloud.Object{Format: "zvhd2", SizeGB: 1025})},
		"min_disk: not less than the disk in the file": {data: quick(ubuntu), code: "IMG.0055", world: ofObject(fakecloud.Object{Format: "zvhd2", SizeGB: 1, DiskGB: 41})},
		"os_version: of the list":                      {data: quick("ubuntu 22.04 server 64bit"), code: "IMG.0056", world: ofObject(fakecloud.Object{Format: "zvhd2", SizeGB: 1})},
	})
	file := `{"image_id":"` + fakecloud.DemoQueuedImage + `","image_url":"images:its"}`
	maps.Copy(cases, prefixed("register-image", map[string]cloudCase{
		"file's format":      {data: file, code: "IMG.0057", world: ofObject(fakecloud.Object{Format: "ova", SizeGB: 1})},
		"image without data": {data: strings.Replace(file, fakecloud.DemoQueuedImage, fakecloud.DemoImage, 1), code: "IMG.0105", world: ofObject(fakecloud.Object{Format: "qcow2", SizeGB: 1})},
	}))
	return cases
}

// quotaCases are those of 4.6: there is room for nothing more.
func quotaCases() map[string]cloudCase {
	cases := map[string]cloudCase{}
	for operation, data := range map[string]string{
		"create-whole-image":  `{"name":"n","backup_id":"` + fakecloud.DemoBackup + `","whole_image_type":"CBR"}`,
		"create-system-image": `{"name":"n","instance_id":"` + fakecloud.DemoStoppedServer + `"}`,
		"create-data-image":   `{"name":"n","image_url":"` + fakecloud.DemoDataFile + `","min_disk":40}`,
		"import-image":        `{"name":"n","image_url":"` + fakecloud.DemoRawFile + `","min_disk":40,"os_version":"Ubuntu 22.04 server 64bit"}`,
		"copy-image":          `{"image_id":"` + fakecloud.DemoImage + `","name":"n"}`,
		"export-volume":       `{"volume_id":"` + fakecloud.DemoVolume + `","image_name":"n"}`,
	} {
		c := cloudCase{data: data, code: "IMG.0015", switchs: func(s *fakecloud.Switches) { s.Quota = 1 }}
		if operation == "export-volume" {
			c.code, c.said = "413", "IMG.0015"
		}
		cases[operation+" | quota of images"] = c
	}
	return cases
}
