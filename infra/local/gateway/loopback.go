package gateway

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// LoopbackOnly refuses requests whose Host is not `localhost` or a loopback
// address. A page on another name that has been pointed at 127.0.0.1 (DNS
// rebinding) comes with that name as its Host.
func LoopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) {
			WriteProblem(w, http.StatusForbidden, "FORBIDDEN", "This server answers only on localhost.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// SameOriginOnly refuses requests that a page of another origin makes.
func SameOriginOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if foreign(r) {
			WriteProblem(w, http.StatusForbidden, "FORBIDDEN", "Pages of another origin get no answer here.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign reports whether a browser made r for a page of another origin. Some
// such requests (an image, a script) carry no Origin, only Sec-Fetch-Site.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return false
	}
	if len(origins) > 1 {
		return true
	}
	origin, err := url.Parse(origins[0])
	return err != nil || origin.Scheme != "http" || !strings.EqualFold(origin.Host, r.Host)
}

func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	} else if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Zone() == "" && address.Unmap().IsLoopback()
}

// Problem is an error of the local runner itself, in the contract's shape
// (RFC 9457).
type Problem struct {
	Type      string     `json:"type"`
	Title     string     `json:"title"`
	Status    int        `json:"status"`
	Detail    string     `json:"detail"`
	Code      string     `json:"code"`
	RequestID string     `json:"requestId"`
	Errors    []Location `json:"errors,omitempty"`
}

// Location is one place to mend in a request.
type Location struct {
	Location string `json:"location"`
	Detail   string `json:"detail"`
}

// WriteProblem answers application/problem+json for a refusal of the local
// runner; what functions refuse they word themselves.
func WriteProblem(w http.ResponseWriter, status int, code, detail string, errors ...Location) {
	// A struct of strings always encodes.
	text, _ := json.Marshal(Problem{
		Type:      "about:blank",
		Title:     http.StatusText(status),
		Status:    status,
		Detail:    detail,
		Code:      code,
		RequestID: newID(),
		Errors:    errors,
	})
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client may be gone; nobody else needs this error.
	_, _ = w.Write(text)
}
