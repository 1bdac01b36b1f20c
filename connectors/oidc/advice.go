package oidc

import "net/http"

// statusAdvice says what an answer's status most likely means.
func statusAdvice(status int) string {
	switch {
	case status == http.StatusNotFound:
		return "there is nothing at this address; check issuer"
	case status == http.StatusTooManyRequests:
		return "it limits how often it is asked"
	case status == http.StatusProxyAuthRequired:
		return "the proxy wants a user name and password in proxy"
	case status >= http.StatusInternalServerError:
		return "it has a fault, or something in front of it"
	}
	return "it is not an answer of an OpenID provider; check issuer, and what stands in front of it"
}
