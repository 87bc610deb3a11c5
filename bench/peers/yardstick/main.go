// A key server as somebody would write it in Go with nothing but the standard library: net/http over mTLS (HTTP/1.1
// and HTTP/2), the same derivation and AEAD, the same JSON, one audit line for each request, written in batches. It
// has one identity, no policies and keeps its keys in memory: what benchmarks hold our server against, and no more.
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const maxBodyBytes = 1 << 20

type server struct {
	identity string
	audit    *auditLog
	mu       sync.RWMutex
	keys     map[string]*key
}

type (
	generateRequest struct {
		Context []byte `json:"context"`
	}
	generateReply struct {
		Plaintext  []byte `json:"plaintext"`
		Ciphertext []byte `json:"ciphertext"`
	}
	decryptRequest struct {
		Ciphertext []byte `json:"ciphertext"`
		Context    []byte `json:"context"`
	}
	decryptReply struct {
		Plaintext []byte `json:"plaintext"`
	}
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	cert := flag.String("cert", "", "certificate file")
	private := flag.String("key", "", "private key file")
	identity := flag.String("identity", "", "the one identity that may ask, hex SHA-256 of its public key")
	audit := flag.String("audit", os.DevNull, "file that the audit lines go to")
	flag.Parse()

	pair, err := tls.LoadX509KeyPair(*cert, *private)
	if err != nil {
		log.Fatal(err)
	}
	out, err := os.OpenFile(*audit, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{identity: *identity, audit: newAuditLog(out), keys: make(map[string]*key)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ready", s.handle(func(string, io.Reader) (any, int) { return nil, http.StatusOK }))
	mux.HandleFunc("POST /v1/key/create/{name}", s.handle(s.create))
	mux.HandleFunc("POST /v1/key/generate/{name}", s.handle(s.generate))
	mux.HandleFunc("POST /v1/key/decrypt/{name}", s.handle(s.decrypt))
	h := &http.Server{
		Handler: mux,
		TLSConfig: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			Certificates: []tls.Certificate{pair},
			ClientAuth:   tls.RequireAnyClientCert,
		},
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       90 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	fmt.Println(listener.Addr())
	log.Fatal(h.ServeTLS(listener, "", ""))
}

// handle does for every route what comes before and after: who asks, the answer's JSON, the audit line.
func (s *server) handle(route func(name string, body io.Reader) (any, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		id := identityOf(r.TLS)
		var reply any
		status := http.StatusForbidden
		if subtle.ConstantTimeCompare([]byte(id), []byte(s.identity)) == 1 {
			reply, status = route(r.PathValue("name"), http.MaxBytesReader(w, r.Body, maxBodyBytes))
		}
		w.Header().Set("Content-Type", "application/json")
		if reply == nil {
			w.WriteHeader(status)
		} else if body, err := json.Marshal(reply); err == nil {
			w.WriteHeader(status)
			w.Write(body)
		} else {
			w.WriteHeader(http.StatusInternalServerError)
		}
		ip := r.RemoteAddr
		if at := strings.LastIndexByte(ip, ':'); at >= 0 {
			ip = ip[:at]
		}
		s.audit.record(started, r.Method, r.URL.Path, ip, id, status)
	}
}

// identityOf is the hash of the public key info of the certificate that the client has shown.
func identityOf(state *tls.ConnectionState) string {
	if state == nil || len(state.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

func (s *server) create(name string, _ io.Reader) (any, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.keys[name]; ok {
		return nil, http.StatusBadRequest
	}
	s.keys[name] = newKey()
	return nil, http.StatusOK
}

func (s *server) find(name string) *key {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.keys[name]
}

func (s *server) generate(name string, body io.Reader) (any, int) {
	var request generateRequest
	if err := json.NewDecoder(body).Decode(&request); err != nil {
		return nil, http.StatusBadRequest
	}
	k := s.find(name)
	if k == nil {
		return nil, http.StatusNotFound
	}
	dek := random(32)
	ciphertext, err := k.seal(dek, request.Context)
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	return generateReply{Plaintext: dek, Ciphertext: ciphertext}, http.StatusOK
}

func (s *server) decrypt(name string, body io.Reader) (any, int) {
	var request decryptRequest
	if err := json.NewDecoder(body).Decode(&request); err != nil {
		return nil, http.StatusBadRequest
	}
	k := s.find(name)
	if k == nil {
		return nil, http.StatusNotFound
	}
	plaintext, err := k.open(request.Ciphertext, request.Context)
	if err != nil {
		return nil, http.StatusBadRequest
	}
	return decryptReply{Plaintext: plaintext}, http.StatusOK
}
