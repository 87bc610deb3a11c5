package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
)

const (
	ivBytes    = 16
	nonceBytes = 12
	tagBytes   = 16
)

var errAuth = errors.New("not authentic")

type key [32]byte

func newKey() *key {
	k := new(key)
	copy(k[:], random(len(k)))
	return k
}

func random(size int) []byte {
	bytes := make([]byte, size)
	rand.Read(bytes) // never fails: the program would end
	return bytes
}

// seal: sealed || tag (16) || iv (16) || nonce (12), under HMAC-SHA-256(key, iv).
func (k *key) seal(plaintext, context []byte) ([]byte, error) {
	salt := random(ivBytes + nonceBytes)
	aead, err := k.derive(salt[:ivBytes])
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(plaintext)+tagBytes+len(salt))
	out = aead.Seal(out, salt[ivBytes:], plaintext, context)
	return append(out, salt...), nil
}

func (k *key) open(ciphertext, context []byte) ([]byte, error) {
	at := len(ciphertext) - ivBytes - nonceBytes
	if at < tagBytes {
		return nil, errAuth
	}
	aead, err := k.derive(ciphertext[at : at+ivBytes])
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, ciphertext[at+ivBytes:], ciphertext[:at], context)
}

func (k *key) derive(iv []byte) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, k[:])
	mac.Write(iv)
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
