package handlers_test

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

const gib = int64(1) << 30

// copyCases are those of 2.7, and what 2.2 and 2.3 say of copies.
func copyCases() map[string]cloudCase {
	data := of(uses["copy"].data, itsImage)
	whole := fakecloud.Image{Whole: true, BackupID: fakecloud.DemoWholeBackup}
	shared := fakecloud.Image{Type: "shared", Owner: owner, MemberStatus: "accepted"}
	pending, encrypted := shared, shared
	pending.MemberStatus, encrypted.CMK = "pending", fakecloud.DemoKey
	return prefixed("copy-image", map[string]cloudCase{
		"result not copied":        {data: data, code: "IMG.0130", world: ofImage(whole)},
		"ISO not copied later":     {data: of(uses["copy"].data, fakecloud.DemoISOImage), code: "IMG.0167"},
		"cmk_id: another key":      {data: `{"image_id":"` + fakecloud.DemoEncryptedImage + `","name":"n","cmk_id":"` + fakecloud.DemoKey + `"}`, code: "IMG.0096"},
		"source exists":            {data: data, code: "IMG.0027"},
		"source active":            {data: data, code: "IMG.0046", world: ofImage(fakecloud.Image{Active: later()})},
		"source no whole image":    {data: of(uses["copy"].data, fakecloud.DemoWholeImage), code: "IMG.0130"},
		"source no ISO":            {data: of(uses["copy"].data, fakecloud.DemoISOImage), code: "IMG.0167"},
		"share accepted":           {data: data, code: "IMG.0196", world: ofImage(pending)},
		"not shared and encrypted": {data: data, code: "IMG.0197", world: ofImage(encrypted)},
		"not public":               {data: of(uses["copy"].data, fakecloud.DemoPublicImage), code: "IMG.0083"},
	})
}

// crossCases are those of 2.8.
func crossCases() map[string]cloudCase {
	plain, whole := of(toFar(""), itsImage), of(toFar(`,"vault_id":"`+farVault+`"`), fakecloud.DemoWholeImage)
	cases := map[string]cloudCase{
		"ISO not copied across regions later": {data: of(toFar(""), fakecloud.DemoISOImage), code: "IMG.0167"},
		"one zone only at first":              {data: of(toFar(`,"vault_id":"`+farVault+`"`), itsImage), code: "IMG.0152", world: ofImage(fakecloud.Image{Whole: true, BackupID: fakecloud.DemoWholeBackup, OneZoneUntil: later()})},
		"region: another one":                 {data: strings.ReplaceAll(plain, farRegion, "eu-de"), code: "IMG.0142", world: ofImage(fakecloud.Image{})},
		"region: known":                       {data: strings.ReplaceAll(plain, farRegion, "xx-nowhere"), code: "IMG.0147", world: ofImage(fakecloud.Image{})},
		"project_name: known":                 {data: strings.Replace(plain, `"project_name":"`+farRegion, `"project_name":"`+farRegion+`_other`, 1), code: "IMG.0145", world: ofImage(fakecloud.Image{})},
		"agency_name: has the rights":         {data: plain, code: "IMG.0151", world: ofImage(fakecloud.Image{}), switchs: func(s *fakecloud.Switches) { s.Agencies = []string{"b"} }},
		"vault_id: of whole images":           {data: of(toFar(""), fakecloud.DemoWholeImage), code: "IMG.0184"},
		"vault_id: takes replicas":            {data: whole, code: "IMG.0189", there: fakecloud.World{Vaults: []fakecloud.Vault{{ID: farVault, ObjectType: "server", Status: "available", SizeGB: 1000, NoReplicas: true}}}},
		"up to 128 GB":                        {data: plain, code: "IMG.0146", world: ofImage(fakecloud.Image{DataSize: 129 * gib})},
		"five at once":                        {data: plain, code: "IMG.0149", world: ofImage(fakecloud.Image{}), before: 5},
		"not encrypted":                       {data: of(toFar(""), fakecloud.DemoEncryptedImage), code: "IMG.0143"},
		"no ISO":                              {data: of(toFar(""), fakecloud.DemoISOImage), code: "IMG.0167"},
		"backup not there yet":                {data: whole, code: "IMG.0150", before: 1},
	}
	for name, c := range cases {
		c.huawei = true
		cases[name] = c
	}
	return prefixed("copy-image-cross-region", cases)
}

// exportCases are those of 2.9.
func exportCases() map[string]cloudCase {
	data, quick := of(uses["export"].data, itsImage), of(uses["quick"].data, itsImage)
	here := fakecloud.World{Images: ofImage(fakecloud.Image{}).Images, Buckets: []fakecloud.Bucket{{Name: "far-away", Region: farRegion}}}
	return prefixed("export-image", map[string]cloudCase{
		"result not exported":                {data: of(uses["export"].data, fakecloud.DemoWholeImage), code: "IMG.0128"},
		"ISO not exported later":             {data: of(uses["export"].data, fakecloud.DemoISOImage), code: "IMG.0167"},
		"bucket_url: bucket of this region":  {data: strings.Replace(data, "images:", "far-away:", 1), code: "IMG.0058", world: here},
		"below 1 TB":                         {data: quick, code: "IMG.0071", world: ofImage(fakecloud.Image{DataSize: 1024 * gib})},
		"above 128 GB only quickly":          {data: data, code: "IMG.0160", world: ofImage(fakecloud.Image{DataSize: 129 * gib})},
		"no whole image":                     {data: of(uses["export"].data, fakecloud.DemoWholeImage), code: "IMG.0128"},
		"not of a backup":                    {data: data, code: "IMG.0080", world: ofImage(fakecloud.Image{BackupID: fakecloud.DemoBackup})},
		"no ISO":                             {data: of(uses["export"].data, fakecloud.DemoISOImage), code: "IMG.0167"},
		"not public":                         {data: of(uses["export"].data, fakecloud.DemoPublicImage), code: "IMG.0077"},
		"not of a charged public image":      {data: data, code: "IMG.0079", world: ofImage(fakecloud.Image{OriginalID: fakecloud.DemoPublicImage})},
		"not of the marketplace":             {data: data, code: "IMG.0078", world: ofImage(fakecloud.Image{Type: "market"})},
		"encrypted not quickly":              {data: of(uses["quick"].data, fakecloud.DemoEncryptedImage), code: "IMG.0071"},
		"file not there yet":                 {data: strings.Replace(data, "images:new", fakecloud.DemoFile, 1), code: "IMG.0070", world: ofImage(fakecloud.Image{})},
		"not being exported":                 {data: data, code: "IMG.0148", world: ofImage(fakecloud.Image{}), before: 1},
		"made of a file that may not go out": {data: data, code: "IMG.0081", world: ofImage(fakecloud.Image{FileOnly: true})},
	})
}

