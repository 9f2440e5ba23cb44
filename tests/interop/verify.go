// Verifies a tiled log with golang.org/x/mod/sumdb alone, which knows nothing of Clearway:
//
//	verify FOLDER VKEY INDEX ENTRY OLD
//
// the checkpoint's signature, every tile that it reads, entry INDEX being the bytes of file ENTRY, and the tree of checkpoint OLD
// being the beginning of this one. Prints "ok SIZE", or says what is wrong and exits with 1.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder string

func (f folder) Height() int { return 8 }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		// Its names have the height in them, which C2SP's have not.
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func head(path string, keys note.Verifiers) tlog.Tree {
	text, err := os.ReadFile(path)
	check(err)
	opened, err := note.Open(text, keys)
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: hash}
}

func main() {
	log, index := os.Args[1], os.Args[3]
	key, err := note.NewVerifier(os.Args[2])
	check(err)
	keys := note.VerifierList(key)
	tree, old := head(filepath.Join(log, "checkpoint"), keys), head(os.Args[5], keys)
	entry, err := os.ReadFile(os.Args[4])
	check(err)
	number, err := strconv.ParseInt(index, 10, 64)
	check(err)
	hashes := tlog.TileHashReader(tree, folder(log))
	proof, err := tlog.ProveRecord(tree.N, number, hashes)
	check(err)
	check(tlog.CheckRecord(proof, tree.N, tree.Hash, number, tlog.RecordHash(entry)))
	grown, err := tlog.ProveTree(tree.N, old.N, hashes)
	check(err)
	check(tlog.CheckTree(grown, tree.N, tree.Hash, old.N, old.Hash))
	fmt.Println("ok", tree.N)
}
