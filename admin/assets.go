package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// What the page is made of: our own files, and htmx 2.0.11 and uPlot 1.6.32 as
// released, with their licences beside them.
//
//go:embed web
var webFiles embed.FS

// assets are the files that the page loads, by the name they are served under,
// which has a hash of the content: a file of a name never changes.
type assets struct {
	served map[string]asset
	names  map[string]string // by name in the folder
}

type asset struct {
	kind string
	body []byte
}

var assetKinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

func loadAssets() (*assets, error) {
	a := &assets{served: map[string]asset{}, names: map[string]string{}}
	err := fs.WalkDir(webFiles, "web", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		kind, ok := assetKinds[path.Ext(file)]
		if !ok {
			return nil // a template
		}
		body, err := webFiles.ReadFile(file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		name := strings.TrimPrefix(file, "web/")
		served := hex.EncodeToString(sum[:6]) + "-" + path.Base(name)
		a.served[served] = asset{kind, body}
		a.names[name] = served
		return nil
	})
	return a, err
}

// url is where a file of the folder is served.
func (a *assets) url(name string) (string, error) {
	served, ok := a.names[name]
	if !ok {
		return "", fmt.Errorf("no file %s", name)
	}
	return assetPath + served, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := a.served[r.PathValue("name")]
	if !ok {
		w.Header().Set("Cache-Control", "no-store")
		writeProblem(w, problem("not-found", ""))
		return
	}
	w.Header().Set("Content-Type", file.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(file.body)
}
