package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"
)

// maxFile is the largest file read. A policy of 10,000 rules has about 3 MiB; the
// parser takes some hundred times the memory of what it reads.
const maxFile = 8 << 20

// readFile reads a file of at most most bytes.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("is larger than %d bytes", most)
	}
	return data, nil
}

// reason is what kept a file from being read, without the path.
func reason(err error) string {
	var pathError *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.As(err, &pathError):
		return "cannot be read: " + pathError.Err.Error()
	}
	return err.Error()
}

// clean checks that data is text that YAML allows (YAML 1.2.2 §5.1) and returns it
// with its lines ended by line feeds alone, which moves no line and no column. The
// problem says where a character stands that is not allowed.
func clean(data []byte) (string, *Problem) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return "", &Problem{Line: 1, Column: 1, Message: "this is UTF-16: save the file as UTF-8"}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	line, column := 1, 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if message := refusal(r, size); message != "" {
			return "", &Problem{Line: line, Column: column, Message: message}
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		rest = rest[size:]
	}
	return string(data), nil
}

func refusal(r rune, size int) string {
	switch {
	case r == utf8.RuneError && size == 1:
		return "this byte is not UTF-8: save the file as UTF-8"
	case r == '\r':
		return "a carriage return without a line feed: end lines with LF or CRLF"
	case r < ' ' && r != '\n' && r != '\t', 0x7f <= r && r < 0xa0 && r != 0x85, r == '\ufeff', r == 0xfffe, r == 0xffff:
		return fmt.Sprintf("the control character U+%04X is not allowed: in double quotes, write it as an escape", r)
	}
	return ""
}
