// An HTTP/1.1 client as servers written in Go have it: kept connections, large bodies both ways, early answers.
// Arguments: URL, file with certificate and key. Prints one line for each step.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type echo struct {
	Method string
	Target string
	Length int
	Sha256 string
	Test   []string
}

func main() {
	base := os.Args[1]
	pair, err := tls.LoadX509KeyPair(os.Args[2], os.Args[2])
	check(err)
	transport := &http.Transport{
		TLSNextProto:          map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxIdleConnsPerHost:   8,
		MaxConnsPerHost:       8,
		ExpectContinueTimeout: 5 * time.Second,
		TLSClientConfig:       &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true},
	}
	client := &http.Client{Transport: transport, Timeout: 60 * time.Second}
	var dials atomic.Int32
	ask := func(method, path string, body []byte) (int, []byte) {
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			if !info.Reused {
				dials.Add(1)
			}
		}}
		var reader io.Reader
		if body != nil {
			reader = bytes.NewReader(body)
		}
		request, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), method, base+path, reader)
		check(err)
		request.Header.Set("X-Test", "go")
		response, err := client.Do(request)
		check(err)
		defer response.Body.Close()
		if response.Proto != "HTTP/1.1" {
			panic(response.Proto)
		}
		text, err := io.ReadAll(response.Body)
		check(err)
		return response.StatusCode, text
	}
	checkEcho := func(method string, body []byte) {
		status, text := ask(method, "/echo", body)
		var got echo
		check(json.Unmarshal(text, &got))
		if status != 200 || got.Method != method || got.Length != len(body) || got.Test[0] != "go" ||
			got.Sha256 != fmt.Sprintf("%x", sha256.Sum256(body)) {
			panic(fmt.Sprint(status, string(text)))
		}
	}

	checkEcho("GET", nil)
	fmt.Println("one request")
	var group sync.WaitGroup
	for worker := 0; worker < 40; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < 25; i++ {
				checkEcho("PUT", bytes.Repeat([]byte{byte(worker)}, i*100))
			}
		}()
	}
	group.Wait()
	fmt.Println("1000 requests, kept:", dials.Load() <= 8)
	checkEcho("POST", bytes.Repeat([]byte("0123456789"), 500_000))
	fmt.Println("5 MB up")
	status, text := ask("GET", "/big/5000000", nil)
	fmt.Println(len(text), "bytes down", status)
	status, text = ask("PUT", "/early", bytes.Repeat([]byte("x"), 3_000_000))
	fmt.Println("early", status, string(text))
	status, text = ask("GET", "/lines/100", nil)
	fmt.Println(strings.Count(string(text), "\n"), "lines", status)

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	request, err := http.NewRequestWithContext(ctx, "GET", base+"/never", nil)
	check(err)
	_, err = client.Do(request)
	fmt.Println("given up:", err != nil)
	cancel()
	checkEcho("GET", nil)
	// A body of unknown length, in chunks, for which the server is asked first.
	reader, writer := io.Pipe()
	go func() {
		for i := 0; i < 1000; i++ {
			writer.Write([]byte("0123456789"))
		}
		writer.Close()
	}()
	request, err = http.NewRequest("PUT", base+"/echo", reader)
	check(err)
	request.Header.Set("Expect", "100-continue")
	response, err := client.Do(request)
	check(err)
	var got echo
	check(json.NewDecoder(response.Body).Decode(&got))
	fmt.Println("in chunks", got.Length)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
