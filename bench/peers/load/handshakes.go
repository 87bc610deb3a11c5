package main

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"
)

// handshakeCommand opens connections at a constant rate, each with one request, and closes them.
type handshakeCommand struct {
	Seconds float64 `json:"seconds"`
	// Connections a second; 0: one after the other.
	Rate    float64 `json:"rate"`
	Resumed bool    `json:"resumed"`
	// Each connection asks this once, if given: TLS 1.3 lets a client think that it is done before the server is.
	Request request `json:"request"`
	// Connections under way at most; what is due beyond that is given up and counted.
	Most int `json:"most"`
}

type handshakeResult struct {
	Handshakes uint64      `json:"handshakes"`
	Resumed    uint64      `json:"resumed"`
	Errors     uint64      `json:"errors"`
	Error      string      `json:"error,omitempty"`
	Skipped    uint64      `json:"skipped"`
	Seconds    float64     `json:"seconds"`
	CPUMicros  int64       `json:"cpuMicros"`
	MaxNanos   uint64      `json:"maxNanos"`
	MeanNanos  float64     `json:"meanNanos"`
	Buckets    [][2]uint64 `json:"buckets"`
}

func handshakes(s *setup, base *tls.Config, command handshakeCommand) handshakeResult {
	config := base.Clone()
	config.NextProtos = []string{"http/1.1"}
	if command.Resumed {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
		for range 2 {
			// The tickets come behind the handshake, with the answer.
			if _, err := one(s, config, &command.Request); err != nil {
				return handshakeResult{Errors: 1, Error: err.Error()}
			}
		}
	}
	result := handshakeResult{}
	times := &histogram{}
	var mu sync.Mutex
	try := func(due time.Time) {
		resumed, err := one(s, config, &command.Request)
		took := time.Since(due)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			result.Errors++
			result.Error = err.Error()
			return
		}
		times.add(took)
		if resumed {
			result.Resumed++
		}
	}
	cpu := cpuMicros()
	started := time.Now()
	if command.Rate == 0 {
		deadline := started.Add(time.Duration(command.Seconds * float64(time.Second)))
		for now := started; now.Before(deadline); now = time.Now() {
			try(now)
		}
	} else {
		due := make(chan time.Time, int(command.Rate*command.Seconds)+1)
		clock := &run{loadCommand: loadCommand{Rate: command.Rate}, started: started}
		clock.deadline = started.Add(time.Duration(command.Seconds * float64(time.Second)))
		go clock.tick(due)
		slots := make(chan struct{}, max(command.Most, 1))
		var group sync.WaitGroup
		for at := range due {
			select {
			case slots <- struct{}{}:
				group.Go(func() {
					try(at)
					<-slots
				})
			default:
				result.Skipped++
			}
		}
		group.Wait()
	}
	result.Handshakes = times.count
	result.Seconds = time.Since(started).Seconds()
	result.CPUMicros = cpuMicros() - cpu
	result.MaxNanos = times.max
	result.MeanNanos = times.sum / float64(max(times.count, 1))
	result.Buckets = times.buckets()
	return result
}

// one shakes hands, asks once over HTTP/1.1 and closes.
func one(s *setup, config *tls.Config, r *request) (resumed bool, err error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", strings.TrimPrefix(s.URL, "https://"), config)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return false, err
	}
	if _, err := conn.Write(plainRequest(r)); err != nil {
		return false, err
	}
	answer, err := readAnswer(conn)
	if err != nil {
		return false, err
	}
	return conn.ConnectionState().DidResume, r.check(answer)
}

func plainRequest(r *request) []byte {
	var text bytes.Buffer
	text.WriteString(r.Method + " " + r.Path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
	for name, value := range r.Headers {
		text.WriteString(name + ": " + value + "\r\n")
	}
	text.WriteString("Content-Length: ")
	text.WriteString(itoa(len(r.Body)))
	text.WriteString("\r\n\r\n" + r.Body)
	return text.Bytes()
}
