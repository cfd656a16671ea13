package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// CORS is an HTTP API's CorsConfiguration. Without origins API Gateway leaves
// OPTIONS to the routes and adds no headers.
type CORS struct {
	AllowOrigins     []string
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	AllowCredentials bool
	// MaxAge is how long a browser may keep a preflight's answer, in seconds.
	MaxAge int
}

// preflight answers an OPTIONS request that asks for permission, and tells
// whether it did. API Gateway answers every preflight itself; one from an
// origin that is not allowed gets no headers.
func (c CORS) preflight(w http.ResponseWriter, r *http.Request) bool {
	if len(c.AllowOrigins) == 0 || r.Method != http.MethodOptions ||
		r.Header.Get("Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	header := w.Header()
	if c.allow(header, r.Header.Get("Origin")) {
		if len(c.AllowMethods) > 0 {
			header.Set("Access-Control-Allow-Methods", strings.Join(c.AllowMethods, ","))
		}
		if len(c.AllowHeaders) > 0 {
			header.Set("Access-Control-Allow-Headers", strings.Join(c.AllowHeaders, ","))
		}
		if c.MaxAge > 0 {
			header.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// allow adds the headers that every answer to an allowed origin carries.
func (c CORS) allow(header http.Header, origin string) bool {
	if origin == "" {
		return false
	}
	anyOrigin := slices.Contains(c.AllowOrigins, "*")
	if !anyOrigin && !slices.Contains(c.AllowOrigins, origin) {
		return false
	}
	if anyOrigin && !c.AllowCredentials {
		origin = "*"
	} else {
		header.Add("Vary", "Origin")
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if c.AllowCredentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposeHeaders) > 0 {
		header.Set("Access-Control-Expose-Headers", strings.Join(c.ExposeHeaders, ","))
	}
	return true
}
