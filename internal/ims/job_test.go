package ims

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// longJob is the worst that a cloud could tell of a job: every text is long,
// becomes six times longer in JSON, and holds a secret.
func longJob() string {
	long := plainly(testSecret + " " + strings.Repeat("<", 10<<10))
	id := func(n int) string { return fmt.Sprintf("%0*d", maxID, n) }
	var subs, results []string
	for n := range 2 * maxImages {
		subs = append(subs, fmt.Sprintf(`{"job_id":%q,"status":"SUCCESS","entities":{"image_id":%q,"image_name":%s}}`, id(n), id(n), plainly(strings.Repeat("<", 300))))
	}
	for n := range 2 * maxResults {
		results = append(results, fmt.Sprintf(`{"image_id":%q,"project_id":%q,"status":%s}`, id(n), id(n), plainly(strings.Repeat("<", 40))))
	}
	subs = append(subs, fmt.Sprintf(`{"job_id":%[1]s,"job_type":%[1]s,"status":"FAIL","error_code":%[1]s,"fail_reason":%[1]s,"entities":{"image_id":%[1]s,"image_name":%[1]s}}`, long))
	return fmt.Sprintf(`{"job_id":"j","job_type":%[1]s,"status":"FAIL","error_code":%[1]s,"fail_reason":%[1]s,
		"entities":{"image_id":%[1]s,"image_name":%[1]s,"current_task":%[1]s,"process_percent":0.5,"sub_jobs_result":[%[2]s],"results":[%[3]s]}}`,
		long, strings.Join(subs, ","), strings.Join(results, ","))
}

// plainly writes a text into JSON without the escapes that make it longer.
func plainly(s string) string { b, _ := encode(s); return string(b) }

// TestJobIsBounded: what is kept of a job fits into one message of the broker,
// and no secret that the cloud repeats is in it.
func TestJobIsBounded(t *testing.T) {
	t.Parallel()
	s := play(t, step{status: 200, reply: longJob()})
	job, err := dial(t, keyConfig(s.URL)).Job(t.Context(), "j")
	if err != nil {
		t.Fatal(err)
	}
	if len(job.Images()) != maxImages || len(job.Results) != maxResults || job.ID != "j" || job.ImageID != "" {
		t.Errorf("job %q, image %q, %d images, %d results", job.ID, job.ImageID, len(job.Images()), len(job.Results))
	}
	const dots = len("…")
	last := job.SubJobs[len(job.SubJobs)-1]
	for n, text := range map[int][]string{
		maxMessage: {job.FailReason, last.FailReason}, maxName: {job.ImageName, last.ImageName},
		maxTask: {job.Task}, maxCode: {job.ErrorCode, last.ErrorCode}, maxID: {job.Type, last.Type, job.ImageID, last.ID, last.ImageID},
	} {
		for _, s := range text {
			if len(s) > n+dots || strings.Contains(s, testSecret) {
				t.Errorf("%d bytes, want %d: %.80s", len(s), n, s)
			}
		}
	}
	told, err := json.Marshal([]any{job.Images(), job.Results, job.FailReason, job.ErrorCode, job.Task, job.Type})
	if err != nil || len(told) < 300<<10 || len(told) > 500<<10 {
		t.Errorf("%d bytes, %v", len(told), err)
	}
}

// TestJobNumbers: a percentage that JSON could not tell is none.
func TestJobNumbers(t *testing.T) {
	t.Parallel()
	for percent, want := range map[string]bool{
		"0": true, "0.4": true, "1": true, `"0.4"`: true, "null": false, `"NaN"`: false, `"Inf"`: false, "-1": false, "1e308": false, "40": false,
	} {
		s := play(t, step{status: 200, reply: `{"status":"RUNNING","entities":{"process_percent":` + percent + `}}`})
		job, err := dial(t, keyConfig(s.URL)).Job(t.Context(), "j")
		if err != nil || (job.Percent != nil) != want {
			t.Errorf("%s: got %v, %v", percent, job.Percent, err)
		}
	}
}

// TestImagesAreBounded: also the images of a list can end up in an event.
func TestImagesAreBounded(t *testing.T) {
	t.Parallel()
	long := quoted(testSecret + strings.Repeat("<", 300))
	s := play(t,
		step{status: 200, reply: `{"images":[{"id":"i","name":` + long + `,"status":` + long + `}]}`},
		step{status: 200, reply: `{"images":[{"id":"i","name":"two  spaces"}]}`},
		step{status: 200, reply: `{"images":[{"id":"i"},{"id":` + long + `}]}`},
	)
	c := dial(t, keyConfig(s.URL))
	i, err := c.Image(t.Context(), "i")
	if err != nil || len(i.Name) > maxName+3 || strings.Contains(i.Name, testSecret) || len(i.Status) > maxWord+3 {
		t.Errorf("got %+v, %v", i, err)
	}
	if i, err = c.Image(t.Context(), "i"); err != nil || i.Name != "two  spaces" {
		t.Errorf("got %+v, %v", i, err)
	}
	if _, err := c.Images(t.Context(), ImageFilter{}); VerdictOf(err) != Uncertain {
		t.Errorf("got %v", err)
	}
}

// TestBackupIsBounded: a check quotes states and images of a backup.
func TestBackupIsBounded(t *testing.T) {
	t.Parallel()
	long := quoted(strings.Repeat("<", 300))
	s := play(t, step{status: 200, reply: `{"backup":{"id":"b","status":` + long + `,"resource_type":` + long + `,"extend_info":{"os_images_data":[` +
		strings.Repeat(`{"image_id":`+long+`},`, 2*maxImages) + `{}]}}}`})
	b, err := dial(t, keyConfig(s.URL)).Backup(t.Context(), "b")
	if err != nil || len(b.Status) > maxWord+3 || len(b.ResourceType) > maxWord+3 || len(b.ImageIDs) != maxImages || len(b.ImageIDs[0]) > maxID+3 {
		t.Errorf("got %.1000v, %v", b, err)
	}
}

// TestBrokenAnswerIsBounded: an error of the transport quotes the lines that
// it could not read.
func TestBrokenAnswerIsBounded(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Read(make([]byte, 4<<10))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+strings.Repeat("<", 30<<10)+"\r\n\r\n")
	}()
	_, err = dial(t, keyConfig("http://"+l.Addr().String())).CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
	var e *Error
	if !errors.As(err, &e) || VerdictOf(err) != Uncertain || len(err.Error()) > maxMessage+100 {
		t.Errorf("%d bytes: %.300v", len(err.Error()), err)
	}
}

// TestAnswerAboutAnotherJob is no answer.
func TestAnswerAboutAnotherJob(t *testing.T) {
	t.Parallel()
	s := play(t, step{status: 200, reply: `{"job_id":"other","status":"SUCCESS","entities":{}}`})
	if job, err := dial(t, keyConfig(s.URL)).Job(t.Context(), "j"); !errors.Is(err, ErrOtherJob) {
		t.Errorf("got %+v, %v", job, err)
	}
}
