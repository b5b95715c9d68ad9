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

// writeLog writes an error where --log says, as the last line and in the form in which shims look for it.
func (r *ociRuntime) writeLog(failure error) error {
	if r.log == "" {
		return nil
	}
	f, err := os.OpenFile(r.log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	line, text := "", strings.Join(strings.Fields(failure.Error()), " ")
	if r.logFormat == "json" {
		data, _ := json.Marshal(struct {
			Level string `json:"level"`
			Msg   string `json:"msg"`
			Time  string `json:"time"`
		}{"error", text, time.Now().Format(time.RFC3339Nano)})
		line = string(data) + "\n"
	} else {
		line = fmt.Sprintf("time=%q level=error msg=%q\n", time.Now().Format(time.RFC3339), text)
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}
