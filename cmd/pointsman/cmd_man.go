package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the manual pages, one a command", Args: cobra.ExactArgs(1),
		Example: "  pointsman man ~/.local/share/man/man1",
		RunE: func(c *cobra.Command, args []string) error {
			pages, err := writePages(c.Root(), args[0])
			if err != nil {
				return err
			}
			return o.print(map[string]any{"dir": args[0], "pages": pages}, func(b *bytes.Buffer) {
				fmt.Fprintf(b, "%d pages in %s\n", pages, args[0])
			})
		},
	}
}

// writePages writes a page for each command and returns their number.
func writePages(root *cobra.Command, dir string) (int, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pages are for everybody
		return 0, err
	}
	root.DisableAutoGenTag = true // pages of the same version are the same
	pages := 0
	var withCodes func(c *cobra.Command)
	withCodes = func(c *cobra.Command) {
		pages++
		if c.Long == "" {
			c.Long = c.Short + "."
		}
		c.Long += exitHelp("\n\n# EXIT STATUS\n", "**%d**: %s\n\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				withCodes(sub)
			}
		}
	}
	withCodes(root)
	header := &doc.GenManHeader{Title: "POINTSMAN", Section: "1", Source: "pointsman " + version, Manual: "Pointsman"}
	return pages, doc.GenManTree(root, header, dir)
}
