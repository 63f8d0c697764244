package server

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed responses.yaml
var responsesText []byte

// responses are the rejections of all four servers, by the key that the code calls them by.
var responses = mustRead[struct {
	Graph        map[string]graphResponse
	GraphDetails map[string]graphDetail `yaml:"graphDetails"`
	Entra        map[string]oauthResponse
	Google       map[string]oauthResponse
	Classroom    map[string]classroomResponse
	Pages        map[string]pageResponse
}](responsesText)

type graphResponse struct {
	Status                int
	Code, Message, Source string
}

type graphDetail struct{ Code, Message, Source string }

type oauthResponse struct {
	Status                     int
	Error, Description, Source string
}

type classroomResponse struct {
	Status                             int
	Canonical, Message, Reason, Source string
	Info                               string // the reason of an ErrorInfo
}

// pageResponse is what a front end sends in HTML.
type pageResponse struct {
	Status       int
	Body, Source string
}

// mustRead decodes an embedded file, which is part of the program: a mistake in it is one of the programmer.
func mustRead[T any](text []byte) (v T) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&v); err != nil {
		panic(fmt.Sprintf("server: an embedded file: %v", err))
	}
	return v
}

// named returns the entry of a key.
func named[T any](entries map[string]T, key string) T {
	entry, ok := entries[key]
	if !ok {
		panic(fmt.Sprintf("server: responses.yaml has no %q", key))
	}
	return entry
}

// fill replaces each {name} in a text, names and values taking turns.
func fill(text string, values []string) string {
	if len(values) == 0 {
		return text
	}
	pairs := make([]string, 0, len(values))
	for i := 0; i+1 < len(values); i += 2 {
		pairs = append(pairs, "{"+values[i]+"}", values[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// writeJSON responds with a value. A value of maps, slices, texts and numbers can always be encoded.
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("server: a response cannot be encoded: %v", err))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no response
}
