package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/starter"
)

// named is a file that the configuration names, to be read.
type named struct {
	path string
	as   string // to follow "is"
}

// checkPaths checks that the files which keys names are there, and remembers them and
// those of its secrets. path is where keys stands in the part. Where keys alone are
// wanted, they are not looked at.
func (p part) checkPaths(path string, keys any) {
	if p.keysOnly {
		return
	}
	leaves(reflect.ValueOf(keys), path, func(path string, leaf any) {
		switch leaf := leaf.(type) {
		case connectors.Path:
			if fault := unreadable(string(leaf)); leaf != "" && fault != "" {
				p.report(path, "%s: %s %s", path, leaf, fault)
			}
			p.reads(leaf, path)
		case connectors.Secret:
			if leaf.Reveal() == starter.Secret {
				p.warn(path, "%s: the secret is still %q, which \"shorepass config init\" writes: put the real one in its place", path, starter.Secret)
			}
			var file connectors.Path
			if at := p.node.At(path + ".file"); !at.IsZero() && at.Decode(&file) == nil {
				p.reads(file, path)
			}
		}
	})
}

// reads remembers a file that the key at the path names.
func (p part) reads(file connectors.Path, path string) {
	if file != "" {
		at := p.node.Problem(path, "")
		p.named = append(p.named, named{string(file), "named in line " + strconv.Itoa(at.Line) + ", as " + path})
	}
}

// leaves visits the paths and secrets in a value, each with its path of keys.
func leaves(v reflect.Value, path string, visit func(path string, leaf any)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			leaves(v.Elem(), path, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), path+"["+strconv.Itoa(i)+"]", visit)
		}
	case reflect.Struct, reflect.String:
		if v.Type() == reflect.TypeFor[connectors.Path]() || v.Type() == reflect.TypeFor[connectors.Secret]() {
			visit(path, v.Interface())
		} else if v.Kind() == reflect.Struct {
			fieldLeaves(v, path, visit)
		}
	}
}

func fieldLeaves(v reflect.Value, path string, visit func(path string, leaf any)) {
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if key == "" || key == "-" || !v.Type().Field(i).IsExported() {
			continue
		}
		if path != "" {
			key = path + "." + key
		}
		leaves(v.Field(i), key, visit)
	}
}

// unreadable says, to follow its name, why a file cannot be read; nothing where it can
// be. What is no regular file is not opened: opening can have effects.
func unreadable(file string) string {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return cause(err)
	case info.IsDir():
		return "is a directory, not a file"
	case !info.Mode().IsRegular():
		return "is not a regular file"
	}
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may have been replaced
	if err != nil {
		return cause(err)
	}
	_ = f.Close() // nothing was written
	return ""
}

func cause(err error) string {
	var of *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this user"
	case errors.As(err, &of):
		return "cannot be read: " + of.Err.Error()
	}
	return "cannot be read: " + err.Error()
}

// checkOutputs checks that what the program writes is nothing that it reads: an audit
// line in a key or in the configuration would be the end of it.
func (p part) checkOutputs() {
	taken := append([]named{
		{absolute(p.cfg.File), "this configuration"},
		{p.cfg.DataDir, "data_dir, a folder"},
		{filepath.Join(p.cfg.DataDir, "lock"), "the lock of data_dir"},
	}, p.named...)
	if p.cfg.Audit.File != "" {
		p.checkOutput("audit.file", p.cfg.Audit.File, taken)
		taken = append(taken, named{p.cfg.Audit.File, "where the audit lines go"})
	}
	p.checkOutput("admin_socket", p.cfg.AdminSocket, taken)
}

func (p part) checkOutput(path, file string, taken []named) {
	if strings.HasPrefix(resolved(file), filepath.Join(resolved(p.cfg.DataDir), "keys")+string(filepath.Separator)) {
		p.report(path, "%s: %s is in the folder of the signing keys: name a file elsewhere", path, file)
	}
	for _, other := range taken {
		if sameFile(file, other.path) {
			p.report(path, "%s: %s is %s: name a file of its own", path, file, other.as)
			return
		}
	}
}

// resolved follows the links in a path, as far as it exists.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	folder := filepath.Dir(path)
	if folder == path {
		return path
	}
	return filepath.Join(resolved(folder), filepath.Base(path))
}

// sameFile reports whether two names are of one file.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil { // the working directory is gone
		return path
	}
	return abs
}
