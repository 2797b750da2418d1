package tep

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/parser"
)

const commonFields = `	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

`

func TestParseFormat(t *testing.T) {
	// Linux 6.18, with references and types of every spelling.
	f, err := ParseFormat([]byte("name: odd_event\nID: 65535\nformat:\n" + commonFields +
		"\tfield:__data_loc char[] comm;\toffset:8;\tsize:4;\tsigned:0;\n" +
		"\tfield:__rel_loc char[] other;\toffset:12;\tsize:4;\tsigned:0;\n" +
		"\tfield:char name[TASK_COMM_LEN];\toffset:16;\tsize:16;\tsigned:0;\n" +
		"\tfield:const char *file;\toffset:32;\tsize:8;\tsigned:0;\n" +
		"\tfield:unsigned long args[6];\toffset:40;\tsize:48;\tsigned:0;\n" +
		"\tfield:struct { char x; } tail;\toffset:88;\tsize:8;\tsigned:1;\n" +
		"\nprint fmt: \"a:%s\", REC->comm\n"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Name != "odd_event" || f.ID != 65535 || f.Print != `"a:%s", REC->comm` {
		t.Errorf("%q %d %q", f.Name, f.ID, f.Print)
	}
	want := []Field{
		{Name: "common_type", Type: "unsigned short", Size: 2},
		{Name: "common_flags", Type: "unsigned char", Offset: 2, Size: 1},
		{Name: "common_preempt_count", Type: "unsigned char", Offset: 3, Size: 1},
		{Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true},
		{Name: "comm", Type: "char[]", Offset: 8, Size: 4, Array: true, Place: DataLoc},
		{Name: "other", Type: "char[]", Offset: 12, Size: 4, Array: true, Place: RelLoc},
		{Name: "name", Type: "char", Offset: 16, Size: 16, Array: true},
		{Name: "file", Type: "const char *", Offset: 32, Size: 8},
		{Name: "args", Type: "unsigned long", Offset: 40, Size: 48, Array: true},
	}
	if d := cmp.Diff(want, f.Fields[:len(f.Fields)-1]); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Kernels before 2.6.32 do not print the signedness.
func TestParseFormatUnsigned(t *testing.T) {
	f, err := ParseFormat([]byte("name: x\nID: 1\nformat:\n\tfield:int a;\toffset:0;\tsize:4;\n\tfield:unsigned int b;\toffset:4;\tsize:4;\n\tfield:u64 c;\toffset:8;\tsize:8;\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, signed := range []bool{true, false, false} {
		if f.Fields[i].Signed != signed {
			t.Errorf("%s: signed %v", f.Fields[i].Name, f.Fields[i].Signed)
		}
	}
}

func TestParseFormatErrors(t *testing.T) {
	for name, text := range map[string]string{
		"empty":       "",
		"no ID":       "name: x\n",
		"no name":     "ID: 4\n",
		"ID":          "name: x\nID: 65536\n",
		"negative ID": "name: x\nID: -1\n",
		"offset":      "name: x\nID: 1\n\tfield:int a;\toffset:99999999;\tsize:4;\n",
		"no size":     "name: x\nID: 1\n\tfield:int a;\toffset:0;\n",
		"no type":     "name: x\nID: 1\n\tfield:a;\toffset:0;\tsize:4;\n",
		"reference":   "name: x\nID: 1\n\tfield:__data_loc char[] a;\toffset:0;\tsize:8;\n",
	} {
		if f, err := ParseFormat([]byte(text)); !errors.Is(err, parser.ErrDamaged) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	if _, err := ParseFormat(make([]byte, MaxFormat+1)); !errors.Is(err, parser.ErrLimit) {
		t.Errorf("too long: %v", err)
	}
}

func TestParseHeaderPage(t *testing.T) {
	const text = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:%s;\tsigned:1;\n" +
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:%o;\tsize:4080;\tsigned:0;\n"
	for _, c := range []struct {
		text string
		long int
		want HeaderPage
		err  bool
	}{
		{"", 8, HeaderPage{0, 8, 8, 16, 4096}, false},
		{"", 4, HeaderPage{0, 8, 4, 12, 4096}, false},
		{strings.NewReplacer("%s", "8", "%o", "16").Replace(text), 8, HeaderPage{0, 8, 8, 16, 4096}, false},
		{strings.NewReplacer("%s", "4", "%o", "12").Replace(text), 8, HeaderPage{0, 8, 4, 12, 4092}, false}, // a 32-bit kernel, a 64-bit tool
		{strings.NewReplacer("%s", "3", "%o", "16").Replace(text), 8, HeaderPage{}, true},
		{strings.NewReplacer("%s", "8", "%o", "9").Replace(text), 8, HeaderPage{}, true},
		{"", 5, HeaderPage{}, true},
		{"\tfield: u64 timestamp;\n", 8, HeaderPage{}, true},
	} {
		got, err := ParseHeaderPage([]byte(c.text), c.long)
		if (err != nil) != c.err || err == nil && got != c.want {
			t.Errorf("%q: %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
}

func TestParseCmdlines(t *testing.T) {
	got := ParseCmdlines([]byte("1 systemd\n7 a b  c\n8 nl\nhere\n9 \n10 =1+1\ngarbage that is far too long for the name of a task\n11 \x1b[31m\n"))
	want := map[int32]string{1: "systemd", 7: "a b  c", 8: "nl\nhere", 9: "", 10: "=1+1", 11: "\x1b[31m"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
