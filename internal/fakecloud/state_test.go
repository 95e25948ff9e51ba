package fakecloud

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

// TestRestartKeepsState: a fake that was killed, not closed, goes on where it
// was, also in the middle of a job.
func TestRestartKeepsState(t *testing.T) {
	t.Parallel()
	for name, closed := range map[string]bool{"closed": true, "killed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "fake.state")
			synctest.Test(t, func(t *testing.T) { checkRestart(t, file, closed) })
		})
	}
}

func checkRestart(t *testing.T, file string, closed bool) {
	keep := func(o *Options) { o.StateFile, o.TimeFactor = file, 10 }
	first := newDemo(t, keep, fixed(0, 100*time.Second))
	job := first.whole(DemoBackup)
	image := first.fake.Truth(DemoCloud)[0].ImageID
	first.post("/v2/"+DemoProjectID+"/images/"+DemoImage+"/tags", `{"tag":{"key":"new","value":"v"}}`).want(204, "")
	first.call("DELETE", "/v2/images/"+DemoISOImage, "").want(204, "")
	time.Sleep(5 * time.Second)
	if closed {
		if err := first.fake.Close(); err != nil {
			t.Fatal(err)
		}
	}
	second := newDemo(t, keep)
	if !reflect.DeepEqual(clean(first.fake.Truth(DemoCloud)), clean(second.fake.Truth(DemoCloud))) {
		t.Errorf("truth %v, was %v", second.fake.Truth(DemoCloud), first.fake.Truth(DemoCloud))
	}
	if got := second.job(job).text("status"); got != "RUNNING" {
		t.Errorf("job %s", got)
	}
	second.post(wholePath, wholeBody(DemoBackup)).want(400, "IMG.0134")
	second.get("/v2/images/"+DemoISOImage).want(404, "<nil>")
	if got := second.get("/v2/cloudimages?tag=new=v").length("images"); got != 1 {
		t.Errorf("%d images with the tag", got)
	}
	time.Sleep(5 * time.Second)
	if got := second.job(job).text("entities", "image_id"); got != image {
		t.Errorf("image %q, want %q", got, image)
	}
}

// clean drops what a restart does not keep to the bit.
func clean(truth []Mutation) []Mutation {
	for n := range truth {
		truth[n].Time, truth[n].Real = truth[n].Time.UTC().Round(0), truth[n].Real.UTC().Round(0)
	}
	return truth
}

func TestTornLineIsNoError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fake.state")
	keep := func(o *Options) { o.StateFile = file }
	first := newDemo(t, keep)
	first.copy(named("n"))
	appendTo(t, file, `{"cloud":"demo","kind":"im`)
	second := newDemo(t, keep)
	if got := len(second.fake.Truth(DemoCloud)); got != 1 {
		t.Errorf("%d changes", got)
	}
}

func TestDamagedStateIsTold(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fake.state")
	appendTo(t, file, "{\"kind\":\"clock\",\"data\":{}}\nnonsense\n")
	if _, err := New(Options{Clouds: []CloudOptions{Demo()}, StateFile: file}); err == nil {
		t.Error("no error")
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// TestCloseUnderLoad: what was answered before Close is kept.
func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fake.state")
	d := newDemo(t, func(o *Options) { o.StateFile = file }, switched(func(s *Switches) { s.RatesOff = true }))
	answered := make(chan string, 200)
	for range cap(answered) {
		go func() { answered <- d.post(copyPath, named("n")).text("job_id") }()
	}
	before := []string{<-answered, <-answered}
	if err := d.fake.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(answered) - len(before) {
		<-answered
	}
	second := newDemo(t, func(o *Options) { o.StateFile = file })
	for _, job := range before {
		second.job(job)
	}
}
