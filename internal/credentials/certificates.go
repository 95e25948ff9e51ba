package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// How long what is made here is valid. Clocks may differ by skew.
const (
	authorityYears = 10
	nodeYears      = 2
	skew           = time.Hour
)

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*)$`)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey // nil: it is somebody else's
}

func (m *maker) certificates() error {
	if len(m.Nodes) == 0 {
		return errors.New("no node is named")
	}
	for _, name := range slices.Concat(m.Nodes, m.Hosts) {
		if !hostName.MatchString(name) && net.ParseIP(name) == nil {
			return fmt.Errorf("%q is no name of a host and no address", name)
		}
	}
	a, err := m.authority()
	if err != nil {
		return err
	}
	for _, node := range m.Nodes {
		if err := m.node(a, node); err != nil {
			return fmt.Errorf("%s: %w", node, err)
		}
	}
	return nil
}

// authority reads the one that is there, with or without its key, or makes one.
func (m *maker) authority() (authority, error) {
	made := !m.there("ca.crt")
	if made {
		if err := m.newAuthority(); err != nil {
			return authority{}, fmt.Errorf("make an authority: %w", err)
		}
	}
	a, err := m.readAuthority()
	if err != nil {
		return authority{}, err
	}
	m.tell("ca.crt", "authority, valid until "+a.certificate.NotAfter.Format(time.DateOnly)+": for nodes and users (IMSWORKER_NATS_CA)", made)
	if a.key != nil {
		m.tell("ca.key", "key of the authority: needed for new nodes only, keep it elsewhere", made)
	}
	return a, nil
}

func (m *maker) newAuthority() error {
	template := m.template("imsworker broker authority", authorityYears)
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return m.writePair("ca", template, key, authority{template, key})
}

func (m *maker) readAuthority() (authority, error) {
	block, err := m.pem("ca.crt")
	if err != nil {
		return authority{}, err
	}
	certificate, err := x509.ParseCertificate(block)
	if err != nil {
		return authority{}, fmt.Errorf("read ca.crt: %w", err)
	}
	if !m.there("ca.key") {
		return authority{certificate: certificate}, nil
	}
	if block, err = m.pem("ca.key"); err != nil {
		return authority{}, err
	}
	key, err := x509.ParseECPrivateKey(block)
	if err != nil {
		return authority{}, fmt.Errorf("read ca.key: %w: one that was not made here has its place elsewhere, and makes the certificates of the nodes itself", err)
	}
	return authority{certificate, key}, nil
}

func (m *maker) pem(name string) ([]byte, error) {
	text, err := os.ReadFile(m.path(name))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file", name)
	}
	return block.Bytes, nil
}

// node makes a node's certificate: it shows it to clients and, in both
// directions, to other nodes.
func (m *maker) node(a authority, name string) error {
	names := slices.Compact(append([]string{name}, m.Hosts...))
	pair, err := tls.LoadX509KeyPair(m.path(name+".crt"), m.path(name+".key"))
	if err == nil && !m.Renew { // the two fit: a run that was cut off leaves some that do not
		return m.kept(name, pair)
	}
	if a.key == nil {
		return fmt.Errorf("no certificate and no ca.key to make one: have your authority make %s.crt and %s.key, for server and client authentication, with the names %s",
			name, name, strings.Join(names, ", "))
	}
	template := m.template(name, nodeYears)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, each := range names {
		if ip := net.ParseIP(each); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, each)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	m.tell(name+".crt", fmt.Sprintf("certificate of %s for %s, valid until %s", name, strings.Join(names, ", "), template.NotAfter.Format(time.DateOnly)), true)
	return m.writePair(name, template, key, a)
}

// kept tells of a node's certificate that is there, as long as it is one that
// others will take. One that was made for other names may be meant so.
func (m *maker) kept(name string, pair tls.Certificate) error {
	authorities, err := os.ReadFile(m.path("ca.crt"))
	if err != nil {
		return err
	}
	roots, chain := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	for _, der := range pair.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			chain.AddCert(c)
		}
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: chain, CurrentTime: m.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return fmt.Errorf("%s.crt is there, but nobody would take it: %w; with -renew and ca.key a new one is made", name, err)
	}
	what := "certificate of " + name + ", valid until " + pair.Leaf.NotAfter.Format(time.DateOnly)
	var without []string
	for _, each := range append([]string{name}, m.Hosts...) {
		if pair.Leaf.VerifyHostname(each) != nil {
			without = append(without, each)
		}
	}
	if len(without) > 0 {
		what += "; it is not for " + strings.Join(without, ", ") + ": -renew makes one that is"
	}
	m.tell(name+".crt", what, false)
	return nil
}

func (m *maker) template(name string, years int) *x509.Certificate {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // never fails
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: m.Now.Add(-skew), NotAfter: m.Now.AddDate(years, 0, 0),
	}
	return t
}

// writePair signs a certificate and writes it after its key.
func (m *maker) writePair(name string, template *x509.Certificate, key *ecdsa.PrivateKey, a authority) error {
	certificate, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := m.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return err
	}
	return m.write(name+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o644)
}
