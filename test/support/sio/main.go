// Seals and opens DARE streams with github.com/minio/sio, for whoever wants a second opinion.
//
// Each request on standard input is one line: operation, hex key, cipher, first package, length, and a file of bytes;
// the answer is one line: "ok" and the file that holds the result, or "error" and why. Operations are seal1 and seal2
// (version 1.0 and 2.0), open (either version), and range, which opens a part of a whole stream by offset and length.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/minio/sio"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		target := words[5] + ".out"
		if result, err := answer(words); err != nil {
			fmt.Println("error", err)
		} else if err := os.WriteFile(target, result, 0o600); err != nil {
			fmt.Println("error", err)
		} else {
			fmt.Println("ok", target)
		}
	}
}

func answer(words []string) ([]byte, error) {
	key, err := hex.DecodeString(words[1])
	if err != nil {
		return nil, err
	}
	config := sio.Config{Key: key}
	if words[2] == "AES256" {
		config.CipherSuites = []byte{sio.AES_256_GCM}
	} else if words[2] == "ChaCha20" {
		config.CipherSuites = []byte{sio.CHACHA20_POLY1305}
	}
	offset, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return nil, err
	}
	length, err := strconv.ParseInt(words[4], 10, 64)
	if err != nil {
		return nil, err
	}
	input, err := os.ReadFile(words[5])
	if err != nil {
		return nil, err
	}
	var result bytes.Buffer
	switch words[0] {
	case "seal1":
		config.MinVersion, config.MaxVersion = sio.Version10, sio.Version10
		_, err = sio.Encrypt(&result, bytes.NewReader(input), config)
	case "seal2":
		config.MinVersion, config.MaxVersion = sio.Version20, sio.Version20
		_, err = sio.Encrypt(&result, bytes.NewReader(input), config)
	case "open":
		config.SequenceNumber = uint32(offset)
		_, err = sio.Decrypt(&result, bytes.NewReader(input), config)
	case "range":
		var reader io.ReaderAt
		if reader, err = sio.DecryptReaderAt(bytes.NewReader(input), config); err == nil {
			_, err = io.Copy(&result, io.NewSectionReader(reader, offset, length))
		}
	default:
		err = fmt.Errorf("unknown operation %q", words[0])
	}
	return result.Bytes(), err
}
