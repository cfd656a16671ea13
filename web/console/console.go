// Package console carries the built web console inside the local runner's
// binary. The files come from `npm run build` in this folder and are not kept
// in git: a clean clone has only dist/.keep, so that the Go tools work without
// Node, and Built reports false until the console has been built.
package console

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS returns the console's files: index.html for "/", and under "assets/" files
// whose names change with their content, so that they may be cached for ever.
// When the console is not built it holds no index.html.
func FS() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(fmt.Sprintf("console: embedded folder: %v", err)) // only an invalid path can fail
	}
	return files
}

// Built reports whether FS has an index.html.
func Built() bool {
	info, err := fs.Stat(FS(), "index.html")
	return err == nil && info.Mode().IsRegular()
}
