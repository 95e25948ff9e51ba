package cloud

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tls reads verify, cacert, cert and key. Nil means the system's defaults.
func (r *reader) tls(t *tree) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	c.InsecureSkipVerify = !r.boolean(t.get("verify"), "verify", true)
	c.RootCAs = r.roots(t.get("cacert"))
	c.Certificates = r.certificate(t)
	if !c.InsecureSkipVerify && c.RootCAs == nil && c.Certificates == nil {
		return nil
	}
	return c
}

func (r *reader) roots(t *tree) *x509.CertPool {
	content, ok := r.content(t, "cacert")
	if !ok {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		r.bad(t, 0, "cacert", "the file holds no certificate in PEM form")
	}
	return pool
}

func (r *reader) certificate(t *tree) []tls.Certificate {
	cert, key := t.get("cert"), t.get("key")
	if cert.empty() {
		if !key.empty() {
			r.bad(key, 0, "key", "is given without cert")
		}
		return nil
	}
	if key.empty() {
		key = cert // OpenStack allows both in one file
	}
	certContent, okCert := r.content(cert, "cert")
	keyContent, okKey := r.content(key, "key")
	if !okCert || !okKey {
		return nil
	}
	pair, err := tls.X509KeyPair(certContent, keyContent)
	if err != nil {
		r.bad(cert, 0, "cert", "certificate and key do not fit together, or are not in PEM form")
		return nil
	}
	return []tls.Certificate{pair}
}

// content reads a file that an entry names.
func (r *reader) content(t *tree, key string) ([]byte, bool) {
	if t.empty() {
		return nil, false
	}
	path := expand(r.word(t, key))
	if path == "" {
		return nil, false
	}
	r.files = append(r.files, path)
	b, err := os.ReadFile(path)
	if err != nil {
		r.bad(t, 0, key, "the file cannot be read: %s", cause(err))
		return nil, false
	}
	r.digest = append(r.digest, b...)
	return b, true
}

// cause is why a file could not be read, without its path.
func cause(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

func expand(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
