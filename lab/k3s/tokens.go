package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// token is a parsed join token, after k3s's documentation of `k3s token`: the full form carries the cluster's CA hash.
type token struct {
	caHash, user, password string
	bootstrap              bool
}

var (
	hashForm      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	bootstrapForm = regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)
)

func parseToken(text string) (token, error) {
	if text == "" {
		return token{}, errors.New("token must not be empty")
	}
	rest, full := strings.CutPrefix(text, "K10")
	if !full {
		return token{password: text, bootstrap: bootstrapForm.MatchString(text)}, nil
	}
	hash, credentials, found := strings.Cut(rest, "::")
	switch {
	case !found:
		return token{}, errors.New("invalid token format: the full form is K10<hash>::<user>:<password>")
	case hash != "" && !hashForm.MatchString(hash):
		return token{}, errors.New("invalid token CA hash length: it is 64 hexadecimal digits")
	case bootstrapForm.MatchString(credentials):
		return token{caHash: hash, password: credentials, bootstrap: true}, nil
	}
	user, password, found := strings.Cut(credentials, ":")
	if !found || user == "" || password == "" {
		return token{}, errors.New("invalid token format: credentials are <user>:<password>")
	}
	return token{caHash: hash, user: user, password: password}, nil
}

func fullToken(caHash, user, password string) string {
	return "K10" + caHash + "::" + user + ":" + password + "\n"
}

// caHash is the hash in a full token: of the PEM bytes for a bundle of one certificate, else of the DER bytes of the chain's root.
func caHash(bundle []byte) (string, error) {
	var certs []*x509.Certificate
	for rest := bundle; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "", err
		}
		certs = append(certs, cert)
	}
	switch len(certs) {
	case 0:
		return "", errors.New("no certificate in the CA bundle")
	case 1:
		return hexSum(bundle), nil
	}
	current := certs[0]
	for range certs {
		for _, parent := range certs {
			if !bytes.Equal(parent.Raw, current.Raw) && bytes.Equal(parent.RawSubject, current.RawIssuer) && current.CheckSignatureFrom(parent) == nil {
				current = parent
				break
			}
		}
	}
	return hexSum(current.Raw), nil
}

func hexSum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	if _, err := rand.Read(b); err != nil {
		panic(fmt.Sprintf("the system gives no random numbers: %v", err))
	}
	return hex.EncodeToString(b)
}
