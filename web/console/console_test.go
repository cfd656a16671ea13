package console

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func TestEveryFileThatTheIndexNamesIsThere(t *testing.T) {
	if !Built() {
		t.Skip("the console is not built: run npm run build in web/console")
	}
	index, err := fs.ReadFile(FS(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	references := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(index), -1)
	if len(references) == 0 {
		t.Fatal("index.html names no script and no style")
	}
	for _, reference := range references {
		name, local := strings.CutPrefix(reference[1], "/assets/")
		if !local {
			if !strings.HasPrefix(reference[1], "data:") {
				t.Errorf("%s lies outside /assets/", reference[1])
			}
			continue
		}
		if _, err := fs.Stat(FS(), "assets/"+name); err != nil {
			t.Errorf("index.html names %s: %v", reference[1], err)
		}
	}
}
