package live

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// view is a text as it reads once its escapes are undone.
type view struct {
	text []byte
	// Where each byte of it begins and ends in the text as it stands.
	from, to []int32
}

func plainView(text []byte) view {
	v := view{text, make([]int32, len(text)), make([]int32, len(text))}
	for i := range text {
		v.from[i], v.to[i] = int32(i), int32(i+1) //nolint:gosec // no text of 2 GB is searched at once
	}
	return v
}

// decoder undoes one way of escaping.
type decoder struct {
	marks string // the bytes an escape begins with
	// escape returns what an escape at the beginning of a text stands for, and its length; 0 if there is none.
	escape func(text []byte) (plain []byte, length int)
}

// The ways in which a secret is escaped in a report. Two or three may be within each other: JSON in XML, a URL in JSON.
var (
	decoders = []decoder{{`\`, jsonEscape}, {"&", xmlEscape}, {"%", urlEscape}}
	// squeeze leaves out white space, colours of a terminal and the seams of CDATA, by which lines are broken and indented, and what
	// nobody sees.
	squeeze   = decoder{" \t\r\n\v\f\x1b]" + strings.Join(invisible, ""), seam}
	invisible = []string{"\u00ad", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\ufeff"}
)

const nested = 3

// views are all ways to read a text.
func views(text []byte) []view {
	all := []view{plainView(text)}
	for depth, from := 0, 0; depth < nested; depth++ {
		to := len(all)
		for _, v := range all[from:to] {
			for _, d := range decoders {
				if next := d.apply(v); len(next.text) != len(v.text) { // an escape is longer than what it stands for
					all = append(all, next)
				}
			}
		}
		from = to
	}
	for _, v := range all {
		if next := squeeze.apply(v); len(next.text) != len(v.text) {
			all = append(all, next)
		}
	}
	return all
}

func (d decoder) apply(v view) view {
	if !bytes.ContainsAny(v.text, d.marks) {
		return v
	}
	size := len(v.text)
	next := view{make([]byte, 0, size), make([]int32, 0, size), make([]int32, 0, size)}
	for i := 0; i < size; {
		plain, length := v.text[i:i+1], 1
		if strings.IndexByte(d.marks, v.text[i]) >= 0 {
			if p, l := d.escape(v.text[i:]); l > 0 {
				plain, length = p, l
			}
		}
		next.text = append(next.text, plain...)
		for range plain {
			next.from, next.to = append(next.from, v.from[i]), append(next.to, v.to[i+length-1])
		}
		i += length
	}
	return next
}

// jsonEscape knows those of JSON, and \x41, which Go's %q prints.
func jsonEscape(text []byte) ([]byte, int) {
	if len(text) < 2 {
		return nil, 0
	}
	if i := strings.IndexByte(`"\/bfnrt'`, text[1]); i >= 0 {
		return []byte("\"\\/\b\f\n\r\t'")[i : i+1], 2
	}
	if text[1] == 'x' && len(text) >= 4 {
		if b, err := hex.DecodeString(string(text[2:4])); err == nil {
			return b, 4
		}
	}
	if text[1] == 'u' && len(text) >= 6 {
		if n, err := strconv.ParseUint(string(text[2:6]), 16, 16); err == nil {
			return utf8.AppendRune(nil, rune(n)), 6 // half a rune beyond 0xffff is lost: no secret has one
		}
	}
	return nil, 0
}

func xmlEscape(text []byte) ([]byte, int) {
	const longest = len("&#x0010FFFF;")
	end := bytes.IndexByte(text[:min(len(text), longest)], ';')
	if end < 0 {
		return nil, 0
	}
	switch name := string(text[1:end]); name {
	case "amp":
		return []byte("&"), end + 1
	case "lt":
		return []byte("<"), end + 1
	case "gt":
		return []byte(">"), end + 1
	case "quot":
		return []byte(`"`), end + 1
	case "apos":
		return []byte("'"), end + 1
	default:
		base := 10
		if len(name) < 2 || name[0] != '#' {
			return nil, 0
		}
		if name = name[1:]; name[0] == 'x' || name[0] == 'X' {
			name, base = name[1:], 16
		}
		n, err := strconv.ParseUint(name, base, 21)
		if err != nil {
			return nil, 0
		}
		return utf8.AppendRune(nil, rune(n)), end + 1
	}
}

func urlEscape(text []byte) ([]byte, int) {
	if len(text) < 3 {
		return nil, 0
	}
	b, err := hex.DecodeString(string(text[1:3]))
	if err != nil {
		return nil, 0
	}
	return b, 3
}

func seam(text []byte) ([]byte, int) {
	switch text[0] {
	case ']':
		if seam := []byte("]]><![CDATA["); bytes.HasPrefix(text, seam) {
			return nil, len(seam)
		}
		return nil, 0
	case '\x1b':
		end := 2
		for end < len(text) && (text[end] == ';' || '0' <= text[end] && text[end] <= '9') {
			end++
		}
		if len(text) > end && text[1] == '[' {
			return nil, end + 1
		}
		return nil, 1
	}
	if text[0] >= utf8.RuneSelf {
		for _, mark := range invisible {
			if bytes.HasPrefix(text, []byte(mark)) {
				return nil, len(mark)
			}
		}
		return nil, 0
	}
	return nil, 1
}
