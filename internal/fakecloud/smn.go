package fakecloud

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// SMNMessage is one message of the Simple Message Notification service. What
// is left empty is made up.
type SMNMessage struct {
	Type      string    `json:"type"` // Notification (default), SubscriptionConfirmation, UnsubscribeConfirmation
	ID        string    `json:"message_id"`
	Topic     string    `json:"topic_urn"`
	Subject   string    `json:"subject"`
	Message   string    `json:"message"`
	Timestamp time.Time `json:"timestamp"` // by the wall's clock
	// CertURL and SubscribeURL replace those of this fake, for messages that are
	// to be refused.
	CertURL      string `json:"signing_cert_url"`
	SubscribeURL string `json:"subscribe_url"`
}

// signer is the key of the service, made when it is first wanted.
type signer struct {
	once sync.Once
	key  *rsa.PrivateKey
	cert []byte // PEM
	err  error
}

func (s *signer) ready() error {
	s.once.Do(func() {
		if s.key, s.err = rsa.GenerateKey(rand.Reader, 2048); s.err != nil {
			return
		}
		now := time.Now()
		template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "smn.fake"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0)}
		var der []byte
		der, s.err = x509.CreateCertificate(rand.Reader, template, template, s.key.Public(), s.key)
		s.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	})
	return s.err
}

// smnCert is the path of the certificate below the cloud's own.
func (c *cloud) smnCert() string { return "smn/SMN_" + c.Region + "_0a1b2c3d.pem" }

// SMN makes a message as the service would post it, signed with its key. base
// is the address under which the fake is served.
func (f *Fake) SMN(cloud, base string, m SMNMessage) ([]byte, error) {
	c, err := f.cloud(cloud)
	if err != nil {
		return nil, err
	}
	if err := f.signer.ready(); err != nil {
		return nil, err
	}
	m.Type, m.ID = orElse(m.Type, "Notification"), orElse(m.ID, hexHash([]byte(rand.Text())))
	m.Topic = orElse(m.Topic, c.Topic("backups"))
	m.CertURL = orElse(m.CertURL, base+"/"+c.Name+"/"+c.smnCert())
	if m.Timestamp.IsZero() {
		m.Timestamp = time.Now()
	}
	wire := map[string]string{
		"type": m.Type, "message_id": m.ID, "topic_urn": m.Topic, "message": m.Message, "timestamp": m.Timestamp.UTC().Format(time.RFC3339),
		"signature_version": "v1", "signing_cert_url": m.CertURL,
	}
	signed := []string{"message", "message_id", "timestamp", "topic_urn", "type"}
	if m.Type == "Notification" {
		wire["subject"] = m.Subject
		if m.Subject != "" {
			signed = append(signed, "subject")
		}
	} else {
		wire["subscribe_url"] = orElse(m.SubscribeURL, base+"/"+c.Name+"/smn/subscriptions/confirm?token="+m.ID)
		signed = append(signed, "subscribe_url")
	}
	if wire["signature"], err = f.signer.sign(wire, signed); err != nil {
		return nil, err
	}
	return json.Marshal(wire)
}

func (s *signer) sign(wire map[string]string, fields []string) (string, error) {
	slices.Sort(fields)
	var b strings.Builder
	for _, name := range fields {
		b.WriteString(name + "\n" + wire[name] + "\n")
	}
	sum := sha256.Sum256([]byte(b.String()))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	return base64.StdEncoding.EncodeToString(signature), err
}

// Topic is the URN of a topic of the account.
func (o CloudOptions) Topic(name string) string {
	return "urn:smn:" + o.Region + ":" + o.ProjectID + ":" + name
}

// Post sends a body as SMN and EventGrid do, and returns the answer's status.
func (f *Fake) Post(ctx context.Context, address string, header http.Header, body []byte) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Close = true
	req.Header.Set("Content-Type", "application/json")
	maps.Copy(req.Header, header)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return resp.StatusCode, string(said), err
}

// EventGridEvent is what EventGrid delivers of a backup: a structured
// CloudEvent with an empty dataschema, around a trace of CTS.
func (f *Fake) EventGridEvent(cloud, backupID string) ([]byte, error) {
	c, err := f.cloud(cloud)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"specversion": "1.0", "id": relatedID(backupID, "event"), "source": "HC.CBR", "type": "CBR:CloudTrace:SystemAction", "subject": "backup",
		"time": time.Now().UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "dataschema": "", "ttl": "4000",
		"data": trace(c, backupID),
	})
}

