// Command typecheck type-checks packages of the module above for another system, from source:
//
//	go run -C tools ./typecheck darwin ./cmd/... ./parser/...
//
// go vet finds the same errors, but compiles every dependency first, which takes a minute more.
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck GOOS PACKAGE...")
		os.Exit(2)
	}
	list, err := packages.Load(&packages.Config{
		Mode: packages.LoadAllSyntax,
		Dir:  "..",
		Env:  append(os.Environ(), "CGO_ENABLED=0", "GOOS="+os.Args[1]),
	}, os.Args[2:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "typecheck:", err)
		os.Exit(1)
	}
	if packages.PrintErrors(list) > 0 {
		os.Exit(1)
	}
}
