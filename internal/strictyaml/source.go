package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/shorepass/shorepass/internal/files"
)

// maxFile is the largest file read. A policy of 10,000 rules has about 3 MiB; the
// parser takes some hundred times the memory of what it reads.
const maxFile = 8 << 20

// reason is what kept [files.Read] from reading a file, without the path.
func reason(err error) string {
	var unreadable *files.Error
	if errors.As(err, &unreadable) {
		return unreadable.Problem
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
