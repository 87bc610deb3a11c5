// Three TLS connections for each version with one session cache, as servers written in Go make them.
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"os"
)

func main() {
	pair, err := tls.LoadX509KeyPair(os.Args[2], os.Args[2])
	if err != nil {
		panic(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{
			Certificates:       []tls.Certificate{pair},
			ClientSessionCache: tls.NewLRUClientSessionCache(100),
			InsecureSkipVerify: true,
			MinVersion:         version,
			MaxVersion:         version,
			NextProtos:         []string{"http/1.1"},
		}
		for i := 0; i < 3; i++ {
			conn, err := tls.Dial("tcp", os.Args[1], config)
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(conn, "GET /v1/go/%d/%d HTTP/1.1\r\nHost: x\r\n\r\n", version, i)
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil {
				panic(err)
			}
			state := conn.ConnectionState()
			fmt.Print(state.Version, " ", state.DidResume, " ", line)
			conn.Close()
		}
	}
}
