package main

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// loadCommand is a line on standard input once connections are set up.
type loadCommand struct {
	Seconds float64 `json:"seconds"`
	// Requests a second; 0: each stream asks as soon as it has its answer.
	Rate float64 `json:"rate"`
	// Ends after so many, if given.
	Count    int64     `json:"count"`
	Requests []request `json:"requests"`
}

type loadResult struct {
	Requests uint64  `json:"requests"`
	Errors   uint64  `json:"errors"`
	Error    string  `json:"error,omitempty"`
	Seconds  float64 `json:"seconds"`
	// Of this process.
	CPUMicros   int64       `json:"cpuMicros"`
	MaxNanos    uint64      `json:"maxNanos"`
	MeanNanos   float64     `json:"meanNanos"`
	Buckets     [][2]uint64 `json:"buckets"`
	Samples     []sample    `json:"samples"`
	Connections int64       `json:"connections"`
}

// Of linux/prctl.h.
const prSetTimerslack = 29

const (
	sampleEvery = 997
	maxSamples  = 64
)

// asker is one stream of one connection.
type asker struct {
	*connection
	times   histogram
	buffer  bytes.Buffer
	samples []sample
	errors  uint64
	first   error
}

type run struct {
	loadCommand
	next     atomic.Int64
	started  time.Time
	deadline time.Time
}

func load(connections []*connection, streams int, command loadCommand) loadResult {
	r := &run{loadCommand: command}
	askers := []*asker{}
	for _, c := range connections {
		for range streams {
			askers = append(askers, &asker{connection: c})
		}
	}
	if err := open(connections, &command.Requests[0]); err != nil {
		return loadResult{Errors: 1, Error: err.Error(), Samples: []sample{}, Buckets: [][2]uint64{}}
	}
	var due chan time.Time
	cpu := cpuMicros()
	r.started = time.Now()
	r.deadline = r.started.Add(time.Duration(command.Seconds * float64(time.Second)))
	if command.Rate > 0 {
		// As many as may ever wait: the clock must not wait for the server, or slow answers would not be seen.
		due = make(chan time.Time, int(command.Rate*command.Seconds)+1)
		go r.tick(due)
	}
	var group sync.WaitGroup
	for _, a := range askers {
		group.Go(func() {
			if due != nil {
				for at := range due {
					r.one(a, at)
				}
				return
			}
			for {
				now := time.Now()
				if now.After(r.deadline) || !r.one(a, now) {
					return
				}
			}
		})
	}
	group.Wait()
	result := loadResult{Seconds: time.Since(r.started).Seconds(), CPUMicros: cpuMicros() - cpu, Samples: []sample{}}
	times := &histogram{}
	for _, a := range askers {
		times.merge(&a.times)
		result.Errors += a.errors
		if a.first != nil {
			result.Error = a.first.Error()
		}
		result.Samples = append(result.Samples, a.samples...)
	}
	if len(result.Samples) > maxSamples {
		result.Samples = result.Samples[:maxSamples]
	}
	result.Requests = times.count
	result.MaxNanos = times.max
	result.MeanNanos = times.sum / float64(max(times.count, 1))
	result.Buckets = times.buckets()
	result.Connections = dials.Load()
	return result
}

// open lets each connection ask once: streams that begin together would each dial one of their own.
func open(connections []*connection, r *request) error {
	var buffer bytes.Buffer
	for _, c := range connections {
		if c.isOpen {
			continue
		}
		if err := c.ask(r, &buffer); err != nil {
			return err
		}
		c.isOpen = true
	}
	return nil
}

// one asks once. What is measured begins at `at`, when the request was due, not when a stream was free for it.
func (r *run) one(a *asker, at time.Time) bool {
	number := r.next.Add(1) - 1
	if r.Count > 0 && number >= r.Count {
		return false
	}
	which := int(number % int64(len(r.Requests)))
	asked := &r.Requests[which]
	err := a.ask(asked, &a.buffer)
	if err == nil {
		err = asked.check(a.buffer.Bytes())
	}
	if err != nil {
		a.errors++
		if a.first == nil {
			a.first = err
		}
		// A server that refuses everything must not be asked without pause.
		time.Sleep(time.Millisecond)
		return true
	}
	a.times.add(time.Since(at))
	if asked.Plaintext == "" && asked.Answer == "" && number%sampleEvery == 0 && len(a.samples) < maxSamples {
		plaintext, _ := member(a.buffer.Bytes(), `"plaintext":"`)
		ciphertext, _ := member(a.buffer.Bytes(), `"ciphertext":"`)
		a.samples = append(a.samples, sample{which, string(plaintext), string(ciphertext)})
	}
	return true
}

// tick says when each request is due. A thread of its own that sleeps in the kernel: Go's timers wake a process that
// waits for the network up to a millisecond late.
func (r *run) tick(due chan<- time.Time) {
	runtime.LockOSThread()
	// This thread keeps its share of Go's scheduler while it sleeps in the kernel: one more is for the rest.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1))
	// The kernel may otherwise be 50 µs late. Without the right to it that is so for every server.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerslack, 1, 0)
	defer close(due)
	step := float64(time.Second) / r.Rate
	for i := 0; ; i++ {
		at := r.started.Add(time.Duration(float64(i) * step))
		if !at.Before(r.deadline) {
			return
		}
		if wait := time.Until(at); wait > 0 {
			left := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&left, nil) // interrupted: the request is sent a little early
		}
		due <- at
	}
}

func cpuMicros() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
}