// trace is one of CTS, as the API shows it.
func trace(c *cloud, backupID string) map[string]any {
	return map[string]any{
		"trace_id": relatedID(backupID, "trace"), "trace_name": "createBackup", "trace_type": "SystemAction", "trace_rating": "normal", "code": "200",
		"service_type": "CBR", "resource_type": "backup", "resource_id": backupID, "project_id": c.ProjectID, "api_version": "1.0",
		"time": time.Now().UnixMilli(), "user": nil, "source_ip": nil, "request": nil, "response": `{"status":"SUCCESS"}`,
	}
}

// CloudEyeEvent is the text that Cloud Eye puts into a message of SMN when a
// backup of a server has succeeded.
func (f *Fake) CloudEyeEvent(cloud, backupID string) (string, error) {
	c, err := f.cloud(cloud)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{
		"event_id": "ev" + hexHash([]byte(backupID)), "event_name": "backupSucceeded", "event_source": "SYS.CBR", "time": time.Now().UnixMilli(),
		"detail": map[string]any{"content": "{}", "resource_id": backupID, "resource_name": "autobk", "event_state": "normal", "event_level": "Major",
			"event_type": "EVENT.SYS", "dimensions": []map[string]string{{"name": "project_id", "value": c.ProjectID}}},
	})
	return string(text), err
}

// showSMNCert is the certificate, for everybody.
func (c *cloud) showSMNCert(q *request) *answer {
	if "smn/"+q.vars["pem"] != c.smnCert() || c.fake.signer.ready() != nil {
		return noSuchAPI()
	}
	return &answer{status: http.StatusOK, raw: string(c.fake.signer.cert), header: map[string]string{"Content-Type": "application/x-pem-file"}}
}

// confirmSMN ends a subscription's handshake.
func (c *cloud) confirmSMN(q *request) *answer {
	token := q.query.Get("token")
	if token == "" {
		return gateway(http.StatusBadRequest, "SMN.00011", "Invalid token.")
	}
	c.confirmed = append(c.confirmed, token)
	return ok(map[string]string{"subscription_urn": c.Topic("backups") + ":" + hexHash([]byte(token))})
}

// Confirmed are the tokens of subscriptions that were confirmed.
func (f *Fake) Confirmed(cloud string) ([]string, error) {
	c, err := f.cloud(cloud)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.confirmed), nil
}

// postSMN is the order to send a message somewhere.
func postSMN(f *Fake, cloud string, r *http.Request) (any, error) {
	var order struct {
		SMNMessage
		To       string `json:"to"`
		BackupID string `json:"backup_id"` // the message is Cloud Eye's about it
	}
	if err := decodeStrict(r.Body, &order); err != nil {
		return nil, err
	}
	if order.BackupID != "" {
		text, err := f.CloudEyeEvent(cloud, order.BackupID)
		if err != nil {
			return nil, err
		}
		order.Message = text
	}
	body, err := f.SMN(cloud, "http://"+r.Host, order.SMNMessage)
	if err != nil {
		return nil, err
	}
	return posted(f.Post(r.Context(), order.To, http.Header{"X-Smn-Message-Type": {orElse(order.Type, "Notification")}}, body))
}

// postEventGrid is the order to send an event somewhere.
func postEventGrid(f *Fake, cloud string, r *http.Request) (any, error) {
	var order struct {
		To       string `json:"to"`
		Token    string `json:"token"`
		BackupID string `json:"backup_id"`
	}
	if err := decodeStrict(r.Body, &order); err != nil {
		return nil, err
	}
	body, err := f.EventGridEvent(cloud, order.BackupID)
	if err != nil {
		return nil, err
	}
	return posted(f.Post(r.Context(), order.To, http.Header{"Content-Type": {"application/cloudevents+json"}, "Authorization": {"Bearer " + order.Token}}, body))
}

func posted(status int, said string, err error) (any, error) {
	if err != nil {
		return nil, fmt.Errorf("post: %w", err)
	}
	return map[string]any{"status": status, "answer": said}, nil
}
