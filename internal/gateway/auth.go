package gateway

import (
	"net/http"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// handler serves a request of a known principal from one world.
type handler func(w http.ResponseWriter, r *http.Request, world World, who Principal)

// authenticated finds the principal and holds the world for the request.
func (g *Gateway) authenticated(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		world, release := g.Acquire()
		defer release()
		who, ok := world.Authenticate(bearer(r))
		if !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			g.fail(w, "", &pointsman.Error{
				Code: pointsman.CodeAuth, Message: "the API key is missing or not known here",
				Hint: "send Authorization: Bearer with a key whose SHA-256 stands under server.keys",
			})
			return
		}
		next(w, r, world, who)
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
