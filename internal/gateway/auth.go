package gateway

import (
	"net/http"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/admit"
)

// handler serves a request of a known principal from one instance.
type handler func(w http.ResponseWriter, r *http.Request, instance Instance, who *admit.Principal)

// authenticated finds the principal and holds the instance for the request.
func (g *Gateway) authenticated(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := g.Gate.Authenticate(bearer(r))
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			g.fail(w, "", err)
			return
		}
		instance, release := g.Acquire()
		defer release()
		next(w, r, instance, who)
	}
}

// bearer is the key of the Authorization header, or empty. The scheme's name
// is case-insensitive (RFC 9110, section 11.1).
func bearer(r *http.Request) string {
	scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}
