package stack

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime"
)

// ImageName is what the image of [Client.Image] is called inside its file. Each person's
// has a name of its own, since people share engines.
func (c *Client) ImageName() string {
	sum := sha256.Sum256([]byte(c.dir))
	return fmt.Sprintf("example/hello-%x:1", sum[:4])
}

// Image makes a small image, another for each person, in a file of the format of
// "docker save".
func (c *Client) Image() string {
	c.tb.Helper()
	return c.Layers(1)
}

// Layers is Image with so many layers.
func (c *Client) Layers(layers int) string {
	c.tb.Helper()
	var names, diffs []string
	var files []file
	for i := range layers {
		content := archive(c, file{fmt.Sprintf("hello-%d.txt", i), []byte("hello from " + c.dir + "\n")})
		names = append(names, fmt.Sprintf("layer-%d.tar", i))
		diffs = append(diffs, fmt.Sprintf("sha256:%x", sha256.Sum256(content)))
		files = append(files, file{names[i], content})
	}
	files = append(
		files,
		file{"config.json", c.json(map[string]any{
			"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{"Cmd": []string{"/hello"}},
			"rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
		})},
		file{"manifest.json", c.json([]any{map[string]any{"Config": "config.json", "RepoTags": []string{c.ImageName()}, "Layers": names}})},
	)
	return c.File(fmt.Sprintf("image-%d.tar", layers), string(archive(c, files...)))
}

// file is a file of an archive.
type file struct {
	name    string
	content []byte
}

// archive is a tar archive of the files.
func archive(c *Client, files ...file) []byte {
	c.tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content))})
		if err == nil {
			_, err = w.Write(f.content)
		}
		if err != nil {
			c.tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		c.tb.Fatal(err)
	}
	return b.Bytes()
}

func (c *Client) json(v any) []byte {
	c.tb.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		c.tb.Fatal(err)
	}
	return encoded
}
