package config

import (
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	notInToken = regexp.MustCompile(`[^A-Za-z0-9_-]`)
	seed       = regexp.MustCompile(`^(S[A-Z][A-Z2-7]{56}|eyJ.*)$`)
	schemes    = []string{"nats", "tls", "ws", "wss"}
)

// check collects what is wrong with a Config.
type check struct{ problems Problems }

// Validate reports everything that cannot be right, pairs that contradict each other included. It reads no file, but asks
// whether those that are named can be read.
func (c Config) Validate() Problems {
	var v check
	v.broker(c.NATS)
	v.inside(c)
	v.numbers(c)
	v.times(c)
	v.files(c)
	v.address("HTTP_LISTEN", c.HTTPListen)
	v.hook(c)
	v.notifyURL(string(c.NotifyURL))
	v.oneOf("LOG_LEVEL", c.Log.Level, "debug", "info", "warn", "error")
	if c.Log.Format != "" {
		v.oneOf("LOG_FORMAT", c.Log.Format, "json", "text")
	}
	v.want(c.Instance != "" && len(c.Instance) <= 64 && !notInToken.MatchString(c.Instance), "INSTANCE", c.Instance,
		"1 to 64 letters, digits, - and _ are allowed, since it is part of a subject")
	return v.problems
}

// want notes a problem unless ok holds.
func (v *check) want(ok bool, name, given, allowed string) {
	if !ok {
		v.problems = append(v.problems, variable(name)+" is "+strconv.Quote(given)+": "+allowed)
	}
}

// say notes a problem that names no value, because it is a secret or because it is about two variables.
func (v *check) say(wrong bool, sentence string) {
	if wrong {
		v.problems = append(v.problems, sentence)
	}
}

func (v *check) broker(n NATS) {
	if n.URL != "" && string(n.URL) != Inside {
		for address := range strings.SplitSeq(string(n.URL), ",") {
			v.brokerURL(strings.TrimSpace(address))
		}
	}
	var ways []string
	for name, value := range map[string]string{"NATS_CREDS": string(n.Creds), "NATS_NKEY": n.NKey, "NATS_USER": n.User} {
		if value != "" {
			ways = append(ways, variable(name))
		}
	}
	slices.Sort(ways)
	v.say(len(ways) > 1, strings.Join(ways, " and ")+" are both ways to enter the broker: give only one of them")
	v.say(n.Password != "" && n.User == "", variable("NATS_PASSWORD")+" is set without "+variable("NATS_USER")+": give both")
	v.say(n.Cert != "" && n.Key == "", variable("NATS_CERT")+" is set without "+variable("NATS_KEY")+": give both")
	v.say(n.Key != "" && n.Cert == "", variable("NATS_KEY")+" is set without "+variable("NATS_CERT")+": give both")
	v.want(!strings.ContainsAny(n.JSDomain, " .*>\t"), "NATS_JS_DOMAIN", n.JSDomain, "a domain has no dots, spaces, * or >")
	v.want(!strings.ContainsAny(n.InboxPrefix, " *>\t") && !strings.HasSuffix(n.InboxPrefix, "."), "NATS_INBOX_PREFIX", n.InboxPrefix,
		"a prefix has no spaces, no * or >, and no dot at its end")
}

// brokerURL never repeats the address: it may hold a password.
func (v *check) brokerURL(address string) {
	if strings.EqualFold(address, Inside) {
		v.say(true, variable("NATS_URL")+" says "+strconv.Quote(address)+": for a JetStream server in this process it is "+Inside+", in small letters and alone")
		return
	}
	if !strings.Contains(address, "://") {
		address = "nats://" + address
	}
	u, err := url.Parse(address)
	v.say(err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme),
		variable("NATS_URL")+` is no broker's address: "inside", or addresses like nats://host:4222, tls://host:4222 or wss://host are allowed, separated by commas`)
}

func (v *check) inside(c Config) {
	v.address("NATS_LISTEN", c.NATS.Listen)
	if !c.IsInside() {
		v.say(c.NATS.Config != "", variable("NATS_CONFIG")+" is for the inside server: unset it, or set "+variable("NATS_URL")+"="+Inside)
		return
	}
	v.want(c.StreamReplicas <= 1, "STREAM_REPLICAS", strconv.Itoa(c.StreamReplicas), "the inside server is alone, so that only 1 is possible")
	v.want(c.NATS.Config != "" || loopback(c.NATS.Listen), "NATS_LISTEN", c.NATS.Listen,
		"beyond the loopback the inside server needs "+variable("NATS_CONFIG")+", a server configuration file with authentication")
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err != nil || host == "localhost" || ip != nil && ip.IsLoopback()
}

// leastToken is how short the hook's token may be: whoever guesses it gives notices.
const leastToken = 16

