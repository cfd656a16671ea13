package artifacts

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// Declared reads which declaration a domain's Functions lists under each folder:
// `"listparticipants": ListParticipants`. The resources are named after it.
func Declared(tree fs.FS, domain string) (map[string]string, error) {
	files, err := fs.Glob(tree, path.Join("functions", domain, "*.go"))
	if err != nil {
		return nil, err
	}
	listed := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			return nil, fmt.Errorf("read declarations: %w", err)
		}
		for _, declared := range file.Decls {
			if fun, ok := declared.(*ast.FuncDecl); ok && fun.Name.Name == "Functions" && fun.Recv == nil {
				ast.Inspect(fun, func(n ast.Node) bool {
					if entry, ok := n.(*ast.KeyValueExpr); ok {
						folder, isText := entry.Key.(*ast.BasicLit)
						declaration, isName := entry.Value.(*ast.Ident)
						if isText && isName {
							listed[strings.Trim(folder.Value, `"`)] = declaration.Name
						}
					}
					return true
				})
			}
		}
	}
	return listed, nil
}
