// SPDX-License-Identifier: GPL-3.0-or-later

// Package rows is what every Go client here writes and expects to read.
package rows

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"reflect"
)

// Time of the first record of each batch, in ms.
const Time = 1700000000000

// Header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Row is one record.
type Row struct {
	Key, Value []byte
	Headers    []Header
	Ms         int64
}

// Broker is the address from the environment.
func Broker() string { return os.Getenv("WEIR_BROKERS") }

// Batch of one codec and acks.
func Batch(tag string) []Row {
	var rows []Row
	for i := 0; i < 40; i++ {
		r := Row{Ms: Time + int64(i)}
		if i%5 != 0 {
			r.Key = fmt.Appendf(nil, "%s-k%d", tag, i%7)
		}
		if i != 11 {
			r.Value = fmt.Appendf(bytes.Repeat([]byte{byte(i)}, 10), "%s żółć %d", tag, i)
		}
		if i%3 == 0 {
			r.Headers = []Header{{"h", []byte("1")}, {"h", []byte{}}, {"nul", []byte{0, 255}}}
		}
		rows = append(rows, r)
	}
	return rows
}

// Check ends the program when got is not wanted.
func Check(what string, got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		log.Fatalf("%s: %v is not %v", what, got, wanted)
	}
}

// Ok ends the program on an error.
func Ok(what string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}

// Same compares a record read with the one written; empty and absent header values are the same here.
func Same(i int, got, wanted Row) {
	if !bytes.Equal(got.Key, wanted.Key) || !bytes.Equal(got.Value, wanted.Value) || got.Ms != wanted.Ms ||
		(got.Key == nil) != (wanted.Key == nil) || (got.Value == nil) != (wanted.Value == nil) {
		log.Fatalf("record %d: %v is not %v", i, got, wanted)
	}
	Check("headers", len(got.Headers), len(wanted.Headers))
	for j := range got.Headers {
		Check("header", got.Headers[j].Key, wanted.Headers[j].Key)
		Check("header", string(got.Headers[j].Value), string(wanted.Headers[j].Value))
	}
}
