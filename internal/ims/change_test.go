package ims

import (
	"errors"
	"reflect"
	"testing"
)

func TestUpdateImage(t *testing.T) {
	t.Parallel()
	s := play(t, step{
		method: "PATCH", path: "/v2/cloudimages/i-1", status: 200, reply: `{"id":"i-1"}`,
		body: `[{"op":"replace","path":"/name","value":"n"},{"op":"add","path":"/__description","value":""}]`,
	}, step{method: "PATCH", path: "/v2/cloudimages/i-1", status: 400, reply: `{"error":{"code":"IMG.0035","message":"m"}}`})
	c := dial(t, keyConfig(s.URL))
	if err := c.UpdateImage(t.Context(), "i-1", ImagePatch{PatchReplace, "/name", "n"}, ImagePatch{PatchAdd, "/__description", ""}); err != nil {
		t.Error(err)
	}
	if err := c.UpdateImage(t.Context(), "i-1", ImagePatch{PatchReplace, "/name", "n"}); VerdictOf(err) != Refused {
		t.Error(err)
	}
}

func TestDeleteImage(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: "DELETE", path: "/v2/images/i-1", status: 204},
		step{method: "DELETE", path: "/v2/images/i-1", body: `{"delete_backup":true}`, status: 204},
		step{method: "DELETE", path: "/v2/images/i-1", status: 404, reply: `{"message":"m","code":"404 Not Found","title":"Not Found"}`},
		step{method: "DELETE", path: "/v2/images/i-1", status: 502},
	)
	c := dial(t, keyConfig(s.URL))
	for _, withBackup := range []bool{false, true} {
		if err := c.DeleteImage(t.Context(), "i-1", withBackup); err != nil {
			t.Error(err)
		}
	}
	if err := c.DeleteImage(t.Context(), "i-1", false); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown image: %v", err)
	}
	if err := c.DeleteImage(t.Context(), "i-1", false); VerdictOf(err) != Uncertain {
		t.Errorf("lost answer: %v", err)
	}
}

func TestImageAttributes(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: "GET", path: "/v2/images/i-1", status: 200, reply: `{"id":"i-1","name":"n","min_ram":1024,"max_ram":"0","protected":false,"tags":["a=b"],"size":5368709120,"virtual_size":null}`},
		step{status: 200, reply: `{"id":"i-2"}`},
		step{status: 404, reply: `{}`},
	)
	c := dial(t, keyConfig(s.URL))
	got, err := c.ImageAttributes(t.Context(), "i-1")
	want := map[string]string{"id": "i-1", "name": "n", "min_ram": "1024", "max_ram": "0", "protected": "false", "tags": "", "size": "5368709120", "virtual_size": ""}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %v\nwant %v", err, got, want)
	}
	if _, err := c.ImageAttributes(t.Context(), "i-1"); err == nil {
		t.Error("the attributes of another image are taken")
	}
	if _, err := c.ImageAttributes(t.Context(), "i-1"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestTagCalls(t *testing.T) {
	t.Parallel()
	const at = "/v2/" + testProject + "/images/i-1/tags"
	s := play(t,
		step{method: "POST", path: at, body: `{"tag":{"key":"a","value":""}}`, status: 204},
		step{method: "POST", path: at + "/action", body: `{"action":"create","tags":[{"key":"a","value":"1"},{"key":"b","value":""}]}`, status: 204},
		step{method: "POST", path: at + "/action", body: `{"action":"delete","tags":[{"key":"a","value":""},{"key":"b","value":""}]}`, status: 204},
	)
	c := dial(t, keyConfig(s.URL))
	if err := errors.Join(
		c.AddImageTag(t.Context(), "i-1", Tag{Key: "a"}),
		c.AddImageTags(t.Context(), "i-1", Tag{"a", "1"}, Tag{Key: "b"}),
		c.DeleteImageTags(t.Context(), "i-1", "a", "b"),
	); err != nil {
		t.Error(err)
	}
}

func TestProjectTags(t *testing.T) {
	t.Parallel()
	s := play(t, step{method: "GET", path: "/v2/" + testProject + "/images/tags", status: 200, reply: `{"tags":[{"key":"op","values":["1",2]},{"key":"team","values":[]}]}`})
	got, err := dial(t, keyConfig(s.URL)).ProjectTags(t.Context())
	if want := []ProjectTag{{"op", []string{"1", "2"}}, {"team", nil}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestImagesByTags(t *testing.T) {
	t.Parallel()
	const at = "/v2/" + testProject + "/images/resource_instances/action"
	row := func(id string) string {
		return `{"resource_id":"` + id + `","resource_name":"n","resource_detail":{"status":"active"},"tags":[{"key":"op","value":"1"}]}`
	}
	s := play(t,
		step{method: "POST", path: at, status: 200, reply: `{"total_count":2,"resources":[` + row("a") + `]}`,
			body: `{"action":"filter","limit":"100","offset":"0","tags":[{"key":"op","values":["1"]},{"key":"team","values":[]}]}`},
		step{status: 200, reply: `{"total_count":"2","resources":[` + row("b") + `]}`,
			body: `{"action":"filter","limit":"100","offset":"1","tags":[{"key":"op","values":["1"]},{"key":"team","values":[]}]}`},
		step{status: 200, reply: `{}`},
	)
	c := dial(t, keyConfig(s.URL))
	got, err := c.ImagesByTags(t.Context(), ProjectTag{"op", []string{"1"}}, ProjectTag{Key: "team"})
	want := []TaggedImage{{"a", "n", "active", []Tag{{"op", "1"}}}, {"b", "n", "active", []Tag{{"op", "1"}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.ImagesByTags(t.Context()); err == nil {
		t.Error("an answer without a number is taken")
	}
}
