package server

import "github.com/pointsman-ai/pointsman/internal/config"

// advise logs what a configuration may say and probably does not mean, and the
// references that lead to nothing now: requests that need them will fail.
func (s *server) advise(c *config.Config) {
	for _, w := range append(c.Warnings(), c.Unresolved()...) {
		s.log.Warn("configuration: "+w.Message, "line", w.Line, "setting", w.Path, "hint", w.Hint)
	}
}
