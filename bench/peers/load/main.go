// Loads a server with checked requests. Standard input: one line of JSON that says where to, then one for each run;
// standard output: a line of JSON for each line. The server's own costs are the caller's to measure, between the lines.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// command has one member.
type command struct {
	Load       *loadCommand      `json:"load"`
	Handshakes *handshakeCommand `json:"handshakes"`
	Idle       *idleCommand      `json:"idle"`
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	if !lines.Scan() {
		return fmt.Errorf("no set-up: %w", lines.Err())
	}
	var s setup
	if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
		return err
	}
	config, err := tlsConfig(&s)
	if err != nil {
		return err
	}
	connections := []*connection{}
	for range s.Connections {
		connections = append(connections, newConnection(&s, config.Clone()))
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]string{"event": "ready"}); err != nil {
		return err
	}
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		var result any
		switch {
		case c.Load != nil && len(c.Load.Requests) > 0:
			result = load(connections, s.Streams, *c.Load)
		case c.Handshakes != nil:
			result = handshakes(&s, config, *c.Handshakes)
		case c.Idle != nil:
			result = idle(&s, config, *c.Idle)
		default:
			return fmt.Errorf("no command: %.200s", lines.Text())
		}
		if err := out.Encode(result); err != nil {
			return err
		}
	}
	return lines.Err()
}
