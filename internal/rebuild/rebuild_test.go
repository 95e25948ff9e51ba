package rebuild

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// lists answers the extended list and the native one.
type lists struct {
	extended, native []ims.Image
	err              error
}

func (l lists) ImagePages(_ context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error] {
	return func(yield func([]ims.Image, error) bool) {
		page := l.extended
		if f.Native {
			page = l.native
		}
		_ = yield(page[:len(page)/2], nil) && yield(page[len(page)/2:], l.err)
	}
}

func marked(id, key, status string, at int) ims.Image {
	return ims.Image{ID: id, Status: status, CreatedAt: time.Unix(int64(at), 0), Tags: []ims.Tag{{Key: messages.MarkerKey, Value: key}}}
}

func TestFind(t *testing.T) {
	a, b, c := messages.Key("demo", "nats", "a"), messages.Key("demo", "nats", "b"), messages.Key("demo", "nats", "c")
	described := ims.Image{ID: "2", Status: ims.ImageActive, CreatedAt: time.Unix(1, 0), Description: "nightly " + messages.MarkerKey + "=" + b, OriginalImage: "0"}
	described.Tags = []ims.Tag{{Key: messages.MarkerKey, Value: "somebody else's"}}
	cloud := lists{
		extended: []ims.Image{marked("1", a, ims.ImageActive, 3), described, {ID: "3"}, marked("4", "no key", ims.ImageActive, 1), marked("6", c, ims.ImageDeleted, 1)},
		native:   []ims.Image{marked("1", a, ims.ImageSaving, 3), marked("5", a, ims.ImageQueued, 2)},
	}
	report, err := Find(t.Context(), "demo", cloud)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range report.Images {
		got = append(got, strings.Join([]string{i.ImageID, i.Key, i.Status, i.MadeFrom}, " "))
	}
	want := []string{"2 " + b + " active image 0", "5 " + a + " queued ", "1 " + a + " active "}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	cloud.err = errors.New("no")
	if _, err := Find(t.Context(), "demo", cloud); err == nil || !strings.Contains(err.Error(), "list the images of cloud demo") {
		t.Errorf("got %v", err)
	}
}

func TestMatch(t *testing.T) {
	requests, err := ReadRequests(strings.NewReader(`{"id":"good"}
{"id":"good","source":"/else","specversion":"1.0"}

{"id":"slow"}
{"id":"bad"}
`), "demo")
	if err != nil {
		t.Fatal(err)
	}
	key := func(id string) string { return messages.Key("demo", messages.PlainSource, id) }
	r := Report{Images: []Image{{Key: key("good"), ImageID: "1", Status: ims.ImageKilled}, {Key: key("good"), ImageID: "2", Status: ims.ImageActive}, {Key: key("slow"), Status: ims.ImageSaving}, {Key: key("bad"), Status: ims.ImageKilled}}}
	r.Match(requests)
	for i, want := range []string{Done, NotFound, Running, Failed} {
		if r.Requests[i].State != want {
			t.Errorf("request %d is %s, want %s", i, r.Requests[i].State, want)
		}
	}
	if len(r.Requests[0].Images) != 2 {
		t.Errorf("one image of two is told of: %v", r.Requests[0].Images)
	}
}

func TestReadRequestsTellsAllMistakes(t *testing.T) {
	_, err := ReadRequests(strings.NewReader("[]\n{\"id\":\"a\"}\n{\"source\":\"\",\"id\":\"b\"}\n{}\n"), "demo")
	if err == nil {
		t.Fatal("mistakes are taken")
	}
	for _, want := range []string{"line 1: ", "line 3: ", "line 4: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word on %s: %v", want, err)
		}
	}
}
