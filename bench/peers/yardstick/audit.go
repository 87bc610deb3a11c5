package main

import (
	"io"
	"log"
	"strconv"
	"sync"
	"time"
)

// Lines wait this long, or until there are so many bytes, and are written together.
const (
	auditWait  = 10 * time.Millisecond
	auditBytes = 64 << 10
)

type auditLog struct {
	mu     sync.Mutex
	out    io.Writer
	lines  []byte
	spare  []byte
	number uint64
	wake   chan struct{}
}

func newAuditLog(out io.Writer) *auditLog {
	a := &auditLog{out: out, wake: make(chan struct{}, 1)}
	go a.write()
	return a
}

// record adds the line of one request, with the members that our own audit line has.
func (a *auditLog) record(started time.Time, method, path, ip, identity string, status int) {
	now := time.Now()
	a.mu.Lock()
	isFirst := len(a.lines) == 0
	a.number++
	b := append(a.lines, "time="...)
	b = now.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, ` level=INFO msg="request answered" req.method=`...)
	b = append(b, method...)
	b = append(b, " req.path="...)
	b = append(b, path...)
	b = append(b, " req.ip="...)
	b = append(b, ip...)
	b = append(b, " req.identity="...)
	b = append(b, identity...)
	b = append(b, " res.code="...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, " res.time="...)
	b = append(b, now.Sub(started).String()...)
	b = append(b, " req.id="...)
	b = strconv.AppendUint(b, a.number, 36)
	b = append(b, '\n')
	a.lines = b
	isFull := len(b) >= auditBytes
	a.mu.Unlock()
	if isFirst || isFull {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

func (a *auditLog) write() {
	for range a.wake {
		time.Sleep(auditWait)
		a.mu.Lock()
		lines := a.lines
		a.lines = a.spare[:0]
		a.mu.Unlock()
		if _, err := a.out.Write(lines); err != nil {
			log.Fatal(err)
		}
		a.spare = lines
	}
}
