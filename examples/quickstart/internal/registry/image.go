package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"runtime"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is a container image of one layer, ready to be pushed.
type Image struct {
	layer, config, manifest []byte
}

// NewImage makes an image that holds one text file.
func NewImage(name, text string) (Image, error) {
	archive, err := tarball(name, text)
	if err != nil {
		return Image{}, err
	}
	layer, err := compress(archive)
	if err != nil {
		return Image{}, err
	}
	created := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) // the digests are the same in every run
	config, err := json.Marshal(v1.Image{
		Created:  &created,
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(archive)}},
		History:  []v1.History{{Created: &created, CreatedBy: "the Shorepass quick start"}},
	})
	if err != nil {
		return Image{}, err
	}
	manifest, err := json.Marshal(v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageManifest,
		Config:    describe(v1.MediaTypeImageConfig, config),
		Layers:    []v1.Descriptor{describe(v1.MediaTypeImageLayerGzip, layer)},
	})
	return Image{layer: layer, config: config, manifest: manifest}, err
}

func describe(mediaType string, blob []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(blob), Size: int64(len(blob))}
}

// tarball is an archive of one file.
func tarball(name, text string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

func compress(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}
