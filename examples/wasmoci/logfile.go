//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// writeLog writes a line where --log says. Shims look for an error in the last line.
func (r *ociRuntime) writeLog(level, text string) error {
	if r.log == "" {
		return nil
	}
	f, err := os.OpenFile(r.log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	var line string
	text = strings.Join(strings.Fields(text), " ")
	if r.logFormat == "json" {
		data, _ := json.Marshal(struct {
			Level string `json:"level"`
			Msg   string `json:"msg"`
			Time  string `json:"time"`
		}{level, text, time.Now().Format(time.RFC3339Nano)})
		line = string(data) + "\n"
	} else {
		line = fmt.Sprintf("time=%q level=%s msg=%q\n", time.Now().Format(time.RFC3339), level, text)
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// report ends a command: it writes its spans, and then its error to the log, unless it is a guest's end, or the delegate has written it.
func (r *ociRuntime) report(err error) error {
	r.writeSpans()
	var delegates failed
	if err == nil || errors.As(err, &delegates) {
		return nil
	}
	return r.writeLog("error", err.Error())
}
