package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/shorepass/shorepass/broker"
)

// Archive is a backup that was taken and is to be written.
type Archive interface {
	io.WriterTo
	io.Closer
}

// sendTime bounds how long an archive takes to send.
const sendTime = 10 * time.Minute

// backup sends an archive. It is recorded before the first byte leaves. One that breaks
// off is noticed by who reads it: its manifest says what belongs to it.
func (a *Admin) backup(w http.ResponseWriter, r *http.Request) {
	archive, err := a.Backup(r.Context(), r.URL.Query().Get("keys_only") == "true")
	if err == nil {
		defer func() { _ = archive.Close() }() // only read
	}
	entry := broker.Act(metaOf(r.Context()).requestID, "", "backup", err)
	entry.UID, entry.File = peerUID(r.Context()), r.URL.Query().Get("file")
	auditErr := a.Auditor.Record(context.WithoutCancel(r.Context()), entry)
	if err == nil && auditErr != nil {
		err = fmt.Errorf("no backup is made that cannot be recorded: %w", auditErr)
	}
	if err != nil {
		a.Logger.Error("a backup failed", slog.Any("error", err))
		refuse(w, http.StatusInternalServerError, "UNKNOWN", "server_error", err.Error())
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendTime)) // else the usual limit holds
	w.Header().Set("Content-Type", "application/x-tar")
	if _, err := archive.WriteTo(w); err != nil {
		a.Logger.Error("a backup was not sent whole", slog.Any("error", err))
	}
}
