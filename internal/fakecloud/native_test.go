package fakecloud

import "testing"

// TestNativeMembers: the native calls share at once, and cannot accept whole
// images.
func TestNativeMembers(t *testing.T) {
	t.Parallel()
	d := newDemo(t, withOthers)
	at := func(image string) string { return "/v2/images/" + image + "/members" }
	added := d.post(at(DemoImage), `{"member":"`+otherProject+`"}`).ok()
	if added.text("status") != "pending" || added.text("member_id") != otherProject || added.text("schema") != "/v2/schemas/member" {
		t.Errorf("added %s", added.raw)
	}
	d.post(at(DemoImage), `{"member":"nobody"}`).want(400, "IMG.0108")
	d.post(at("no"), `{"member":"`+otherProject+`"}`).want(404, "<nil>")
	if got := d.other("PUT", at(DemoImage)+"/"+otherProject, `{"status":"accepted"}`).ok().text("status"); got != "accepted" {
		t.Errorf("answered %s", got)
	}
	d.other("PUT", at(DemoImage)+"/"+DemoProjectID, `{"status":"accepted"}`).want(403, "<nil>")
	d.other("PUT", at(DemoImage)+"/"+otherProject, `{"status":"yes"}`).want(400, "<nil>")
	d.post(at(DemoWholeImage), `{"member":"`+otherProject+`"}`).ok()
	d.other("PUT", at(DemoWholeImage)+"/"+otherProject, `{"status":"accepted"}`).want(403, "<nil>")
	if got := d.members(DemoImage); got != "fedc accepted" {
		t.Errorf("members %s", got)
	}
	d.other("DELETE", at(DemoImage)+"/"+otherProject, "").want(403, "<nil>")
	d.call("DELETE", at(DemoImage)+"/"+otherProject, "").want(204, "")
	d.call("DELETE", at(DemoImage)+"/"+otherProject, "").want(404, "<nil>")
}

// TestOldTags: a dot between key and value in requests and answers.
func TestOldTags(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	d.call("PUT", "/v1/cloudimages/tags", `{"image_id":"`+DemoImage+`","tag":"op.1.2"}`).want(204, "")
	d.call("PUT", "/v1/cloudimages/tags", `{"image_id":"`+DemoImage+`","image_tag":{"key":"a","value":"b"}}`).want(204, "")
	d.call("PUT", "/v1/cloudimages/tags", `{"image_id":"`+DemoImage+`","tag":"op"}`).want(400, "IMG.0115")
	d.call("PUT", "/v1/cloudimages/tags", `{"image_id":"no","tag":"op.1"}`).want(400, "IMG.0027")
	got := d.get("/v1/cloudimages/tags?id=" + DemoImage).ok()
	if got.length("tags") != 3 || got.text("tags", 0) != "a.b" || got.text("tags", 1) != "op.1.2" || got.text("tags", 2) != "team.web" {
		t.Errorf("tags %s", got.raw)
	}
	if d.ids("tag=op%3D1.2") != DemoImage {
		t.Error("the tag does not find its image")
	}
}
