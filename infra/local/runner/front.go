package runner

import (
	"io/fs"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/rapport/rapport/infra/local/gateway"
)

// front is everything behind the HTTP port. What only the laptop has stands
// before the API's own routes; nothing of it is a function.
type front struct {
	api     http.Handler
	dev     http.Handler
	metrics http.Handler
	console http.Handler
	openAPI []byte
}

func (f front) handler() http.Handler {
	f.dev = gateway.SameOriginOnly(withProfiles(f.dev))
	return gateway.LoopbackOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/dev" || strings.HasPrefix(path, "/dev/"):
			f.dev.ServeHTTP(w, r)
		case path == "/openapi.json" && isRead(r):
			write(w, r, "application/json", f.openAPI)
		case path == "/metrics" && isRead(r):
			f.metrics.ServeHTTP(w, r)
		case path == "/ops" && isRead(r):
			// The console keeps its pages in the address's fragment.
			http.Redirect(w, r, "/#/ops", http.StatusFound)
		case (path == "/" || strings.HasPrefix(path, "/assets/")) && isRead(r):
			f.console.ServeHTTP(w, r)
		default:
			f.api.ServeHTTP(w, r)
		}
	}))
}

// profiles is where `go tool pprof` finds the runner.
const profiles = "/dev/pprof/"

// withProfiles serves the runner's profiles, and all else as before.
func withProfiles(dev http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, found := strings.CutPrefix(r.URL.Path, profiles)
		switch {
		case !found:
			dev.ServeHTTP(w, r)
		case name == "profile":
			pprof.Profile(w, r)
		case name == "trace":
			pprof.Trace(w, r)
		default:
			pprof.Handler(name).ServeHTTP(w, r)
		}
	})
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func write(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache")
	if r.Method == http.MethodHead {
		return
	}
	// The client may be gone; nobody else needs this error.
	_, _ = w.Write(body)
}

// notBuilt is shown where the console would be.
const notBuilt = `<!doctype html><meta charset="utf-8"><title>Rapport</title>
<p>The API is served here, but the console has not been built. Run <code>make run</code>.</p>
<p><a href="/openapi.json">OpenAPI document</a></p>
`

// policy is what the console's pages may load: their own files, the API, and
// the socket on its port. CodeMirror makes style elements.
const policy = "default-src 'self'; connect-src 'self' ws://localhost:* ws://127.0.0.1:*; img-src 'self' data:; " +
	"style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// consoleHandler serves the built console. The names of assets change with
// their content; index.html must be asked for every time.
func consoleHandler(files fs.FS) http.Handler {
	assets := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", policy)
		if r.URL.Path != "/" {
			serveAsset(w, r, files, assets)
			return
		}
		index, err := fs.ReadFile(files, "index.html")
		if err != nil {
			index = []byte(notBuilt)
		}
		write(w, r, "text/html; charset=utf-8", index)
	})
}

func serveAsset(w http.ResponseWriter, r *http.Request, files fs.FS, assets http.Handler) {
	info, err := fs.Stat(files, strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil || !info.Mode().IsRegular() {
		gateway.WriteProblem(w, http.StatusNotFound, "NOT_FOUND", "There is no such file.")
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	assets.ServeHTTP(w, r)
}