func (v *check) hook(c Config) {
	if c.Hook.Listen == "" {
		v.say(c.Hook.Token != "", variable("HOOK_TOKEN")+" is set without "+variable("HOOK_LISTEN")+": set the address too, like 0.0.0.0:8081")
		return
	}
	v.address("HOOK_LISTEN", c.Hook.Listen)
	v.say(c.Hook.Listen == c.HTTPListen && !strings.HasSuffix(c.Hook.Listen, ":0"), variable("HOOK_LISTEN")+" and "+variable("HTTP_LISTEN")+" are the same address: hooks need one of their own")
	v.say(c.BackupRules == "", variable("HOOK_LISTEN")+" is set without "+variable("BACKUP_RULES")+": no notice could become an image; name the file of rules too")
	v.say(c.Hook.Token != "" && len(c.Hook.Token) < leastToken, variable("HOOK_TOKEN")+" is too short: at least 16 characters are wanted, like those of `openssl rand -hex 32`")
	v.say(strings.ContainsFunc(string(c.Hook.Token), func(r rune) bool { return r <= ' ' || r > '~' }), variable("HOOK_TOKEN")+" holds a space or a character that no header has")
}

// notifyURL never repeats the address: it may hold a password or a token.
func (v *check) notifyURL(address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	v.say(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https",
		variable("NOTIFY_URL")+" is no address to post to: one like https://host/path is wanted, a name and password before the host or a token in the query are allowed")
}

func (v *check) numbers(c Config) {
	v.want(c.StreamReplicas >= 0 && c.StreamReplicas <= 5, "STREAM_REPLICAS", strconv.Itoa(c.StreamReplicas), "1 to 5 are allowed, 0 chooses by the cluster's size")
	v.want(c.Shards >= 1 && c.Shards <= 99, "SHARDS", strconv.Itoa(c.Shards), "1 to 99 are allowed")
	v.want(c.Detect.Ratio > 0 && c.Detect.Ratio <= 1, "DETECT_RATIO", strconv.FormatFloat(c.Detect.Ratio, 'g', -1, 64), "more than 0 and at most 1 is allowed")
}

func (v *check) times(c Config) {
	v.span("LEASE", c.Lease, 3*time.Second, 5*time.Minute, "below that a single late renewal loses the shard")
	v.want(c.Lease%time.Second == 0, "LEASE", c.Lease.String(), "whole seconds are wanted, the broker counts no finer")
	v.span("SUBMIT_TIMEOUT", c.SubmitTimeout, time.Second, 10*time.Minute, "")
	v.span("EVENTS_MAX_AGE", c.EventsMaxAge, time.Hour, 0, "repetitions of a request are recognised only that long")
	v.span("DRAIN", c.Drain, time.Second, time.Hour, "")
	v.span("DETECT_MIN", c.Detect.Min, 10*time.Millisecond, 0, "")
	v.say(c.Detect.Min > c.Detect.Max, variable("DETECT_MIN")+" is "+c.Detect.Min.String()+", more than "+variable("DETECT_MAX")+
		", "+c.Detect.Max.String()+": the smaller bound must not be larger")
}

// span wants low ≤ d ≤ high; high 0 means no upper bound.
func (v *check) span(name string, d, low, high time.Duration, why string) {
	allowed := "at least " + low.String()
	if high > 0 {
		allowed = low.String() + " to " + high.String()
	}
	if why != "" {
		why = "; " + why
	}
	v.want(d >= low && (high == 0 || d <= high), name, d.String(), allowed+" is allowed"+why)
}

func (v *check) address(name, address string) {
	_, port, err := net.SplitHostPort(address)
	number, wrong := strconv.Atoi(port)
	v.want(err == nil && wrong == nil && number >= 0 && number <= 65535, name, address, "host:port is wanted, like 127.0.0.1:8080")
}

func (v *check) oneOf(name, given string, allowed ...string) {
	v.want(slices.Contains(allowed, given), name, given, strings.Join(allowed, ", ")+" are allowed")
}

// files leaves out clouds.yaml: not every command needs it, and whoever reads it
// says what is wrong with it.
func (v *check) files(c Config) {
	for _, f := range []struct{ name, path string }{
		{"NATS_CREDS", credsFile(c.NATS.Creds)}, {"NATS_NKEY", c.NATS.NKey}, {"NATS_CA", c.NATS.CA}, {"NATS_CERT", c.NATS.Cert},
		{"NATS_KEY", c.NATS.Key}, {"NATS_CONFIG", c.NATS.Config}, {"BACKUP_RULES", c.BackupRules},
	} {
		v.file(f.name, f.path)
	}
}

// credsFile is empty where the credentials themselves are given.
func credsFile(creds Secret) string {
	if strings.HasPrefix(strings.TrimSpace(string(creds)), "-----BEGIN") {
		return ""
	}
	return string(creds)
}

// file wants a file that can be opened. Who pasted a secret where its file's name belongs does not see it in the error.
func (v *check) file(name, path string) {
	if path == "" {
		return
	}
	if seed.MatchString(path) || strings.Contains(path, "\n") {
		v.say(true, variable(name)+" holds a secret: the name of the file that holds it is wanted")
		return
	}
	f, err := os.Open(path)
	if err != nil {
		v.say(true, variable(name)+": "+err.Error())
		return
	}
	_ = f.Close()
}
