package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// idleCommand opens connections, each of which asks once and is then kept open until the program ends.
type idleCommand struct {
	Connections int     `json:"connections"`
	Request     request `json:"request"`
}

type idleResult struct {
	Open  int    `json:"open"`
	Error string `json:"error,omitempty"`
}

var kept struct {
	sync.Mutex
	all []net.Conn
}

// Handshakes at a time.
const opening = 32

func idle(s *setup, config *tls.Config, command idleCommand) idleResult {
	var group sync.WaitGroup
	var mu sync.Mutex
	result := idleResult{}
	slots := make(chan struct{}, opening)
	for range command.Connections {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			conn, err := keep(s, config, &command.Request)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				result.Error = err.Error()
				return
			}
			kept.Lock()
			kept.all = append(kept.all, conn)
			kept.Unlock()
			result.Open++
		})
	}
	group.Wait()
	return result
}

// keep opens a connection over the protocol that was set up, asks once and leaves it open.
func keep(s *setup, config *tls.Config, r *request) (net.Conn, error) {
	if s.Protocol == "h1" {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", s.URL[len("https://"):], config)
		if err != nil {
			return nil, err
		}
		if _, err := conn.Write(keptRequest(r)); err != nil {
			return nil, err
		}
		answer, err := readAnswer(conn)
		if err != nil {
			return nil, err
		}
		return conn, r.check(answer)
	}
	c := newConnection(s, config)
	var conn net.Conn
	transport, ok := c.client.Transport.(*http.Transport)
	if !ok {
		return nil, errors.New("no transport")
	}
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		made, err := dial(ctx, network, address)
		conn = made
		return made, err
	}
	a := &asker{connection: c}
	if err := c.ask(r, &a.buffer); err != nil {
		return nil, err
	}
	return conn, r.check(a.buffer.Bytes())
}

func keptRequest(r *request) []byte {
	text := r.Method + " " + r.Path + " HTTP/1.1\r\nHost: localhost\r\n"
	for name, value := range r.Headers {
		text += name + ": " + value + "\r\n"
	}
	return []byte(text + "Content-Length: " + itoa(len(r.Body)) + "\r\n\r\n" + r.Body)
}

func readAnswer(conn io.Reader) ([]byte, error) {
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.200s", answer.StatusCode, body)
	}
	return body, err
}

func itoa(n int) string { return strconv.Itoa(n) }
