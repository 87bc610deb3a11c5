package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
)

// setup is the first line on standard input: where to, as whom, over what.
type setup struct {
	URL         string `json:"url"`
	CA          string `json:"ca"`
	Cert        string `json:"cert"`
	Key         string `json:"key"`
	Protocol    string `json:"protocol"`
	Connections int    `json:"connections"`
	Streams     int    `json:"streams"`
}

// request is asked again and again, in turn with the others.
type request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	// Base64 that the answer's member `plaintext` must have; empty when only its length is known.
	Plaintext string `json:"plaintext"`
	// The whole answer, where it is always the same.
	Answer string `json:"answer"`
}

// sample is an answer of a generate that is opened afterwards.
type sample struct {
	Request    int    `json:"request"`
	Plaintext  string `json:"plaintext"`
	Ciphertext string `json:"ciphertext"`
}

func tlsConfig(s *setup) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + s.CA)
	}
	protocols := []string{"http/1.1"}
	if s.Protocol == "h2" {
		protocols = []string{"h2"}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, NextProtos: protocols}, nil
}

// connection is a client with one connection: net/http's own, as storage servers use it.
type connection struct {
	client *http.Client
	url    string
	isH2   bool
	isOpen bool
}

// dials counts connections made: more than was asked for would be another load than the one that is named.
var dials atomic.Int64

func newConnection(s *setup, config *tls.Config) *connection {
	dialer := &net.Dialer{}
	transport := &http.Transport{
		TLSClientConfig:     config,
		ForceAttemptHTTP2:   s.Protocol == "h2",
		MaxIdleConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return dialer.DialContext(ctx, network, address)
		},
	}
	return &connection{client: &http.Client{Transport: transport}, url: s.URL, isH2: s.Protocol == "h2"}
}

func (c *connection) ask(r *request, buffer *bytes.Buffer) error {
	var body io.Reader
	if r.Body != "" {
		// KES's own client sends bodies without their length; so does what hides the length from net/http.
		body = io.NopCloser(strings.NewReader(r.Body))
	}
	outgoing, err := http.NewRequest(r.Method, c.url+r.Path, body)
	if err != nil {
		return err
	}
	for name, value := range r.Headers {
		outgoing.Header.Set(name, value)
	}
	answer, err := c.client.Do(outgoing)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	buffer.Reset()
	if _, err := buffer.ReadFrom(answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %.200s", answer.StatusCode, buffer.String())
	}
	if c.isH2 != (answer.ProtoMajor == 2) {
		return fmt.Errorf("answered over %s", answer.Proto)
	}
	return nil
}

// Base64 of 32 bytes.
const plaintextLength = 44

// check holds an answer against what it must be.
func (r *request) check(answer []byte) error {
	if r.Answer != "" {
		if string(answer) != r.Answer {
			return fmt.Errorf("a wrong answer: %.200s", answer)
		}
		return nil
	}
	plaintext, ok := member(answer, `"plaintext":"`)
	if r.Plaintext != "" {
		if !ok || string(plaintext) != r.Plaintext {
			return errors.New("decrypt did not give the plaintext back")
		}
		return nil
	}
	ciphertext, hasCiphertext := member(answer, `"ciphertext":"`)
	if !ok || !hasCiphertext || len(plaintext) != plaintextLength || len(ciphertext) <= plaintextLength {
		return errors.New("generate gave no data key")
	}
	return nil
}

// member is the text behind `name`, which base64 ends at the next quote.
func member(json []byte, name string) ([]byte, bool) {
	at := bytes.Index(json, []byte(name))
	if at < 0 {
		return nil, false
	}
	rest := json[at+len(name):]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return nil, false
	}
	return rest[:end], true
}
