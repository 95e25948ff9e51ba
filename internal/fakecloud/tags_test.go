package fakecloud

import "testing"

const demoTags = "/v2/" + DemoProjectID + "/images/" + DemoImage + "/tags"

func TestTags(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	d.post(demoTags, `{"tag":{"key":"op","value":"1"}}`).want(204, "")
	d.post(demoTags, `{"tag":{"key":"op","value":"2"}}`).want(204, "")
	if got := d.ids("tag=op%3D1"); got != "" {
		t.Errorf("the old value still finds %s", got)
	}
	if got := d.ids("tag=op%3D2"); got != DemoImage {
		t.Errorf("the new value finds %q", got)
	}
	d.post(demoTags+"/action", `{"action":"create","tags":[{"key":"a","value":"x"},{"key":"b","value":""}]}`).want(204, "")
	d.post(demoTags+"/action", `{"action":"delete","tags":[{"key":"team"},{"key":"no"}]}`).want(204, "")
	listed := d.get(demoTags).ok()
	if listed.length("tags") != 3 || listed.text("tags", 0, "key") != "op" || listed.text("tags", 0, "value") != "2" {
		t.Errorf("tags %s", listed.raw)
	}
	d.call("DELETE", demoTags+"/op", "").want(204, "")
	d.call("DELETE", demoTags+"/op", "").want(404, "IMG.0121")
	all := d.get("/v2/" + DemoProjectID + "/images/tags").ok()
	if all.length("tags") != 2 || all.text("tags", 0, "key") != "a" || all.text("tags", 0, "values", 0) != "x" {
		t.Errorf("tags of the project %s", all.raw)
	}
}

func TestFindByTags(t *testing.T) {
	t.Parallel()
	d := newDemo(t, func(o *Options) {
		o.Clouds[0].World = World{Images: []Image{
			{ID: "one", Name: "web-1", Tags: []Tag{{"op", "1"}, {"team", "a"}}},
			{ID: "two", Name: "web-2", Tags: []Tag{{"op", "2"}, {"team", "a"}}},
			{ID: "none", Name: "db-1"},
			{ID: "foreign", Name: "web-3", Type: "gold", Owner: publicOwner, Tags: []Tag{{"op", "1"}}},
		}}
	})
	for condition, want := range map[string]float64{
		`"tags":[{"key":"op","values":["1"]}]`:                                            1,
		`"tags":[{"key":"op","values":[]}]`:                                               2,
		`"tags":[{"key":"op","values":["1","2"]},{"key":"team","values":["a"]}]`:          2,
		`"tags":[{"key":"op","values":["3"]}]`:                                            0,
		`"tags_any":[{"key":"op","values":["1"]},{"key":"team","values":["b"]}]`:          1,
		`"not_tags":[{"key":"op","values":["1"]},{"key":"team","values":["a"]}]`:          2,
		`"not_tags_any":[{"key":"op","values":["1"]}]`:                                    2,
		`"without_any_tag":true`:                                                          1,
		`"matches":[{"key":"resource_name","value":"web"}]`:                               2,
		`"matches":[{"key":"resource_id","value":"none"}]`:                                1,
		`"tags":[{"key":"team","values":["a"]}],"not_tags":[{"key":"op","values":["2"]}]`: 1,
	} {
		got := d.post("/v2/"+DemoProjectID+"/images/resource_instances/action", `{"action":"count",`+condition+`}`).ok()
		if got.at("total_count") != want {
			t.Errorf("%s: %s, want %v", condition, got.raw, want)
		}
	}
}

func TestFindByTagsPages(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	path := "/v2/" + DemoProjectID + "/images/resource_instances/action"
	page := d.post(path, `{"action":"filter","limit":"2","offset":"1"}`).ok()
	if page.at("total_count") != 5.0 || page.length("resources") != 2 || page.text("resources", 0, "resource_detail", "status") != "active" {
		t.Errorf("page %s", page.raw)
	}
	for _, body := range []string{`{"action":"Filter"}`, `{"action":"filter","limit":"0"}`, `{"action":"filter","limit":1}`, `{"action":"filter","offset":"-1"}`} {
		d.post(path, body).want(400, "IMG.0001")
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	d := newDemo(t, switched(func(s *Switches) { s.Quota = 6 }))
	used := func() any { return d.get(showQuotaPath).ok().at("quotas", "resources", 0, "used") }
	if used() != 5.0 {
		t.Errorf("used %v", used())
	}
	d.copy(named("n"))
	if used() != 6.0 {
		t.Errorf("used %v", used())
	}
	d.post(copyPath, named("n")).want(400, "IMG.0015")
	d.call("DELETE", "/v2/images/"+DemoISOImage, "").want(204, "")
	d.copy(named("n"))
}
