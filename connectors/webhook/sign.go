package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
)

// The headers of a signed question (Standard Webhooks 1.0).
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp" // Unix time, in seconds
	headerSignature = "Webhook-Signature" // v1, and the HMAC-SHA256 in base64
)

// sign puts the signature of the body into the headers. Each question has an id of its own.
func sign(h http.Header, key, body []byte, now time.Time) {
	id, timestamp := rand.Text(), strconv.FormatInt(now.Unix(), 10)
	h.Set(headerID, id)
	h.Set(headerTimestamp, timestamp)
	h.Set(headerSignature, signature(key, id, timestamp, body))
}

// signature is that of a body which is sent with the id at the time.
func signature(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(id + "." + timestamp + ".")) // never fails
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