// memberCases are those of 2.10.
func memberCases() map[string]cloudCase {
	with := func(image string, projects ...string) string {
		return `{"images":["` + image + `"],"projects":["` + strings.Join(projects, `","`) + `"]}`
	}
	member := func(n int) fakecloud.Member {
		return fakecloud.Member{ID: fmt.Sprintf("%032d", n+100), Kind: "project", Since: time.Unix(0, 0)}
	}
	shared := func(i fakecloud.Image, n int) fakecloud.World {
		for k := range n {
			i.Members = append(i.Members, member(k))
		}
		return ofImage(i)
	}
	whole := fakecloud.Image{Whole: true, BackupID: fakecloud.DemoWholeBackup}
	ofCSBS := ofImage(fakecloud.Image{Whole: true, BackupID: itsBackup})
	ofCSBS.Backups = []fakecloud.Backup{{ID: itsBackup, Service: "CSBS"}}
	cases := prefixed("share-image", map[string]cloudCase{
		"shared only if of CBR":           {data: with(itsImage, fakecloud.DemoNeighbour), code: "IMG.0135", world: ofCSBS},
		"shared with ten at most":         {data: with(itsImage, fakecloud.DemoNeighbour), code: "IMG.0088", world: shared(whole, 10)},
		"same region":                     {data: with(itsImage, farProject), code: "IMG.0177", world: shared(fakecloud.Image{}, 0)},
		"not with oneself":                {data: with(itsImage, fakecloud.DemoProjectID), code: "IMG.0076", world: shared(fakecloud.Image{}, 0)},
		"recipient known":                 {data: with(itsImage, owner), code: "IMG.0108", world: shared(fakecloud.Image{}, 0)},
		"recipients, of an image":         {data: with(itsImage, fakecloud.DemoNeighbour), code: "IMG.0088", world: shared(fakecloud.Image{}, 256)},
		"ten recipients of a whole image": {data: with(itsImage, fakecloud.DemoNeighbour), code: "IMG.0088", world: shared(whole, 10)},
		"key granted":                     {data: with(fakecloud.DemoEncryptedImage, fakecloud.DemoNeighbour), code: "IMG.0098"},
		"whole image of CBR":              {data: with(itsImage, fakecloud.DemoNeighbour), code: "IMG.0135", world: ofCSBS},
		"not public":                      {data: with(fakecloud.DemoPublicImage, fakecloud.DemoNeighbour), code: "IMG.0089"},
	})
	answer := `{"images":["` + itsImage + `"],"project_id":"` + fakecloud.DemoProjectID + `","status":"accepted"}`
	sharedWhole := whole
	sharedWhole.Type, sharedWhole.Owner, sharedWhole.MemberStatus = "shared", owner, "pending"
	locked := ofImage(sharedWhole)
	locked.Vaults = ofVault(fakecloud.Vault{ObjectType: "server", Status: "lock", SizeGB: 1000}).Vaults
	maps.Copy(cases, prefixed("answer-share", map[string]cloudCase{
		"vault_id: to accept whole images": {data: answer, code: "IMG.0184", world: ofImage(sharedWhole)},
		"vault_id: usable":                 {data: strings.Replace(answer, `,"status"`, `,"vault_id":"`+itsOther+`","status"`, 1), code: "IMG.0188", world: locked},
		"the recipient answers":            {data: answer, code: "IMG.0027", world: ofImage(fakecloud.Image{})},
	}))
	ofDomain := ofImage(fakecloud.Image{Members: []fakecloud.Member{{ID: owner, Kind: "domain", Since: time.Unix(0, 0)}}})
	cases["delete-image | not deleted while shared with a domain"] = cloudCase{data: `{"image_id":"` + itsImage + `"}`, code: "IMG.0105", world: ofDomain}
	return cases
}

// volumeCases are those of 2.11.
func volumeCases() map[string]cloudCase {
	data := `{"volume_id":"` + itsImage + `","image_name":"n"}`
	volume := func(v fakecloud.Volume) fakecloud.World {
		v.ID = itsImage
		return fakecloud.World{Volumes: []fakecloud.Volume{v}}
	}
	return prefixed("export-volume", map[string]cloudCase{
		"force: needed where in use":         {data: data, code: "400", said: "EVS.5400", world: volume(fakecloud.Volume{Status: "in-use"})},
		"volume up to 1 TiB on Huawei Cloud": {data: data, code: "400", huawei: true, world: volume(fakecloud.Volume{SizeGB: 1025})},
		"volume not uploading":               {data: data, code: "400", said: "EVS.5400", world: volume(fakecloud.Volume{Upload: later()})},
	})
}
