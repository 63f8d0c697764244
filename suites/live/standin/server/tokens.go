package server

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// signer signs and verifies JSON Web Tokens by RS256 (RFC 7515). Its key is made when it is first needed.
type signer struct{ key func() *rsa.PrivateKey }

func newSigner() signer {
	return signer{sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(fmt.Sprintf("server: making a key: %v", err)) // crypto/rand does not fail
		}
		return key
	})}
}

var errSignature = errors.New("the token is not one that was signed here")

// sign makes a token of claims.
func (s signer) sign(claims any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(fmt.Sprintf("server: a token's claims cannot be encoded: %v", err))
	}
	signed := encoded([]byte(`{"typ":"JWT","alg":"RS256","kid":"stand-in"}`)) + "." + encoded(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, s.key(), crypto.SHA256, digest[:])
	if err != nil {
		panic(fmt.Sprintf("server: signing a token: %v", err))
	}
	return signed + "." + encoded(signature)
}

// verify decodes the claims of a token that was signed here.
func (s signer) verify(token string, claims any) error {
	end := strings.LastIndexByte(token, '.')
	if end < 0 {
		return errSignature
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil {
		return errSignature
	}
	digest := sha256.Sum256([]byte(token[:end]))
	if rsa.VerifyPKCS1v15(&s.key().PublicKey, crypto.SHA256, digest[:], signature) != nil {
		return errSignature
	}
	_, payload, _ := strings.Cut(token[:end], ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return errSignature
	}
	return json.Unmarshal(text, claims)
}

func encoded(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// secret makes up a secret.
func secret() string { return rand.Text() }

// guid makes up a GUID.
func guid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// bearer is the token of an Authorization header, "" if there is none.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
