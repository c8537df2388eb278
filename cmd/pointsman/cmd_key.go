package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/pointsman-ai/pointsman"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman/internal/config"
)

// newKeyResult is what key new tells.
type newKeyResult struct {
	Name   string `json:"name"`
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
}

func newKey(o *options) *cobra.Command {
	create := &cobra.Command{
		Use: "new NAME", Short: "Make a key for a client, and the line for server.keys", Args: cobra.ExactArgs(1),
		Long: `Make a key for a client. The key is printed once and kept nowhere; its SHA-256
goes into the configuration under server.keys. A key may name every task and no
upstream; tasks: [NAME] and direct: allow, or a list of upstreams, change that.`,
		Example: "  pointsman key new support-app",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := config.CheckName(args[0]); err != nil {
				return usageError{err}
			}
			if args[0] == pointsman.Anonymous {
				return usageError{errors.New("no key may be called " + pointsman.Anonymous + ": that is who sends feedback where no key is asked for")}
			}
			key := "pm-" + rand.Text()
			sum := sha256.Sum256([]byte(key))
			r := newKeyResult{Name: args[0], Key: key, SHA256: hex.EncodeToString(sum[:])}
			return o.print(r, func(w *bytes.Buffer) {
				fmt.Fprintf(w, "key (give it to %s; it is not kept):\n  %s\n\nunder server.keys:\n  - {name: %q, sha256: \"%s\"}\n", r.Name, r.Key, r.Name, r.SHA256)
			})
		},
	}
	return group("key", "Client keys", create)
}
