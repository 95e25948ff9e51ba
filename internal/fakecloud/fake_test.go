package fakecloud

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// keys is what a caller signs with.
type keys struct {
	access, secret, project, security string
}

var demoKeys = keys{access: DemoAccessKey, secret: DemoSecretKey, project: DemoProjectID}

// signA signs as the Huawei SDK does: every header that is there, no host.
func signA(r *http.Request, body string, k keys, at time.Time) {
	if k.project != "" {
		r.Header.Set("X-Project-Id", k.project)
	}
	if k.security != "" {
		r.Header.Set("X-Security-Token", k.security)
	}
	r.Header.Set("User-Agent", "ims-go-test/1.0")
	r.Header.Set("X-Sdk-Date", at.UTC().Format("20060102T150405Z"))
	var names []string
	for name := range r.Header {
		if name != "Content-Type" {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	canonical := canonicalForTest(r, names, r.URL.Query(), body)
	signature := fmt.Sprintf("%x", hmacOf([]byte(k.secret), "SDK-HMAC-SHA256\n"+r.Header.Get("X-Sdk-Date")+"\n"+hexHash([]byte(canonical))))
	r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access="+k.access+", SignedHeaders="+strings.Join(names, ";")+", Signature="+signature)
}

// signB signs as the SDK with the derived key does: content type and host too,
// and the project only afterwards.
func signB(r *http.Request, body string, k keys, at time.Time) {
	date := at.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Sdk-Date", date)
	names := []string{"host"}
	for name := range r.Header {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	query := r.URL.Query()
	if r.Method == http.MethodPost && body == "" {
		body, query = strings.ReplaceAll(query.Encode(), "+", "%20"), nil
	}
	scope := date[:8] + "///sdk_request"
	text := "SDK-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hexHash([]byte(canonicalForTest(r, names, query, body)))
	key := []byte("SDK" + k.secret)
	for _, part := range []string{date[:8], "", "", "sdk_request"} {
		key = hmacOf(key, part)
	}
	r.Header.Set("Authorization", "SDK-HMAC-SHA256 Credential="+k.access+"/"+scope+", SignedHeaders="+strings.Join(names, ";")+
		", Signature="+fmt.Sprintf("%x", hmacOf(key, text)))
	if k.project != "" {
		r.Header.Set("X-Project-Id", k.project)
	}
	if k.security != "" {
		r.Header.Set("X-Security-Token", k.security)
	}
}

func canonicalForTest(r *http.Request, names []string, query url.Values, body string) string {
	var lines strings.Builder
	for _, name := range names {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		lines.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	return r.Method + "\n" + r.URL.EscapedPath() + "/\n" + strings.ReplaceAll(query.Encode(), "+", "%20") + "\n" +
		lines.String() + "\n" + strings.Join(names, ";") + "\n" + hexHash([]byte(body))
}

// demo is a caller of the cloud demo in the process.
type demo struct {
	t       *testing.T
	fake    *Fake
	handler http.Handler
	sign    func(r *http.Request, body string, k keys, at time.Time)
	keys    keys
}

// newDemo builds the demo cloud; change may change its options.
func newDemo(t *testing.T, change ...func(*Options)) *demo {
	t.Helper()
	options := Options{Clouds: []CloudOptions{Demo()}, Seed: 1}
	for _, each := range change {
		each(&options)
	}
	fake, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	return &demo{t: t, fake: fake, handler: fake.Handler(), sign: signA, keys: demoKeys}
}

func switched(change func(*Switches)) func(*Options) {
	return func(o *Options) { change(&o.Clouds[0].Switches) }
}

func huawei(o *Options) { o.Clouds[0].Profile = ProfileHuawei }

// reply is an answer with its body taken apart.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	raw    string
	json   map[string]any
}

func (d *demo) request(method, path, body string) *http.Request {
	r := httptest.NewRequestWithContext(d.t.Context(), method, "http://fake.test/demo"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// call signs and sends one request below /demo.
func (d *demo) call(method, path, body string) reply {
	d.t.Helper()
	r := d.request(method, path, body)
	d.sign(r, body, d.keys, time.Now())
	return d.send(r)
}

func (d *demo) get(path string) reply { return d.call(http.MethodGet, path, "") }

func (d *demo) post(path, body string) reply { return d.call(http.MethodPost, path, body) }

func (d *demo) send(r *http.Request) reply {
	d.t.Helper()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return newReply(d.t, w.Result())
}

func newReply(t *testing.T, response *http.Response) reply {
	t.Helper()
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answered := reply{t: t, status: response.StatusCode, header: response.Header, raw: string(data)}
	_ = json.Unmarshal(data, &answered.json) // pages and empty bodies have no JSON
	return answered
}

// code is the error code wherever the body has it.
func (r reply) code() string {
	if code, found := r.json["error_code"].(string); found {
		return code
	}
	nested, _ := r.json["error"].(map[string]any)
	return fmt.Sprint(nested["code"])
}

func (r reply) want(status int, code string) reply {
	r.t.Helper()
	got := ""
	if r.status >= 400 {
		got = r.code()
	}
	if r.status != status || got != code {
		r.t.Fatalf("got %d %q (%s), want %d %q", r.status, got, strings.TrimSpace(r.raw), status, code)
	}
	return r
}

func (r reply) ok() reply {
	r.t.Helper()
	return r.want(http.StatusOK, "")
}

// at digs a value out by keys and indexes: at("images", 0, "id").
func (r reply) at(path ...any) any {
	var value any = r.json
	for _, step := range path {
		switch key := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[key]
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

func (r reply) text(path ...any) string {
	text, _ := r.at(path...).(string)
	return text
}

func (r reply) length(path ...any) int {
	list, _ := r.at(path...).([]any)
	return len(list)
}

// whole starts a whole image from a backup and returns the job's id.
func (d *demo) whole(backup string) string {
	d.t.Helper()
	return d.post("/v1/cloudimages/wholeimages/action", wholeBody(backup)).ok().text("job_id")
}

func wholeBody(backup string) string {
	return `{"name":"nightly","backup_id":"` + backup + `","whole_image_type":"CBR","image_tags":[{"key":"ims-request","value":"k1"}]}`
}

func (d *demo) copy(body string) string {
	d.t.Helper()
	return d.post("/v1/cloudimages/"+DemoImage+"/copy", body).ok().text("job_id")
}

func (d *demo) job(id string) reply {
	d.t.Helper()
	return d.get("/v1/" + DemoProjectID + "/jobs/" + id).ok()
}

func fixed(init, run time.Duration) func(*Options) {
	return switched(func(s *Switches) {
		s.Durations = map[string]Span{"*": {Init: Duration(init), Run: Duration(run)}}
	})
}
